//! `ve`: variance-exploding, `alpha = 1`: noise is added to the untouched image.
//!
//! Song et al. 2021 (2011.13456), eq. 29. `sigma = exp(-log_snr / 2)` up to half of `limit`. With `alpha = 1`
//! there is no level of pure noise, so for a schedule that ends in one (flow, continuous cosine, rescaled)
//! sigma bends above half of `limit` and reaches `limit` at the end, still rising strictly so that no two
//! levels of a path coincide.

use super::Process;
use crate::error::Result;
use crate::level::Level;
use crate::registry::{Entry, OptionDoc, Options};

pub(super) const ENTRY: Entry<dyn Process> = Entry {
    name: "ve",
    aliases: &[],
    summary: "variance-exploding: alpha = 1 (NCSN)",
    source: "Song et al. 2021, arXiv:2011.13456, eq. 29",
    options: &[LIMIT],
    build: |options| Ok(Box::new(Exploding::read("ve", options)?)),
    ..Entry::BLANK
};

/// The option that bounds sigma.
pub(super) const LIMIT: OptionDoc = OptionDoc {
    key: "limit",
    default: "10000",
    doc: "sigma of pure noise, for schedules that end in it; above half of it sigma bends",
};

/// The processes with `alpha = 1`.
#[derive(Debug)]
pub(super) struct Exploding {
    name: &'static str,
    limit: f64,
}

impl Exploding {
    /// The process called `name` with its option `limit`.
    pub(super) fn read(name: &'static str, options: &Options) -> Result<Self> {
        Ok(Self { name, limit: options.number("limit", 1.0, 1e6)? })
    }
}

impl Process for Exploding {
    fn name(&self) -> &'static str {
        self.name
    }

    fn level(&self, log_snr: f64) -> Level {
        let sigma = libm::exp(-0.5 * log_snr);
        let knee = 0.5 * self.limit;
        // Continuous with its first derivative at the knee.
        Level { alpha: 1.0, sigma: if sigma <= knee { sigma } else { knee * (2.0 - knee / sigma) } }
    }

    fn log_alpha_slope(&self, _log_snr: f64) -> f64 {
        0.0
    }
}
