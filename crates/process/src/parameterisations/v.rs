//! `v`: the network predicts noise at the clean end and the image at the noisy end.
//!
//! Salimans & Ho 2022 (2202.00512), appendix D: `v = alpha n - sigma x0`, `x0 = alpha x - sigma v` for a
//! variance-preserving process. For any other, the level is first divided by `r = sqrt(alpha^2 + sigma^2)`,
//! so `v = (alpha n - sigma x0) / r` and `x0 = (alpha x - r sigma v) / r^2`.

use super::{Coefficients, Parameterisation};
use crate::error::Result;
use crate::level::Level;
use crate::registry::Entry;

pub(super) const ENTRY: Entry<dyn Parameterisation> = Entry {
    name: "v",
    aliases: &["v_prediction"],
    summary: "the network predicts v = alpha n - sigma x0, well-scaled at both ends",
    source: "Salimans & Ho 2022, arXiv:2202.00512, appendix D",
    options: &[],
    build: |_| Ok(Box::new(V)),
    ..Entry::BLANK
};

#[derive(Debug)]
struct V;

impl Parameterisation for V {
    fn coefficients(&self, at: Level, _sigma_data: f64) -> Result<Coefficients> {
        let r = at.magnitude();
        Ok(Coefficients {
            skip: at.alpha / (r * r),
            out: -at.sigma / r,
            input: 1.0 / r,
            target_x0: -at.sigma / r,
            target_noise: at.alpha / r,
        })
    }
}
