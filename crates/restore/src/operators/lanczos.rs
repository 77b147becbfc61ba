//! Smaller images by Lanczos' window of three lobes against aliasing.

use langevin_core::registry::Entry;

use super::average::{SCALE, read_scale};
use super::bicubic::{EDGE, Resample, read_edge};
use crate::operator::Degradation;
use crate::resampling::Interpolation;

pub(super) const ENTRY: Entry<dyn Degradation> = Entry {
    name: "lanczos",
    aliases: &["lanczos3"],
    summary: "smaller by Lanczos' window of three lobes against aliasing",
    source: "Duchon 1979",
    options: &[SCALE, EDGE],
    cases: &["lanczos:scale=2", "lanczos:scale=4,weights=pil"],
    build: |options| {
        Ok(Box::new(Resample {
            scale: read_scale(options)?,
            kernel: Interpolation::Lanczos,
            edge: read_edge(options.text("weights"))?,
        }))
    },
    ..Entry::BLANK
};
