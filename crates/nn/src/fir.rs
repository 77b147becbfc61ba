//! Halving and doubling of images through the smooth filter `[1, 3, 3, 1]`, as NCSN++ does it (Zhang 2019; Karras et al.
//! 2020; Song et al. 2021, appendix H). Beyond the edge an image is zero.

use burn::tensor::{Device, Tensor};

/// `[n, h, w, c]` -> `[n, h/2, w/2, c]`, each side filtered by `[1, 3, 3, 1] / 8`.
pub fn halve(x: Tensor<4>) -> Tensor<4> {
    let [n, h, w, c] = x.dims();
    let rows = halve_middle(x.reshape([n, h, w * c]), w * c);
    let columns = halve_middle(rows.reshape([n * (h / 2), w, c]), c);
    columns.reshape([n, h / 2, w / 2, c])
}

/// `[n, h, w, c]` -> `[n, 2h, 2w, c]`, each side filtered by `[1, 3, 3, 1] / 4` between the pixels.
pub fn double(x: Tensor<4>) -> Tensor<4> {
    let [n, h, w, c] = x.dims();
    let rows = double_middle(x.reshape([n, h, w * c]), w * c);
    let columns = double_middle(rows.reshape([n * 2 * h, w, c]), c);
    columns.reshape([n, 2 * h, 2 * w, c])
}

/// `y[i] = (x[2i - 1] + 3 x[2i] + 3 x[2i + 1] + x[2i + 2]) / 8` along the middle of `[outer, length, inner]`.
fn halve_middle(x: Tensor<3>, inner: usize) -> Tensor<3> {
    let [outer, length, _] = x.dims();
    let half = length / 2;
    let pairs = x.reshape([outer, half, 2, inner]);
    let part = |i: usize| pairs.clone().slice_dim(2, i..i + 1).reshape([outer, half, inner]);
    let (even, odd) = (part(0), part(1));
    let sides = before(odd.clone()) + after(even.clone());
    (sides + (even + odd).mul_scalar(3.0)).div_scalar(8.0)
}

/// `y[2i] = (x[i - 1] + 3 x[i]) / 4` and `y[2i + 1] = (3 x[i] + x[i + 1]) / 4`.
fn double_middle(x: Tensor<3>, inner: usize) -> Tensor<3> {
    let [outer, length, _] = x.dims();
    let own = x.clone().mul_scalar(3.0);
    let even = (before(x.clone()) + own.clone()).div_scalar(4.0);
    let odd = (own + after(x)).div_scalar(4.0);
    let part = |y: Tensor<3>| y.reshape([outer, length, 1, inner]);
    Tensor::cat(vec![part(even), part(odd)], 2).reshape([outer, 2 * length, inner])
}

/// `y[i] = x[i - 1]` along the middle, zero at the start.
fn before(x: Tensor<3>) -> Tensor<3> {
    let [outer, length, inner] = x.dims();
    let edge = zeros(outer, inner, &x.device());
    if length == 1 { edge } else { Tensor::cat(vec![edge, x.slice_dim(1, 0..length - 1)], 1) }
}

/// `y[i] = x[i + 1]` along the middle, zero at the end.
fn after(x: Tensor<3>) -> Tensor<3> {
    let [outer, length, inner] = x.dims();
    let edge = zeros(outer, inner, &x.device());
    if length == 1 { edge } else { Tensor::cat(vec![x.slice_dim(1, 1..length), edge], 1) }
}

fn zeros(outer: usize, inner: usize, device: &Device) -> Tensor<3> {
    Tensor::zeros([outer, 1, inner], device)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(values: &[f32]) -> Tensor<4> {
        Tensor::<1>::from_data(values, &Device::flex()).reshape([1, 2, values.len() / 2, 1])
    }

    #[test]
    fn a_row_is_filtered_by_the_published_taps() {
        // Both rows are equal, so that the filter down the columns sums (3 + 3) / 8 of each.
        let x = row(&[1.0, 2.0, 4.0, 8.0, 1.0, 2.0, 4.0, 8.0]);
        let halved = halve(x.clone()).into_data().try_to_vec::<f32>().unwrap();
        assert_eq!(halved, [0.75 * 13.0 / 8.0, 0.75 * 38.0 / 8.0]);
        let doubled = double(x).into_data().try_to_vec::<f32>().unwrap();
        let first = [3.0, 5.0, 7.0, 10.0, 14.0, 20.0, 28.0, 24.0].map(|v| v / 4.0 * 0.75);
        assert_eq!(doubled[..8], first);
    }
}
