//! The spacing `own`: levels measured to serve one model best, kept in its file and used under that name.

use burn::tensor::Device;
use langevin_core::{Error, Result, Stop};
use langevin_model::defaults::rounded;
use langevin_model::{Grid, GuidanceConfig, Model};
use langevin_process::{Level, SPACINGS};
use langevin_sample::{Follow, SAMPLERS, Sampler, fine_path};

use super::refine::{Judge, walks};
use langevin_inference::sampling::{SamplePlan, even_labels, sample_along};

/// What levels are measured with.
#[derive(Debug, Clone)]
pub struct GridRequest {
    /// Numbers of steps to find levels for.
    pub steps: Vec<usize>,
    /// Strength of guidance; the model's where it is `None`.
    pub cfg_scale: Option<f64>,
    /// What guides.
    pub guidance: GuidanceConfig,
    /// Images to follow; up to eight times as many are walked.
    pub count: usize,
    /// The number of the first; the others come after it.
    pub first: u64,
    /// The seed of their noise.
    pub seed: u64,
    /// Images at once.
    pub batch_size: usize,
    /// Asks the work to stop.
    pub stop: Stop,
}

/// The spacings that found levels are compared with, where they fit the model.
const PUBLISHED: [&str; 6] = ["karras", "trailing", "log_snr", "exponential", "beta", "ays"];
/// Up to this many steps levels are moved; more steps gain little, and each move is a walk.
const MOVED: usize = 32;
/// Walks of this many steps see as many images as were asked for; shorter ones see more, as many calls in all...
const EQUAL: usize = 20;
/// ...but at most so many times as many.
const MOST: usize = 4;

/// Finds levels for solvers of first and second order (ddim, `dpmpp_2m`) at each number of steps. Images are followed finely;
/// the levels over which the measured errors of single steps sum to the least ([`langevin_sample::StepErrors`]) and those of the
/// published spacings are then walked by the solver itself, and what comes nearest to the fine ends is moved to and fro for as
/// long as it comes nearer. That must hold on further images too, else the levels stay as they were. The fewer the steps, the
/// more images are walked: where they end differs more then. `progress` gets the share that is done.
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
    let plan = SamplePlan {
        first: request.first,
        steps: path.len() - 1,
        cfg_scale: request.cfg_scale.unwrap_or_else(|| model.cfg_scale()),
        guidance: request.guidance.clone(),
        batch_size: request.batch_size,
        stop: request.stop.clone(),
        ..SamplePlan::of(model, request.count, request.seed)
    };
    let candidates: Vec<Vec<Vec<f64>>> = steps.iter().map(|steps| published(model, *steps)).collect();
    let follow = Follow::default();
    let images = |at: usize| (request.count * EQUAL / steps[at]).clamp(request.count, MOST * request.count);
    let walked = |at: usize| steps[at] * images(at);
    let walks = |at: usize| walks(candidates[at].len() + 1, steps[at], steps[at] <= MOVED) * walked(at);
    let most = (0..steps.len()).map(images).max().unwrap_or(request.count);
    let total = follow.calls(&path) * request.count
        + 2 * 2 * path.len() * most
        + 2 * (0..steps.len()).map(walks).sum::<usize>();
    let mut done = 0;
    let mut tell = |calls: usize| {
        done += calls;
        progress((done as f64 / total as f64).min(1.0));
    };
    sample_along(model, &plan, &follow, &path, device, |_| {})?;
    tell(follow.calls(&path) * request.count);
    let errors = follow.into_errors()?;
    let mut judge = |first: u64| -> Result<Judge<'_>> {
        let labels = (classes > 0).then(|| even_labels(classes, most));
        let plan = SamplePlan { count: most, first, labels, ..plan.clone() };
        let ends = sample_along(model, &plan, SAMPLERS.build("heun")?.as_ref(), &path, device, |_| {})?;
        tell(2 * path.len() * most);
        Ok(Judge { model, plan, device, ends })
    };
    let (judge, check) = (judge(request.first)?, judge(request.first + most as u64)?);
    let mut grids = Vec::new();
    for (order, solver) in [(1, "ddim"), (2, "dpmpp_2m")] {
        let sampler = SAMPLERS.build(solver)?;
        for (at, levels) in errors.best_levels(order, &steps)?.iter().enumerate() {
            let mut tried = candidates[at].clone();
            tried.extend(listed(levels));
            let (judge, check) = (judge.first(images(at)), check.first(images(at)));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_published_spacing_comes_nearer_on_other_images() {
        let device = Device::flex();
        let model = Model::open("builtin:ring8", &device).unwrap();
        let request = GridRequest {
            steps: vec![5, 8],
            cfg_scale: None,
            guidance: GuidanceConfig::default(),
            count: 256,
            first: 1000,
            seed: 3,
            batch_size: 256,
            stop: Stop::new(),
        };
        let mut shares = Vec::new();
        let grids = optimise(&model, &request, &device, |share| shares.push(share)).unwrap();
        assert!(shares.windows(2).all(|pair| pair[0] <= pair[1]) && shares.last() <= Some(&1.0));
        let plan = SamplePlan {
            steps: 200,
            sampler: "heun".to_owned(),
            spacing: "karras".to_owned(),
            cfg_scale: 1.0,
            batch_size: 256,
            ..SamplePlan::of(&model, 256, 3)
        };
        let ends = langevin_inference::sampling::sample_tensor(&model, &plan, &device, |_| {}).unwrap();
        let judge = Judge { model: &model, plan, device: &device, ends };
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
