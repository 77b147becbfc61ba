//! `sub_vp_linear`: the log-SNR of the sub-VP SDE with a linear beta, to go with the process `sub_vp`.
//!
//! Song et al. 2021 (2011.13456), eq. 29: `alpha = exp(-B / 2)`, `sigma = 1 - exp(-B)`, `B` the integral of
//! `beta(t) = beta_min + t (beta_max - beta_min)`. The log-SNR is `+inf` at 0.

use super::Schedule;
use crate::registry::{Entry, OptionDoc};

pub(super) const ENTRY: Entry<dyn Schedule> = Entry {
    name: "sub_vp_linear",
    aliases: &[],
    summary: "the noise of the sub-VP SDE with a linear beta",
    source: "Song et al. 2021, arXiv:2011.13456, eq. 29",
    options: &[
        OptionDoc { key: "beta_min", default: "0.1", doc: "beta at t = 0" },
        OptionDoc { key: "beta_max", default: "20", doc: "beta at t = 1" },
    ],
    cases: &["sub_vp_linear"],
    build: |options| {
        let beta_min = options.number("beta_min", 1e-9, 999.0)?;
        let beta_max = options.number("beta_max", beta_min, 999.0)?;
        Ok(Box::new(SubVpLinear { beta_min, beta_max }))
    },
    ..Entry::BLANK
};

#[derive(Debug)]
struct SubVpLinear {
    beta_min: f64,
    beta_max: f64,
}

impl SubVpLinear {
    fn integral(&self, t: f64) -> f64 {
        t * (self.beta_min + 0.5 * t * (self.beta_max - self.beta_min))
    }
}

impl Schedule for SubVpLinear {
    fn log_snr(&self, t: f64) -> f64 {
        let integral = self.integral(t.clamp(0.0, 1.0));
        -integral - 2.0 * libm::log(-libm::expm1(-integral))
    }

    fn slope(&self, t: f64) -> f64 {
        let t = t.clamp(0.0, 1.0);
        let beta = self.beta_min + t * (self.beta_max - self.beta_min);
        // -beta - 2 beta e^-B / (1 - e^-B) = -beta coth(B / 2).
        if t == 0.0 { f64::NEG_INFINITY } else { -beta / libm::tanh(0.5 * self.integral(t)) }
    }
}
