//! `levels`: a ladder of noise levels, each as likely as any other.
//!
//! Song & Ermon 2019, NCSN (1907.05600), eq. 6 and section 4.3: with the schedule `geometric` the `count` levels are a
//! geometric sequence from `sigma_max` to `sigma_min` (10 levels from 1 to 0.01 in the paper; 232 from 50 to 0.01 in Song &
//! Ermon 2020). With a table and its own `count` it is DDPM's training on whole steps (Ho et al. 2020, algorithm 1).

use super::LevelDistribution;
use crate::diffusion::Diffusion;
use crate::registry::{Entry, OptionDoc};

pub(super) const ENTRY: Entry<dyn LevelDistribution> = Entry {
    name: "levels",
    aliases: &["ladder", "ncsn"],
    summary: "a ladder of noise levels, each as likely (NCSN); the whole steps of a table (DDPM)",
    source: "Song & Ermon 2019, arXiv:1907.05600, eq. 6",
    options: &[OptionDoc {
        key: "count",
        default: "0",
        doc: "how many, evenly spaced in time, both ends included; 0 is the entries of the table, or 1000",
    }],
    build: |options| {
        let count: usize = options.get("count")?;
        if count == 1 || count > 1_000_000 {
            return Err(crate::Error::usage(format!(
                "levels: option count={count} must be 0 or in [2, 1000000]"
            )));
        }
        Ok(Box::new(Levels { count }))
    },
    ..Entry::BLANK
};

#[derive(Debug)]
struct Levels {
    count: usize,
}

impl Levels {
    fn last(&self, diffusion: &Diffusion) -> f64 {
        let count =
            if self.count > 0 { self.count } else { diffusion.schedule().timesteps().unwrap_or(1000) };
        (count - 1) as f64
    }
}

impl LevelDistribution for Levels {
    fn time(&self, u: f64, diffusion: &Diffusion) -> f64 {
        let last = self.last(diffusion);
        (u.clamp(0.0, 1.0) * (last + 1.0)).floor().min(last) / last
    }

    /// Each level stands for the log-SNRs half-way to its neighbours.
    fn rate(&self, u: f64, diffusion: &Diffusion) -> f64 {
        let (last, here) = (self.last(diffusion), self.time(u, diffusion));
        let (cleaner, noisier) = ((here - 1.0 / last).max(0.0), (here + 1.0 / last).min(1.0));
        let log_snr = |t: f64| diffusion.schedule().log_snr(t);
        let across = 0.5 * (log_snr(cleaner) - log_snr(noisier)) * (last + 1.0);
        if across.is_finite() { across } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use crate::diffusion::{Diffusion, DiffusionSpec};
    use crate::level_distributions::LEVEL_DISTRIBUTIONS;

    #[test]
    fn the_ladder_of_ncsn_is_a_geometric_sequence() {
        let spec = DiffusionSpec {
            schedule: "geometric:sigma_min=0.01,sigma_max=1".into(),
            process: "ve".into(),
            ..Default::default()
        };
        let diffusion = Diffusion::new(&spec).unwrap();
        let ladder = LEVEL_DISTRIBUTIONS.build("levels:count=10").unwrap();
        for i in 0..10 {
            // numpy.geomspace(0.01, 1, 10).
            let wanted = 0.01 * 100.0_f64.powf(f64::from(i) / 9.0);
            for part in [0.01, 0.5, 0.99] {
                let sigma = diffusion.level(ladder.time((f64::from(i) + part) / 10.0, &diffusion)).sigma;
                assert!((sigma / wanted - 1.0).abs() < 1e-12, "{i}: {sigma}");
            }
        }
        assert!(LEVEL_DISTRIBUTIONS.build("levels:count=1").is_err());
    }
}
