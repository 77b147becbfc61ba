//! `likelihood`: the weight under which the loss bounds the negative log-likelihood.
//!
//! Song et al. 2021 (2101.09258), eq. 7 and theorem 1: `g(t)^2` on the score's error, which is `g^2 / sigma^2 = -d log_snr / dt`
//! on the noise's. Whatever the noise-level distribution, the weight is half the log-SNRs that it crosses per unit of probability, so
//! that the loss is `1/2 integral ||n - n_hat||^2 d log_snr`, the diffusion part of the variational bound in nats per
//! dimension (Kingma et al. 2021, 2107.00630, eq. 17). With the distribution `importance` the weight is constant and the loss varies
//! least.

use super::{Weighting, bounded, of_noise};
use crate::level::Level;
use crate::parameterisations::Coefficients;
use crate::registry::Entry;

pub(super) const ENTRY: Entry<dyn Weighting> = Entry {
    name: "likelihood",
    aliases: &["bound"],
    summary: "g^2 on the score's error: the loss bounds the likelihood, whatever the noise-level distribution",
    source: "Song et al. 2021, arXiv:2101.09258, eq. 7",
    options: &[],
    build: |_| Ok(Box::new(Likelihood)),
    ..Entry::BLANK
};

#[derive(Debug)]
struct Likelihood;

impl Weighting for Likelihood {
    fn weight(&self, at: Level, coefficients: &Coefficients, sigma_data: f64) -> f64 {
        self.weight_at_rate(at, coefficients, sigma_data, 1.0)
    }

    fn weight_at_rate(&self, at: Level, coefficients: &Coefficients, _sigma_data: f64, rate: f64) -> f64 {
        bounded(0.5 * rate * of_noise(at, coefficients))
    }
}

#[cfg(test)]
mod tests {
    use crate::diffusion::{Diffusion, DiffusionSpec};
    use crate::level_distributions::LEVEL_DISTRIBUTIONS;
    use crate::weightings::WEIGHTINGS;

    #[test]
    fn with_uniform_times_it_is_half_g_squared_on_the_error_of_the_score() {
        for (schedule, process) in [
            ("linear:steps=0", "vp"),
            ("sub_vp_linear", "sub_vp"),
            ("geometric", "ve"),
            ("cosine:steps=0", "vp"),
        ] {
            let spec = DiffusionSpec {
                schedule: schedule.into(),
                process: process.into(),
                parameterisation: "epsilon".into(),
                ..Default::default()
            };
            let diffusion = Diffusion::new(&spec).unwrap();
            let (weighting, distribution) =
                (WEIGHTINGS.build("likelihood").unwrap(), LEVEL_DISTRIBUTIONS.build("uniform").unwrap());
            for t in [0.01, 0.2, 0.6, 0.95] {
                let at = diffusion.level(t);
                let coefficients = diffusion.coefficients(at).unwrap();
                let weight =
                    weighting.weight_at_rate(at, &coefficients, 0.5, distribution.rate(t, &diffusion));
                // The score is -n / sigma.
                let wanted = 0.5 * diffusion.sde(t).diffusion_squared / (at.sigma * at.sigma);
                assert!((weight / wanted - 1.0).abs() < 1e-5, "{schedule} at {t}: {weight} {wanted}");
            }
        }
    }
}
