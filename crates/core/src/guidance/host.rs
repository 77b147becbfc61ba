//! Images as numbers on the host, where a guidance measures each image by itself in f64, so that it does not depend on
//! its batch.

use burn::tensor::{Tensor, TensorData};

/// The values of all images, one image after the other.
pub(super) fn values(images: &Tensor<4>) -> Vec<f64> {
    let values = images.clone().try_into_vec_as::<f32>().expect("a float tensor holds floats");
    values.into_iter().map(f64::from).collect()
}

/// The values of one image of `images`, at least 1.
pub(super) fn image(images: &Tensor<4>) -> usize {
    let [_, channels, height, width] = images.dims();
    (channels * height * width).max(1)
}

/// Values as images that look like `like`.
pub(super) fn images(values: &[f64], like: &Tensor<4>) -> Tensor<4> {
    let values: Vec<f32> = values.iter().map(|value| *value as f32).collect();
    Tensor::from_data(TensorData::new(values, like.dims()), &like.device())
}
