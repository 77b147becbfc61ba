//! `karras`: more and more levels towards low noise, the spacing of EDM.
//!
//! Karras et al. 2022 (2206.00364), eq. 5, in `sigma / alpha`:
//! `(max^(1/rho) + i / (steps - 1) (min^(1/rho) - max^(1/rho)))^rho`.

use super::Spacing;
use super::range::{Range, SIGMA_MAX, SIGMA_MIN};
use crate::diffusion::Diffusion;
use crate::error::Result;
use crate::level::Level;
use crate::registry::{Entry, OptionDoc};

pub(super) const ENTRY: Entry<dyn Spacing> = Entry {
    name: "karras",
    aliases: &["edm"],
    summary: "more levels towards low noise (EDM)",
    source: "Karras et al. 2022, arXiv:2206.00364, eq. 5",
    options: &[
        OptionDoc { key: "rho", default: "7", doc: "how strongly, at least 1 (even in sigma)" },
        SIGMA_MIN,
        SIGMA_MAX,
    ],
    build: |options| {
        Ok(Box::new(Karras { rho: options.number("rho", 1.0, 1000.0)?, range: Range::read(options)? }))
    },
    ..Entry::BLANK
};

#[derive(Debug)]
struct Karras {
    rho: f64,
    range: Range,
}

impl Spacing for Karras {
    fn path(&self, diffusion: &Diffusion, steps: usize) -> Result<Vec<Level>> {
        self.range.path(diffusion, steps, |part, min, max| {
            let root = |log: f64| libm::exp(log / self.rho);
            self.rho * libm::log(root(max) + part * (root(min) - root(max)))
        })
    }
}
