//! A restorer as a denoiser of what it has to find, for any sampler.

use burn::tensor::{Device, Tensor};
use langevin_core::{Cond, Denoiser, Levels, NoiseStreams, Purpose, Result};
use langevin_model::TaskKind;
use langevin_process::Level;

/// A denoiser that is conditioned on degraded images.
///
/// What is denoised are images, of which what is known stays known at every step, or where images are enlarged what is
/// missing in the enlarged ones: [`Conditioned::images`] makes images of it.
pub struct Conditioned<D> {
    inner: D,
    kind: TaskKind,
    /// `[batch, condition channels, height, width]`; a batch of 1 conditions every image.
    condition: Tensor<4>,
    channels: usize,
    clip: bool,
}

impl<D> Conditioned<D> {
    /// Conditions `inner`, a network for images of `channels` channels and tasks of `kind`, on `condition`: one degraded image
    /// for all, or one for each. With `clip` images are kept within their range.
    pub fn new(inner: D, kind: TaskKind, condition: Tensor<4>, channels: usize, clip: bool) -> Self {
        Self { inner, kind, condition, channels, clip }
    }

    /// The images of what was found.
    pub fn images(&self, found: Tensor<4>) -> Tensor<4> {
        match self.kind {
            TaskKind::Upscale => found + self.shown(),
            TaskKind::Inpaint => found,
        }
    }

    /// The enlarged image, or the one with a hole.
    fn shown(&self) -> Tensor<4> {
        self.condition.clone().narrow(1, 0, self.channels)
    }

    fn kept_in_range(&self, images: Tensor<4>) -> Tensor<4> {
        if self.clip { images.clamp(-1.0, 1.0) } else { images }
    }
}

impl<D: Denoiser> Denoiser for Conditioned<D> {
    fn denoise(&self, x: Tensor<4>, at: &Levels, cond: &Cond) -> Result<Tensor<4>> {
        let (count, condition) = (x.dims()[0], self.condition.clone());
        let condition = if condition.dims()[0] == count { condition } else { condition.repeat_dim(0, count) };
        let found = self.inner.denoise(x, at, &Cond { image: Some(condition), ..cond.clone() })?;
        Ok(match self.kind {
            TaskKind::Upscale if !self.clip => found,
            TaskKind::Upscale => self.kept_in_range(found + self.shown()) - self.shown(),
            TaskKind::Inpaint => {
                let hole = self.condition.clone().narrow(1, self.channels, 1);
                self.kept_in_range(found) * hole + self.shown()
            }
        })
    }

    fn begin(&self) {
        self.inner.begin();
    }
}

/// The mean of the images that fit, in one call: the answer at the highest level, where the noisy image shows nothing.
///
/// # Shapes
/// The result is `[streams, channels, height, width]` for `shape` = `[channels, height, width]`.
///
/// # Errors
/// As the denoiser.
pub fn one_step<D: Denoiser>(
    restorer: &Conditioned<D>,
    highest: Level,
    streams: &NoiseStreams,
    shape: [usize; 3],
    cond: &Cond,
    device: &Device,
) -> Result<Tensor<4>> {
    let x = streams.normal(Purpose::Start, 0, shape, device).mul_scalar(highest.sigma);
    let found = restorer.denoise(x, &Levels::all(highest, streams.images().len()), cond)?;
    Ok(restorer.images(found))
}

#[cfg(test)]
mod tests {
    use burn::tensor::TensorData;
    use langevin_core::{Preconditioned, Windowed, Windows};
    use langevin_nn::NetworkConfig;
    use langevin_process::{Diffusion, DiffusionSpec};

    use super::*;
    use crate::restoration::trained::filled_in;

    /// Answers with three quarters of the last channel that it is conditioned on.
    struct LastChannel;

    impl Denoiser for LastChannel {
        fn denoise(&self, _x: Tensor<4>, _at: &Levels, cond: &Cond) -> Result<Tensor<4>> {
            let condition = cond.image.clone().expect("it is conditioned on an image");
            let last = condition.dims()[1] - 1;
            Ok(condition.narrow(1, last, 1).mul_scalar(0.75))
        }
    }

    fn tensor(values: &[f32], shape: [usize; 4]) -> Tensor<4> {
        Tensor::from_data(TensorData::new(values.to_vec(), shape), &Device::flex())
    }

    fn mean(kind: TaskKind, condition: Tensor<4>, clip: bool) -> Vec<f32> {
        let restorer = Conditioned::new(LastChannel, kind, condition, 1, clip);
        let (level, streams) = (Level { alpha: 1.0, sigma: 80.0 }, NoiseStreams::new(0, 0..2));
        let made = one_step(&restorer, level, &streams, [1, 1, 2], &Cond::none(), &Device::flex()).unwrap();
        made.try_into_vec_as::<f32>().unwrap()
    }

    #[test]
    fn what_is_missing_is_added_to_the_enlarged_image_within_the_range() {
        let condition = tensor(&[0.4, 0.8], [1, 1, 1, 2]);
        let near = |made: Vec<f32>, wanted: [f32; 4]| {
            assert!(made.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-6), "{made:?}");
        };
        near(mean(TaskKind::Upscale, condition.clone(), true), [0.7, 1.0, 0.7, 1.0]);
        near(mean(TaskKind::Upscale, condition, false), [0.7, 1.4, 0.7, 1.4]);
    }

    #[test]
    fn what_is_known_stays_and_the_hole_is_the_answer() {
        // Each image has a condition of its own: the first hides its second pixel, the second its first.
        let condition = tensor(&[0.4, 0.0, 0.0, 1.0, 0.0, -0.2, 1.0, 0.0], [2, 2, 1, 2]);
        assert_eq!(mean(TaskKind::Inpaint, condition, true), [0.4, 0.75, 0.75, -0.2]);
    }

    #[test]
    fn windows_of_a_network_without_norms_join_to_the_whole_image() {
        let device = Device::flex();
        let config = NetworkConfig {
            in_channels: 1,
            condition_channels: 2,
            out_channels: 1,
            channels: vec![8],
            layers_per_block: 1,
            mid_block: false,
            norm_groups: 0,
            zero_init: false,
            ..NetworkConfig::default()
        };
        let spec = DiffusionSpec {
            parameterisation: "edm".into(),
            process: "edm".into(),
            schedule: "edm".into(),
            ..DiffusionSpec::default()
        };
        let model = Preconditioned::new(config.init(1, &device).unwrap(), Diffusion::new(&spec).unwrap());
        let hidden: Vec<bool> = (0..100 * 90).map(|at| at % 90 > 30 && at / 90 < 70).collect();
        let shown: Vec<f32> = (0..100 * 90).map(|at| (at as f32 * 0.37).sin()).collect();
        let condition = tensor(&filled_in(&shown, &hidden), [1, 2, 100, 90]);
        let windows = Windows { side: 64, overlap: 48, multiple: 1, at_once: 3 };
        let windowed = Windowed::new(&model, windows).unwrap();
        let x = NoiseStreams::new(1, 0..2).normal(Purpose::Start, 0, [1, 100, 90], &device);
        let at = Levels::all(Level { alpha: 1.0, sigma: 1.0 }, 2);
        let whole = Conditioned::new(&model, TaskKind::Inpaint, condition.clone(), 1, false);
        let joined = Conditioned::new(&windowed, TaskKind::Inpaint, condition, 1, false);
        let whole = whole.denoise(x.clone(), &at, &Cond::none()).unwrap();
        let worst = (whole.clone() - joined.denoise(x, &at, &Cond::none()).unwrap()).abs().max();
        let (worst, size) = (worst.into_scalar::<f32>(), whole.abs().mean().into_scalar::<f32>());
        assert!(worst < 1e-5 && size > 0.01, "{worst} of {size}");
    }
}
