//! `denoised`: the squared error of the denoised image, whatever the network predicts.
//!
//! Salimans & Ho 2022 (2202.00512), section 4, the loss on `x` with weight 1. It counts the noisiest levels most, where
//! whole shapes are decided, and so suits little training.

use super::{Weighting, bounded, of_image};
use crate::level::Level;
use crate::parameterisations::Coefficients;
use crate::registry::Entry;

pub(super) const ENTRY: Entry<dyn Weighting> = Entry {
    name: "denoised",
    aliases: &["picture", "image"],
    summary: "weight 1 on the denoised image's error",
    source: "Salimans & Ho 2022, arXiv:2202.00512, section 4",
    options: &[],
    build: |_| Ok(Box::new(Denoised)),
    ..Entry::BLANK
};

#[derive(Debug)]
struct Denoised;

impl Weighting for Denoised {
    fn weight(&self, _at: Level, coefficients: &Coefficients, _sigma_data: f64) -> f64 {
        bounded(of_image(coefficients))
    }
}
