//! `elbo`: the weight of DDPM's evidence lower bound on a chain of steps.
//!
//! Ho et al. 2020 (2006.11239), eq. 5 and 8; Chan 2024 (2403.18103), theorem 2.4; Kingma et al. 2021 (2107.00630), eq. 13 and 14:
//! the step from `t` to the cleaner `s` costs `1/2 (snr(s) - snr(t))` times the squared error of the denoised image. In a chain of
//! `steps` steps between uniform times `s = t - 1 / steps`, and a time drawn at random stands for all of them, so the loss is the bound
//! (without its two ends) in nats per dimension, with as many values as an image has left out. As `steps` grows it becomes the weight
//! [`likelihood`](super::likelihood).

use super::{Weighting, bounded, of_noise};
use crate::level::Level;
use crate::parameterisations::Coefficients;
use crate::registry::{Entry, OptionDoc};

pub(super) const ENTRY: Entry<dyn Weighting> = Entry {
    name: "elbo",
    aliases: &["vlb"],
    summary: "the evidence lower bound of a chain of steps (DDPM's L_vlb), whatever the noise-level distribution",
    source: "Ho et al. 2020, arXiv:2006.11239, eq. 5 and 8",
    options: &[OptionDoc {
        key: "steps",
        default: "1000",
        doc: "steps of the chain, 1 to 1000000; many are the weighting likelihood",
    }],
    build: |options| {
        let steps: u32 = options.get("steps")?;
        if !(1..=1_000_000).contains(&steps) {
            let message = format!("elbo: option steps={steps} must lie in [1, 1000000]");
            return Err(crate::Error::usage(message));
        }
        Ok(Box::new(Elbo { steps: f64::from(steps) }))
    },
    ..Entry::BLANK
};

#[derive(Debug)]
struct Elbo {
    steps: f64,
}

impl Weighting for Elbo {
    fn weight(&self, at: Level, coefficients: &Coefficients, sigma_data: f64) -> f64 {
        self.weight_at_rate(at, coefficients, sigma_data, 1.0)
    }

    /// `snr(s) - snr(t)` is `snr(t) (e^h - 1)` with the `h = rate / steps` log-SNRs of a step.
    fn weight_at_rate(&self, at: Level, coefficients: &Coefficients, _sigma_data: f64, rate: f64) -> f64 {
        bounded(0.5 * self.steps * libm::expm1(rate / self.steps) * of_noise(at, coefficients))
    }
}

#[cfg(test)]
mod tests {
    use crate::diffusion::{Diffusion, DiffusionSpec};
    use crate::level_distributions::LEVEL_DISTRIBUTIONS;
    use crate::weightings::WEIGHTINGS;

    /// `beta^2 / (2 sigma^2 alpha (1 - abar))` of Ho et al., eq. 12, with their `sigma^2 = (1 - abar_s) / (1 - abar_t) beta`.
    #[test]
    fn it_is_the_coefficient_that_ddpm_prints() {
        let spec = DiffusionSpec {
            schedule: "linear:steps=0".into(),
            process: "vp".into(),
            parameterisation: "epsilon".into(),
            ..Default::default()
        };
        let diffusion = Diffusion::new(&spec).unwrap();
        let (weighting, uniform) =
            (WEIGHTINGS.build("elbo:steps=1000").unwrap(), LEVEL_DISTRIBUTIONS.build("uniform").unwrap());
        for t in [0.1, 0.3, 0.5, 0.9] {
            // The middle of a step, so that the rate is that of the whole of it.
            let (above, below) = (diffusion.level(t + 0.0005), diffusion.level(t - 0.0005));
            let (abar_t, abar_s) = (above.alpha * above.alpha, below.alpha * below.alpha);
            let beta = 1.0 - abar_t / abar_s;
            let variance = (1.0 - abar_s) / (1.0 - abar_t) * beta;
            let printed = beta * beta / (2.0 * variance * (1.0 - beta) * (1.0 - abar_t));
            let coefficients = diffusion.coefficients(above).unwrap();
            let rate = uniform.rate(t, &diffusion);
            let weight = weighting.weight_at_rate(above, &coefficients, 0.5, rate);
            assert!((weight / (1000.0 * printed) - 1.0).abs() < 1e-4, "{t}: {weight} {}", 1000.0 * printed);
        }
    }

    #[test]
    fn a_chain_of_many_steps_is_the_weighting_likelihood() {
        let diffusion = Diffusion::new(&DiffusionSpec::default()).unwrap();
        let at = diffusion.level(0.4);
        let coefficients = diffusion.coefficients(at).unwrap();
        let weight = |name: &str| WEIGHTINGS.build(name).unwrap().weight_at_rate(at, &coefficients, 0.5, 7.0);
        assert!((weight("elbo:steps=1000000") / weight("likelihood") - 1.0).abs() < 1e-5);
        assert!(weight("elbo:steps=10") > weight("elbo:steps=1000"));
        assert!(WEIGHTINGS.build("elbo:steps=0").is_err());
    }
}
