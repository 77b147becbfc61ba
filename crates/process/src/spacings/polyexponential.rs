//! `polyexponential`: a polynomial in the logarithm of the noise.
//!
//! k-diffusion's `get_sigmas_polyexponential`:
//! `ln(sigma / alpha) = min + (1 - i / (steps - 1))^rho (max - min)`. `rho = 1` is `exponential`; a higher
//! rho leaves the high noise faster.

use super::Spacing;
use super::range::{Range, SIGMA_MAX, SIGMA_MIN};
use crate::diffusion::Diffusion;
use crate::error::Result;
use crate::level::Level;
use crate::registry::{Entry, OptionDoc};

pub(super) const ENTRY: Entry<dyn Spacing> = Entry {
    name: "polyexponential",
    aliases: &[],
    summary: "a polynomial in the logarithm of sigma / alpha",
    source: "Crowson, k-diffusion, get_sigmas_polyexponential",
    options: &[
        OptionDoc { key: "rho", default: "1", doc: "the power; 1 is exponential" },
        SIGMA_MIN,
        SIGMA_MAX,
    ],
    build: |options| {
        Ok(Box::new(Polyexponential { rho: options.number("rho", 0.1, 10.0)?, range: Range::read(options)? }))
    },
    ..Entry::BLANK
};

#[derive(Debug)]
struct Polyexponential {
    rho: f64,
    range: Range,
}

impl Spacing for Polyexponential {
    fn path(&self, diffusion: &Diffusion, steps: usize) -> Result<Vec<Level>> {
        self.range
            .path(diffusion, steps, |part, min, max| min + libm::pow(1.0 - part, self.rho) * (max - min))
    }
}
