//! The functions between the layers of a residual block.

use burn::tensor::{Tensor, activation};
use langevin_kernels as kernels;
use serde::{Deserialize, Serialize};

/// A function applied to every number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// `x sigmoid(x)` (Elfwing et al. 2017), also called swish.
    #[default]
    Silu,
    /// `max(x, 0)`.
    Relu,
    /// `x Phi(x)` (Hendrycks and Gimpel 2016), with the exact normal distribution.
    Gelu,
    /// `x tanh(ln(1 + e^x))` (Misra 2019).
    Mish,
}

impl Activation {
    /// Applied to every number of `x`.
    pub fn of<const D: usize>(self, x: Tensor<D>) -> Tensor<D> {
        match self {
            Self::Silu => kernels::silu(x),
            Self::Relu => activation::relu(x),
            Self::Gelu => kernels::gelu(x, kernels::Gelu::Exact),
            Self::Mish => activation::mish(x),
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    #[test]
    fn each_is_its_formula() {
        let at = [-2.5_f64, -0.3, 0.0, 0.7, 3.0];
        let x = Tensor::<1>::from_data(at.map(|v| v as f32).as_slice(), &Device::flex());
        let normal = |v: f64| 0.5 * (1.0 + libm::erf(v / 2_f64.sqrt()));
        let formulas: [(Activation, fn(f64) -> f64); 3] = [
            (Activation::Silu, |v| v / (1.0 + (-v).exp())),
            (Activation::Relu, |v| v.max(0.0)),
            (Activation::Mish, |v| v * v.exp().ln_1p().tanh()),
        ];
        let found =
            |activation: Activation| activation.of(x.clone()).into_data().try_to_vec::<f32>().unwrap();
        for (activation, formula) in formulas {
            for (found, v) in found(activation).iter().zip(at) {
                assert!((f64::from(*found) - formula(v)).abs() < 1e-5, "{activation:?} at {v}");
            }
        }
        for (found, v) in found(Activation::Gelu).iter().zip(at) {
            assert!((f64::from(*found) - v * normal(v)).abs() < 1e-5, "gelu at {v}");
        }
    }
}
