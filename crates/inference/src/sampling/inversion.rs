//! The noise that images came from: DDIM's walk the other way, with a model's own settings.

use burn::tensor::{Device, Tensor};
use langevin_core::{Denoiser, Error, Level, Result, Run};
use langevin_model::Model;
use langevin_sample::{BatchProgress, Sampler, invert};

use super::{SamplePlan, sample_along};

/// The sampler whose walk is inverted.
pub const SAMPLER: &str = "ddim";

/// The unit-variance noise from which `plan` leads back to `images` ([`langevin_sample::invert`]).
///
/// Steps, spacing, classes, clamping and the way to compute are those of `plan`, whose sampler must be [`SAMPLER`] and whose
/// `count` is that of the images; its seed and start noise play no part. A plan with the result as its `start` makes the
/// images again, the more exactly the more `iterations` each step was given.
///
/// # Shapes
/// `images` and the result: `[count, channels, height, width]`, images in [-1, 1].
///
/// # Errors
/// As [`super::sample`]; usage, for another sampler.
pub fn noise_of(
    model: &Model,
    images: Tensor<4>,
    plan: &SamplePlan,
    iterations: usize,
    device: &Device,
    progress: impl FnMut(&BatchProgress<'_>),
) -> Result<Tensor<4>> {
    if plan.sampler != SAMPLER {
        return Err(Error::usage(format!("only the walk of {SAMPLER} is inverted, not {}", plan.sampler)));
    }
    let (path, _) = plan.method(model)?;
    let backwards = SamplePlan { start: Some(images), ..plan.clone() };
    let scale = model.info.sample.start_magnitude().at(path[0]);
    sample_along(model, &backwards, &Backwards { iterations, scale }, &path, device, progress)
}

/// Takes images at the end of a path, scaled as if they were start noise, to noise of variance 1.
#[derive(Debug)]
struct Backwards {
    iterations: usize,
    /// What a start of variance 1 is multiplied with.
    scale: f64,
}

impl Sampler for Backwards {
    fn sample(
        &self,
        model: &dyn Denoiser,
        x: Tensor<4>,
        path: &[Level],
        run: &mut Run<'_>,
    ) -> Result<Tensor<4>> {
        let x = x.div_scalar(self.scale);
        Ok(invert(model, x, path, self.iterations, run)?.div_scalar(self.scale))
    }

    fn calls(&self, path: &[Level]) -> usize {
        (path.len() - 1) * self.iterations
    }

    fn order(&self) -> Option<usize> {
        None
    }
}
