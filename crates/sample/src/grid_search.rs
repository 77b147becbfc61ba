//! The levels that serve one model best: a shortest path through measured errors of single steps.
//!
//! As Watson et al. 2021 ("Learning to efficiently sample from diffusion probabilistic models", arXiv 2106.03802) place
//! the steps of a model, by dynamic programming over a fine grid of levels; the cost of a step is here what it does to the
//! image. A few images are followed finely along the probability flow, which gives at every level their `x` and the
//! model's answer `D`. From these the step of a solver between *any* two levels follows without asking the model again, and
//! so does its error: the distance from where the trajectory really is. Errors grow or shrink on their way to the end; by how
//! much is measured too, on trajectories that are put off course at some levels. The sum of the errors at the end bounds the
//! error of a path, and the path of `N` steps for which it is least is found exactly.
//!
//! First-order steps (ddim, euler) depend on their two levels, second-order steps (`dpmpp_2m`) also on the level before, so the
//! search is over levels for the one and over pairs of levels for the other.

use std::sync::Mutex;

use burn::tensor::Tensor;
use langevin_core::process::Diffusion;
use langevin_core::{Denoiser, Error, Level, Progress, Result, Run};

use crate::path::{PathStep, steps};
use crate::sampler::Sampler;
use crate::walk::evaluate;

/// The noise-to-signal ratio above which the fine grid has no level but the first: what a model sees of an image there is
/// its mean.
const NOISIEST: f64 = 100.0;
/// The lowest ratio of the fine grid, EDM's.
const CLEANEST: f64 = 0.002;
/// Levels at which trajectories are put off course.
const PROBES: usize = 16;

/// The `count` levels of a fine grid and the clean image: the schedule's noisy end, then even in log-SNR.
///
/// # Errors
/// Usage, when the schedule has no range of noise.
pub fn fine_path(diffusion: &Diffusion, count: usize) -> Result<Vec<Level>> {
    let highest = diffusion.highest();
    let (top, bottom) = (highest.ratio().min(NOISIEST), diffusion.lowest().ratio().max(CLEANEST));
    if count < 2 || bottom >= top {
        return Err(Error::usage("the schedule leaves no range of noise to place levels in"));
    }
    let above = usize::from(highest.ratio() > top);
    let evenly = count - above;
    let ratio = |i: usize| {
        let part = i as f64 / (evenly - 1) as f64;
        (top.ln() + part * (bottom.ln() - top.ln())).exp()
    };
    let level = |i: usize| diffusion.level_at(-2.0 * ratio(i).ln());
    let mut path = vec![highest];
    path.extend((1 - above..evenly).map(level));
    path.push(Level::CLEAN);
    steps(&path)?;
    Ok(path)
}

/// Follows trajectories finely and remembers what [`StepErrors`] is made of; as a sampler it can be run by whatever runs
/// samplers. The path to give it is that of [`fine_path`], in any number of batches.
#[derive(Debug, Default)]
pub struct Follow {
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    path: Vec<Level>,
    /// For each image, the products of all pairs of its `x` (first) and answers, for each value of an image.
    products: Vec<Vec<f64>>,
    /// For each level, the sum over images of the sizes of errors put in, and of what came of them at the end.
    probes: Vec<[f64; 2]>,
}

impl Follow {
    /// What was measured.
    ///
    /// # Errors
    /// Failed, when nothing was followed or a number is not finite.
    pub fn into_errors(self) -> Result<StepErrors> {
        let seen = self.seen.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        let finite = seen.products.iter().flatten().all(|value| value.is_finite());
        if seen.products.is_empty() || !finite {
            return Err(Error::failed("the trajectories to measure steps on are not finite"));
        }
        Ok(StepErrors::new(seen))
    }
}

impl Sampler for Follow {
    fn sample(
        &self,
        model: &dyn Denoiser,
        x: Tensor<4>,
        path: &[Level],
        run: &mut Run<'_>,
    ) -> Result<Tensor<4>> {
        let steps = steps(path)?;
        let every = steps.len().div_ceil(PROBES);
        let probes: Vec<usize> = (every..steps.len()).step_by(every).collect();
        let (mut xs, mut answers, mut done) = (vec![x], Vec::new(), 0);
        let mut report = |run: &mut Run<'_>, level: Level, x: &Tensor<4>, denoised: &Tensor<4>| {
            done += 1;
            run.report(&Progress { step: done, steps: steps.len() + probes.len(), level, x, denoised })
        };
        for step in &steps {
            let x = xs[step.index].clone();
            let answer = evaluate(model, &x, step.from, run)?;
            xs.push(fine_step(model, x, *step, &answer, run)?);
            answers.push(answer);
            report(run, step.to, &xs[step.index + 1], &answers[step.index])?;
        }
        let mut sizes = vec![[0.0; 2]; path.len()];
        for &at in &probes {
            let from = at.saturating_sub(steps.len().div_ceil(12));
            let coarse = PathStep { to: path[at], ..steps[from] };
            let off = coarse.advance(xs[from].clone(), answers[from].clone());
            let [straight, astray] = [&xs[at], &off].map(|x| coast(model, x.clone(), &path[at..], run));
            let apart = [rms(&(off - xs[at].clone())), rms(&(astray? - straight?))];
            sizes[at] = apart.map(|images| images.iter().sum());
            report(run, path[at], &xs[at], &answers[at])?;
        }
        let products = products(&xs, &answers);
        let mut seen = self.seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        seen.path = path.to_vec();
        seen.products.extend(products);
        seen.probes.resize(path.len(), [0.0; 2]);
        for (sum, more) in seen.probes.iter_mut().zip(sizes) {
            *sum = [sum[0] + more[0], sum[1] + more[1]];
        }
        Ok(xs.swap_remove(steps.len()))
    }

    /// Four for each fine step, and the two trajectories from every probe to the end.
    fn calls(&self, path: &[Level]) -> usize {
        let count = path.len() - 1;
        let fine = path.windows(2).map(|pair| if is_finite(pair) { 4 } else { 1 }).sum::<usize>();
        let every = count.div_ceil(PROBES);
        fine + (every..count)
            .step_by(every)
            .map(|at| 2 * (count - at).div_ceil(stride(count - at)))
            .sum::<usize>()
    }

    fn order(&self) -> Option<usize> {
        Some(2)
    }
}

fn is_finite(pair: &[Level]) -> bool {
    pair[0].alpha > 0.0 && pair[1].sigma > 0.0
}

/// Two steps of Heun's method in place of one; from `alpha = 0` and to `sigma = 0` a first-order step.
fn fine_step(
    model: &dyn Denoiser,
    x: Tensor<4>,
    step: PathStep,
    answer: &Tensor<4>,
    run: &Run<'_>,
) -> Result<Tensor<4>> {
    if !is_finite(&[step.from, step.to]) {
        return Ok(step.advance(x, answer.clone()));
    }
    let middle = step.between(0.5);
    let heun = |x: Tensor<4>, step: PathStep, answer: Tensor<4>| {
        let end = step.advance(x.clone(), answer.clone());
        let change = evaluate(model, &end, step.to, run)? - answer.clone();
        Ok(step.advance(x, answer + change.mul_scalar((0.5 / step.kept()).min(4.0))))
    };
    let x = heun(x, step.until(middle), answer.clone())?;
    let step = PathStep { from: middle, ..step };
    let answer = evaluate(model, &x, middle, run)?;
    heun(x, step, answer)
}

fn stride(steps: usize) -> usize {
    steps.div_ceil(24)
}

/// First-order steps to the end of `path`, over every [`stride`]th level.
fn coast(model: &dyn Denoiser, mut x: Tensor<4>, path: &[Level], run: &Run<'_>) -> Result<Tensor<4>> {
    let last = path.len() - 1;
    let mut levels: Vec<Level> = path[..last].iter().step_by(stride(last)).copied().collect();
    levels.push(path[last]);
    for step in steps(&levels)? {
        let answer = evaluate(model, &x, step.from, run)?;
        x = step.advance(x, answer);
    }
    Ok(x)
}

/// The values of each image.
fn images(x: &Tensor<4>) -> Vec<Vec<f32>> {
    let values = x.dims()[1..].iter().product();
    let all = x.clone().try_into_vec_as::<f32>().expect("a float tensor holds floats");
    all.chunks_exact(values).map(<[f32]>::to_vec).collect()
}

fn rms(x: &Tensor<4>) -> Vec<f64> {
    let of = |image: &Vec<f32>| (product(image, image)).sqrt();
    images(x).iter().map(of).collect()
}

/// The mean over values of the products of two images.
fn product(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>() / a.len() as f64
}

/// For each image the products of all pairs, row by row.
fn products(xs: &[Tensor<4>], answers: &[Tensor<4>]) -> Vec<Vec<f64>> {
    let vectors: Vec<Vec<Vec<f32>>> = xs.iter().chain(answers).map(images).collect();
    let count = vectors.len();
    let of_image = |image: usize| {
        let mut table = vec![0.0; count * count];
        for i in 0..count {
            for j in 0..=i {
                let value = product(&vectors[i][image], &vectors[j][image]);
                (table[i * count + j], table[j * count + i]) = (value, value);
            }
        }
        table
    };
    (0..vectors[0].len()).map(of_image).collect()
}

/// What steps of a solver between any two levels of a fine grid do to the end of the trajectory.
#[derive(Debug)]
pub struct StepErrors {
    path: Vec<Level>,
    products: Vec<Vec<f64>>,
    /// For each level, how many times as large an error there is at the end.
    gains: Vec<f64>,
}

impl StepErrors {
    fn new(seen: Seen) -> Self {
        let last = seen.path.len() - 1;
        let grown = |(at, [put, came]): (usize, &[f64; 2])| {
            let gain = came / put;
            (gain.is_finite() && gain > 0.0).then(|| (at, gain.ln()))
        };
        // An error at the end is what it is.
        let known: Vec<(usize, f64)> =
            seen.probes.iter().enumerate().filter_map(grown).chain([(last, 0.0)]).collect();
        let gain = |at: usize| {
            let after = known.iter().position(|(known, _)| *known >= at).unwrap_or(known.len() - 1);
            let (right, high) = known[after];
            let (left, low) = known[after.saturating_sub(1)];
            let part = if right > left { (at as f64 - left as f64) / (right - left) as f64 } else { 1.0 };
            (low + part.max(0.0) * (high - low)).exp()
        };
        let gains = (0..=last).map(gain).collect();
        Self { path: seen.path, products: seen.products, gains }
    }

    fn last(&self) -> usize {
        self.path.len() - 1
    }

    /// What the end is off by after one step from level `i` to level `j`, extrapolated from the answer at level `before` if
    /// one is given; the mean over images of the root mean square over values.
    fn cost(&self, before: Option<usize>, i: usize, j: usize) -> f64 {
        let step = |from: usize, to: usize| PathStep {
            index: 0,
            count: 1,
            from: self.path[from],
            to: self.path[to],
        };
        let h = step(i, j).length();
        // Half the change of the answer over the last step, as it would be over this one (DPM-Solver++ 2M).
        let bent = before
            .map(|before| (before, 0.5 * h / step(before, i).length()))
            .filter(|(_, weight)| h.is_finite() && *weight > 0.0);
        let (older, weight) = bent.unwrap_or((i, 0.0));
        let own = self.path[i].step_to(self.path[j]);
        let count = 2 * self.path.len() - 1;
        let answer = |at: usize| self.path.len() + at;
        let terms =
            [(i, own.x), (answer(i), own.x0 * (1.0 + weight)), (answer(older), -own.x0 * weight), (j, -1.0)];
        let of_image = |products: &Vec<f64>| {
            let mut square = 0.0;
            for (a, by) in terms {
                square += terms.iter().map(|(b, with)| by * with * products[a * count + b]).sum::<f64>();
            }
            square.max(0.0).sqrt()
        };
        let sum: f64 = self.products.iter().map(of_image).sum();
        self.gains[j] * sum / self.products.len() as f64
    }

    /// The paths with the least sum of errors for a solver of order 1 (ddim) or 2 (`dpmpp_2m`), one for each number of
    /// `steps`: its noisy levels, as many as steps.
    ///
    /// # Errors
    /// Usage, when there are more steps than fine levels, or none.
    pub fn best_levels(&self, order: usize, steps: &[usize]) -> Result<Vec<Vec<Level>>> {
        let most = steps.iter().copied().max().unwrap_or(0);
        if steps.contains(&0) || most > self.last() {
            return Err(Error::usage(format!("{most} steps cannot be placed on {} levels", self.last()))
                .hint("measure on a finer grid"));
        }
        let found = if order == 1 { self.search_levels(most) } else { self.search_pairs(most) };
        let levels = |steps: &usize| found[*steps - 1].iter().map(|at| self.path[*at]).collect();
        Ok(steps.iter().map(levels).collect())
    }

    /// For each number of steps up to `most`, where each step of the best path starts.
    fn search_levels(&self, most: usize) -> Vec<Vec<usize>> {
        let width = self.path.len();
        let costs: Vec<Vec<f64>> =
            (0..width).map(|i| (i + 1..width).map(|j| self.cost(None, i, j)).collect()).collect();
        let mut least = vec![f64::INFINITY; width];
        least[0] = 0.0;
        let (mut from, mut found) = (Vec::new(), Vec::new());
        for steps in 1..=most {
            let mut next = vec![(f64::INFINITY, 0); width];
            for j in 1..width {
                for i in 0..j {
                    let sum = least[i] + costs[i][j - i - 1];
                    if sum < next[j].0 {
                        next[j] = (sum, i);
                    }
                }
            }
            least = next.iter().map(|(sum, _)| *sum).collect();
            from.push(next.iter().map(|(_, i)| *i).collect::<Vec<usize>>());
            let (mut path, mut at) = (Vec::new(), width - 1);
            for step in (0..steps).rev() {
                at = from[step][at];
                path.push(at);
            }
            path.reverse();
            found.push(path);
        }
        found
    }

    /// As [`StepErrors::search_levels`], where a step's error depends on the step before.
    fn search_pairs(&self, most: usize) -> Vec<Vec<usize>> {
        let width = self.path.len();
        let pair = |i: usize, j: usize| i * width + j;
        let mut costs = vec![0.0; width * width * width];
        for j in 2..width {
            for i in 1..j {
                for h in 0..i {
                    costs[pair(i, j) * width + h] = self.cost(Some(h), i, j);
                }
            }
        }
        let mut least = vec![f64::INFINITY; width * width];
        for j in 1..width {
            least[pair(0, j)] = self.cost(None, 0, j);
        }
        let mut from: Vec<Vec<usize>> = vec![vec![0; width * width]];
        let mut found = vec![vec![0]];
        for steps in 2..=most {
            let mut next = vec![f64::INFINITY; width * width];
            let mut before = vec![0; width * width];
            for j in 2..width {
                for i in 1..j {
                    for h in 0..i {
                        let sum = least[pair(h, i)] + costs[pair(i, j) * width + h];
                        if sum < next[pair(i, j)] {
                            (next[pair(i, j)], before[pair(i, j)]) = (sum, h);
                        }
                    }
                }
            }
            least = next;
            from.push(before);
            let end = width - 1;
            let start = (1..end).min_by(|a, b| least[pair(*a, end)].total_cmp(&least[pair(*b, end)]));
            let (mut i, mut j) = (start.unwrap_or(0), end);
            let mut path = vec![i];
            for step in (1..steps).rev() {
                (i, j) = (from[step][pair(i, j)], i);
                path.push(i);
            }
            path.reverse();
            found.push(path);
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;
    use langevin_core::closed_form::Mixture;
    use langevin_core::process::DiffusionSpec;

    use super::*;
    use crate::batches::{BatchRequest, sample_all};
    use crate::methods::SAMPLERS;

    fn follow(path: &[Level], batch_size: usize) -> (Tensor<4>, StepErrors) {
        let follow = Follow::default();
        let request = BatchRequest { batch_size, ..BatchRequest::new(6, 4, [2, 1, 1]) };
        let model = Mixture::three();
        let end = sample_all(&model, &follow, path, &request, &Device::flex(), |_| {}).unwrap();
        (end, follow.into_errors().unwrap())
    }

    fn fine(count: usize) -> Vec<Level> {
        fine_path(&Diffusion::new(&DiffusionSpec::default()).unwrap(), count).unwrap()
    }

    #[test]
    fn the_error_of_a_step_is_that_of_the_sampler() {
        let path = fine(32);
        let (_, errors) = follow(&path, 6);
        let ddim = SAMPLERS.build("ddim").unwrap();
        let request = BatchRequest::new(6, 4, [2, 1, 1]);
        for at in [3, 12, 25] {
            let (there, _) = follow(&path[..=at], 6);
            let one = [path[0], path[at]];
            let model = Mixture::three();
            let stepped = sample_all(&model, &*ddim, &one, &request, &Device::flex(), |_| {}).unwrap();
            let off = rms(&(stepped - there));
            let mean = off.iter().sum::<f64>() / off.len() as f64;
            let found = errors.cost(None, 0, at) / errors.gains[at];
            assert!((found / mean - 1.0).abs() < 1e-3, "{at}: {found} and {mean}");
        }
    }

    #[test]
    fn no_other_path_has_a_smaller_sum() {
        let path = fine(10);
        let (_, errors) = follow(&path, 6);
        let sum = |order: usize, starts: &[usize]| -> f64 {
            let ends = starts[1..].iter().copied().chain([errors.last()]);
            let cost = |(k, end): (usize, usize)| {
                let before = (order == 2 && k > 0).then(|| starts[k - 1]);
                errors.cost(before, starts[k], end)
            };
            ends.enumerate().map(cost).sum()
        };
        for order in [1, 2] {
            let found = if order == 1 { errors.search_levels(4) } else { errors.search_pairs(4) };
            for steps in 1..=4 {
                let mut least = f64::INFINITY;
                // Every choice of starts after the first: the bits of a number.
                for bits in 0_u32..1 << (errors.last() - 1) {
                    if bits.count_ones() as usize == steps - 1 {
                        let chosen = (1..errors.last()).filter(|at| bits >> (at - 1) & 1 == 1);
                        let starts: Vec<usize> = [0].into_iter().chain(chosen).collect();
                        least = least.min(sum(order, &starts));
                    }
                }
                let best = sum(order, &found[steps - 1]);
                assert_eq!(found[steps - 1].len(), steps);
                assert!((best - least).abs() <= 1e-12 * least, "order {order}, {steps}: {best} and {least}");
            }
        }
    }

    #[test]
    fn batches_do_not_show_and_calls_are_counted() {
        let path = fine(20);
        let (whole, parts) = (follow(&path, 6), follow(&path, 4));
        let values = |end: Tensor<4>| end.try_into_vec_as::<f32>().unwrap();
        assert_eq!(values(whole.0), values(parts.0));
        let levels = |errors: &StepErrors| errors.best_levels(2, &[5, 9]).unwrap();
        assert_eq!(levels(&whole.1), levels(&parts.1));
        let counted = langevin_testkit::Counting::new(Mixture::three());
        let follow = Follow::default();
        let request = BatchRequest::new(2, 4, [2, 1, 1]);
        sample_all(&counted, &follow, &path, &request, &Device::flex(), |_| {}).unwrap();
        assert_eq!(counted.calls(), follow.calls(&path));
    }

    #[test]
    fn too_many_steps_are_refused() {
        let (_, errors) = follow(&fine(8), 6);
        assert!(errors.best_levels(1, &[9]).unwrap_err().to_string().contains("9 steps"));
        assert!(errors.best_levels(2, &[0]).is_err());
        assert!(Follow::default().into_errors().is_err());
    }
}
