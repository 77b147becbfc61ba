//! `lcm`: the timesteps that few-step models were distilled on, of which the steps take some, evenly by number.
//!
//! Luo et al. 2023 (2310.04378), section 4.3, and diffusers' `LCMScheduler` and `TCDScheduler`: with `k = floor(N / original)` the timesteps
//! `j k - 1` for `j = original .. 1`, of these the ones numbered `floor(i original / steps)`. More steps than `original` raise it.
//! One step is taken from the noisy end. A continuous schedule has the times `j / original`.

use super::end::{END, End};
use super::{Spacing, require_entries};
use crate::diffusion::Diffusion;
use crate::error::{Error, Result};
use crate::level::Level;
use crate::registry::{Entry, OptionDoc};

pub(super) const ENTRY: Entry<dyn Spacing> = Entry {
    name: "lcm",
    aliases: &["tcd"],
    summary: "timesteps of a distillation, for few-step models (LCM, TCD)",
    source: "Luo et al. 2023, arXiv:2310.04378, section 4.3",
    options: &[
        OptionDoc {
            key: "original",
            default: "50",
            doc: "how many timesteps the model was distilled on, at least 1",
        },
        END,
    ],
    build: |options| {
        let original = options.get("original")?;
        if original == 0 {
            return Err(Error::usage("option original=0 must be at least 1"));
        }
        Ok(Box::new(Lcm { original, end: End::read(options)? }))
    },
    ..Entry::BLANK
};

#[derive(Debug)]
struct Lcm {
    original: usize,
    end: End,
}

impl Spacing for Lcm {
    fn path(&self, diffusion: &Diffusion, steps: usize) -> Result<Vec<Level>> {
        if steps <= 1 {
            return self.end.path(diffusion, vec![1.0; steps]);
        }
        let original = self.original.max(steps);
        let number = |original: usize, i: usize| original - i * original / steps;
        let Some(entries) = diffusion.schedule().timesteps() else {
            let time = |i: usize| number(original, i) as f64 / original as f64;
            return self.end.path(diffusion, (0..steps).map(time));
        };
        require_entries(entries, steps)?;
        let original = original.min(entries);
        let time = |i: usize| (number(original, i) * (entries / original) - 1) as f64 / (entries - 1) as f64;
        self.end.path(diffusion, (0..steps).map(time))
    }
}

#[cfg(test)]
mod tests {
    use crate::diffusion::{Diffusion, DiffusionSpec};
    use crate::spacings::SPACINGS;

    #[test]
    fn four_steps_are_those_of_diffusers() {
        let diffusion =
            Diffusion::new(&DiffusionSpec { schedule: "scaled_linear".into(), ..Default::default() })
                .unwrap();
        let path = SPACINGS.build("lcm").unwrap().path(&diffusion, 4).unwrap();
        for (level, timestep) in path.iter().zip([999.0, 759.0, 499.0, 259.0]) {
            assert_eq!(*level, diffusion.level(timestep / 999.0));
        }
        assert!(SPACINGS.build("lcm:original=0").is_err());
    }
}
