//! The spacing `own`: levels measured to serve one model best, kept in its file and used under that name.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use burn::tensor::Device;
use langevin_core::{Error, Result};
use langevin_kernels::Arithmetic;
use langevin_process::{Level, SPACINGS};
use langevin_sample::{Follow, SAMPLERS, Sampler, fine_path};
use serde::{Deserialize, Serialize};

use crate::guiding::Guiding;
use crate::model::Model;
use crate::refined::{Judge, walks};
use crate::sampling::{Drawing, Prompts, draw_along, even_labels};
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
    /// Strength of guidance; the model's where it is `None`.
    pub cfg_scale: Option<f64>,
    /// What guides.
    pub guiding: Guiding,
    /// Pictures to follow; up to eight times as many are walked.
    pub count: usize,
    /// The number of the first; the others come after it.
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

/// The spacings that found levels are compared with, where they fit the model.
const PUBLISHED: [&str; 6] = ["karras", "trailing", "log_snr", "exponential", "beta", "ays"];
/// Up to this many steps levels are moved; more steps gain little, and each move is a walk.
const MOVED: usize = 32;
/// Walks of this many steps see as many pictures as were asked for; shorter ones see more, as many calls in all...
const EQUAL: usize = 20;
/// ...but at most so many times as many.
const MOST: usize = 4;

/// Finds levels for solvers of first and second order (ddim, `dpmpp_2m`) at each number of steps. Pictures are followed finely;
/// the levels over which the measured errors of single steps sum to the least ([`langevin_sample::StepErrors`]) and those of the
/// published spacings are then walked by the solver itself, and what comes nearest to the fine ends is moved to and fro for as
/// long as it comes nearer. That must hold on further pictures too, else the levels stay as they were. The fewer the steps, the
/// more pictures are walked: where they end differs more then. `progress` is told the share that is done.
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
        cfg_scale: request.cfg_scale.unwrap_or_else(|| model.cfg_scale()),
        guiding: request.guiding.clone(),
        clip: model.info.sample.clip,
        labels: (classes > 0).then(|| even_labels(classes, request.count)),
        prompts: Prompts::open(model, request.count),
        arithmetic: Arithmetic::Fast,
        batch_size: request.batch_size,
        start: None,
        cancel: Arc::clone(&request.cancel),
    };
    let candidates: Vec<Vec<Vec<f64>>> = steps.iter().map(|steps| published(model, *steps)).collect();
    let follow = Follow::default();
    let pictures = |at: usize| (request.count * EQUAL / steps[at]).clamp(request.count, MOST * request.count);
    let walked = |at: usize| steps[at] * pictures(at);
    let walks = |at: usize| walks(candidates[at].len() + 1, steps[at], steps[at] <= MOVED) * walked(at);
    let most = (0..steps.len()).map(pictures).max().unwrap_or(request.count);
    let total = follow.calls(&path) * request.count
        + 2 * 2 * path.len() * most
        + 2 * (0..steps.len()).map(walks).sum::<usize>();
    let mut done = 0;
    let mut tell = |calls: usize| {
        done += calls;
        progress((done as f64 / total as f64).min(1.0));
    };
    draw_along(model, &drawing, &follow, &path, device, |_| {})?;
    tell(follow.calls(&path) * request.count);
    let errors = follow.into_errors()?;
    let mut judge = |first: u64| -> Result<Judge<'_>> {
        let labels = (classes > 0).then(|| even_labels(classes, most));
        let drawing = Drawing { count: most, first, labels, ..drawing.clone() };
        let ends = draw_along(model, &drawing, SAMPLERS.build("heun")?.as_ref(), &path, device, |_| {})?;
        tell(2 * path.len() * most);
        Ok(Judge { model, drawing, device, ends })
    };
    let (judge, check) = (judge(request.first)?, judge(request.first + most as u64)?);
    let mut grids = Vec::new();
    for (order, solver) in [(1, "ddim"), (2, "dpmpp_2m")] {
        let sampler = SAMPLERS.build(solver)?;
        for (at, levels) in errors.best_levels(order, &steps)?.iter().enumerate() {
            let mut tried = candidates[at].clone();
            tried.extend(listed(levels));
            let (judge, check) = (judge.first(pictures(at)), check.first(pictures(at)));
            let levels =
                judge.best(sampler.as_ref(), &tried, steps[at] <= MOVED, &check, || tell(walked(at)))?;
            grids.push(Grid { order, levels });
        }
    }
    progress(1.0);
    Ok(grids)
}

/// The levels of the model's spacing and of [`PUBLISHED`] that fit it, each once.
fn published(model: &Model, steps: usize) -> Vec<Vec<f64>> {
    let mut all: Vec<Vec<f64>> = Vec::new();
    for name in [model.info.sample.spacing.as_str()].into_iter().chain(PUBLISHED) {
        let path = SPACINGS.build(name).and_then(|spacing| spacing.path(model.denoiser.diffusion(), steps));
        let levels = path.ok().and_then(|path| listed(&path[..path.len() - 1]));
        all.extend(levels.filter(|levels| levels.len() == steps && !all.contains(levels)));
    }
    all
}

/// `sigma / alpha` of `levels` as they are stored, if that tells them apart.
fn listed(levels: &[Level]) -> Option<Vec<f64>> {
    let levels: Vec<f64> = levels.iter().map(|level| rounded(level.ratio().min(1e6))).collect();
    levels.windows(2).all(|pair| pair[1] < pair[0]).then_some(levels)
}

/// To five digits, which are read and typed more easily and place a level to 0.001%.
pub(crate) fn rounded(value: f64) -> f64 {
    format!("{value:.4e}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn no_published_spacing_comes_nearer_on_other_pictures() {
        let device = Device::flex();
        let model = Model::open("builtin:ring8", &device).unwrap();
        let request = GridRequest {
            steps: vec![5, 8],
            cfg_scale: None,
            guiding: Guiding::default(),
            count: 256,
            first: 1000,
            seed: 3,
            batch_size: 256,
            cancel: Arc::default(),
        };
        let mut shares = Vec::new();
        let grids = optimise(&model, &request, &device, |share| shares.push(share)).unwrap();
        assert!(shares.windows(2).all(|pair| pair[0] <= pair[1]) && shares.last() <= Some(&1.0));
        let drawing = Drawing {
            count: 256,
            first: 0,
            seed: 3,
            steps: 200,
            sampler: "heun".to_owned(),
            spacing: "karras".to_owned(),
            cfg_scale: 1.0,
            guiding: Guiding::default(),
            clip: model.info.sample.clip,
            labels: None,
            prompts: None,
            arithmetic: Arithmetic::Fast,
            batch_size: 256,
            start: None,
            cancel: Arc::default(),
        };
        let ends = crate::sampling::draw_tensor(&model, &drawing, &device, |_| {}).unwrap();
        let judge = Judge { model: &model, drawing, device: &device, ends };
        for grid in &grids {
            let sampler = SAMPLERS.build(if grid.order == 1 { "ddim" } else { "dpmpp_2m" }).unwrap();
            let of = |levels: &Vec<f64>| judge.distance(sampler.as_ref(), levels).unwrap();
            let others = published(&model, grid.levels.len());
            assert!(others.len() >= 5);
            let least = others.iter().map(of).fold(f64::INFINITY, f64::min);
            let own = of(&grid.levels);
            assert!(own < 1.02 * least, "order {}: {own} over {:?}, and {least}", grid.order, grid.levels);
        }
    }
}
