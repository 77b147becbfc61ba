//! Samples with a denoiser of one's own: the exact one of a data set of 16 images.
//!
//! Run `cargo run --release -p langevin --example own_denoiser`. Expect it to print that every sample is one of the 16 images: the
//! exact denoiser of finite data can do nothing but repeat them, so what a network makes beyond them is its own.

use langevin::core::signed_to_batch;
use langevin::data::{OpenOptions, open};
use langevin::process::{Diffusion, DiffusionSpec};
use langevin::sampling::{SamplePlan, sample};
use langevin::{Cond, Denoiser, Device, Image, Levels, Model, Result, Tensor};

/// `E[x0 | x] = sum_i w_i x_i` over the images `x_i`, where `w_i` is proportional to `exp(-|x - alpha x_i|^2 / (2 sigma^2))`.
struct DataSet {
    /// `[images, values]`
    images: Tensor<2>,
}

impl Denoiser for DataSet {
    fn denoise(&self, x: Tensor<4>, at: &Levels, _cond: &Cond) -> Result<Tensor<4>> {
        let (shape, device) = (x.dims(), x.device());
        let each = |of: fn(langevin::Level) -> f64| at.map(&device, of).reshape([shape[0], 1]);
        // Without |x|^2, which is the same for all images: (alpha x . x_i - alpha^2 |x_i|^2 / 2) / sigma^2.
        let products =
            x.flatten::<2>(1, 3).reshape([shape[0] as i32, -1]).matmul(self.images.clone().transpose());
        let squares = self.images.clone().powi_scalar(2).sum_dim(1).transpose();
        let logits = products * each(|level| level.alpha / level.sigma.powi(2))
            - squares * each(|level| level.snr() / 2.0);
        let weights = langevin::burn::tensor::activation::softmax(logits, 1);
        Ok(weights.matmul(self.images.clone()).reshape(shape))
    }
}

fn main() -> Result<()> {
    let device = Device::flex();
    let shapes = open("builtin:shapes:size=16", &OpenOptions::default())?;
    let images = (0..16).map(|index| Ok(shapes.item(index)?.image)).collect::<Result<Vec<Image>>>()?;
    let values = images.iter().flat_map(Image::to_signed).collect();
    let denoiser = DataSet { images: signed_to_batch(values, [16, 3, 16, 16], &device).flatten(1, 3) };

    let diffusion = Diffusion::new(&DiffusionSpec::default())?;
    let model = Model::custom("sixteen shapes", (16, 16), 3, diffusion, denoiser);
    let plan = SamplePlan { steps: 50, ..SamplePlan::of(&model, 32, 0) };
    let samples = sample(&model, &plan, &device, |_| {})?;
    let known = samples.iter().filter(|sample| images.contains(sample)).count();
    println!("{known} of {} samples are images of the data set", samples.len());
    Ok(())
}
