//! The settings of a training run. Everything here is stored with the run and decides its result to the byte, except
//! [`TrainConfig::minutes`] and the intervals, which only decide when to stop, save and show.

use burn::tensor::Device;
use langevin_core::process::{LEVEL_DISTRIBUTIONS, Result, WEIGHTINGS, ema, limits};
use serde::{Deserialize, Serialize};

/// How the learning rate goes on after warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
pub enum Decay {
    /// Stays as it is.
    #[default]
    Constant,
    /// Falls along half a cosine to a hundredth, reached after `decay_images`.
    Cosine,
    /// Stays as it is until the last `decay_images` of `images` (a fifth of them by default), over which it falls to 0 as one
    /// minus the square root of their share (Zhai et al. 2022; Haegele et al. 2024, 2405.18392). Until the fall begins nothing
    /// depends on `images`, so a run may go on to a later end than it was begun with.
    Wsd,
    /// Falls as the inverse square root once `decay_images` have been seen (Karras et al. 2024, eq. 67).
    InverseSqrt,
}

/// The settings of a training run. Progress is counted in images seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainConfig {
    /// Seed of weights, data order, noise levels, noise and dropout.
    pub seed: u64,
    /// Images to see in all.
    pub images: u64,
    /// Stop after this many minutes of training, whatever is left; `0` means no limit.
    pub minutes: f64,
    /// Images for one update of the weights.
    pub batch_size: usize,
    /// Images for one pass through the network. The gradients of several passes, which run side by side on as many
    /// threads as there are (those of a network of 16 million parameters or more in turn), are added up to one batch in a
    /// fixed order, so this number decides the result's last bits and the memory, and the number of threads neither.
    pub micro_batch: usize,
    /// Peak learning rate of AdamW.
    pub learning_rate: f64,
    /// Images over which the learning rate rises from 0.
    pub warmup_images: u64,
    /// How the learning rate goes on after that.
    pub decay: Decay,
    /// The scale of the decay in images; `0` means `images`, or a fifth of them for `wsd`.
    pub decay_images: u64,
    /// AdamW's first moment decay.
    pub beta1: f64,
    /// AdamW's second moment decay.
    pub beta2: f64,
    /// AdamW's epsilon.
    pub epsilon: f64,
    /// AdamW's decoupled weight decay.
    pub weight_decay: f64,
    /// Gradients of a larger global norm are scaled down to it; `0` means never.
    pub clip_norm: f64,
    /// Width of a power-function moving average of the weights relative to the length of training so far (Karras et al.
    /// 2024, `sigma_rel`, 0.05 to 0.25); `0` means an average with a half-life instead.
    pub ema_width: f64,
    /// Half-life of the moving average of the weights, in images.
    pub ema_half_life: u64,
    /// The half-life never exceeds this fraction of the images seen, so early averages forget the start.
    pub ema_ramp: f64,
    /// Images between snapshots of two more averages, of which `langevin ema` makes one of any width afterwards (Karras et
    /// al. 2024); `0` stores none.
    #[serde(skip_serializing_if = "is_zero")]
    pub ema_snapshots: u64,
    /// How often a label is hidden from a class-conditional network, for classifier-free guidance.
    pub label_dropout: f64,
    /// Loss weighting by noise level, as in `langevin list weightings`.
    pub weighting: String,
    /// Which noise levels training sees how often, as in `langevin list level-distributions`.
    pub density: String,
    /// The share of the images that are shown at the highest noise level, where nothing is seen of them: what a network that
    /// restores answers there in one step is the mean of the images that fit. 1 trains that regression alone.
    #[serde(skip_serializing_if = "is_nothing")]
    pub highest_share: f64,
    /// Compute cheap operations again in the backward pass rather than keep their answers (Chen et al. 2016, gradient
    /// checkpointing): less memory, a little slower, the same bytes.
    pub recompute: bool,
    /// Convolve without transforms: slower, and a digit closer to the real numbers; heeded by whoever makes the network.
    pub exact: bool,
    /// Spread each of the 256 values of a byte evenly over its step, so that densities are smooth (Theis et al. 2016,
    /// 1511.01844): for models whose likelihood is wanted.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub dequantise: bool,
    /// Mirror images at random.
    pub flip: bool,
    /// Crop at random where an image is larger than the model's (otherwise at the centre).
    pub random_crop: bool,
    /// Turn images by a random number of right angles.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub turn: bool,
    /// Images kept apart for the validation loss; `0` means none.
    #[serde(alias = "validation_pictures")]
    pub validation_images: usize,
    /// Images between validations.
    pub validate_every: u64,
    /// Images between checkpoints.
    pub checkpoint_every: u64,
    /// Images between sample grids; the first is drawn before training.
    pub sample_every: u64,
    /// Checkpoints to keep.
    pub keep: usize,
}

fn is_zero(value: &u64) -> bool {
    *value == 0
}

fn is_nothing(value: &f64) -> bool {
    *value == 0.0
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            seed: 0,
            images: 1 << 20,
            minutes: 0.0,
            batch_size: 64,
            micro_batch: 8,
            learning_rate: 1e-3,
            warmup_images: 6_400,
            decay: Decay::Constant,
            decay_images: 0,
            beta1: 0.9,
            beta2: 0.99,
            epsilon: 1e-8,
            weight_decay: 0.0,
            clip_norm: 1.0,
            ema_width: 0.0,
            ema_half_life: 10_000,
            ema_ramp: 0.05,
            ema_snapshots: 0,
            label_dropout: 0.1,
            weighting: "simple".to_owned(),
            density: "uniform".to_owned(),
            highest_share: 0.0,
            recompute: false,
            exact: false,
            dequantise: false,
            flip: false,
            random_crop: false,
            turn: false,
            validation_images: 128,
            validate_every: 8_192,
            checkpoint_every: 8_192,
            sample_every: 8_192,
            keep: 2,
        }
    }
}

impl TrainConfig {
    /// Checks every setting.
    ///
    /// # Errors
    /// Usage, naming the setting, its value and what it may be.
    pub fn check(&self) -> Result<()> {
        let named = |key: &str| format!("training setting {key}");
        let counts = [
            ("seed", self.seed, 0, limits::TRAINING_SEED),
            ("batch_size", self.batch_size as u64, 1, limits::BATCH_SIZE),
            ("micro_batch", self.micro_batch as u64, 1, limits::BATCH_SIZE),
            ("images", self.images, 1, limits::IMAGES),
            ("warmup_images", self.warmup_images, 0, limits::IMAGES),
            ("decay_images", self.decay_images, 0, limits::IMAGES),
            ("ema_snapshots", self.ema_snapshots, 0, limits::IMAGES),
            ("ema_half_life", self.ema_half_life, 1, limits::IMAGES),
            ("validation_images", self.validation_images as u64, 0, limits::COUNT),
            ("validate_every", self.validate_every, 1, limits::IMAGES),
            ("checkpoint_every", self.checkpoint_every, 1, limits::IMAGES),
            ("sample_every", self.sample_every, 1, limits::IMAGES),
            ("keep", self.keep as u64, 1, limits::COUNT),
        ];
        for (key, value, low, high) in counts {
            limits::check(&named(key), value, low, high)?;
        }
        let ranges = [
            ("learning_rate", self.learning_rate, f64::MIN_POSITIVE, 10.0),
            ("minutes", self.minutes, 0.0, 1e7),
            ("beta1", self.beta1, 0.0, 0.999_999),
            ("beta2", self.beta2, 0.0, 0.999_999_9),
            ("epsilon", self.epsilon, 1e-30, 1.0),
            ("weight_decay", self.weight_decay, 0.0, 10.0),
            ("clip_norm", self.clip_norm, 0.0, 1e9),
            ("ema_width", self.ema_width, 0.0, 0.28),
            ("ema_ramp", self.ema_ramp, 1e-6, 1e6),
            ("label_dropout", self.label_dropout, 0.0, 1.0),
            ("highest_share", self.highest_share, 0.0, 1.0),
        ];
        for (key, value, low, high) in ranges {
            limits::check(&named(key), value, low, high)?;
        }
        WEIGHTINGS.build(&self.weighting)?;
        LEVEL_DISTRIBUTIONS.build(&self.density)?;
        Ok(())
    }

    /// Passes through the network for one update.
    pub fn passes(&self) -> usize {
        self.batch_size.div_ceil(self.micro_batch.max(1))
    }

    /// `device` with autodiff, as these settings want it.
    pub fn autodiff(&self, device: &Device) -> Device {
        let device = device.clone().autodiff();
        if self.recompute { device.gradient_checkpointing() } else { device }
    }

    /// The learning rate for the update that begins after `seen` images.
    pub fn learning_rate_at(&self, seen: u64) -> f64 {
        let seen = seen as f64;
        let after_batch = seen + self.batch_size as f64;
        let warm =
            if self.warmup_images == 0 { 1.0 } else { (after_batch / self.warmup_images as f64).min(1.0) };
        let scale = if self.decay_images == 0 { self.images } else { self.decay_images } as f64;
        let decayed = match self.decay {
            Decay::Constant => 1.0,
            Decay::Cosine => {
                0.01 + 0.99 * 0.5 * (1.0 + (std::f64::consts::PI * (seen / scale).min(1.0)).cos())
            }
            Decay::Wsd => {
                let fall = if self.decay_images == 0 { scale / 5.0 } else { scale };
                1.0 - ((seen - (self.images as f64 - fall)) / fall).clamp(0.0, 1.0).sqrt()
            }
            Decay::InverseSqrt => 1.0 / (seen / scale).max(1.0).sqrt(),
        };
        self.learning_rate * warm * decayed
    }

    /// The decay of the weights' moving average for the update after which `seen` images have been seen.
    pub fn ema_decay_at(&self, seen: u64) -> f64 {
        let (seen, batch) = (seen as f64, self.batch_size as f64);
        if self.ema_width > 0.0 {
            return ema::power_function_decay(seen, batch, ema::power_function_exponent(self.ema_width));
        }
        ema::half_life_decay(seen, batch, self.ema_half_life as f64, self.ema_ramp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_learning_rate_rises_then_follows_its_decay() {
        let base = TrainConfig { warmup_images: 640, images: 64_000, ..TrainConfig::default() };
        assert!((base.learning_rate_at(0) - 1e-4).abs() < 1e-12);
        assert_eq!(base.learning_rate_at(640), 1e-3);
        let cosine = TrainConfig { decay: Decay::Cosine, ..base.clone() };
        assert!((cosine.learning_rate_at(32_000) - 1e-3 * (0.01 + 0.99 * 0.5)).abs() < 1e-12);
        assert!((cosine.learning_rate_at(64_000) - 1e-5).abs() < 1e-12);
        let wsd = TrainConfig { decay: Decay::Wsd, decay_images: 16_000, ..base.clone() };
        assert_eq!(wsd.learning_rate_at(48_000), 1e-3);
        assert!((wsd.learning_rate_at(52_000) - 5e-4).abs() < 1e-12);
        assert_eq!(wsd.learning_rate_at(64_000), 0.0);
        assert_eq!(TrainConfig { decay_images: 0, ..wsd }.learning_rate_at(51_200), 1e-3);
        let sqrt = TrainConfig { decay: Decay::InverseSqrt, decay_images: 1_000, ..base };
        assert_eq!(sqrt.learning_rate_at(1_000), 1e-3);
        assert_eq!(sqrt.learning_rate_at(4_000), 5e-4);
    }

    #[test]
    fn bad_settings_are_named() {
        let message = |config: TrainConfig| config.check().unwrap_err().to_string();
        let config = TrainConfig { batch_size: 0, ..TrainConfig::default() };
        assert_eq!(message(config), "training setting batch_size = 0 must be from 1 to 65536");
        let config = TrainConfig { weighting: "min_snt".into(), ..TrainConfig::default() };
        assert!(message(config).contains("min_snr"));
        assert!(TrainConfig::default().check().is_ok());
    }
}
