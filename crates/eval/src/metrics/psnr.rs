//! Peak signal-to-noise ratio: `10 log10(255^2 / MSE)` over all pixels and channels of a pair of images, in decibels,
//! averaged over the pairs. Equal images give infinity.

use langevin_core::registry::Entry;
use langevin_core::{Image, Result};

use crate::metric::{Case, Measured, Metric, Needs};
use crate::similarity::{over_pairs, planes, same_shape};

pub(super) const ENTRY: Entry<dyn Metric> = Entry {
    name: "psnr",
    aliases: &[],
    summary: "peak signal-to-noise ratio of pairs of images, in decibels",
    source: "Huynh-Thu and Ghanbari 2008",
    options: &[],
    build: |_| Ok(Box::new(Psnr)),
    ..Entry::BLANK
};

#[derive(Debug)]
struct Psnr;

impl Metric for Psnr {
    fn values(&self) -> &'static [&'static str] {
        &["psnr"]
    }

    fn needs(&self) -> Needs {
        Needs { pixels: true, pairs: true, ..Needs::default() }
    }

    fn measure(&self, case: &Case<'_>) -> Result<Measured> {
        over_pairs("psnr", case, psnr)
    }
}

/// The peak signal-to-noise ratio of two images of one shape in decibels, infinity where they are equal.
///
/// # Errors
/// Usage: they have different shapes.
pub fn psnr(a: &Image, b: &Image) -> Result<f64> {
    same_shape(a, b)?;
    let values =
        |image: &Image| planes(image).into_iter().flat_map(|plane| plane.values).collect::<Vec<f64>>();
    let (a, b) = (values(a), values(b));
    let error = a.iter().zip(&b).map(|(a, b)| (a - b).powi(2)).sum::<f64>() / a.len() as f64;
    Ok(10.0 * (255.0 * 255.0 / error).log10())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ratio_is_that_of_the_mean_square_error() {
        let image = |value: u8| Image::from_u8(2, 2, 1, vec![value; 4]);
        let wanted = 20.0 * (255.0_f64 / 5.0).log10();
        assert!((psnr(&image(100), &image(105)).unwrap() - wanted).abs() < 1e-4);
        assert_eq!(psnr(&image(7), &image(7)).unwrap(), f64::INFINITY);
    }
}
