//! Consistency distillation (Song et al. 2023, "Consistency Models", arXiv 2303.01469), Algorithm 2: the student answers
//! alike along a trajectory of the teacher. An image at a level `t` and the one to which a Heun step of the teacher leads
//! from there, at the next lower level `t'`, shall have the same answer. What the student is compared with answers with an
//! average of its weights.
//!
//! Boundary: at the lowest level the answer is the image itself, which the parameterisation `consistency` sees to. Levels,
//! their density, the weight `1 / (t - t')` and the distance are those of Song and Dhariwal 2024 (arXiv 2310.14189), table
//! 1, with fewer intervals: a teacher's step has little error, and answers spread over fewer intervals sooner.

use burn::tensor::Tensor;
use langevin_core::process::{Entry, OptionDoc};
use langevin_core::{Cond, Denoiser, Error, Level, Levels, Losses, Result};

use super::compare::{Distance, HUBER, METRIC, column, noisy};
use super::discretisation::{Discretisation, Interval, MEAN, START, STD};
use super::{DistillSchedule, Distillation, Models, Traits};
use crate::passes::Pass;

/// Largest weight of a step's second answer, as in the sampler `heun`: Heun's rule has none and overshoots where the noise
/// falls by more than 8 in one step.
const LIMIT: f64 = 4.0;

pub(super) const ENTRY: Entry<dyn Distillation> = Entry {
    name: "consistency",
    aliases: &["cd"],
    summary: "the student's outputs agree along the teacher's trajectories: one or two steps",
    source: "Song et al. 2023, Algorithm 2 (arXiv 2303.01469); Song & Dhariwal 2024 (arXiv 2310.14189)",
    options: &[
        START,
        OptionDoc {
            key: "most",
            default: "80",
            doc: "intervals at the end; they are doubled at even times in between (18 from the start in the first paper)",
        },
        MEAN,
        STD,
        OptionDoc {
            key: "target",
            default: "0.95",
            doc: "share of the old that the weights of the target keep at each update, below 1; 0 is the student itself",
        },
        METRIC,
        HUBER,
    ],
    build: |options| {
        Ok(Box::new(Consistency {
            levels: Discretisation::read(options)?,
            target: options.number("target", 0.0, 0.999_999)?,
            distance: Distance::read(options)?,
        }))
    },
    ..Entry::BLANK
};

#[derive(Debug)]
struct Consistency {
    levels: Discretisation,
    target: f64,
    distance: Distance,
}

/// The share of the second answer in Heun's step, `1 / (2 r)` with `r` the noise that remains; the first has the rest.
fn second_share(from: Level, to: Level) -> f64 {
    let kept = (from.alpha / from.sigma) * (to.sigma / to.alpha);
    if kept > 0.0 { (0.5 / kept).min(LIMIT) } else { 0.0 }
}

/// One step of Heun's method on the teacher's probability flow over `sigma / alpha` (Karras et al. 2022, Algorithm 1).
fn heun(teacher: &dyn Denoiser, x: &Tensor<4>, over: &[Interval], cond: &Cond) -> Result<Tensor<4>> {
    let device = x.device();
    let of = |pick: &dyn Fn(&Interval) -> f64| column(over.iter().map(pick), &device);
    let (kept, made) = (of(&|i| i.from.step_to(i.to).x), of(&|i| i.from.step_to(i.to).x0));
    let first = teacher.denoise(x.clone(), &Levels(over.iter().map(|i| i.from).collect()), cond)?;
    let euler = x.clone() * kept.clone() + first.clone() * made.clone();
    let second = teacher.denoise(euler, &Levels(over.iter().map(|i| i.to).collect()), cond)?;
    let share = of(&|i| second_share(i.from, i.to));
    let both = first.clone() + (second - first) * share;
    Ok(x.clone() * kept + both * made)
}

impl Distillation for Consistency {
    fn traits(&self) -> Traits {
        Traits { needs_teacher: true, halves: false, is_consistent: true, sampler: "lcm" }
    }

    fn level(&self, course: &DistillSchedule, uniform: f64, seen: u64) -> Level {
        self.levels.interval(course, uniform, seen).map_or(course.diffusion.highest(), |found| found.from)
    }

    fn loss(&self, course: &DistillSchedule, models: &Models<'_>, pass: Pass) -> Result<Losses> {
        let teacher =
            models.teacher.ok_or_else(|| Error::usage("consistency distillation needs a teacher"))?;
        let over = self.levels.of(course, &pass)?;
        let from: Vec<Level> = over.iter().map(|interval| interval.from).collect();
        let to: Vec<Level> = over.iter().map(|interval| interval.to).collect();
        let x = noisy(&pass, &from);
        let moved = heun(teacher, &x, &over, &pass.cond.undropped())?;
        let target = models.target.unwrap_or(models.still).denoise(moved, &Levels(to), &pass.cond)?;
        let weights: Vec<f64> = over.iter().map(|interval| interval.weight).collect();
        let answer = models.student.denoise(x, &Levels(from), &pass.cond)?;
        Ok(self.distance.losses(answer, target, &weights, pass.share))
    }

    fn target_decay(&self) -> Option<f64> {
        (self.target > 0.0).then_some(self.target)
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};
    use langevin_core::closed_form::{Exact, Gaussian};
    use langevin_core::process::{Diffusion, DiffusionSpec};

    use super::super::DISTILLATIONS;
    use super::*;

    const END: f64 = 0.002;

    fn course() -> DistillSchedule {
        let spec = DiffusionSpec { schedule: "edm".into(), process: "edm".into(), ..Default::default() };
        DistillSchedule { diffusion: Diffusion::new(&spec).unwrap(), path: Vec::new(), images: 100 }
    }

    fn tensor(values: &[f64]) -> Tensor<4> {
        let values: Vec<f32> = values.iter().map(|value| *value as f32).collect();
        let count = values.len();
        Tensor::from_data(TensorData::new(values, [count, 1, 1, 1]), &Device::flex())
    }

    fn values(tensor: Tensor<4>) -> Vec<f64> {
        tensor.into_data().convert::<f64>().try_to_vec().unwrap()
    }

    fn level(ratio: f64) -> Level {
        Level { alpha: 1.0, sigma: ratio }
    }

    /// The consistency function of a Gaussian in closed form: where its probability flow ends; times a factor.
    struct Known(Gaussian, f64);

    impl Denoiser for Known {
        fn denoise(&self, x: Tensor<4>, at: &Levels, _cond: &Cond) -> Result<Tensor<4>> {
            let ends = values(x).into_iter().zip(&at.0);
            let ends: Vec<f64> = ends.map(|(x, at)| self.1 * self.0.flow(*at, level(END), &[x])[0]).collect();
            Ok(tensor(&ends))
        }
    }

    fn pass(uniforms: &[f64], seen: u64) -> Pass {
        let of = |scale: f64| -> Vec<f64> {
            (0..uniforms.len()).map(|k| scale * (1.7 * k as f64 + 0.4).sin()).collect()
        };
        Pass {
            x0: tensor(&of(0.6)),
            noise: tensor(&of(1.4)),
            uniforms: uniforms.to_vec(),
            cond: Cond::none(),
            counted: None,
            share: 1.0,
            seen,
        }
    }

    #[test]
    fn a_heun_step_follows_the_teachers_flow_to_third_order() {
        let gaussian = Gaussian::same(0.1, 0.25);
        let error = |width: f64| {
            let (from, to) = (level(0.8 * (1.0 + width)), level(0.8));
            let over = [Interval { from, to, weight: 1.0 }];
            let moved = values(heun(&gaussian, &tensor(&[1.2]), &over, &Cond::none()).unwrap())[0];
            (moved - gaussian.flow(from, to, &[f64::from(1.2_f32)])[0]).abs()
        };
        let ratio = error(0.2) / error(0.1);
        assert!((6.0..9.0).contains(&ratio), "{ratio}");
        assert!(error(0.1) < 1e-4);
    }

    #[test]
    fn the_closed_form_consistency_function_has_hardly_a_loss() {
        let gaussian = Gaussian::same(0.1, 0.25);
        let method = DISTILLATIONS.build("consistency:metric=squared,start=40,most=40").unwrap();
        let uniforms: Vec<f64> = (0..16).map(|k| (f64::from(k) + 0.5) / 16.0).collect();
        let loss = |student: &Known| {
            let models = Models { student, still: student, target: Some(student), teacher: Some(&gaussian) };
            let losses = method.loss(&course(), &models, pass(&uniforms, 0)).unwrap();
            values(losses.per_image.reshape([16, 1, 1, 1])).into_iter().fold(0.0, f64::max)
        };
        let exact = loss(&Known(gaussian.clone(), 1.0));
        // Half the variance is another distribution, whose trajectories end elsewhere.
        let other = loss(&Known(Gaussian::same(0.1, 0.12), 1.0));
        assert!(exact < 4e-6 && other > 100.0 * exact, "{exact} {other}");
    }

    #[test]
    fn the_loss_compares_with_the_target_by_the_published_distance_and_weight() {
        let gaussian = Gaussian::same(0.1, 0.25);
        let (student, target) = (Known(gaussian.clone(), 1.5), Known(gaussian.clone(), 1.0));
        let method = DISTILLATIONS.build("consistency").unwrap();
        let uniforms = [0.3, 0.7];
        let models =
            Models { student: &student, still: &student, target: Some(&target), teacher: Some(&gaussian) };
        let shown = pass(&uniforms, 0);
        let (x0, noise) = (values(shown.x0.clone()), values(shown.noise.clone()));
        let got = method.loss(&course(), &models, shown).unwrap().mean.into_scalar::<f32>();
        let mut want = 0.0;
        for (k, uniform) in uniforms.into_iter().enumerate() {
            let levels = Discretisation { start: 10, most: 1280, mean: -1.1, std: 2.0 };
            let Interval { from, to, .. } = levels.interval(&course(), uniform, 0).unwrap();
            let (t, s) = (from.sigma, to.sigma);
            // Heun's rule as it is written (Karras et al. 2022, Algorithm 1).
            let x = x0[k] + t * noise[k];
            let slope = |x: f64, t: f64| (x - gaussian.posterior_mean(level(t), &[x])[0]) / t;
            let euler = x + (s - t) * slope(x, t);
            let moved = x + (s - t) * 0.5 * (slope(x, t) + slope(euler, s));
            let end = |x: f64, t: f64| gaussian.flow(level(t), level(END), &[x])[0];
            let (error, c) = (1.5 * end(x, t) - end(moved, s), 0.00054);
            want += ((error * error + c * c).sqrt() - c) / (t - s) / 2.0;
        }
        assert!((f64::from(got) / want - 1.0).abs() < 1e-3, "{got} {want}");
    }
}
