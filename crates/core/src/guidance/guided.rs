//! What all guidance shares: two answers for the same noisy image, one of them better, and a rule that goes on in the
//! direction from the worse to the better.

use burn::tensor::Tensor;
use langevin_process::{Error, Level, Result};

use crate::cond::Cond;
use crate::denoiser::{Denoiser, Levels};

/// Two answers for the same noisy images; tensors have the shape `[batch, channels, height, width]`.
#[derive(Debug, Clone)]
pub struct Compared<'a> {
    /// The noisy images.
    pub x: Tensor<4>,
    /// The better answer: the model's, conditioned on the class.
    pub conditional: Tensor<4>,
    /// The worse: that of the model without the class or the text, or of the guide.
    pub free: Tensor<4>,
    /// The noise level of each image.
    pub at: &'a Levels,
    /// The strength `w`: 1 is the better answer itself, 0 the worse, more exaggerates.
    pub scale: f64,
}

/// A rule that makes one answer of two.
pub trait Guidance: Send + Sync {
    /// The guided clean images, shape as `conditional`.
    ///
    /// # Errors
    /// Usage, where the rule cannot be applied at a level, or to part of a batch.
    fn guide(&self, compared: Compared<'_>) -> Result<Tensor<4>>;

    /// Whether the rule changes images at this level; where it changes none, the worse answer is not asked for.
    fn applies(&self, _at: Level) -> bool {
        true
    }

    /// Whether the worse answer must be that of a second model.
    fn needs_guide(&self) -> bool {
        false
    }

    /// Forgets what it remembers of earlier calls: a new batch begins.
    fn begin(&self) {}
}

/// A guided denoiser.
pub struct Guided<'a, D> {
    inner: D,
    guide: Option<Box<dyn Denoiser + 'a>>,
    rule: Box<dyn Guidance>,
    scale: f64,
}

impl<'a, D: Denoiser> Guided<'a, D> {
    /// Guides `inner` with the strength `scale` by `rule`, away from the answer of `guide` or, without one, from that of
    /// `inner` without the class.
    ///
    /// # Errors
    /// Usage, when the rule needs a guide and there is none.
    pub fn new(
        inner: D,
        rule: Box<dyn Guidance>,
        scale: f64,
        guide: Option<Box<dyn Denoiser + 'a>>,
    ) -> Result<Self> {
        if rule.needs_guide() && guide.is_none() {
            return Err(Error::usage("this guidance compares with a second, worse model, and none is named")
                .hint("name it with --guide MODEL"));
        }
        Ok(Self { inner, guide, rule, scale })
    }
}

impl<D: Denoiser> Denoiser for Guided<'_, D> {
    fn denoise(&self, x: Tensor<4>, at: &Levels, cond: &Cond) -> Result<Tensor<4>> {
        let compares = self.guide.is_some() || cond.is_conditional();
        if self.scale == 1.0 || !compares || !at.0.iter().any(|level| self.rule.applies(*level)) {
            return self.inner.denoise(x, at, cond);
        }
        let free = match &self.guide {
            Some(guide) => guide.denoise(x.clone(), at, cond)?,
            None => self.inner.denoise(x.clone(), at, &cond.unconditional())?,
        };
        let conditional = self.inner.denoise(x.clone(), at, cond)?;
        self.rule.guide(Compared { x, conditional, free, at, scale: self.scale })
    }

    fn begin(&self) {
        self.rule.begin();
        self.inner.begin();
        if let Some(guide) = &self.guide {
            guide.begin();
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use burn::tensor::{Device, TensorData};

    use super::*;
    use crate::closed_form::{ClosedForm, Component, Gaussian, Mixture};
    use crate::guidance::GUIDANCES;

    /// A denoiser with classes: one Gaussian for each, and one for those who are conditioned on none.
    pub(in crate::guidance) struct Classed {
        pub classes: Vec<Gaussian>,
        pub free: Gaussian,
    }

    impl Classed {
        /// Two classes beside (0.1, -0.2) with the variance 0.09 of all.
        pub(in crate::guidance) fn two() -> Self {
            Self {
                classes: vec![gaussian([0.5, -0.1], 0.09), gaussian([-0.3, 0.4], 0.09)],
                free: gaussian([0.1, -0.2], 0.09),
            }
        }

        /// The distribution to which linear guidance of class `class` leads: all variances are the same, so the means
        /// extrapolate.
        pub(in crate::guidance) fn extrapolated(&self, class: usize, scale: f64) -> Gaussian {
            let pairs = self.free.mean.iter().zip(&self.classes[class].mean);
            let mean: Vec<f64> =
                pairs.map(|(free, conditional)| free + scale * (conditional - free)).collect();
            gaussian([mean[0], mean[1]], self.free.variance[0])
        }
    }

    impl Denoiser for Classed {
        fn denoise(&self, x: Tensor<4>, at: &Levels, cond: &Cond) -> Result<Tensor<4>> {
            let labels = cond.labels.clone().unwrap_or_else(|| vec![None; at.len()]);
            let answer = |(image, label): (usize, &Option<u32>)| {
                let of = label.map_or(&self.free, |label| &self.classes[label as usize]);
                of.denoise(x.clone().narrow(0, image, 1), &Levels(vec![at.0[image]]), &Cond::none())
            };
            Ok(Tensor::cat(labels.iter().enumerate().map(answer).collect::<Result<Vec<_>>>()?, 0))
        }
    }

    pub(in crate::guidance) fn gaussian(mean: [f64; 2], variance: f64) -> Gaussian {
        Gaussian { mean: mean.to_vec(), variance: vec![variance; 2] }
    }

    /// Images of two values.
    pub(in crate::guidance) fn points(values: &[[f64; 2]]) -> Tensor<4> {
        let flat: Vec<f32> = values.iter().flatten().map(|value| *value as f32).collect();
        Tensor::from_data(TensorData::new(flat, [values.len(), 2, 1, 1]), &Device::flex())
    }

    pub(in crate::guidance) fn check_near(made: &Tensor<4>, wanted: &Tensor<4>, within: f32) {
        assert_eq!(made.dims(), wanted.dims());
        let far = (made.clone() - wanted.clone()).abs().max().into_scalar::<f32>();
        assert!(far <= within, "{far}: {made} and {wanted}");
    }

    pub(in crate::guidance) const LEVELS: [Level; 4] = [
        Level { alpha: 1.0, sigma: 0.1 },
        Level { alpha: 1.0, sigma: 20.0 },
        Level { alpha: 0.8, sigma: 0.6 },
        Level { alpha: 0.05, sigma: 0.9 },
    ];

    /// `(x + sigma^2 score) / alpha`, the score from differences of the log-density `log_p`.
    fn tweedie(at: Level, x: [f64; 2], log_p: impl Fn([f64; 2]) -> f64) -> [f64; 2] {
        let h = 1e-5 * at.sigma.max(0.1);
        std::array::from_fn(|i| {
            let moved = |by: f64| {
                let mut x = x;
                x[i] += by;
                log_p(x)
            };
            let score = (moved(h) - moved(-h)) / (2.0 * h);
            (x[i] + at.sigma * at.sigma * score) / at.alpha
        })
    }

    /// Answers with the mixture, or for a class with one of its clusters.
    struct Clusters(Mixture);

    impl Clusters {
        fn of(&self, class: usize) -> Mixture {
            Mixture { components: vec![self.0.components[class].clone()] }
        }
    }

    impl Denoiser for Clusters {
        fn denoise(&self, x: Tensor<4>, at: &Levels, cond: &Cond) -> Result<Tensor<4>> {
            match cond.labels.as_deref() {
                Some([Some(class), ..]) => self.of(*class as usize).denoise(x, at, cond),
                _ => self.0.denoise(x, at, cond),
            }
        }
    }

    #[test]
    fn cfg_follows_the_sharpened_class_of_a_mixture() {
        // The density p(x) p(class | x)^w has the score that cfg makes.
        let model = Clusters(Mixture::three());
        let (x, scale) = ([0.15, 0.3], 2.5);
        for at in [Level { alpha: 1.0, sigma: 0.4 }, Level { alpha: 0.8, sigma: 0.6 }] {
            for class in 0..3 {
                let (whole, one) = (&model.0, model.of(class));
                let log_p =
                    |x: [f64; 2]| (1.0 - scale) * whole.log_density(at, &x) + scale * one.log_density(at, &x);
                let guided = Guided::new(&model, GUIDANCES.build("cfg").unwrap(), scale, None).unwrap();
                let cond = Cond::classes([Some(class as u32)]);
                let made = guided.denoise(points(&[x]), &Levels::all(at, 1), &cond).unwrap();
                check_near(&made, &points(&[tweedie(at, x, log_p)]), 2e-5);
            }
        }
    }

    #[test]
    fn autoguidance_follows_the_ratio_of_model_and_guide() {
        // p_w is p_model^w p_guide^(1 - w), with a guide that has blurred what the model knows.
        let sharp = Mixture::three();
        let blurred = |c: &Component| Component { variance: 2.0 * c.variance, ..c.clone() };
        let guide = Mixture { components: sharp.components.iter().map(blurred).collect() };
        let (x, scale) = ([-0.2, 0.35], 2.0);
        for at in [Level { alpha: 1.0, sigma: 0.2 }, Level { alpha: 0.6, sigma: 0.8 }] {
            let log_p =
                |x: [f64; 2]| scale * sharp.log_density(at, &x) + (1.0 - scale) * guide.log_density(at, &x);
            let rule = GUIDANCES.build("autoguidance").unwrap();
            let guided = Guided::new(&sharp, rule, scale, Some(Box::new(&guide))).unwrap();
            let made = guided.denoise(points(&[x]), &Levels::all(at, 1), &Cond::none()).unwrap();
            check_near(&made, &points(&[tweedie(at, x, log_p)]), 2e-5);
        }
    }

    #[test]
    fn without_a_class_or_a_strength_the_model_answers_itself() {
        let model = Classed::two();
        let x = points(&[[0.3, 0.2], [-0.5, 0.1]]);
        for entry in GUIDANCES.entries {
            let guide = entry.name == "autoguidance";
            let guided = |scale| {
                let guide = guide.then(|| Box::new(&model) as Box<dyn Denoiser>);
                Guided::new(&model, GUIDANCES.build(entry.name).unwrap(), scale, guide).unwrap()
            };
            let classes = Cond::classes([Some(0), Some(1)]);
            for (scale, cond) in [(1.0, classes), (3.0, Cond::none()), (3.0, Cond::classes([None, None]))] {
                let at = Levels::all(LEVELS[0], 2);
                let made = guided(scale).denoise(x.clone(), &at, &cond).unwrap();
                check_near(&made, &model.denoise(x.clone(), &at, &cond).unwrap(), 0.0);
            }
        }
        let lonely = Guided::new(&model, GUIDANCES.build("autoguidance").unwrap(), 2.0, None);
        assert!(lonely.err().unwrap().to_string().contains("--guide"));
    }

    #[test]
    fn every_guidance_is_finite_and_answers_each_image_alike_in_any_batch() {
        let model = Classed::two();
        let x = [[0.3, 0.2], [-0.5, 0.1], [9.0, -7.0], [0.0, 0.0]];
        let guide = gaussian([0.1, -0.2], 0.3);
        for entry in GUIDANCES.entries {
            let ask = |at: Level, images: &[usize]| {
                let rule = GUIDANCES.build(entry.name).unwrap();
                let guided = Guided::new(&model, rule, 4.0, Some(Box::new(&guide))).unwrap();
                let some: Vec<[f64; 2]> = images.iter().map(|at| x[*at]).collect();
                let cond = Cond::classes(images.iter().map(|at| Some(*at as u32 % 2)));
                let at = Levels::all(at, images.len());
                guided.denoise(points(&some), &at, &cond).unwrap().try_into_vec_as::<f32>().unwrap()
            };
            let ends = [Level::CLEAN, Level { alpha: 0.0, sigma: 1.0 }];
            for at in LEVELS.into_iter().chain(ends) {
                let together = ask(at, &[0, 1, 2, 3]);
                assert!(together.iter().all(|value| value.is_finite()), "{} {at:?}", entry.name);
                let alone: Vec<f32> = (0..4).flat_map(|image| ask(at, &[image])).collect();
                assert_eq!(together, alone, "{} {at:?}", entry.name);
            }
        }
    }
}
