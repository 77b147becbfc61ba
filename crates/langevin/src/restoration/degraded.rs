//! A degraded image, and what is known of it.

use burn::tensor::Device;
use langevin_core::{Error, NoiseStreams, Picture, Result, signed_to_batch};
use langevin_model::Model;
use langevin_restore::units::sigma_to_pixels;
use langevin_restore::{Noise, Operator, Shape, simulate};

use super::colours::{self, Colours};

/// A degraded picture and what is known of it.
#[derive(Debug)]
pub struct Degraded {
    pub(super) operator: Box<dyn Operator>,
    pub(super) y: Vec<f32>,
    pub(super) sigma: f64,
    pub(super) colours: Colours,
    /// The degraded picture as it looks.
    pub picture: Picture,
    pub(super) truth: Option<Picture>,
    pub(super) number: u64,
}

/// The shape of a picture without its transparency.
pub fn shape_of(picture: &Picture) -> Shape {
    let colours =
        if picture.channels == 2 || picture.channels == 4 { picture.channels - 1 } else { picture.channels };
    [colours, picture.height, picture.width]
}

impl Degraded {
    /// The picture as it was measured, with Gaussian noise of about the deviation that `noise` says. `number` is that of the
    /// picture within the seed, and `truth` the true picture, if it is known.
    ///
    /// # Errors
    /// Usage: a picture of another shape than the operator's, or a true one that is not of the shape of the result.
    pub fn measured(
        picture: &Picture,
        operator: Box<dyn Operator>,
        noise: &dyn Noise,
        truth: Option<&Picture>,
        number: u64,
    ) -> Result<Self> {
        let colours = Colours::of(picture);
        if shape_of(picture) != operator.output() {
            return Err(Error::usage(format!(
                "a picture of {} cannot be what the operator makes, which has {}",
                described(shape_of(picture)),
                described(operator.output())
            ))
            .hint("say with --simulate that the picture is a clean one, to be degraded first"));
        }
        let truth = truth.map(|truth| Colours::of(truth).picture);
        if let Some(truth) = truth.as_ref().filter(|truth| shape_of(truth) != operator.input()) {
            return Err(Error::usage(format!(
                "a reference of {} does not go with a restored picture of {}",
                described(shape_of(truth)),
                described(operator.input())
            )));
        }
        let mut y = colours.picture.to_signed();
        if let Some(measured) = operator.measured() {
            y.iter_mut().zip(measured).filter(|(_, m)| !**m).for_each(|(y, _)| *y = 0.0);
        }
        let wide: Vec<f64> = y.iter().map(|y| f64::from(*y)).collect();
        let sigma = noise.sigma(&wide);
        Ok(Self { operator, y, sigma, picture: colours.picture.clone(), colours, truth, number })
    }

    /// A clean picture, degraded: operator, then noise from the stream of picture `number` of `seed`. It keeps values between
    /// and beyond those of 8 bits.
    ///
    /// # Errors
    /// Usage: a picture of another shape than the operator's.
    pub fn simulated(
        picture: &Picture,
        operator: Box<dyn Operator>,
        noise: &dyn Noise,
        seed: u64,
        number: u64,
        device: &Device,
    ) -> Result<Self> {
        let colours = Colours::of(picture);
        let shape @ [c, h, w] = shape_of(picture);
        if shape != operator.input() {
            return Err(Error::usage(format!(
                "a picture of {} does not go into an operator for {}",
                described(shape),
                described(operator.input())
            )));
        }
        let x = signed_to_batch(colours.picture.to_signed(), [1, c, h, w], device);
        let y = simulate(operator.as_ref(), noise, &x, &NoiseStreams::new(seed, [number]));
        let y = y.try_into_vec_as::<f32>().expect("a float tensor holds floats");
        let wide: Vec<f64> = y.iter().map(|y| f64::from(*y)).collect();
        let sigma = noise.sigma(&wide);
        let degraded = colours::to_depth(&y, operator.output(), &colours.picture);
        let truth = Some(colours.picture.clone());
        Ok(Self { operator, y, sigma, picture: degraded, colours, truth, number })
    }

    /// What was done to the picture.
    pub fn operator(&self) -> &dyn Operator {
        self.operator.as_ref()
    }

    /// The deviation of the noise in units of 0 to 255.
    pub fn noise(&self) -> f64 {
        sigma_to_pixels(self.sigma)
    }
}

pub(super) fn described([channels, height, width]: Shape) -> String {
    format!("{width} x {height} pixels with {channels} channel{}", if channels == 1 { "" } else { "s" })
}

/// Whether `model` can answer for pictures of `shape`.
///
/// A network answers for pictures of any size, window by window, and one of gray pictures for each colour by itself.
///
/// # Errors
/// Usage: it has other channels, or is known in closed form, for pictures of one size alone.
pub fn check_shape(model: &Model, shape: Shape) -> Result<()> {
    let own = model.image_shape();
    let network = model.denoiser.network().is_some();
    if own[0] != shape[0] && !(network && own[0] == 1) {
        return Err(Error::usage(format!(
            "{}: draws {} channel{}, and the restored picture has {}",
            model.name,
            own[0],
            if own[0] == 1 { "" } else { "s" },
            shape[0]
        ))
        .hint("take a model of as many channels, or turn the picture gray or into colour first"));
    }
    if own != shape && !network {
        return Err(Error::usage(format!(
            "{}: draws {}, and the restored picture has {}",
            model.name,
            described(own),
            described(shape)
        ))
        .hint("take a picture of that size: a model that is known in closed form has no other"));
    }
    Ok(())
}
