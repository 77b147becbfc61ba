//! `importance`: even in the log-SNR, from one end of the schedule to the other.
//!
//! Song et al. 2021, "Maximum Likelihood Training of Score-Based Diffusion Models" (2101.09258), section 4.3: times drawn in
//! proportion to `g(t)^2 / sigma(t)^2`, which is `-d log_snr / dt` in any process. With them the likelihood weighting is a
//! constant on the noise's error, and the loss has the least variance. For `geometric` it is `uniform`.

use super::LevelDistribution;
use crate::diffusion::Diffusion;
use crate::registry::{Entry, OptionDoc};

pub(super) const ENTRY: Entry<dyn LevelDistribution> = Entry {
    name: "importance",
    aliases: &["log_snr"],
    summary: "even in the log-SNR: times as likely as g^2 / sigma^2 (score models for likelihood)",
    source: "Song et al. 2021, arXiv:2101.09258, section 4.3",
    options: &[OptionDoc {
        key: "eps",
        default: "0.00001",
        doc: "how far from an end of the schedule where the log-SNR is infinite, in time",
    }],
    build: |options| Ok(Box::new(Importance { eps: options.number("eps", 1e-12, 0.1)? })),
    ..Entry::BLANK
};

#[derive(Debug)]
struct Importance {
    eps: f64,
}

impl Importance {
    /// The log-SNR at the clean and at the noisy end.
    fn ends(&self, diffusion: &Diffusion) -> (f64, f64) {
        let schedule = diffusion.schedule();
        let end = |at: f64, inside: f64| {
            let log_snr = schedule.log_snr(at);
            if log_snr.is_finite() { log_snr } else { schedule.log_snr(inside) }
        };
        (end(0.0, self.eps), end(1.0, 1.0 - self.eps))
    }
}

impl LevelDistribution for Importance {
    fn time(&self, u: f64, diffusion: &Diffusion) -> f64 {
        let (clean, noisy) = self.ends(diffusion);
        diffusion.schedule().time(clean + u.clamp(0.0, 1.0) * (noisy - clean))
    }

    fn rate(&self, _u: f64, diffusion: &Diffusion) -> f64 {
        let (clean, noisy) = self.ends(diffusion);
        clean - noisy
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diffusion::DiffusionSpec;
    use crate::level_distributions::LEVEL_DISTRIBUTIONS;

    fn diffusion(schedule: &str, process: &str) -> Diffusion {
        let (schedule, process) = (schedule.to_owned(), process.to_owned());
        Diffusion::new(&DiffusionSpec { schedule, process, ..Default::default() }).unwrap()
    }

    #[test]
    fn times_are_as_likely_as_g_squared_over_sigma_squared() {
        let distribution = LEVEL_DISTRIBUTIONS.build("importance").unwrap();
        for (schedule, process) in
            [("linear:steps=0", "vp"), ("sub_vp_linear", "sub_vp"), ("geometric", "ve"), ("edm", "edm")]
        {
            let diffusion = diffusion(schedule, process);
            for u in [0.05, 0.3, 0.5, 0.9] {
                // The density of a time is du / dt.
                let (h, t) = (1e-5, distribution.time(u, &diffusion));
                let likely =
                    2.0 * h / (distribution.time(u + h, &diffusion) - distribution.time(u - h, &diffusion));
                let sigma = diffusion.level(t).sigma;
                let wanted = diffusion.sde(t).diffusion_squared / (sigma * sigma);
                let ratio = likely * distribution.rate(u, &diffusion) / wanted;
                assert!((ratio - 1.0).abs() < 1e-5, "{schedule} at {u}: {ratio}");
            }
        }
    }

    #[test]
    fn for_the_geometric_schedule_it_is_uniform() {
        let diffusion = diffusion("geometric", "ve");
        for u in [0.1, 0.7] {
            let time = LEVEL_DISTRIBUTIONS.build("importance").unwrap().time(u, &diffusion);
            assert!((time - u).abs() < 1e-12);
        }
    }
}
