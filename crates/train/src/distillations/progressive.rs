//! Progressive distillation (Salimans and Ho 2022, "Progressive Distillation for Fast Sampling of Diffusion Models", arXiv
//! 2202.00512), Algorithm 2: one step of the student arrives where two DDIM steps of the teacher do. Then the student is the
//! teacher of the next, with half as many steps.
//!
//! From level `t` over `t'` to `t''` the teacher, asked twice, arrives at `x''`. The clean image with which one step from
//! `t` arrives there too is the student's target (their appendix G, in any process):
//!
//! `x~ = (x'' - x s''/s) / (a'' - a s''/s)`
//!
//! which is a weighted mean of the teacher's two answers. The loss is the squared error of the clean image, weighted by
//! `max(SNR, 1)` (their section 4, "truncated SNR"), whatever the student's network predicts.

use burn::tensor::Tensor;
use langevin_core::process::{Entry, OptionDoc};
use langevin_core::{Cond, Denoiser, Error, Level, Levels, Losses, Result};

use super::compare::{Distance, column, noisy};
use super::{DistillSchedule, Distillation, Models, Traits};
use crate::passes::Pass;

pub(super) const ENTRY: Entry<dyn Distillation> = Entry {
    name: "progressive",
    aliases: &["pd"],
    summary: "one step of the student is two ddim steps of the teacher; halved again and again",
    source: "Salimans & Ho 2022, Algorithm 2 (arXiv 2202.00512)",
    options: &[
        OptionDoc {
            key: "weighting",
            default: "truncated_snr",
            doc: "of the error of the clean image: truncated_snr (at least 1), or snr_plus_one",
        },
        OptionDoc {
            key: "most",
            default: "100",
            doc: "largest weight; the paper has none, and its schedule ends at less signal than EDM's",
        },
    ],
    build: |options| {
        let weighting = match options.text("weighting") {
            "truncated_snr" => Weighting::TruncatedSnr,
            "snr_plus_one" => Weighting::SnrPlusOne,
            other => {
                return Err(Error::usage(format!("progressive: option weighting={other} is not known"))
                    .hint("use truncated_snr or snr_plus_one"));
            }
        };
        Ok(Box::new(Progressive { weighting, most: options.number("most", 1.0, f64::MAX)? }))
    },
    ..Entry::BLANK
};

#[derive(Debug, Clone, Copy)]
enum Weighting {
    TruncatedSnr,
    SnrPlusOne,
}

#[derive(Debug)]
struct Progressive {
    weighting: Weighting,
    most: f64,
}

/// Where two steps of the teacher begin, meet and end.
#[derive(Debug, Clone, Copy)]
struct Pair {
    from: Level,
    middle: Level,
    to: Level,
}

impl Pair {
    /// The share of the teacher's first answer in the student's target; the rest is that of the second.
    fn first_share(self) -> f64 {
        let (one, two) = (self.from.step_to(self.middle), self.middle.step_to(self.to));
        two.x * one.x0 / self.from.step_to(self.to).x0
    }
}

impl Progressive {
    fn weight(&self, at: Level) -> f64 {
        let weight = match self.weighting {
            Weighting::TruncatedSnr => at.snr().max(1.0),
            Weighting::SnrPlusOne => at.snr() + 1.0,
        };
        weight.min(self.most)
    }
}

fn pair(course: &DistillSchedule, uniform: f64) -> Pair {
    let steps = (course.path.len() - 1) / 2;
    let from_clean = ((uniform * steps as f64) as usize).min(steps - 1);
    let at = 2 * (steps - 1 - from_clean);
    Pair { from: course.path[at], middle: course.path[at + 1], to: course.path[at + 2] }
}

/// The clean images with which one step arrives where two steps of `teacher` do, for noisy images `x`.
fn target(teacher: &dyn Denoiser, x: &Tensor<4>, pairs: &[Pair], cond: &Cond) -> Result<Tensor<4>> {
    let device = x.device();
    let of = |pick: &dyn Fn(&Pair) -> f64| column(pairs.iter().map(pick), &device);
    let first = teacher.denoise(x.clone(), &Levels(pairs.iter().map(|p| p.from).collect()), cond)?;
    let step = |p: &Pair| p.from.step_to(p.middle);
    let middle = x.clone() * of(&|p| step(p).x) + first.clone() * of(&|p| step(p).x0);
    let second = teacher.denoise(middle, &Levels(pairs.iter().map(|p| p.middle).collect()), cond)?;
    Ok(first * of(&|p| p.first_share()) + second * of(&|p| 1.0 - p.first_share()))
}

impl Distillation for Progressive {
    fn traits(&self) -> Traits {
        Traits { needs_teacher: true, halves: true, is_consistent: false, sampler: "ddim" }
    }

    fn level(&self, course: &DistillSchedule, uniform: f64, _seen: u64) -> Level {
        pair(course, uniform).from
    }

    fn loss(&self, course: &DistillSchedule, models: &Models<'_>, pass: Pass) -> Result<Losses> {
        let teacher =
            models.teacher.ok_or_else(|| Error::usage("progressive distillation needs a teacher"))?;
        let pairs: Vec<Pair> = pass.uniforms.iter().map(|u| pair(course, *u)).collect();
        let levels: Vec<Level> = pairs.iter().map(|pair| pair.from).collect();
        let x = noisy(&pass, &levels);
        let target = target(teacher, &x, &pairs, &pass.cond.undropped())?;
        let weights: Vec<f64> = levels.iter().map(|level| self.weight(*level)).collect();
        let answer = models.student.denoise(x, &Levels(levels), &pass.cond)?;
        Ok(Distance::Squared.losses(answer, target, &weights, pass.share))
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};
    use langevin_core::closed_form::Gaussian;
    use langevin_core::process::{Diffusion, DiffusionSpec, SPACINGS};

    use super::super::DISTILLATIONS;
    use super::*;

    const MEAN: f64 = 0.2;

    fn course(schedule: &str, process: &str, steps: usize) -> DistillSchedule {
        let spec = DiffusionSpec { schedule: schedule.into(), process: process.into(), ..Default::default() };
        let diffusion = Diffusion::new(&spec).unwrap();
        let path = SPACINGS.build("trailing").unwrap().path(&diffusion, steps).unwrap();
        DistillSchedule { diffusion, path, images: 1 }
    }

    fn tensor(values: &[f64]) -> Tensor<4> {
        let values: Vec<f32> = values.iter().map(|value| *value as f32).collect();
        let count = values.len();
        Tensor::from_data(TensorData::new(values, [count, 1, 1, 1]), &Device::flex())
    }

    fn values(tensor: Tensor<4>) -> Vec<f64> {
        tensor.into_data().convert::<f64>().try_to_vec().unwrap()
    }

    /// The clean image that a Gaussian of variance `v` answers.
    fn answer(v: f64, x: f64, at: Level) -> f64 {
        MEAN + at.alpha * v / (at.alpha * at.alpha * v + at.sigma * at.sigma) * (x - at.alpha * MEAN)
    }

    /// A step of DDIM by its own formula (Song et al. 2021, eq. 12): signal and noise apart.
    fn ddim(x: f64, x0: f64, from: Level, to: Level) -> f64 {
        to.alpha * x0 + to.sigma * (x - from.alpha * x0) / from.sigma
    }

    #[test]
    fn one_step_with_the_target_arrives_where_two_steps_of_the_teacher_do() {
        let v = 0.3;
        for (schedule, process) in [("edm", "edm"), ("cosine", "vp"), ("flow", "flow"), ("linear", "vp")] {
            let course = course(schedule, process, 8);
            for uniform in [0.1, 0.3, 0.6, 0.9] {
                let pair = pair(&course, uniform);
                let x = [1.3, -0.4, 0.0].map(|n| pair.from.alpha * 0.5 + pair.from.sigma * n);
                let teacher = Gaussian::same(MEAN, v);
                let pairs = vec![pair; 3];
                let found = values(target(&teacher, &tensor(&x), &pairs, &Cond::none()).unwrap());
                for (x, target) in x.iter().zip(found) {
                    let middle = ddim(*x, answer(v, *x, pair.from), pair.from, pair.middle);
                    let end = ddim(middle, answer(v, middle, pair.middle), pair.middle, pair.to);
                    let once = ddim(*x, target, pair.from, pair.to);
                    assert!(
                        (once - end).abs() < 2e-6 * (1.0 + x.abs()),
                        "{schedule} {uniform}: {once} {end}"
                    );
                }
            }
        }
    }

    #[test]
    fn every_step_of_the_student_is_seen_alike_and_none_twice_as_often() {
        let course = course("edm", "edm", 8);
        let levels: Vec<f64> = (0..8).map(|k| pair(&course, (f64::from(k) + 0.5) / 8.0).from.sigma).collect();
        let want: Vec<f64> = [6, 6, 4, 4, 2, 2, 0, 0].map(|at: usize| course.path[at].sigma).into();
        assert_eq!(levels, want);
    }

    #[test]
    fn the_loss_is_the_weighted_error_of_the_clean_image() {
        let course = course("cosine", "vp", 16);
        let (teacher, student) = (Gaussian::same(MEAN, 0.3), Gaussian::same(MEAN, 0.5));
        let (x0, noise, uniforms) = ([0.4, -0.7], [0.9, -1.1], vec![0.2, 0.8]);
        let cases: [(&str, fn(f64) -> f64); 3] = [
            ("progressive", |snr| snr.max(1.0)),
            ("progressive:weighting=snr_plus_one", |snr| snr + 1.0),
            ("progressive:most=2", |snr| snr.clamp(1.0, 2.0)),
        ];
        for (method, weigh) in cases {
            let pass = Pass {
                x0: tensor(&x0),
                noise: tensor(&noise),
                uniforms: uniforms.clone(),
                cond: Cond::none(),
                counted: None,
                share: 0.5,
                seen: 0,
            };
            let models = Models { student: &student, still: &student, target: None, teacher: Some(&teacher) };
            let losses = DISTILLATIONS.build(method).unwrap().loss(&course, &models, pass).unwrap();
            let mut want = 0.0;
            for (k, uniform) in uniforms.iter().enumerate() {
                let pair = pair(&course, *uniform);
                let (from, middle, to) = (pair.from, pair.middle, pair.to);
                let x = from.alpha * x0[k] + from.sigma * noise[k];
                let half = ddim(x, answer(0.3, x, from), from, middle);
                let end = ddim(half, answer(0.3, half, middle), middle, to);
                // Appendix G of the paper.
                let kept = to.sigma / from.sigma;
                let target = (end - kept * x) / (to.alpha - kept * from.alpha);
                want += 0.5 * 0.5 * weigh(from.snr()) * (answer(0.5, x, from) - target).powi(2);
            }
            let got = f64::from(losses.mean.into_scalar::<f32>());
            assert!((got / want - 1.0).abs() < 1e-4, "{method}: {got} {want}");
        }
    }
}
