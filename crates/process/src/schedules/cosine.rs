//! `cosine`: the signal's variance falls along a squared cosine.
//!
//! Nichol & Dhariwal 2021 (2102.09672), eq. 17: `alpha_bar(t) = f(t) / f(0)`, `f(t) = cos^2((t + s) / (1 + s)
//! * pi / 2)`. The table has `beta_i = min(1 - alpha_bar((i + 1) / N) / alpha_bar(i / N), max_beta)`, which
//! diffusers calls `squaredcos_cap_v2`; the continuous form is eq. 17 itself, whose log-SNR is `+inf` at 0
//! and `-inf` at 1.

use std::f64::consts::FRAC_PI_2;

use super::beta::steps;
use super::{Schedule, Table};
use crate::registry::{Entry, OptionDoc};

pub(super) const ENTRY: Entry<dyn Schedule> = Entry {
    name: "cosine",
    aliases: &["squaredcos_cap_v2"],
    summary: "the signal's variance falls along a squared cosine (improved DDPM)",
    source: "Nichol & Dhariwal 2021, arXiv:2102.09672, eq. 17",
    options: &[
        OptionDoc {
            key: "offset",
            default: "0.008",
            doc: "s, which keeps the first steps from being too small",
        },
        OptionDoc { key: "max_beta", default: "0.999", doc: "the table's highest beta" },
        OptionDoc {
            key: "steps",
            default: "1000",
            doc: "entries of the integer table; 0 is the continuous form",
        },
    ],
    cases: &["cosine", "cosine:steps=0"],
    build: |options| {
        let cosine = Cosine { offset: options.number("offset", 0.0, 10.0)? };
        let max_beta = options.number("max_beta", 1e-6, 0.999_999)?;
        let steps = steps(options)?;
        if steps == 0 {
            return Ok(Box::new(cosine));
        }
        let signal = |i: usize| cosine.signal(i as f64 / steps as f64);
        let beta = |i: usize| (1.0 - signal(i + 1) / signal(i)).min(max_beta);
        Ok(Box::new(Table::from_betas(&(0..steps).map(beta).collect::<Vec<_>>())?))
    },
    ..Entry::BLANK
};

#[derive(Debug)]
struct Cosine {
    offset: f64,
}

impl Cosine {
    /// `(t + s) / (1 + s) * pi / 2`.
    fn angle(&self, t: f64) -> f64 {
        (t + self.offset) / (1.0 + self.offset) * FRAC_PI_2
    }

    /// `cos(angle(t))`, written as a sine so that it is exactly 0 at `t = 1`.
    fn root(&self, t: f64) -> f64 {
        libm::sin((1.0 - t) / (1.0 + self.offset) * FRAC_PI_2)
    }

    /// `f(t)`.
    fn signal(&self, t: f64) -> f64 {
        self.root(t) * self.root(t)
    }
}

impl Schedule for Cosine {
    fn log_snr(&self, t: f64) -> f64 {
        let t = t.clamp(0.0, 1.0);
        // f(0) - f(t) = cos^2 a0 - cos^2 a = sin(a - a0) sin(a + a0), which does not cancel near t = 0.
        let (a, a0) = (self.angle(t), self.angle(0.0));
        let noise = libm::sin(t / (1.0 + self.offset) * FRAC_PI_2) * libm::sin(a + a0);
        2.0 * libm::log(self.root(t)) - libm::log(noise)
    }

    fn slope(&self, t: f64) -> f64 {
        let t = t.clamp(0.0, 1.0);
        if t == 0.0 || t == 1.0 {
            return f64::NEG_INFINITY;
        }
        let (a, a0) = (self.angle(t), self.angle(0.0));
        let noise = libm::sin(a - a0) * libm::sin(a + a0);
        let speed = FRAC_PI_2 / (1.0 + self.offset);
        -2.0 * speed * libm::sin(a) / self.root(t) * self.signal(0.0) / noise
    }
}
