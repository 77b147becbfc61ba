//! `exponential`: every step lowers the noise by the same factor.
//!
//! Song & Ermon 2019 (1907.05600), section 4, and k-diffusion's `get_sigmas_exponential`: even in
//! `ln(sigma / alpha)`. Even in the half log-SNR is the same: DPM-Solver's grid (Lu et al. 2022, 2206.00927, section 3.3), which
//! diffusers calls `use_lu_lambdas`.

use super::Spacing;
use super::range::{Range, SIGMA_MAX, SIGMA_MIN};
use crate::diffusion::Diffusion;
use crate::error::Result;
use crate::level::Level;
use crate::registry::Entry;

pub(super) const ENTRY: Entry<dyn Spacing> = Entry {
    name: "exponential",
    aliases: &["lu_lambda", "lu_lambdas"],
    summary: "every step lowers sigma / alpha by the same factor",
    source: "Song & Ermon 2019, arXiv:1907.05600, section 4",
    options: &[SIGMA_MIN, SIGMA_MAX],
    build: |options| Ok(Box::new(Exponential { range: Range::read(options)? })),
    ..Entry::BLANK
};

#[derive(Debug)]
struct Exponential {
    range: Range,
}

impl Spacing for Exponential {
    fn path(&self, diffusion: &Diffusion, steps: usize) -> Result<Vec<Level>> {
        self.range.path(diffusion, steps, |part, min, max| max + part * (min - max))
    }
}
