//! `scaled_linear`: betas whose square roots grow linearly, the schedule of latent diffusion.
//!
//! Rombach et al. 2022 (2112.10752) and its code, `linspace(sqrt(start), sqrt(end))^2`; diffusers calls it
//! `scaled_linear`. The continuous form has the rate `1000 (sqrt(start) + t (sqrt(end) - sqrt(start)))^2`.

use super::Schedule;
use super::beta::{Betas, CONTINUOUS_STEPS, Rate};
use crate::registry::{Entry, OptionDoc};

pub(super) const ENTRY: Entry<dyn Schedule> = Entry {
    name: "scaled_linear",
    aliases: &[],
    summary: "betas whose square roots grow linearly (latent diffusion, Stable Diffusion)",
    source: "Rombach et al. 2022, arXiv:2112.10752, code",
    options: &[
        OptionDoc { key: "start", default: "0.00085", doc: "first beta of a 1000-step table" },
        OptionDoc { key: "end", default: "0.012", doc: "last beta" },
        OptionDoc {
            key: "steps",
            default: "1000",
            doc: "entries of the integer table; 0 is the continuous form",
        },
    ],
    cases: &["scaled_linear", "scaled_linear:steps=0"],
    build: |options| {
        let betas = Betas::read(options)?;
        let (start, end) = (libm::sqrt(betas.start), libm::sqrt(betas.end));
        betas.schedule(ScaledLinear { start, rise: end - start }, |t| {
            let root = start + t * (end - start);
            root * root
        })
    },
    ..Entry::BLANK
};

#[derive(Debug)]
struct ScaledLinear {
    start: f64,
    rise: f64,
}

impl Rate for ScaledLinear {
    fn rate(&self, t: f64) -> f64 {
        let root = self.start + t * self.rise;
        CONTINUOUS_STEPS * root * root
    }

    fn integral(&self, t: f64) -> f64 {
        let (a, d) = (self.start, self.rise);
        CONTINUOUS_STEPS * t * (a * a + t * (a * d + t * d * d / 3.0))
    }
}
