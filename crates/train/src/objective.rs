//! What a network learns from a pass: the loss, by which the trainer tells one kind of training from another.

use std::fmt::Debug;

use langevin_core::process::{DENSITIES, Density, Diffusion, WEIGHTINGS, Weighting};
use langevin_core::{Error, Level, Levels, Losses, Network, Preconditioned, Result};

use crate::config::TrainConfig;
use crate::passes::Pass;

/// A loss for networks of the type `N`.
pub trait Objective<N: Network>: Debug + Send + Sync {
    /// The noise level that a picture with the number `uniform` is shown at, after `seen` pictures. Larger numbers mean more
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

    /// The share of the old that an average of the weights keeps at each update, if the loss compares with such an average.
    fn target_decay(&self) -> Option<f64> {
        None
    }
}

/// The ordinary training of a denoiser: a network's output against its parameterisation's target.
#[derive(Debug)]
pub struct Denoising {
    density: Box<dyn Density>,
    weighting: Box<dyn Weighting>,
}

impl Denoising {
    /// With the density and the weighting that `config` names.
    ///
    /// # Errors
    /// Usage: an unknown weighting or density.
    pub fn new(config: &TrainConfig) -> Result<Self> {
        Ok(Self {
            density: DENSITIES.build(&config.density)?,
            weighting: WEIGHTINGS.build(&config.weighting)?,
        })
    }
}

impl<N: Network> Objective<N> for Denoising {
    fn level(&self, diffusion: &Diffusion, uniform: f64, _seen: u64) -> Level {
        diffusion.level(self.density.time(uniform, diffusion))
    }

    fn loss(
        &self,
        pass: Pass,
        model: &Preconditioned<N>,
        _target: Option<&Preconditioned<N>>,
    ) -> Result<Losses> {
        let diffusion = &model.diffusion;
        let level = |u: &f64| diffusion.level(self.density.time(*u, diffusion));
        let levels: Vec<Level> = pass.uniforms.iter().map(level).collect();
        let weight = |(u, level): (&f64, &Level)| {
            let coefficients = diffusion.coefficients(*level)?;
            let rate = self.density.rate(*u, diffusion);
            let sigma_data = diffusion.sigma_data();
            Ok(self.weighting.weight_at_rate(*level, &coefficients, sigma_data, rate) * pass.share)
        };
        let weights: Vec<f64> =
            pass.uniforms.iter().zip(&levels).map(weight).collect::<Result<Vec<f64>>>()?;
        model.loss(pass.x0, pass.noise, &Levels(levels), &pass.cond, &weights)
    }
}

/// The error for a value of training that is not finite.
pub fn diverged(what: &str, value: f64, images: u64) -> Error {
    Error::new(
        langevin_core::ErrorKind::Diverged,
        format!("training diverged: {what} is {value} after {images} pictures; nothing was saved after that"),
    )
    .hint(
        "lower learning_rate, lengthen warmup_images or lower clip_norm, and train into another --out folder",
    )
}
