//! Vectors that stand for all latents near them (van den Oord et al. 2017, VQ-VAE, 1711.00937).

use burn::module::Module;
use burn::tensor::Tensor;

use crate::draw::Draw;
use crate::layers::Embedding;

/// Latent vectors that are compared with the codebook at once: bounds the memory of a large image.
const AT_ONCE: usize = 4096;

/// A codebook.
#[derive(Module, Debug)]
pub struct Codebook {
    embedding: Embedding,
}

impl Codebook {
    /// `count` vectors of `dim` numbers, drawn from `U(-1 / count, 1 / count)`.
    pub fn new(draw: &Draw<'_>, count: usize, dim: usize) -> Self {
        let weight = draw.at("embedding").uniform("weight", [count, dim], 1.0 / count as f64);
        Self { embedding: Embedding { weight } }
    }

    /// How many vectors it has.
    pub fn count(&self) -> usize {
        self.embedding.weight.val().dims()[0]
    }

    /// The numbers of the vectors nearest to `latents`, `[n, dim, h, w]`: `[n h w]`, image after image, row after row.
    pub fn codes(&self, latents: Tensor<4>) -> Vec<usize> {
        let table = self.embedding.weight.val().detach();
        let lengths = table.clone().square().sum_dim(1).transpose();
        let [n, dim, h, w] = latents.dims();
        let rows = latents.detach().permute([0, 2, 3, 1]).reshape([n * h * w, dim]);
        let mut codes = Vec::with_capacity(n * h * w);
        for start in (0..n * h * w).step_by(AT_ONCE) {
            let part = rows.clone().narrow(0, start, AT_ONCE.min(n * h * w - start));
            // |z - e|^2 less |z|^2, which is the same for all.
            let distance = lengths.clone() - part.matmul(table.clone().transpose()).mul_scalar(2.0);
            let nearest = distance.argmin(1).into_data().convert::<i64>();
            codes.extend(
                nearest.try_to_vec::<i64>().expect("converted to i64").iter().map(|code| *code as usize),
            );
        }
        codes
    }

    /// The vectors numbered `codes` as latents of the shape `[n, dim, h, w]`; their gradient goes to the codebook.
    pub fn vectors(&self, codes: &[usize], [n, h, w]: [usize; 3]) -> Tensor<4> {
        let rows = self.embedding.forward(codes);
        let dim = rows.dims()[1];
        rows.reshape([n, h, w, dim]).permute([0, 3, 1, 2])
    }

    /// The vectors nearest to `latents`, without a gradient.
    pub fn nearest(&self, latents: Tensor<4>) -> Tensor<4> {
        let [n, _, h, w] = latents.dims();
        let codes = self.codes(latents);
        self.vectors(&codes, [n, h, w]).detach()
    }

    /// How near each latent is to every vector, softly: the mean over all latents of `softmax(-|z - e|^2 / temperature)`,
    /// `[count]`. Its entropy says how evenly the codebook is used (Yu et al. 2023, 2310.05737).
    pub fn use_of(&self, latents: Tensor<4>, temperature: f64) -> Tensor<1> {
        let table = self.embedding.weight.val();
        let lengths = table.clone().square().sum_dim(1).transpose();
        let [n, dim, h, w] = latents.dims();
        let rows = latents.permute([0, 2, 3, 1]).reshape([n * h * w, dim]);
        let distance = lengths - rows.matmul(table.transpose()).mul_scalar(2.0);
        let near = burn::tensor::activation::softmax(distance.div_scalar(-temperature), 1);
        let count = near.dims()[1];
        near.mean_dim(0).reshape([count])
    }
}

/// The entropy of the shares `[count]`, `[1]`, in nats.
pub fn entropy(shares: Tensor<1>) -> Tensor<1> {
    (shares.clone() * shares.clamp_min(1e-12).log()).sum().neg()
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};

    use super::*;

    #[test]
    fn the_nearest_vector_stands_for_a_latent() {
        let device = Device::flex();
        let mut book = Codebook::new(&Draw::new(1, &device), 3, 2);
        let table =
            Tensor::from_data(TensorData::new(vec![0.0_f32, 0.0, 1.0, 0.0, 0.0, 2.0], [3, 2]), &device);
        book.embedding.weight = burn::module::Param::from_tensor(table);
        // Channel after channel: the latents (0.1, 0.2), (0.8, 0.1), (0.2, 1.4).
        let latents =
            Tensor::from_data(TensorData::new(vec![0.1_f32, 0.8, 0.2, 0.2, 0.1, 1.4], [1, 2, 1, 3]), &device);
        assert_eq!(book.codes(latents.clone()), [0, 1, 2]);
        let nearest = book.nearest(latents.clone()).into_data().try_to_vec::<f32>().unwrap();
        assert_eq!(nearest, [0.0, 1.0, 0.0, 0.0, 0.0, 2.0]);
        let even = book.use_of(latents, 1e9);
        assert!((entropy(even).into_scalar::<f32>() - 3.0_f32.ln()).abs() < 1e-5);
    }
}
