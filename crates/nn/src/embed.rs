//! How a noise level becomes a vector: sines and cosines of it, then a small network.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorData};
use langevin_kernels as kernels;

use crate::draw::Draw;
use crate::layers::Linear;

/// Sines and cosines of each value at geometrically spaced frequencies (Ho et al. 2020; Vaswani et al. 2017,
/// section 3.5): `[values, dim]`, computed on the host in f64.
///
/// Frequency `i` of `half = dim / 2` is `10000^(-i / (half - freq_shift))`. Sines come first, or cosines where
/// `flip_sin_to_cos`; an odd `dim` ends with a zero.
pub fn sinusoidal(
    values: &[f64],
    dim: usize,
    flip_sin_to_cos: bool,
    freq_shift: f64,
    device: &Device,
) -> Tensor<2> {
    let half = dim / 2;
    let rate = -libm::log(10_000.0) / (half as f64 - freq_shift);
    let frequencies: Vec<f64> = (0..half).map(|i| libm::exp(rate * i as f64)).collect();
    waves(values, &frequencies, dim, flip_sin_to_cos, device)
}

/// `[sin(v f), cos(v f)]` for each value `v` and frequency `f`, cosines first where `flip`, filled up to `dim`.
fn waves(values: &[f64], frequencies: &[f64], dim: usize, flip: bool, device: &Device) -> Tensor<2> {
    let half = frequencies.len();
    let mut out = vec![0.0_f32; values.len() * dim];
    for (row, value) in out.chunks_mut(dim.max(1)).zip(values) {
        for (i, frequency) in frequencies.iter().enumerate() {
            let (sin, cos) = libm::sincos(value * frequency);
            let (first, second) = if flip { (cos, sin) } else { (sin, cos) };
            row[i] = first as f32;
            row[half + i] = second as f32;
        }
    }
    Tensor::from_data(TensorData::new(out, [values.len(), dim]), device)
}

/// Random Fourier features (Tancik et al. 2020) at fixed frequencies; not trained.
#[derive(Module, Debug)]
pub struct FourierProjection {
    /// `[features]`, in turns per unit of the noise input.
    pub weight: Param<Tensor<1>>,
}

impl FourierProjection {
    /// `features` frequencies drawn from a normal distribution of standard deviation `scale`.
    pub fn new(draw: &Draw<'_>, features: usize, scale: f64) -> Self {
        Self { weight: draw.normal("weight", [features], scale).set_require_grad(false) }
    }

    /// `[sin(2 pi v w), cos(2 pi v w)]`: `[values, 2 * features]`.
    pub fn forward(&self, values: &[f64], flip_sin_to_cos: bool) -> Tensor<2> {
        let weight = self.weight.val();
        let device = weight.device();
        let frequencies = weight.into_data().convert::<f64>().try_to_vec::<f64>().expect("converted to f64");
        let frequencies: Vec<f64> = frequencies.iter().map(|f| f * std::f64::consts::TAU).collect();
        waves(values, &frequencies, 2 * frequencies.len(), flip_sin_to_cos, &device)
    }
}

/// Two linear layers with SiLU between.
#[derive(Module, Debug)]
pub struct TimeEmbedding {
    linear_1: Linear,
    linear_2: Linear,
}

impl TimeEmbedding {
    /// `inputs` features to `dim`.
    pub fn new(draw: &Draw<'_>, inputs: usize, dim: usize) -> Self {
        Self {
            linear_1: Linear::new(&draw.at("linear_1"), inputs, dim),
            linear_2: Linear::new(&draw.at("linear_2"), dim, dim),
        }
    }

    /// `[n, inputs]` -> `[n, dim]`.
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        self.linear_2.forward(kernels::silu(self.linear_1.forward(x)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sines_and_cosines_are_the_formula() {
        let device = Device::flex();
        let out = sinusoidal(&[0.0, 3.0], 5, true, 0.0, &device).into_data().try_to_vec::<f32>().unwrap();
        let expected =
            [1.0, 1.0, 0.0, 0.0, 0.0, 3_f64.cos(), 0.03_f64.cos(), 3_f64.sin(), 0.03_f64.sin(), 0.0];
        for (a, b) in out.iter().zip(expected) {
            assert!((f64::from(*a) - b).abs() < 1e-7, "{out:?}");
        }
    }
}
