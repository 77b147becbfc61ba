//! `vp`: variance-preserving, `alpha^2 + sigma^2 = 1`.
//!
//! Ho et al. 2020 (2006.11239), eq. 4; Song et al. 2021 (2011.13456), eq. 29. `alpha^2 = sigmoid(log_snr)`.

use super::Process;
use crate::level::Level;
use crate::registry::Entry;

pub(super) const ENTRY: Entry<dyn Process> = Entry {
    name: "vp",
    aliases: &["ddpm"],
    summary: "variance-preserving: alpha^2 + sigma^2 = 1 (DDPM, Stable Diffusion)",
    source: "Song et al. 2021, arXiv:2011.13456, eq. 29",
    options: &[],
    build: |_| Ok(Box::new(Vp)),
    ..Entry::BLANK
};

#[derive(Debug)]
struct Vp;

impl Process for Vp {
    fn name(&self) -> &'static str {
        "vp"
    }

    fn level(&self, log_snr: f64) -> Level {
        let root_sigmoid = |x: f64| 1.0 / libm::sqrt(1.0 + libm::exp(-x));
        Level { alpha: root_sigmoid(log_snr), sigma: root_sigmoid(-log_snr) }
    }

    fn log_alpha_slope(&self, log_snr: f64) -> f64 {
        0.5 / (1.0 + libm::exp(log_snr))
    }
}
