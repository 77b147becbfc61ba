//! SDEdit (Meng et al. 2022, "SDEdit: Guided Image Synthesis and Editing with Stochastic Differential Equations", arXiv 2108.01073,
//! Algorithm 1): the image is put under the noise of a level on the way, and the model walks on from there. The more noise, the freer it is.
//!
//! `strength` is the share of the steps that are walked, as in diffusers: 1 begins from noise that holds (almost) nothing of the
//! image. What is begun with is the measurement; for an operator that does more than blur, what it says of the image
//! (`A+ y`, and with noise the least squares of measurement and gray).
//!
//! On Gaussian data of mean `m` and covariance `C`, begun at `s = sigma / alpha` from an image `u`, a walk that draws from the model ends with the mean
//! `m + C (C + s^2)^-1 (u - m)` and the covariance `C s^2 (C + s^2)^-1 + C s^2 C (C + s^2)^-2`: nothing about it depends on the operator.

use burn::tensor::Tensor;
use langevin_core::registry::{Entry, OptionDoc};
use langevin_core::{Level, Result, Run};
use langevin_sample::{SAMPLERS, Sampler};

use crate::method::{Method, Needs, Prior};
use crate::problem::Problem;
use crate::walk::Walk;

pub(super) const ENTRY: Entry<dyn Method> = Entry {
    name: "sdedit",
    aliases: &["edit"],
    summary: "puts the image under noise and lets the model walk on from there: variations, sketches made real",
    source: "Meng et al. 2022, Algorithm 1 (arXiv 2108.01073)",
    options: &[
        OptionDoc {
            key: "strength",
            default: "0.5",
            doc: "share of the steps that are walked, above 0 (nothing changes) to 1 (all anew)",
        },
        OptionDoc { key: "sampler", default: "ddpm", doc: "what walks; the paper's adds noise" },
    ],
    cases: &["sdedit", "sdedit:strength=1"],
    build: |options| {
        Ok(Box::new(SdEdit {
            strength: options.number("strength", 1e-6, 1.0)?,
            sampler: SAMPLERS.build(options.text("sampler"))?,
        }))
    },
    ..Entry::BLANK
};

#[derive(Debug)]
struct SdEdit {
    strength: f64,
    sampler: Box<dyn Sampler>,
}

impl SdEdit {
    /// The part of `path` that is walked, of at least one step.
    fn end<'a>(&self, path: &'a [Level]) -> &'a [Level] {
        let steps = path.len().saturating_sub(1);
        let walked = ((steps as f64 * self.strength).round() as usize).clamp(1.min(steps), steps);
        &path[steps - walked..]
    }
}

impl Method for SdEdit {
    fn needs(&self) -> Needs {
        Needs::default()
    }

    fn restore(
        &self,
        prior: Prior<'_>,
        problem: &Problem,
        path: &[Level],
        run: &mut Run<'_>,
    ) -> Result<Tensor<4>> {
        let walk = Walk::new(self.needs(), prior, problem, path, 0, run)?;
        let end = self.end(path);
        let image = if problem.operator().is_identity() { problem.y() } else { walk.guess() };
        let x = image.mul_scalar(end[0].alpha) + walk.start(end[0]);
        self.sampler.sample(prior.denoiser, x, end, run)
    }

    fn calls(&self, path: &[Level]) -> usize {
        self.sampler.calls(self.end(path))
    }

    fn samples(&self) -> bool {
        true
    }
}
