//! Random numbers drawn on the host from a counter-based generator, one stream per image.
//!
//! A number depends on (seed, purpose, image index, step, position) alone: image `k` of seed `s` gets the same noise
//! alone, in a batch, on one or sixteen threads, and after a resume. The generator is ChaCha8 (Bernstein 2008, eight
//! rounds); the key holds seed and purpose, the stream is the image, the block position is the step. Normal numbers
//! come from the Box-Muller transform in f64 with `libm`, so they do not depend on platform or build.

use burn::tensor::{Device, Tensor, TensorData};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// What random numbers are for; different purposes never share numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
pub enum Purpose {
    /// The noise an image starts from when it is sampled.
    Start = 1,
    /// The noise a stochastic sampler adds on its way.
    Sampler = 2,
    /// The noise added to a training image.
    Training = 3,
    /// The noise level a training image is shown at.
    Time = 4,
    /// Whether a training image's label is dropped.
    LabelDropout = 5,
    /// The masks of dropout layers.
    Dropout = 6,
    /// The initial weights of a network.
    Weights = 7,
    /// The noise of the fixed validation batches.
    Validation = 9,
    /// What is added to whole pixel values to make them continuous.
    Dequantise = 11,
    /// The probes that a divergence is estimated with.
    Probe = 12,
    /// Noise levels and noise of a variational bound.
    Bound = 13,
    /// The noise of a measurement that is simulated.
    Measurement = 14,
    /// How a training image is degraded.
    Degradation = 15,
}

/// A stream of random numbers for one (seed, purpose, image, step).
#[derive(Debug, Clone)]
pub struct Stream(ChaCha8Rng);

impl Stream {
    /// The stream of `seed` for `purpose`, image number `image` and step `step`.
    pub fn new(seed: u64, purpose: Purpose, image: u64, step: u64) -> Self {
        let mut key = [0_u8; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..16].copy_from_slice(&(purpose as u64).to_le_bytes());
        key[16..24].copy_from_slice(b"langevin");
        let mut generator = ChaCha8Rng::from_seed(key);
        generator.set_stream(image);
        generator.set_word_pos(u128::from(step) << 32);
        Self(generator)
    }

    /// A uniform number in the open interval (0, 1), from one 32-bit word.
    pub fn uniform(&mut self) -> f64 {
        (f64::from(self.0.next_u32()) + 0.5) / 4_294_967_296.0
    }

    /// Fills `out` with independent normal numbers of mean 0 and variance 1 (two words a pair).
    pub fn fill_normal(&mut self, out: &mut [f32]) {
        for pair in out.chunks_mut(2) {
            let radius = libm::sqrt(-2.0 * libm::log(self.uniform()));
            let (sin, cos) = libm::sincos(std::f64::consts::TAU * self.uniform());
            pair[0] = (radius * cos) as f32;
            if let Some(second) = pair.get_mut(1) {
                *second = (radius * sin) as f32;
            }
        }
    }

    /// Fills `out` with uniform numbers in (0, 1).
    pub fn fill_uniform(&mut self, out: &mut [f32]) {
        out.iter_mut().for_each(|value| *value = self.uniform() as f32);
    }
}

/// The noise streams of the images of one batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoiseStreams {
    seed: u64,
    images: Vec<u64>,
}

impl NoiseStreams {
    /// The streams of `seed` for the images numbered `images`.
    pub fn new(seed: u64, images: impl IntoIterator<Item = u64>) -> Self {
        Self { seed, images: images.into_iter().collect() }
    }

    /// The seed.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The number of each image of the batch.
    pub fn images(&self) -> &[u64] {
        &self.images
    }

    /// Normal noise for the whole batch: `[images, c, h, w]` for `shape` = `[c, h, w]`.
    pub fn normal(&self, purpose: Purpose, step: u64, shape: [usize; 3], device: &Device) -> Tensor<4> {
        self.tensor(purpose, step, shape, device, Stream::fill_normal)
    }

    /// Uniform numbers in (0, 1) for the whole batch: `[images, c, h, w]` for `shape` = `[c, h, w]`.
    pub fn uniform(&self, purpose: Purpose, step: u64, shape: [usize; 3], device: &Device) -> Tensor<4> {
        self.tensor(purpose, step, shape, device, Stream::fill_uniform)
    }

    fn tensor(
        &self,
        purpose: Purpose,
        step: u64,
        shape: [usize; 3],
        device: &Device,
        fill: fn(&mut Stream, &mut [f32]),
    ) -> Tensor<4> {
        let [c, h, w] = shape;
        let mut values = vec![0.0_f32; self.images.len() * c * h * w];
        if c * h * w > 0 {
            for (image, chunk) in self.images.iter().zip(values.chunks_mut(c * h * w)) {
                fill(&mut Stream::new(self.seed, purpose, *image, step), chunk);
            }
        }
        Tensor::from_data(TensorData::new(values, [self.images.len(), c, h, w]), device)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normals(seed: u64, purpose: Purpose, image: u64, step: u64, count: usize) -> Vec<f32> {
        let mut out = vec![0.0; count];
        Stream::new(seed, purpose, image, step).fill_normal(&mut out);
        out
    }

    #[test]
    fn an_image_has_the_same_noise_alone_and_in_a_batch() {
        let device = Device::flex();
        let batch = NoiseStreams::new(7, [3, 4, 5]).normal(Purpose::Start, 2, [2, 3, 3], &device);
        let alone = NoiseStreams::new(7, [4]).normal(Purpose::Start, 2, [2, 3, 3], &device);
        assert_eq!(
            batch.slice([1..2, 0..2, 0..3, 0..3]).try_into_vec_as::<f32>().unwrap(),
            alone.try_into_vec_as::<f32>().unwrap()
        );
    }

    #[test]
    fn seed_purpose_image_and_step_all_matter() {
        let base = normals(1, Purpose::Start, 0, 0, 8);
        assert_ne!(base, normals(2, Purpose::Start, 0, 0, 8));
        assert_ne!(base, normals(1, Purpose::Sampler, 0, 0, 8));
        assert_ne!(base, normals(1, Purpose::Start, 1, 0, 8));
        assert_ne!(base, normals(1, Purpose::Start, 0, 1, 8));
        assert_eq!(base, normals(1, Purpose::Start, 0, 0, 8));
    }

    #[test]
    fn moments_and_neighbours_are_those_of_independent_normals() {
        let n = 200_000;
        let values = normals(0, Purpose::Training, 0, 0, n);
        let moment = |power| values.iter().map(|v| f64::from(*v).powi(power)).sum::<f64>() / n as f64;
        assert!(moment(1).abs() < 0.01, "mean {}", moment(1));
        assert!((moment(2) - 1.0).abs() < 0.02, "variance {}", moment(2));
        assert!((moment(4) - 3.0).abs() < 0.1, "fourth moment {}", moment(4));
        let lag = values.windows(2).map(|w| f64::from(w[0] * w[1])).sum::<f64>() / n as f64;
        assert!(lag.abs() < 0.01, "lag-one correlation {lag}");
    }
}
