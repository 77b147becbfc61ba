//! The spacing `own`: levels measured to serve one model best, kept in its file and used under that name.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use burn::tensor::Device;
use langevin_core::{Error, Result};
use langevin_kernels::Arithmetic;
use langevin_sample::{Follow, SAMPLERS, fine_path};
use serde::{Deserialize, Serialize};

use crate::guiding::Guiding;
use crate::model::Model;
use crate::sampling::{Drawing, draw_along, even_labels};
use crate::settings::SampleSettings;

/// The name of the spacing.
pub const OWN: &str = "own";

/// Levels measured on the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grid {
    /// The order of the solver whose steps were measured: 1 (ddim) or 2 (`dpmpp_2m`).
    pub order: usize,
    /// `sigma / alpha` at the start of every step, noisiest first.
    pub levels: Vec<f64>,
}

impl Grid {
    /// The spacing that places these levels on any model.
    pub fn spacing(&self) -> String {
        let levels: Vec<String> = self.levels.iter().map(f64::to_string).collect();
        format!("levels:at={}", levels.join("/"))
    }
}

/// What levels are measured with.
#[derive(Debug, Clone)]
pub struct GridRequest {
    /// Numbers of steps to find levels for.
    pub steps: Vec<usize>,
    /// Pictures to follow.
    pub count: usize,
    /// The number of the first.
    pub first: u64,
    /// The seed of their noise.
    pub seed: u64,
    /// Pictures at once.
    pub batch_size: usize,
    /// Stops the measurement when it becomes true.
    pub cancel: Arc<AtomicBool>,
}

/// `spacing`, or for `own` the levels in `settings` that `steps` steps of `sampler` use: those measured for its order, for the
/// next larger number of steps (else the largest).
///
/// # Errors
/// Usage: an unknown sampler, or a model on which no levels were measured.
pub fn placed(settings: &SampleSettings, sampler: &str, spacing: &str, steps: usize) -> Result<String> {
    if spacing != OWN {
        return Ok(spacing.to_owned());
    }
    let order = if SAMPLERS.build(sampler)?.order() == Some(1) { 1 } else { 2 };
    let distance = |grid: &&Grid| {
        let count = grid.levels.len();
        (grid.order != order, count < steps, count.abs_diff(steps))
    };
    settings.grids.iter().min_by_key(distance).map(Grid::spacing).ok_or_else(|| {
        Error::usage("no levels of its own were measured on this model, so there is no spacing own")
            .hint("measure them with `langevin bench-samplers MODEL --optimise-grid`")
    })
}

/// Follows pictures finely, and finds for each number of steps the levels over which the measured errors of single steps sum
/// to the least ([`langevin_sample::StepErrors`]), for solvers of first and second order. `progress` is told the share that is
/// done.
///
/// # Errors
/// Usage: more steps than fine levels, a model that cannot be sampled. Interrupted, when cancelled.
pub fn optimise(
    model: &Model,
    request: &GridRequest,
    device: &Device,
    mut progress: impl FnMut(f64),
) -> Result<Vec<Grid>> {
    let most = request.steps.iter().copied().max().unwrap_or(1);
    // Fine enough to choose among; more would cost memory with the third power.
    let path = fine_path(model.denoiser.diffusion(), (3 * most).clamp(64, 150))?;
    let steps: Vec<usize> = request.steps.iter().copied().filter(|steps| *steps < path.len()).collect();
    if steps.is_empty() {
        return Err(Error::usage(format!("levels are found for fewer than {} steps", path.len()))
            .hint("add a smaller number"));
    }
    let classes = model.info.classes.len();
    let drawing = Drawing {
        count: request.count,
        first: request.first,
        seed: request.seed,
        steps: path.len() - 1,
        sampler: String::new(),
        spacing: String::new(),
        cfg_scale: if classes > 0 { model.info.sample.cfg_scale } else { 1.0 },
        guiding: Guiding::default(),
        clip: model.info.sample.clip,
        labels: (classes > 0).then(|| even_labels(classes, request.count)),
        arithmetic: Arithmetic::Fast,
        batch_size: request.batch_size,
        start: None,
        cancel: Arc::clone(&request.cancel),
    };
    let follow = Follow::default();
    draw_along(model, &drawing, &follow, &path, device, |at| progress(at.fraction()))?;
    let errors = follow.into_errors()?;
    let mut grids = Vec::new();
    for order in [1, 2] {
        for levels in errors.best_levels(order, &steps)? {
            let levels = levels.iter().map(|level| rounded(level.ratio().min(1e6))).collect();
            grids.push(Grid { order, levels });
        }
    }
    Ok(grids)
}

/// To five digits, which are read and typed more easily and place a level to 0.001%.
fn rounded(value: f64) -> f64 {
    format!("{value:.4e}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use langevin_process::SPACINGS;

    #[test]
    fn own_is_the_grid_of_the_samplers_order_and_the_next_larger_number_of_steps() {
        let grid = |order, levels: &[f64]| Grid { order, levels: levels.to_vec() };
        let grids = vec![grid(1, &[80.0, 1.5]), grid(1, &[80.0, 2.0, 0.5, 0.1]), grid(2, &[80.0, 3.0])];
        let settings = SampleSettings { grids, ..SampleSettings::default() };
        let own = |sampler: &str, steps| placed(&settings, sampler, OWN, steps).unwrap();
        assert_eq!(own("ddim", 1), "levels:at=80/1.5");
        assert_eq!(own("euler", 3), "levels:at=80/2/0.5/0.1");
        assert_eq!(own("ddim", 9), "levels:at=80/2/0.5/0.1");
        assert_eq!(own("dpmpp_2m", 4), "levels:at=80/3");
        assert!(SPACINGS.build(&own("unipc", 2)).is_ok());
        assert_eq!(placed(&settings, "ddim", "karras", 3).unwrap(), "karras");
        let none = placed(&SampleSettings::default(), "ddim", OWN, 3).unwrap_err();
        assert!(none.to_string().contains("--optimise-grid"), "{none}");
    }
}
