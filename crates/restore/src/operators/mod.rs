//! The operators, one file each. A new one is a file here and a line in [`OPERATORS`].

mod average;
mod bicubic;
mod channels;
mod clip;
mod disk_blur;
mod file_blur;
mod gaussian_blur;
mod gray;
mod identity;
mod jpeg;
mod lanczos;
mod mask;
mod motion_blur;

use langevin_core::process::limits::shown;
use langevin_core::registry::{Options, Registry};
use langevin_core::{Error, Result};

use crate::composed::Composed;
use crate::operator::{Degradation, Images, Operator, Shape};

pub(crate) use disk_blur::kernel as disk_kernel;
pub(crate) use gaussian_blur::kernel as gaussian_kernel;
pub use mask::{Mask, ReadMask, hidden, read_mask};
pub(crate) use motion_blur::kernel as motion_kernel;

/// Every operator by name.
pub const OPERATORS: Registry<dyn Degradation> = Registry {
    kind: "operator",
    entries: &[
        identity::ENTRY,
        mask::ENTRY,
        channels::ENTRY,
        gray::ENTRY,
        average::ENTRY,
        bicubic::ENTRY,
        lanczos::ENTRY,
        gaussian_blur::ENTRY,
        motion_blur::ENTRY,
        disk_blur::ENTRY,
        file_blur::ENTRY,
        clip::ENTRY,
        jpeg::ENTRY,
    ],
};

/// The operator for images of `shape` that `spec`, `name` or `name:key=value,key=value`, asks for; several joined with `+`
/// are applied one after the other, the first one first.
///
/// # Errors
/// Usage: an unknown name or option, a shape that does not go with it. Bad input: a file of `images` that does not.
pub fn build(spec: &str, shape: Shape, images: &dyn Images) -> Result<Box<dyn Operator>> {
    let mut parts: Vec<Box<dyn Operator>> = Vec::new();
    for part in spec.split('+') {
        let shape = parts.last().map_or(shape, |last| last.output());
        parts.push(OPERATORS.build(part.trim())?.on(shape, images)?);
    }
    if parts.len() > 1 {
        return Ok(Box::new(Composed::new(parts)));
    }
    Ok(parts.remove(0))
}

/// The shape of the images, of `channels` channels, that the operator of `spec` makes measurements of shape `measured` from.
///
/// # Errors
/// As [`build`]; usage, when no image gives such a measurement.
pub fn shape_for(spec: &str, measured: Shape, channels: usize, images: &dyn Images) -> Result<Shape> {
    let [_, height, width] = measured;
    let mut refused = None;
    for scale in 1..=64 {
        let shape = [channels, height * scale, width * scale];
        match build(spec, shape, images) {
            Ok(operator) if operator.output() == measured => return Ok(shape),
            Ok(operator) if operator.output()[0] != measured[0] => {
                let words = |count: usize| match count {
                    1 => "gray".to_owned(),
                    3 => "colour".to_owned(),
                    count => format!("of {count} channels"),
                };
                let (made, image) = (words(operator.output()[0]), words(measured[0]));
                return Err(Error::usage(format!("the image is {image}, and {spec} makes images that are {made}"))
                    .hint("leave out the model, or take one for such images; --simulate says that the image is clean"));
            }
            // An operator that makes images smaller would have done so here.
            Ok(operator) if operator.output()[1..] == shape[1..] => break,
            Ok(_) => {}
            Err(error) => refused = refused.or(Some(error)),
        }
        if scale == 1 && refused.as_ref().is_some_and(|error| !error.message().contains("do not divide")) {
            break;
        }
    }
    Err(refused
        .unwrap_or_else(|| Error::usage(format!("{spec} makes no images of {width} x {height} pixels"))))
}

/// The shape of images made `scale` times smaller.
///
/// # Errors
/// Usage: a side does not divide.
fn scaled([channels, height, width]: Shape, scale: usize) -> Result<Shape> {
    if height % scale == 0 && width % scale == 0 {
        return Ok([channels, height / scale, width / scale]);
    }
    Err(Error::usage(format!("{width} x {height} pixels do not divide by the scale {scale}"))
        .hint("take another scale, or crop the image to a multiple of it"))
}

/// A whole number among the options.
fn whole(options: &Options, key: &str, low: usize, high: usize) -> Result<usize> {
    let value = options.number(key, low as f64, high as f64)?;
    if value.fract() == 0.0 {
        return Ok(value as usize);
    }
    Err(Error::usage(format!("option {key}={} must be a whole number", shown(&value))))
}
