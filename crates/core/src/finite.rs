//! The check between a denoiser and bytes: numbers that are not finite are an error that names the level, never a black image.

use burn::tensor::Tensor;
use langevin_process::{Error, Level, Result};

use crate::cond::Cond;
use crate::denoiser::{Denoiser, Levels};
use crate::differentiable::{Cotangent, Differentiable};

/// Noisy images beyond this magnitude come of start noise or a sampler that overflows: data lie in [-1, 1], and levels that models
/// are trained for have no more noise than some thousands.
const FAR: f32 = 1e6;

/// A denoiser whose answers must be finite.
pub struct Finite<D, B> {
    inner: D,
    blame: B,
}

impl<D: Denoiser, B: Fn() -> Option<Error> + Send + Sync> Finite<D, B> {
    /// Checks the answers of `inner`. Where one is not finite and its noisy image was, `blame` may know the reason, such as a
    /// tensor of the weights.
    pub fn new(inner: D, blame: B) -> Self {
        Self { inner, blame }
    }

    fn refusal(&self, x: Tensor<4>, at: &Levels) -> Error {
        let level = at.0.first().copied().unwrap_or(Level::CLEAN);
        let noise = level.ratio();
        let farthest = values(x).iter().fold(0.0_f32, |most, value| {
            if value.is_finite() { most.max(value.abs()) } else { f32::INFINITY }
        });
        if farthest > FAR {
            return Error::failed(format!(
                "at the noise level {noise:.4e} the noisy image itself reaches {farthest:.1e}, so the model's answer is not finite"
            ))
            .hint("the start noise must have variance 1, and the options of sampler and method must not amplify");
        }
        (self.blame)().unwrap_or_else(|| {
            Error::failed(format!("at the noise level {noise:.4e} the model's answer is not finite"))
                .hint("its numbers overflow: lower --cfg-scale if it is high; else its description or weights are at fault")
        })
    }
}

impl<D: Denoiser, B: Fn() -> Option<Error> + Send + Sync> Denoiser for Finite<D, B> {
    /// # Errors
    /// As the denoiser within; failed or bad input, with the level and the likely cause, where the answer is not finite.
    fn denoise(&self, x: Tensor<4>, at: &Levels, cond: &Cond) -> Result<Tensor<4>> {
        let answer = self.inner.denoise(x.clone(), at, cond)?;
        if is_finite(&answer) { Ok(answer) } else { Err(self.refusal(x, at)) }
    }

    fn begin(&self) {
        self.inner.begin();
    }
}

impl<D: Differentiable, B: Fn() -> Option<Error> + Send + Sync> Differentiable for Finite<D, B> {
    fn denoise_vjp(
        &self,
        x: Tensor<4>,
        v: Tensor<4>,
        at: &Levels,
        cond: &Cond,
    ) -> Result<(Tensor<4>, Tensor<4>)> {
        let (answer, derivative) = self.inner.denoise_vjp(x.clone(), v, at, cond)?;
        if is_finite(&answer) { Ok((answer, derivative)) } else { Err(self.refusal(x, at)) }
    }

    fn denoise_vjp_with(
        &self,
        x: Tensor<4>,
        at: &Levels,
        cond: &Cond,
        of: Cotangent<'_>,
    ) -> Result<(Tensor<4>, Tensor<4>)> {
        let (answer, derivative) = self.inner.denoise_vjp_with(x.clone(), at, cond, of)?;
        if is_finite(&answer) { Ok((answer, derivative)) } else { Err(self.refusal(x, at)) }
    }
}

/// Passes `images` on where all of their values are finite; `what` is what they are called.
///
/// # Errors
/// Failed, naming the first image that is not.
pub fn check_finite(images: Tensor<4>, what: &str) -> Result<Tensor<4>> {
    if is_finite(&images) {
        return Ok(images);
    }
    let each = images.dims()[1..].iter().product::<usize>().max(1);
    let values = values(images);
    let at = values.iter().position(|value| !value.is_finite()).unwrap_or(0) / each;
    Err(Error::failed(format!("{what}: image {at} holds values that are not finite")).hint(
        "what was computed overflowed: take the model's own sampler and method, without options that amplify",
    ))
}

fn is_finite(tensor: &Tensor<4>) -> bool {
    values(tensor.clone()).iter().all(|value| value.is_finite())
}

fn values(tensor: Tensor<4>) -> Vec<f32> {
    tensor.try_into_vec_as::<f32>().expect("a float tensor holds floats")
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    /// Answers its image times a number.
    struct Times(f32);

    impl Denoiser for Times {
        fn denoise(&self, x: Tensor<4>, _: &Levels, _: &Cond) -> Result<Tensor<4>> {
            Ok(x.mul_scalar(self.0))
        }
    }

    fn answer(factor: f32, value: f32) -> Result<Tensor<4>> {
        let x = Tensor::full([2, 1, 2, 2], value, &Device::flex());
        let at = Levels::all(Level { alpha: 1.0, sigma: 3.0 }, 2);
        Finite::new(Times(factor), || None).denoise(x, &at, &Cond::none())
    }

    #[test]
    fn an_answer_that_is_not_finite_names_the_level_and_the_likely_cause() {
        assert!(answer(2.0, 1.0).is_ok());
        let message = |factor, value| answer(factor, value).unwrap_err().to_string();
        assert!(message(f32::NAN, 1.0).starts_with("at the noise level 3.0000e0 the model's answer"));
        assert!(message(1e30, 1e30).contains("the noisy image itself reaches 1.0e30"));
        assert!(message(1.0, f32::INFINITY).contains("the noisy image itself reaches inf"));
    }

    #[test]
    fn whoever_knows_the_reason_says_it() {
        let blamed = Finite::new(Times(f32::NAN), || Some(Error::bad_input("conv_in.weight is damaged")));
        let x = Tensor::ones([1, 1, 1, 1], &Device::flex());
        let refused = blamed.denoise(x, &Levels::all(Level::CLEAN, 1), &Cond::none()).unwrap_err();
        assert_eq!(refused.to_string(), "conv_in.weight is damaged");
    }

    #[test]
    fn the_first_image_that_is_not_finite_is_named() {
        let images = |value: f32| {
            let one = Tensor::<4>::zeros([1, 3, 2, 2], &Device::flex());
            Tensor::cat(vec![one.clone(), one.add_scalar(value)], 0)
        };
        assert!(check_finite(images(5.0), "the result").is_ok());
        let refused = check_finite(images(f32::NAN), "the result").unwrap_err().to_string();
        assert!(refused.starts_with("the result: image 1 holds values"), "{refused}");
    }
}
