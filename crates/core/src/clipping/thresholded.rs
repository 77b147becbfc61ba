//! Dynamic thresholding (Saharia et al. 2022, arXiv 2205.11487, section 2.3): each denoised image is clamped to a quantile
//! of its own absolute values, at least 1 and at most `max`, and divided by it.

use burn::tensor::{Tensor, TensorData};
use langevin_process::Result;

use crate::cond::Cond;
use crate::denoiser::{Denoiser, Levels};

/// A denoiser whose answers are thresholded.
pub struct Thresholded<D> {
    inner: D,
    ratio: f64,
    max: f64,
}

impl<D: Denoiser> Thresholded<D> {
    /// Thresholds the answers of `inner` at the quantile `ratio` in (0, 1], which counts between 1 and `max`.
    pub fn new(inner: D, ratio: f64, max: f64) -> Self {
        Self { inner, ratio, max }
    }
}

impl<D: Denoiser> Denoiser for Thresholded<D> {
    fn denoise(&self, x: Tensor<4>, at: &Levels, cond: &Cond) -> Result<Tensor<4>> {
        let answer = self.inner.denoise(x, at, cond)?;
        let shape = answer.dims();
        let device = answer.device();
        let mut values = answer.try_into_vec_as::<f32>().expect("a float tensor holds floats");
        for image in values.chunks_mut((shape[1] * shape[2] * shape[3]).max(1)) {
            let limit = quantile(image, self.ratio).max(1.0).min(self.max.max(1.0)) as f32;
            for value in image {
                *value = value.clamp(-limit, limit) / limit;
            }
        }
        Ok(Tensor::from_data(TensorData::new(values, shape), &device))
    }

    fn begin(&self) {
        self.inner.begin();
    }
}

/// The quantile `ratio` of the absolute values, between two of them linearly interpolated.
fn quantile(values: &[f32], ratio: f64) -> f64 {
    let mut sizes: Vec<f32> = values.iter().map(|value| value.abs()).collect();
    sizes.sort_unstable_by(f32::total_cmp);
    let Some(last) = sizes.len().checked_sub(1) else { return 0.0 };
    let place = ratio * last as f64;
    let below = (place as usize).min(last);
    let above = (below + 1).min(last);
    let part = place - below as f64;
    f64::from(sizes[below]) * (1.0 - part) + f64::from(sizes[above]) * part
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;
    use langevin_process::Level;

    use super::*;

    struct Same;

    impl Denoiser for Same {
        fn denoise(&self, x: Tensor<4>, _: &Levels, _: &Cond) -> Result<Tensor<4>> {
            Ok(x)
        }
    }

    #[test]
    fn each_image_has_its_own_limit() {
        // Quantile 0.5 of 0, 1, 2, 4, 8 is 2; the second image lies within 1 and stays.
        let values = [0.0, -1.0, 2.0, -4.0, 8.0, 0.1, -0.2, 0.3, 0.4, 1.5];
        let x = Tensor::<1>::from_data(values.as_slice(), &Device::flex()).reshape([2, 1, 1, 5]);
        let at = Levels::all(Level::CLEAN, 2);
        let thresholded = |max: f64| {
            let answer = Thresholded::new(Same, 0.5, max).denoise(x.clone(), &at, &Cond::none()).unwrap();
            answer.try_into_vec_as::<f32>().unwrap()
        };
        assert_eq!(thresholded(10.0), [0.0, -0.5, 1.0, -1.0, 1.0, 0.1, -0.2, 0.3, 0.4, 1.0]);
        assert_eq!(thresholded(1.0)[..5], [0.0, -1.0, 1.0, -1.0, 1.0]);
        assert_eq!(quantile(&[1.0, -3.0], 0.25), 1.5);
    }
}
