//! A network with the coefficients that make it a denoiser: the one owner of both the loss and the denoising, so
//! training and sampling cannot drift apart.

use burn::tensor::{Tensor, TensorData};
use langevin_process::{Coefficients, Diffusion, Error, Level, Result};

use crate::cond::Cond;
use crate::context::Added;
use crate::denoiser::{Denoiser, Levels};
use crate::network::{ContextShape, Network};

/// A network together with the diffusion it was (or is being) trained for.
///
/// `denoised = skip * x + out * F(input * x, noise_input)` (Karras et al. 2022, eq. 7), with the coefficients of the
/// diffusion's parameterisation.
#[derive(Debug, Clone)]
pub struct Preconditioned<N> {
    /// The network `F`.
    pub network: N,
    /// Schedule, process, parameterisation and noise input.
    pub diffusion: Diffusion,
}

/// The loss of a batch.
#[derive(Debug)]
pub struct Losses {
    /// The weighted mean over the batch, shape `[1]`, to differentiate.
    pub mean: Tensor<1>,
    /// The unweighted mean squared error of each image on the network's own target, shape `[batch]`.
    pub per_image: Tensor<1>,
    /// What `mean` is the sum of, shape `[batch]`, where it is one: the terms of the parts of a batch are those of the whole.
    pub terms: Option<Tensor<1>>,
}

impl<N: Network> Preconditioned<N> {
    /// Joins `network` and `diffusion`.
    pub fn new(network: N, diffusion: Diffusion) -> Self {
        Self { network, diffusion }
    }

    /// The training loss: `mean_i w_i * mean((F - target)^2)` over the images `i` of the batch.
    ///
    /// # Shapes
    /// `x0` and `noise`: `[batch, channels, height, width]`; `at` and `weights` have `batch` entries, the weights being
    /// those of [`langevin_process::Weighting::weight`].
    ///
    /// # Errors
    /// Usage, where the parameterisation is undefined at one of the levels, or the network takes other texts than those given.
    pub fn loss(
        &self,
        x0: Tensor<4>,
        noise: Tensor<4>,
        at: &Levels,
        cond: &Cond,
        weights: &[f64],
    ) -> Result<Losses> {
        self.loss_where(x0, noise, at, cond, weights, None)
    }

    /// As [`Preconditioned::loss`], the mean over those pixels alone where `counted`, `[batch, 1, height, width]`, is 1 and not
    /// 0; each image has at least one (Saharia et al. 2022, Palette, 2111.05826, count the hole of an image that is filled
    /// in).
    ///
    /// # Errors
    /// As [`Preconditioned::loss`].
    pub fn loss_where(
        &self,
        x0: Tensor<4>,
        noise: Tensor<4>,
        at: &Levels,
        cond: &Cond,
        weights: &[f64],
        counted: Option<Tensor<4>>,
    ) -> Result<Losses> {
        let [batch, channels, height, width] = x0.dims();
        check_context(cond, self.network.context(), batch)?;
        let of = self.coefficients(at)?;
        let column = |f: fn(&Coefficients) -> f64| column(&of, f, &x0);
        let level = |f: fn(Level) -> f64| at.map(&x0.device(), f);
        let x = x0.clone() * level(|l| l.alpha) + noise.clone() * level(|l| l.sigma);
        let input = x * column(|c| c.input);
        let target = x0.clone() * column(|c| c.target_x0) + noise * column(|c| c.target_noise);
        let answer = self.network.forward(input, self.noise_input(at, &x0), cond);
        let pixels = channels * height * width;
        let error = (answer - target).square();
        let per_image = match counted {
            None => error.reshape([batch, pixels]).mean_dim(1).reshape([batch]),
            Some(counted) => {
                let count = counted.clone().reshape([batch, height * width]).sum_dim(1).reshape([batch]);
                let sum = (error * counted).reshape([batch, pixels]).sum_dim(1).reshape([batch]);
                sum / count.mul_scalar(channels as f64)
            }
        };
        let weights: Vec<f32> = weights.iter().map(|w| (*w / batch as f64) as f32).collect();
        let weights = Tensor::<1>::from_data(TensorData::new(weights, [batch]), &per_image.device());
        let terms = per_image.clone() * weights;
        Ok(Losses { mean: terms.clone().sum(), per_image, terms: Some(terms) })
    }

    fn coefficients(&self, at: &Levels) -> Result<Vec<Coefficients>> {
        at.0.iter().map(|level| self.diffusion.coefficients(*level)).collect()
    }

    fn noise_input(&self, at: &Levels, like: &Tensor<4>) -> Tensor<1> {
        at.map(&like.device(), |level| self.diffusion.noise_input(level)).reshape([at.len()])
    }
}

impl<N: Network> Denoiser for Preconditioned<N> {
    fn denoise(&self, x: Tensor<4>, at: &Levels, cond: &Cond) -> Result<Tensor<4>> {
        check_labels(cond, self.network.classes())?;
        check_image(cond, self.network.condition_channels(), &x)?;
        check_context(cond, self.network.context(), x.dims()[0])?;
        let of = self.coefficients(at)?;
        let input = x.clone() * column(&of, |c| c.input, &x);
        let answer = self.network.forward(input, self.noise_input(at, &x), cond);
        Ok(x.clone() * column(&of, |c| c.skip, &x) + answer * column(&of, |c| c.out, &x))
    }
}

fn column(of: &[Coefficients], pick: fn(&Coefficients) -> f64, like: &Tensor<4>) -> Tensor<4> {
    let values: Vec<f32> = of.iter().map(|c| pick(c) as f32).collect();
    Tensor::from_data(TensorData::new(values, [of.len(), 1, 1, 1]), &like.device())
}

fn check_image(cond: &Cond, channels: usize, x: &Tensor<4>) -> Result<()> {
    let [batch, _, height, width] = x.dims();
    match &cond.image {
        None if channels == 0 => Ok(()),
        None => Err(Error::usage("this model restores images and needs one to restore")
            .hint("give it one with the command that it was trained for, see `langevin inspect`")),
        Some(_) if channels == 0 => Err(Error::usage("this model takes no image to restore")
            .hint("restore with it by a method of `langevin list methods`")),
        Some(image) if image.dims() == [batch, channels, height, width] => Ok(()),
        Some(image) => Err(Error::usage(format!(
            "this model is conditioned on images of shape {:?}, not {:?}",
            [batch, channels, height, width],
            image.dims()
        ))),
    }
}

fn check_context(cond: &Cond, takes: Option<ContextShape>, batch: usize) -> Result<()> {
    let (context, shape) = match (&cond.context, takes) {
        (None, None) => return Ok(()),
        (None, Some(_)) if cond.tokens.as_ref().is_some_and(|tokens| tokens.len() == batch) => return Ok(()),
        (None, Some(_)) => {
            return Err(Error::usage("this model is text-conditioned and needs a prompt")
                .hint("give it one; the empty text is one too, and guidance needs it to compare with"));
        }
        (Some(_), None) => {
            return Err(Error::usage("this model was trained without texts, so it takes no prompt"));
        }
        (Some(context), Some(shape)) => (context, shape),
    };
    let [texts, _, dim] = context.tokens.dims();
    if texts != batch {
        return Err(Error::usage(format!("there are {texts} texts for {batch} images")));
    }
    if dim != shape.dim {
        return Err(Error::usage(format!(
            "this model is conditioned on texts as vectors of {} numbers, not {dim}",
            shape.dim
        ))
        .hint("encode them with the encoder that belongs to the model"));
    }
    match (&context.added, shape.added) {
        (None, None) => Ok(()),
        (None, Some(_)) => Err(Error::usage("this model needs a pooled vector and numbers with each text")),
        (Some(_), None) => Err(Error::usage("this model takes no pooled vector and numbers with a text")),
        (Some(Added { pooled, numbers }), Some((all, each))) => {
            let ([of_pooled, width], [of_numbers, count]) = (pooled.dims(), numbers.dims());
            if [of_pooled, of_numbers] == [batch, batch] && width + count * each == all {
                return Ok(());
            }
            Err(Error::usage(format!(
                "this model is conditioned on a pooled vector and features of numbers that are {all} long together; given are {of_pooled} \
                 vectors of {width} and {of_numbers} times {count} numbers, with {each} features for each number"
            )))
        }
    }
}

fn check_labels(cond: &Cond, classes: usize) -> Result<()> {
    let labels = cond.labels.iter().flatten().flatten();
    for label in labels {
        if classes == 0 {
            return Err(Error::usage("this model was trained without classes, so it takes none")
                .hint("leave the class out, or train with --class-conditional"));
        }
        if *label as usize >= classes {
            return Err(Error::usage(format!("there is no class {label}"))
                .hint(format!("this model has classes 0 to {}", classes - 1)));
        }
    }
    Ok(())
}
