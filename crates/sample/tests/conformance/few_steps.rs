//! The samplers of few-step models, on the closed form of what such a model learns: the end of the exact flow.

use burn::tensor::{Tensor, TensorData};
use langevin_core::{Cond, Denoiser, Level, Levels, Result};
use langevin_testkit::samplers::{moments, values};
use langevin_testkit::{Exact, Gaussian};

use super::{path, sampler};

/// A consistency model of a Gaussian: it answers with the end of the flow, not with the mean.
struct FlowEnd(Gaussian);

impl Denoiser for FlowEnd {
    fn denoise(&self, x: Tensor<4>, at: &Levels, _cond: &Cond) -> Result<Tensor<4>> {
        let (shape, device) = (x.dims(), x.device());
        let pixels = shape[1] * shape[2] * shape[3];
        let mut answer = Vec::new();
        for (image, level) in values(x).chunks(pixels).zip(&at.0) {
            let image: Vec<f64> = image.iter().map(|v| f64::from(*v)).collect();
            let end = self.0.flow(*level, Level::CLEAN, &image);
            answer.extend(end.iter().map(|v| *v as f32));
        }
        Ok(Tensor::from_data(TensorData::new(answer, shape), &device))
    }
}

#[test]
fn consistency_samplers_draw_the_distribution_in_any_number_of_steps() {
    let gaussian = Gaussian::same(0.3, 0.25);
    let count = 40_000;
    for spec in ["lcm", "tcd:eta=1"] {
        for steps in [1, 2, 4, 8] {
            let path = path("flow", "flow", "trailing", steps);
            let (mean, variance) =
                moments(&*sampler(spec), &gaussian, &FlowEnd(gaussian.clone()), &path, count);
            // Four standard errors.
            assert!((mean - 0.3).abs() < 4.0 * 0.5 / (count as f64).sqrt(), "{spec}, {steps} steps: {mean}");
            let off = (variance / 0.25 - 1.0).abs();
            assert!(off < 4.0 * (2.0 / count as f64).sqrt(), "{spec}, {steps} steps: {variance}");
        }
    }
}
