//! Every operator, noise and method against what it promises.

mod denoising;
mod golden;
mod ladder;
mod refusals;

use std::sync::LazyLock;

use langevin_core::{Error, Image, Purpose, Result, Stream};
use langevin_restore::{OPERATORS, Operator, Shape, operators};

/// Operators joined from several.
const JOINED: &[&str] = &[
    "gray+average:scale=2",
    "gaussian_blur:sigma=1,size=5+bicubic:scale=2",
    "gaussian_blur:sigma=1,size=5,boundary=reflect+mask:random=0.3",
    "average:scale=2+clip:gain=1.5",
    "gray+jpeg:quality=30",
];

/// The cases of every entry: its defaults where they fit small images, and the options that change what it does; and some joined.
static SPECS: LazyLock<Vec<&str>> =
    LazyLock::new(|| OPERATORS.entries.iter().flat_map(|entry| entry.cases).chain(JOINED).copied().collect());

const SHAPE: Shape = [3, 8, 12];

/// The small files of the tests.
fn images(name: &str) -> Result<Image> {
    let even = |width: usize, height: usize| {
        let value = |at: usize| (at * at * 37 % 251) as u8;
        Image::from_u8(width, height, 1, (0..width * height).map(value).collect())
    };
    match name {
        "mask" => Ok(even(12, 8)),
        "kernel" => Ok(even(4, 5)),
        "large" => Ok(even(13, 3)),
        "black" => Ok(Image::from_u8(3, 3, 1, vec![0; 9])),
        "white" => Ok(Image::from_u8(12, 8, 1, vec![255; 96])),
        _ => Err(Error::bad_input(format!("{name}: there is no such file"))),
    }
}

fn build(spec: &str) -> Box<dyn Operator> {
    operators::build(spec, SHAPE, &images).unwrap_or_else(|error| panic!("{spec}: {error}"))
}

fn normals(count: usize, step: u64) -> Vec<f64> {
    let mut values = vec![0.0; count];
    Stream::new(11, Purpose::Probe, 0, step).fill_normal(&mut values);
    values.into_iter().map(f64::from).collect()
}

fn size(shape: Shape) -> usize {
    shape.iter().product()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn norm(x: &[f64]) -> f64 {
    dot(x, x).sqrt()
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
}
