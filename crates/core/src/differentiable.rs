//! Denoisers whose derivative by the image can be asked for: what likelihoods and guidance by a measurement need.

use std::ops::Range;

use burn::tensor::{Tensor, TensorData};
use langevin_process::Result;

use crate::closed_form::{ClosedForm, Correlated, Gaussian, Mixture};
use crate::cond::Cond;
use crate::denoiser::{Denoiser, Levels};
use crate::network::Network;
use crate::preconditioned::Preconditioned;

/// A denoiser `D` with the derivative `J = dD / dx`.
pub trait Differentiable: Denoiser {
    /// `D(x)`, and `v^T J` at `x` for each image by itself, both without autodiff.
    ///
    /// # Shapes
    /// `x`, `v` and both results: `[batch, channels, height, width]`.
    ///
    /// # Errors
    /// As [`Denoiser::denoise`].
    fn denoise_vjp(
        &self,
        x: Tensor<4>,
        v: Tensor<4>,
        at: &Levels,
        cond: &Cond,
    ) -> Result<(Tensor<4>, Tensor<4>)>;

    /// As [`Differentiable::denoise_vjp`], with a `v` that depends on the answer: `of` makes it from `D(x)` for the
    /// images of the batch that it is given, all of them or a part at a time.
    ///
    /// # Errors
    /// As [`Denoiser::denoise`], and what `of` says.
    fn denoise_vjp_with(
        &self,
        x: Tensor<4>,
        at: &Levels,
        cond: &Cond,
        of: Cotangent<'_>,
    ) -> Result<(Tensor<4>, Tensor<4>)> {
        let denoised = self.denoise(x.clone(), at, cond)?;
        let v = of(denoised, 0..at.len())?;
        self.denoise_vjp(x, v, at, cond)
    }
}

/// Makes from the answers for a range of the images of a batch what their derivatives are multiplied by.
pub type Cotangent<'a> = &'a (dyn Fn(Tensor<4>, Range<usize>) -> Result<Tensor<4>> + Sync);

/// What points to a differentiable denoiser is one.
macro_rules! forward {
    ($pointer:ty) => {
        impl<D: Differentiable + ?Sized> Differentiable for $pointer {
            fn denoise_vjp(
                &self,
                x: Tensor<4>,
                v: Tensor<4>,
                at: &Levels,
                cond: &Cond,
            ) -> Result<(Tensor<4>, Tensor<4>)> {
                (**self).denoise_vjp(x, v, at, cond)
            }

            fn denoise_vjp_with(
                &self,
                x: Tensor<4>,
                at: &Levels,
                cond: &Cond,
                of: Cotangent<'_>,
            ) -> Result<(Tensor<4>, Tensor<4>)> {
                (**self).denoise_vjp_with(x, at, cond, of)
            }
        }
    };
}

forward!(&D);
forward!(Box<D>);

/// A network that follows its image, by autodiff: one pass forward and one back. Its weights want no gradient.
#[derive(Debug)]
pub struct Autodiff<N>(Preconditioned<N>);

impl<N: Network> Autodiff<N> {
    /// `model`, whose weights lie on `device`, with or without autodiff.
    pub fn new(model: &Preconditioned<N>, device: &burn::tensor::Device) -> Self {
        let network = model.network.clone().fork(&device.clone().autodiff()).no_grad();
        Self(Preconditioned::new(network, model.diffusion.clone()))
    }
}

impl<N: Network> Denoiser for Autodiff<N> {
    fn denoise(&self, x: Tensor<4>, at: &Levels, cond: &Cond) -> Result<Tensor<4>> {
        Ok(self.0.denoise(x.inner().autodiff(), at, cond)?.inner())
    }
}

impl<N: Network> Differentiable for Autodiff<N> {
    fn denoise_vjp(
        &self,
        x: Tensor<4>,
        v: Tensor<4>,
        at: &Levels,
        cond: &Cond,
    ) -> Result<(Tensor<4>, Tensor<4>)> {
        self.denoise_vjp_with(x, at, cond, &|_, _| Ok(v.clone()))
    }

    fn denoise_vjp_with(
        &self,
        x: Tensor<4>,
        at: &Levels,
        cond: &Cond,
        of: Cotangent<'_>,
    ) -> Result<(Tensor<4>, Tensor<4>)> {
        let x = x.inner().autodiff().require_grad();
        let denoised = self.0.denoise(x.clone(), at, cond)?;
        let v = of(denoised.clone().inner(), 0..at.len())?;
        // Images of a batch do not touch, so the gradient of the sum is that of each.
        let mut gradients = (denoised.clone() * v.inner().autodiff()).sum().backward();
        let pulled = x.grad_remove(&mut gradients).expect("the denoised image depends on the noisy one");
        Ok((denoised.inner(), pulled))
    }
}

/// The closed-form derivative for a batch, in f64 on the host.
fn pull(
    known: &impl ClosedForm,
    x: Tensor<4>,
    v: Tensor<4>,
    at: &Levels,
    cond: &Cond,
) -> Result<(Tensor<4>, Tensor<4>)> {
    let (shape, device) = (x.dims(), x.device());
    let host = |t: Tensor<4>| t.into_data().convert::<f64>().try_to_vec::<f64>().expect("converted to f64");
    let pixels = (shape[1] * shape[2] * shape[3]).max(1);
    let (xs, vs) = (host(x.clone()), host(v));
    let pairs = xs.chunks(pixels).zip(vs.chunks(pixels)).zip(&at.0);
    let pulled: Vec<f32> =
        pairs.flat_map(|((x, v), level)| known.pull(*level, x, v)).map(|value| value as f32).collect();
    Ok((known.denoise(x, at, cond)?, Tensor::from_data(TensorData::new(pulled, shape), &device)))
}

impl Differentiable for Gaussian {
    fn denoise_vjp(
        &self,
        x: Tensor<4>,
        v: Tensor<4>,
        at: &Levels,
        cond: &Cond,
    ) -> Result<(Tensor<4>, Tensor<4>)> {
        pull(self, x, v, at, cond)
    }
}

impl Differentiable for Mixture {
    fn denoise_vjp(
        &self,
        x: Tensor<4>,
        v: Tensor<4>,
        at: &Levels,
        cond: &Cond,
    ) -> Result<(Tensor<4>, Tensor<4>)> {
        pull(self, x, v, at, cond)
    }
}

impl Differentiable for Correlated {
    fn denoise_vjp(
        &self,
        x: Tensor<4>,
        v: Tensor<4>,
        at: &Levels,
        cond: &Cond,
    ) -> Result<(Tensor<4>, Tensor<4>)> {
        pull(self, x, v, at, cond)
    }
}
