//! What a network learns from a pass: the loss, by which the trainer tells one kind of training from another.

use std::fmt::Debug;

use langevin_core::process::{Diffusion, LEVEL_DISTRIBUTIONS, LevelDistribution, WEIGHTINGS, Weighting};
use langevin_core::{Error, Level, Levels, Losses, Network, Preconditioned, Result};

use crate::config::TrainConfig;
use crate::passes::Pass;

/// A loss for networks of the type `N`.
pub trait Objective<N: Network>: Debug + Send + Sync {
    /// The noise level that an image with the number `uniform` is shown at, after `seen` images. Larger numbers mean more
    /// noise.
    fn level(&self, diffusion: &Diffusion, uniform: f64, seen: u64) -> Level;

    /// The loss of a pass, times its [`Pass::share`]. `target` has averaged weights, where [`Objective::target_decay`] asks
    /// for them.
    ///
    /// # Errors
    /// Usage, where the parameterisation is undefined at a level.
    fn loss(
        &self,
        pass: Pass,
        model: &Preconditioned<N>,
        target: Option<&Preconditioned<N>>,
    ) -> Result<Losses>;

    /// Whether losses have terms, so that those of the held-out images may be taken in small parts.
    fn has_terms(&self) -> bool {
        true
    }

    /// At how many levels the loss of the held-out images is measured: 8, or 1 where there is no noise.
    fn validation_levels(&self) -> usize {
        8
    }

    /// The share of the old that an average of the weights keeps at each update, if the loss compares with such an average.
    fn target_decay(&self) -> Option<f64> {
        None
    }
}

/// The ordinary training of a denoiser: a network's output against its parameterisation's target.
#[derive(Debug)]
pub struct Denoising {
    levels: Box<dyn LevelDistribution>,
    weighting: Box<dyn Weighting>,
    /// The share of the images, those with the largest numbers, that are shown at the highest level.
    highest: f64,
}

impl Denoising {
    /// With the noise-level distribution and the weighting that `config` names.
    ///
    /// # Errors
    /// Usage: an unknown weighting or noise-level distribution.
    pub fn new(config: &TrainConfig) -> Result<Self> {
        Ok(Self {
            levels: LEVEL_DISTRIBUTIONS.build(&config.density)?,
            weighting: WEIGHTINGS.build(&config.weighting)?,
            highest: config.highest_share,
        })
    }

    /// The level of an image with the number `u`, and how many log-SNRs the distribution crosses there for each unit of
    /// probability.
    fn place(&self, u: f64, diffusion: &Diffusion) -> (Level, f64) {
        let rest = 1.0 - self.highest;
        if u >= rest {
            return (diffusion.highest(), 0.0);
        }
        let within = u / rest;
        (diffusion.level(self.levels.time(within, diffusion)), self.levels.rate(within, diffusion) / rest)
    }
}

impl<N: Network> Objective<N> for Denoising {
    fn level(&self, diffusion: &Diffusion, uniform: f64, _seen: u64) -> Level {
        self.place(uniform, diffusion).0
    }

    fn loss(
        &self,
        pass: Pass,
        model: &Preconditioned<N>,
        _target: Option<&Preconditioned<N>>,
    ) -> Result<Losses> {
        let diffusion = &model.diffusion;
        let places: Vec<(Level, f64)> = pass.uniforms.iter().map(|u| self.place(*u, diffusion)).collect();
        let weight = |(level, rate): &(Level, f64)| {
            let coefficients = diffusion.coefficients(*level)?;
            let sigma_data = diffusion.sigma_data();
            Ok(self.weighting.weight_at_rate(*level, &coefficients, sigma_data, *rate) * pass.share)
        };
        let weights: Vec<f64> = places.iter().map(weight).collect::<Result<Vec<f64>>>()?;
        let levels = Levels(places.into_iter().map(|(level, _)| level).collect());
        model.loss_where(pass.x0, pass.noise, &levels, &pass.cond, &weights, pass.counted)
    }
}

/// The error for a value of training that is not finite.
pub fn diverged(what: &str, value: f64, images: u64) -> Error {
    Error::new(
        langevin_core::ErrorKind::Diverged,
        format!("training diverged: {what} is {value} after {images} images; nothing was saved after that"),
    )
    .hint(
        "lower learning_rate, lengthen warmup_images or lower clip_norm, and train into another --out folder",
    )
}

#[cfg(test)]
mod tests {
    use burn::module::{Module, Param};
    use burn::tensor::{Device, Tensor, TensorData};
    use langevin_core::Cond;
    use langevin_core::process::DiffusionSpec;

    use super::*;

    /// Answers half of what it sees, and the first channel of what it is conditioned on.
    #[derive(Module, Debug)]
    struct Half {
        share: Param<Tensor<4>>,
    }

    impl Network for Half {
        fn forward(&self, x: Tensor<4>, _noise_input: Tensor<1>, cond: &Cond) -> Tensor<4> {
            let condition = cond.image.clone().expect("it is conditioned on an image").narrow(1, 0, 1);
            x * self.share.val() + condition
        }

        fn classes(&self) -> usize {
            0
        }

        fn condition_channels(&self) -> usize {
            2
        }
    }

    fn tensor(values: &[f32], shape: [usize; 4]) -> Tensor<4> {
        Tensor::from_data(TensorData::new(values.to_vec(), shape), &Device::flex())
    }

    #[test]
    fn the_highest_level_has_its_share() {
        let diffusion = Diffusion::new(&DiffusionSpec::default()).unwrap();
        let config = TrainConfig { highest_share: 0.25, ..TrainConfig::default() };
        let objective = Denoising::new(&config).unwrap();
        for (u, time) in [(0.1, 0.1 / 0.75), (0.6, 0.8), (0.76, 1.0), (0.99, 1.0)] {
            let (level, _) = objective.place(u, &diffusion);
            assert!((level.sigma - diffusion.level(time).sigma).abs() < 1e-12, "{u}");
        }
        let all = Denoising::new(&TrainConfig { highest_share: 1.0, ..config }).unwrap();
        assert_eq!(all.place(0.01, &diffusion).0, diffusion.highest());
    }

    #[test]
    fn only_what_counts_is_in_the_loss() {
        // At the highest level of this diffusion the image is all noise, and v is minus the clean image.
        let spec = DiffusionSpec {
            schedule: "cosine:steps=0".into(),
            process: "vp".into(),
            parameterisation: "v".into(),
            ..DiffusionSpec::default()
        };
        let half = Half { share: Param::from_tensor(tensor(&[0.5], [1, 1, 1, 1])) };
        let model = Preconditioned::new(half, Diffusion::new(&spec).unwrap());
        let pass = |counted| Pass {
            x0: tensor(&[0.1, 0.2, 0.3, 0.4], [1, 1, 2, 2]),
            noise: tensor(&[1.0, -1.0, 2.0, 0.5], [1, 1, 2, 2]),
            uniforms: vec![0.5],
            cond: Cond {
                image: Some(tensor(&[0.5, 0.25, 0.0, -0.5, 9.0, 9.0, 9.0, 9.0], [1, 2, 2, 2])),
                ..Cond::none()
            },
            counted,
            share: 1.0,
            seen: 0,
        };
        let objective =
            Denoising::new(&TrainConfig { highest_share: 1.0, ..TrainConfig::default() }).unwrap();
        let at = model.diffusion.highest();
        let error = |x0: f64, noise: f64, condition: f64| {
            let answer = 0.5 * (at.alpha * x0 + at.sigma * noise) + condition;
            (answer - (at.alpha * noise - at.sigma * x0)).powi(2)
        };
        let each =
            [error(0.1, 1.0, 0.5), error(0.2, -1.0, 0.25), error(0.3, 2.0, 0.0), error(0.4, 0.5, -0.5)];
        let loss = |counted| -> f64 {
            let losses = objective.loss(pass(counted), &model, None).unwrap();
            f64::from(losses.per_image.into_scalar::<f32>())
        };
        assert!((loss(None) - each.iter().sum::<f64>() / 4.0).abs() < 1e-5);
        let counted = tensor(&[0.0, 1.0, 1.0, 0.0], [1, 1, 2, 2]);
        assert!((loss(Some(counted)) - (each[1] + each[2]) / 2.0).abs() < 1e-5);
    }
}
