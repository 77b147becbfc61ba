//! `sigma`: the noise relative to the signal itself, as variance-exploding networks take it.
//!
//! Song et al. 2021 (2011.13456), code: NCSN++ is conditioned on sigma and takes the logarithm itself. `scale` counts it in other
//! units: networks of images in `[0, 1]` see half the noise of ours in `[-1, 1]`.

use super::{LIMIT, TimeInput};
use crate::curve::Curve;
use crate::level::Level;
use crate::registry::{Entry, OptionDoc};

pub(super) const ENTRY: Entry<dyn TimeInput> = Entry {
    name: "sigma",
    aliases: &[],
    summary: "sigma / alpha itself (NCSN++)",
    source: "Song et al. 2021, arXiv:2011.13456, code",
    options: &[OptionDoc { key: "scale", default: "1", doc: "factor; 0.5 for networks of images in [0, 1]" }],
    build: |options| Ok(Box::new(Sigma { scale: options.number("scale", 1e-6, 1e6)? })),
    ..Entry::BLANK
};

#[derive(Debug)]
struct Sigma {
    scale: f64,
}

impl TimeInput for Sigma {
    fn value(&self, _curve: &Curve, at: Level) -> f64 {
        self.scale * libm::exp(-0.5 * at.log_snr().clamp(-LIMIT, LIMIT))
    }
}
