//! Structural similarity (Wang, Bovik, Sheikh and Simoncelli 2004, eq. 13): a Gaussian window of 11 by 11 with standard
//! deviation 1.5, `K1 = 0.01`, `K2 = 0.03`, over the places where the whole window lies within the image; the mean over
//! channels, then over pairs of images.

use langevin_core::registry::Entry;
use langevin_core::{Error, Image, Result};

use crate::metric::{Case, Measured, Metric, Needs};
use crate::similarity::{WINDOW, over_pairs, planes, same_shape, ssim};

pub(super) const ENTRY: Entry<dyn Metric> = Entry {
    name: "ssim",
    aliases: &[],
    summary: "structural similarity of pairs of images, 1 for equal ones",
    source: "Wang et al. 2004, eq. 13 (IEEE TIP 13)",
    options: &[],
    build: |_| Ok(Box::new(Ssim)),
    ..Entry::BLANK
};

#[derive(Debug)]
struct Ssim;

impl Metric for Ssim {
    fn values(&self) -> &'static [&'static str] {
        &["ssim"]
    }

    fn needs(&self) -> Needs {
        Needs { pixels: true, pairs: true, ..Needs::default() }
    }

    fn measure(&self, case: &Case<'_>) -> Result<Measured> {
        over_pairs("ssim", case, structural_similarity)
    }
}

/// The structural similarity of two images of one shape, 1 where they are equal.
///
/// # Errors
/// Usage: they have different shapes, or fewer pixels than the window.
pub fn structural_similarity(a: &Image, b: &Image) -> Result<f64> {
    same_shape(a, b)?;
    if a.width.min(a.height) < WINDOW {
        return Err(Error::usage(format!(
            "{}x{} pixels are fewer than the window of ssim",
            a.width, a.height
        ))
        .hint("it needs 11 by 11 pixels or more"));
    }
    let (a, b) = (planes(a), planes(b));
    let total: f64 = a.iter().zip(&b).map(|(a, b)| ssim(a, b).0).sum();
    Ok(total / a.len() as f64)
}
