//! Degrading clean images on purpose.

use burn::tensor::{Tensor, TensorData};
use langevin_core::NoiseStreams;

use crate::noises::{self, Noise};
use crate::operator::Operator;

/// `A(x)` with noise, each image from its own stream of `streams`, so that an image is degraded alike alone and in a batch.
///
/// # Shapes
/// `x`: `[batch, channels, height, width]` in [-1, 1]; the result `[batch, ...]` of the operator's output, 0 where it says
/// nothing.
///
/// # Panics
/// If there are not as many streams as images, or the images have another shape than the operator's.
pub fn simulate(
    operator: &dyn Operator,
    noise: &dyn Noise,
    x: &Tensor<4>,
    streams: &NoiseStreams,
) -> Tensor<4> {
    let [batch, c, h, w] = x.dims();
    assert_eq!([c, h, w], operator.input(), "images of another shape");
    assert_eq!(streams.images().len(), batch, "one stream for each image");
    let device = x.device();
    let values: Vec<f64> = x.clone().into_data().convert::<f64>().try_to_vec().expect("just converted");
    let mut made: Vec<f32> = Vec::new();
    for (image, number) in values.chunks_exact(c * h * w).zip(streams.images()) {
        let mut y = operator.apply(image);
        noise.add(&mut y, &mut noises::stream(streams.seed(), *number));
        if let Some(measured) = operator.measured() {
            y.iter_mut().zip(measured).filter(|(_, m)| !**m).for_each(|(y, _)| *y = 0.0);
        }
        made.extend(y.into_iter().map(|y| y as f32));
    }
    let [c, h, w] = operator.output();
    Tensor::from_data(TensorData::new(made, [batch, c, h, w]), &device)
}
