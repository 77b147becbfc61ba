//! Smaller images by bicubic interpolation against aliasing: what most papers on super-resolution mean by "bicubic".

use langevin_core::registry::{Entry, OptionDoc};
use langevin_core::{Error, Result};

use super::average::{SCALE, read_scale};
use super::scaled;
use crate::operator::{Degradation, Images, Operator, Shape};
use crate::resampling::{Edge, Interpolation, resampled};
use crate::separable::Separable;

pub(super) const ENTRY: Entry<dyn Degradation> = Entry {
    name: "bicubic",
    aliases: &[],
    summary: "smaller by bicubic interpolation against aliasing",
    source: "Keys 1981, eq. 15",
    options: &[SCALE, EDGE],
    cases: &["bicubic:scale=2", "bicubic:weights=pil"],
    build: |options| {
        Ok(Box::new(Resample {
            scale: read_scale(options)?,
            kernel: Interpolation::Bicubic,
            edge: read_edge(options.text("weights"))?,
        }))
    },
    ..Entry::BLANK
};

pub(super) const EDGE: OptionDoc = OptionDoc {
    key: "weights",
    default: "matlab",
    doc: "those of matlab (imresize: mirrored at the border) or pil (Pillow: what there is, scaled up)",
};

pub(super) fn read_edge(text: &str) -> Result<Edge> {
    match text {
        "matlab" => Ok(Edge::Mirrored),
        "pil" => Ok(Edge::Renormalised),
        other => {
            Err(Error::usage(format!("option weights: there is no \"{other}\"")).hint("use matlab or pil"))
        }
    }
}

#[derive(Debug)]
pub(super) struct Resample {
    pub(super) scale: usize,
    pub(super) kernel: Interpolation,
    pub(super) edge: Edge,
}

impl Degradation for Resample {
    fn on(&self, shape: Shape, _images: &dyn Images) -> Result<Box<dyn Operator>> {
        let [channels, low, narrow] = scaled(shape, self.scale)?;
        let rows = |input, output| resampled(input, output, self.kernel, self.edge);
        Ok(Box::new(Separable::new(channels, rows(shape[1], low), rows(shape[2], narrow), 1e-6)))
    }
}
