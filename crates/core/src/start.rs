//! Where sampling starts: pure noise at the first level of the path.

use std::ops::Range;

use burn::tensor::{Device, Tensor};
use langevin_process::Level;

use crate::noise::{NoiseStreams, Purpose};

/// How large the noise is that sampling starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Magnitude {
    /// The standard deviation `sigma` of the level's noise: the mean of the data is left out, as in most published samplers.
    #[default]
    Sigma,
    /// The root mean square `sqrt(alpha^2 + sigma^2)` of noisy images of unit variance, as diffusers starts; it differs where the
    /// path begins at a level with signal.
    Unit,
}

impl Magnitude {
    /// What noise of variance 1 is multiplied with at `level`.
    pub fn at(self, level: Level) -> f64 {
        match self {
            Self::Sigma => level.sigma,
            Self::Unit => level.magnitude(),
        }
    }
}

/// The beginning of a sampling run: its noise and how large it is.
#[derive(Debug, Clone, Default)]
pub struct Start {
    /// Noise of variance 1 in place of that of the streams, `[batch, channels, height, width]`.
    pub noise: Option<Tensor<4>>,
    /// How large the noise is.
    pub magnitude: Magnitude,
}

impl Start {
    /// The beginning of the images `range` of a batch.
    #[must_use]
    pub fn part(&self, range: Range<usize>) -> Self {
        let noise = self.noise.as_ref().map(|noise| noise.clone().slice_dim(0, range));
        Self { noise, magnitude: self.magnitude }
    }

    /// What a path beginning at `highest` starts from.
    ///
    /// # Shapes
    /// `shape` is `[channels, height, width]`; the result is `[batch, channels, height, width]` with one image for each stream.
    pub fn at(
        &self,
        highest: Level,
        streams: &NoiseStreams,
        shape: [usize; 3],
        device: &Device,
    ) -> Tensor<4> {
        let noise = self.noise_at(highest, streams, shape, device);
        match self.magnitude {
            Magnitude::Sigma => noise,
            // In two steps: images of earlier versions are made again to the bit.
            Magnitude::Unit => noise.mul_scalar(highest.magnitude() / highest.sigma),
        }
    }

    /// The noise of `level` itself, of standard deviation `level.sigma` whatever the magnitude: what is added to images to bring
    /// them there. Shapes as in [`Start::at`].
    pub fn noise_at(
        &self,
        level: Level,
        streams: &NoiseStreams,
        shape: [usize; 3],
        device: &Device,
    ) -> Tensor<4> {
        let unit = match &self.noise {
            Some(noise) => noise.clone(),
            None => streams.normal(Purpose::Start, 0, shape, device),
        };
        unit.mul_scalar(level.sigma)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_magnitudes_scale_the_same_noise() {
        let level = Level { alpha: 0.6, sigma: 0.8 };
        let streams = NoiseStreams::new(3, [5, 6]);
        let device = Device::flex();
        let rms = |start: &Start| {
            let values: Vec<f32> =
                start.at(level, &streams, [1, 64, 64], &device).into_data().try_to_vec().unwrap();
            (values.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>() / values.len() as f64).sqrt()
        };
        let (sigma, unit) =
            (rms(&Start::default()), rms(&Start { magnitude: Magnitude::Unit, ..Start::default() }));
        assert!((sigma - 0.8).abs() < 0.02, "{sigma}");
        assert!((unit / sigma - 1.25).abs() < 1e-6, "{unit}");
        assert_eq!((Magnitude::Sigma.at(level), Magnitude::Unit.at(level)), (0.8, 1.0));
    }

    #[test]
    fn given_noise_takes_the_place_of_the_streams() {
        let level = Level { alpha: 0.0, sigma: 2.0 };
        let device = Device::flex();
        let start = Start { noise: Some(Tensor::ones([1, 1, 1, 2], &device)), ..Start::default() };
        let made = start.at(level, &NoiseStreams::new(0, [0]), [1, 1, 2], &device);
        assert_eq!(made.into_data().try_to_vec::<f32>().unwrap(), [2.0, 2.0]);
    }
}
