//! DDIM inversion: the noise that an image came from (Song, Meng and Ermon 2021, arXiv 2010.02502, section 5.4).

use burn::tensor::Tensor;
use langevin_core::{Denoiser, Level, Result, Run};

use crate::path::{PathStep, steps};
use crate::walk::{evaluate, report};

/// Walks `x` from the last level of `path` back to the first: DDIM's walk (`ddim`, `eta = 0`) the other way.
///
/// DDIM's step from `t` to a cleaner `s` uses the noise seen at `t`, which is not known on the way back. With one iteration it
/// is taken from the image at `s` as if that stood at `t`, as diffusers' `DDIMInverseScheduler` does. Each further
/// iteration asks again with the image found (Pan et al. 2023, "Effective Real Image Editing with Accelerated Iterative
/// Diffusion Inversion", arXiv 2309.04907, eq. 6); where that settles, DDIM leads back to `x` exactly. `run` gets reports
/// every step, with the level it reached.
///
/// # Shapes
/// `x`: `[batch, channels, height, width]` at `path`'s last level, which may be clean; the result has the same shape, and is
/// what a walk along `path` starts from.
///
/// # Errors
/// Usage, when the path is not one (see [`steps`]) or the model has no answer at one of its levels; interrupted, when the
/// run was cancelled.
pub fn invert(
    model: &dyn Denoiser,
    mut x: Tensor<4>,
    path: &[Level],
    iterations: usize,
    run: &mut Run<'_>,
) -> Result<Tensor<4>> {
    let steps = steps(path)?;
    let count = steps.len();
    for (index, step) in steps.into_iter().rev().enumerate() {
        let (clean, noisy) = (step.to, step.from);
        let back = PathStep { index, count, from: clean, to: noisy };
        let mut guess = x.clone();
        let mut denoised = None;
        for _ in 0..iterations.max(1) {
            // Pure noise holds nothing of the image: there the noise seen from the cleaner level has to do.
            let at = if noisy.alpha == 0.0 && clean.sigma > 0.0 { clean } else { noisy };
            let seen = if at == clean { x.clone() } else { guess };
            let answer = evaluate(model, &seen, at, run)?;
            let noise = PathStep { from: at, ..back }.noise_in(seen, answer.clone());
            let kept =
                (x.clone() - noise.clone().mul_scalar(clean.sigma)).mul_scalar(noisy.alpha / clean.alpha);
            guess = kept + noise.mul_scalar(noisy.sigma);
            denoised = Some(answer);
        }
        x = guess;
        report(run, back, &x, &denoised.expect("there is an iteration"))?;
    }
    Ok(x)
}
