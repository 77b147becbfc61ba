//! `sigmoid`: betas along a sigmoid, slow at both ends.
//!
//! Xu et al. 2022, GeoDiff (2203.02923), code: `sigmoid(linspace(-6, 6)) * (end - start) + start`; diffusers
//! calls it `sigmoid`. The continuous form has 1000 times that rate.

use super::Schedule;
use super::beta::{Betas, CONTINUOUS_STEPS, Rate};
use crate::registry::{Entry, OptionDoc};

pub(super) const ENTRY: Entry<dyn Schedule> = Entry {
    name: "sigmoid",
    aliases: &[],
    summary: "betas along a sigmoid (GeoDiff)",
    source: "Xu et al. 2022, arXiv:2203.02923, code",
    options: &[
        OptionDoc { key: "start", default: "0.0001", doc: "lowest beta of a 1000-step table" },
        OptionDoc { key: "end", default: "0.02", doc: "highest beta" },
        OptionDoc {
            key: "steps",
            default: "1000",
            doc: "entries of the integer table; 0 is the continuous form",
        },
    ],
    cases: &["sigmoid", "sigmoid:steps=0"],
    build: |options| {
        let betas = Betas::read(options)?;
        let (start, end) = (betas.start, betas.end);
        betas.schedule(Sigmoid { start, end }, |t| start + (end - start) * sigmoid(WIDTH * (2.0 * t - 1.0)))
    },
    ..Entry::BLANK
};

/// The sigmoid is taken from `-WIDTH` to `WIDTH`.
const WIDTH: f64 = 6.0;

#[derive(Debug)]
struct Sigmoid {
    start: f64,
    end: f64,
}

impl Rate for Sigmoid {
    fn rate(&self, t: f64) -> f64 {
        CONTINUOUS_STEPS * (self.start + (self.end - self.start) * sigmoid(WIDTH * (2.0 * t - 1.0)))
    }

    fn integral(&self, t: f64) -> f64 {
        let softplus = |x: f64| libm::log1p(libm::exp(x));
        let area = (softplus(WIDTH * (2.0 * t - 1.0)) - softplus(-WIDTH)) / (2.0 * WIDTH);
        CONTINUOUS_STEPS * (self.start * t + (self.end - self.start) * area)
    }
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-x))
}
