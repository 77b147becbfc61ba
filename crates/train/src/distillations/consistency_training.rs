//! Consistency training without a teacher (Song and Dhariwal 2024, "Improved Techniques for Training Consistency Models",
//! arXiv 2310.14189; Song et al. 2023, arXiv 2303.01469, Algorithm 3): an image and the same image with less of the same
//! noise shall have the same answer. What the student is compared with is the student itself, without gradients.
//!
//! Table 1 of the paper: levels doubled from 10 to 1280 intervals, their logarithm normal with mean -1.1 and deviation 2,
//! weight `1 / (t - t')`, pseudo-Huber distance with `c = 0.00054 sqrt(values)`, no average of weights in the target.

use langevin_core::process::Entry;
use langevin_core::{Level, Levels, Losses, Result};

use super::compare::{Distance, HUBER, METRIC, noisy};
use super::discretisation::{Discretisation, MEAN, MOST, START, STD};
use super::{DistillSchedule, Distillation, Models, Traits};
use crate::passes::Pass;

pub(super) const ENTRY: Entry<dyn Distillation> = Entry {
    name: "consistency_training",
    aliases: &["consistency-training", "ct", "ict"],
    summary: "a consistency model without a teacher, from images and noise alone",
    source: "Song & Dhariwal 2024, table 1 (arXiv 2310.14189)",
    options: &[START, MOST, MEAN, STD, METRIC, HUBER],
    build: |options| {
        Ok(Box::new(ConsistencyTraining {
            levels: Discretisation::read(options)?,
            distance: Distance::read(options)?,
        }))
    },
    ..Entry::BLANK
};

#[derive(Debug)]
struct ConsistencyTraining {
    levels: Discretisation,
    distance: Distance,
}

impl Distillation for ConsistencyTraining {
    fn traits(&self) -> Traits {
        Traits { needs_teacher: false, halves: false, is_consistent: true, sampler: "lcm" }
    }

    fn level(&self, course: &DistillSchedule, uniform: f64, seen: u64) -> Level {
        self.levels.interval(course, uniform, seen).map_or(course.diffusion.highest(), |found| found.from)
    }

    fn loss(&self, course: &DistillSchedule, models: &Models<'_>, pass: Pass) -> Result<Losses> {
        let over = self.levels.of(course, &pass)?;
        let from: Vec<Level> = over.iter().map(|interval| interval.from).collect();
        let to: Vec<Level> = over.iter().map(|interval| interval.to).collect();
        let less = noisy(&pass, &to);
        // The same masks of dropout for both (Song et al. 2023, appendix C).
        let target = models.still.denoise(less, &Levels(to), &pass.cond)?;
        let weights: Vec<f64> = over.iter().map(|interval| interval.weight).collect();
        let answer = models.student.denoise(noisy(&pass, &from), &Levels(from), &pass.cond)?;
        Ok(self.distance.losses(answer, target, &weights, pass.share))
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Tensor, TensorData};
    use langevin_core::process::{Diffusion, DiffusionSpec, SPACINGS};
    use langevin_core::{Cond, Denoiser};

    use super::super::DISTILLATIONS;
    use super::*;

    /// Answers with this part of the noisy image, and something of the noise level.
    struct Part(f32);

    impl Denoiser for Part {
        fn denoise(&self, x: Tensor<4>, at: &Levels, _cond: &Cond) -> Result<Tensor<4>> {
            let device = x.device();
            Ok(x.mul_scalar(self.0) + at.map(&device, |level| 0.1 * level.sigma))
        }
    }

    fn tensor(values: &[f32]) -> Tensor<4> {
        Tensor::from_data(TensorData::new(values.to_vec(), [2, 1, 1, 2]), &Device::flex())
    }

    #[test]
    fn the_loss_is_that_of_the_paper() {
        let spec = DiffusionSpec { schedule: "cosine".into(), process: "vp".into(), ..Default::default() };
        let diffusion = Diffusion::new(&spec).unwrap();
        let course = DistillSchedule { diffusion: diffusion.clone(), path: Vec::new(), images: 80 };
        let (x0, noise) = ([0.5, -0.2, 0.9, 0.1], [1.0, -0.3, 0.2, -1.4]);
        let (student, still, uniforms) = (Part(0.8), Part(0.6), [0.25, 0.75]);
        for (seen, intervals) in [(0, 10), (25, 40), (80, 1280)] {
            let pass = Pass {
                x0: tensor(&x0),
                noise: tensor(&noise),
                uniforms: uniforms.to_vec(),
                cond: Cond::none(),
                counted: None,
                share: 0.25,
                seen,
            };
            let models = Models { student: &student, still: &still, target: None, teacher: None };
            let method = DISTILLATIONS.build("ict").unwrap();
            let got = method.loss(&course, &models, pass).unwrap().mean.into_scalar::<f32>();
            let path = SPACINGS.build("karras").unwrap().path(&diffusion, intervals + 1).unwrap();
            let mut want = 0.0;
            for (k, uniform) in uniforms.into_iter().enumerate() {
                let from = method.level(&course, uniform, seen);
                let at = path.iter().position(|level| *level == from).unwrap();
                let to = path[at + 1];
                let squares = (0..2).map(|pixel| {
                    let (x0, n) = (f64::from(x0[2 * k + pixel]), f64::from(noise[2 * k + pixel]));
                    let noisy = |level: Level| level.alpha * x0 + level.sigma * n;
                    let here = f64::from(0.8_f32) * noisy(from) + 0.1 * from.sigma;
                    let there = f64::from(0.6_f32) * noisy(to) + 0.1 * to.sigma;
                    (here - there).powi(2)
                });
                let c = 0.00054 * 2.0_f64.sqrt();
                let distance = (squares.sum::<f64>() + c * c).sqrt() - c;
                want += 0.25 * distance / (from.ratio() - to.ratio()) / 2.0;
            }
            assert!((f64::from(got) / want - 1.0).abs() < 1e-4, "{seen}: {got} {want}");
        }
    }
}
