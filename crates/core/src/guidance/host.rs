//! Pictures as numbers on the host, where a guidance measures each picture by itself in f64, so that it does not depend on
//! its batch.

use burn::tensor::{Tensor, TensorData};

/// The values of all pictures, one picture after the other.
pub(super) fn values(pictures: &Tensor<4>) -> Vec<f64> {
    let values = pictures.clone().try_into_vec_as::<f32>().expect("a float tensor holds floats");
    values.into_iter().map(f64::from).collect()
}

/// The values of one picture of `pictures`, at least 1.
pub(super) fn picture(pictures: &Tensor<4>) -> usize {
    let [_, channels, height, width] = pictures.dims();
    (channels * height * width).max(1)
}

/// Values as pictures that look like `like`.
pub(super) fn pictures(values: &[f64], like: &Tensor<4>) -> Tensor<4> {
    let values: Vec<f32> = values.iter().map(|value| *value as f32).collect();
    Tensor::from_data(TensorData::new(values, like.dims()), &like.device())
}
