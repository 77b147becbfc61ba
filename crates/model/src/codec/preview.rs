//! Latents to colours by one product: what a drawing looks like while it is made, without the decoder.

use burn::tensor::{Tensor, TensorData};
use serde::{Deserialize, Serialize};

/// The least-squares map from the numbers of a latent pixel to the mean colour of the square of pixels that it stands for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LatentPreview {
    /// For each channel of the image, a factor for each channel of the latents, and last what is added.
    pub rows: Vec<Vec<f64>>,
}

impl LatentPreview {
    /// The map for `latents` `[n, k, h, w]` of `images` `[n, channels, f h, f w]`; `None` where the latents do not determine it.
    pub fn fitted(latents: Tensor<4>, images: Tensor<4>) -> Option<Self> {
        let [n, k, h, w] = latents.dims();
        let [_, channels, height, _] = images.dims();
        let factor = height / h;
        let means = images.reshape([n, channels, h, factor, w, factor]).mean_dim(5).mean_dim(3);
        let flat =
            |x: Tensor<4>| x.into_data().convert::<f64>().try_to_vec::<f64>().expect("converted to f64");
        let (latents, means) = (flat(latents), flat(means.reshape([n, channels, h, w])));
        let pixels = h * w;
        // The normal equations, [k + 1, k + 1] beside [k + 1, channels].
        let width = k + 1 + channels;
        let mut table = vec![vec![0.0; width]; k + 1];
        for image in 0..n {
            for pixel in 0..pixels {
                let latent = |i: usize| if i == k { 1.0 } else { latents[(image * k + i) * pixels + pixel] };
                for (i, row) in table.iter_mut().enumerate() {
                    for (j, value) in row.iter_mut().enumerate() {
                        let other = match j.checked_sub(k + 1) {
                            None => latent(j),
                            Some(channel) => means[(image * channels + channel) * pixels + pixel],
                        };
                        *value += latent(i) * other;
                    }
                }
            }
        }
        let solved = eliminated(table)?;
        let row = |channel: usize| solved.iter().map(|row| row[k + 1 + channel]).collect();
        Some(Self { rows: (0..channels).map(row).collect() })
    }

    /// The colours of latent pixels: `[n, k, h, w]` -> `[n, channels, h, w]`.
    pub fn colours(&self, latents: Tensor<4>) -> Tensor<4> {
        let [n, k, h, w] = latents.dims();
        let device = latents.device();
        let channels = self.rows.len();
        let numbers = |take: fn(&[f64]) -> &[f64]| -> Vec<f32> {
            self.rows.iter().flat_map(|row| take(row).iter().map(|value| *value as f32)).collect()
        };
        let factors = TensorData::new(numbers(|row| &row[..row.len() - 1]), [1, channels, k]);
        let added = TensorData::new(numbers(|row| &row[row.len() - 1..]), [1, channels, 1]);
        let product = Tensor::<3>::from_data(factors, &device).matmul(latents.reshape([n, k, h * w]));
        (product + Tensor::<3>::from_data(added, &device)).reshape([n, channels, h, w])
    }
}

/// Gauss and Jordan's elimination of the square left part of `table`, the largest pivot first; `None` where it is singular.
fn eliminated(mut table: Vec<Vec<f64>>) -> Option<Vec<Vec<f64>>> {
    let size = table.len();
    for column in 0..size {
        let largest =
            (column..size).max_by(|a, b| table[*a][column].abs().total_cmp(&table[*b][column].abs()))?;
        table.swap(column, largest);
        let pivot = table[column].clone();
        if pivot[column].abs() < 1e-9 {
            return None;
        }
        for (at, row) in table.iter_mut().enumerate() {
            let times = if at == column { 1.0 - 1.0 / pivot[column] } else { row[column] / pivot[column] };
            row.iter_mut().zip(&pivot).for_each(|(value, from)| *value -= times * from);
        }
    }
    Some(table)
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    #[test]
    fn a_linear_decoder_is_found() {
        let device = Device::flex();
        let values: Vec<f32> = (0..2 * 2 * 9).map(|i| (i as f32 * 1.7).sin()).collect();
        let latents = Tensor::<4>::from_data(TensorData::new(values, [2, 2, 3, 3]), &device);
        let known =
            LatentPreview { rows: vec![vec![0.5, -1.0, 0.1], vec![2.0, 0.25, -0.3], vec![0.0, 1.0, 0.0]] };
        let cells = known.colours(latents.clone()).reshape([2, 3, 3, 1, 3, 1]).repeat(&[1, 1, 1, 2, 1, 2]);
        let found = LatentPreview::fitted(latents, cells.reshape([2, 3, 6, 6])).unwrap();
        for (found, known) in found.rows.iter().flatten().zip(known.rows.iter().flatten()) {
            assert!((found - known).abs() < 1e-4, "{found} {known}");
        }
    }
}
