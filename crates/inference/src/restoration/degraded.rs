//! A degraded image, and what is known of it.

use burn::tensor::Device;
use langevin_core::{Error, Image, NoiseStreams, Origin, Planes, Result};
use langevin_model::Model;
use langevin_restore::units::sigma_to_pixels;
use langevin_restore::{Noise, Operator, Shape, simulate, weighted};

/// A degraded image and what is known of it.
#[derive(Debug)]
pub struct Degraded {
    pub(super) operator: Box<dyn Operator>,
    pub(super) y: Vec<f32>,
    pub(super) sigma: f64,
    /// What makes images of their kind of restored colours.
    pub(super) colours: Origin,
    /// The degraded image as it looks.
    pub image: Image,
    pub(super) truth: Option<Image>,
    pub(super) number: u64,
}

/// The shape of an image without its alpha.
pub fn shape_of(image: &Image) -> Shape {
    image.colour_shape()
}

impl Degraded {
    /// The image as it was measured, with Gaussian noise of about the deviation that `noise` says. `number` is that of the
    /// image within the seed, and `truth` the true image, if it is known.
    ///
    /// # Errors
    /// Usage: an image of another shape than the operator's, or a true one that is not of the shape of the result.
    pub fn measured(
        image: &Image,
        operator: Box<dyn Operator>,
        noise: &dyn Noise,
        truth: Option<&Image>,
        number: u64,
    ) -> Result<Self> {
        if shape_of(image) != operator.output() {
            return Err(Error::usage(format!(
                "an image of {} cannot be what the operator makes, which has {}",
                described(shape_of(image)),
                described(operator.output())
            ))
            .hint("say with --simulate that the image is a clean one, to be degraded first"));
        }
        let truth = truth.map(Image::without_alpha);
        if let Some(truth) = truth.as_ref().filter(|truth| shape_of(truth) != operator.input()) {
            return Err(Error::usage(format!(
                "a reference of {} does not go with a restored image of {}",
                described(shape_of(truth)),
                described(operator.input())
            )));
        }
        let mut y = Planes::of(image).values;
        if let Some(measured) = operator.measured() {
            y.iter_mut().zip(measured).filter(|(_, m)| !**m).for_each(|(y, _)| *y = 0.0);
        }
        let wide: Vec<f64> = y.iter().map(|y| f64::from(*y)).collect();
        let sigma = noise.sigma(&wide);
        let colours = Origin::of(image);
        Ok(Self { operator, y, sigma, image: image.without_alpha(), colours, truth, number })
    }

    /// A clean image, degraded: operator, then noise from the stream of image `number` of `seed`. It keeps values between
    /// and beyond those of 8 bits.
    ///
    /// # Errors
    /// Usage: an image of another shape than the operator's.
    pub fn simulated(
        image: &Image,
        operator: Box<dyn Operator>,
        noise: &dyn Noise,
        seed: u64,
        number: u64,
        device: &Device,
    ) -> Result<Self> {
        let shape = shape_of(image);
        if shape != operator.input() {
            return Err(Error::usage(format!(
                "an image of {} does not go into an operator for {}",
                described(shape),
                described(operator.input())
            )));
        }
        let x = Planes::of(image).to_tensor(device);
        let y = simulate(operator.as_ref(), noise, &x, &NoiseStreams::new(seed, [number]));
        let y = y.try_into_vec_as::<f32>().expect("a float tensor holds floats");
        let wide: Vec<f64> = y.iter().map(|y| f64::from(*y)).collect();
        let sigma = noise.sigma(&wide);
        let colours = Origin::of(image);
        let degraded = colours.colours(&y, operator.output());
        let truth = Some(image.without_alpha());
        Ok(Self { operator, y, sigma, image: degraded, colours, truth, number })
    }

    /// The image with less trust in what it shows at its border ([`weighted`]); `blur` makes its operator for other shapes.
    ///
    /// # Errors
    /// As `blur`.
    pub(super) fn beyond_the_border(self, blur: &dyn Fn(Shape) -> Result<Box<dyn Operator>>) -> Result<Self> {
        let (operator, weights) = weighted(self.operator, self.sigma, blur)?;
        let y = self.y.iter().zip(weights).map(|(y, weight)| y * weight as f32).collect();
        Ok(Self { operator, y, ..self })
    }

    /// What was done to the image.
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

/// Whether `model` can answer for images of `shape`.
///
/// A network answers for images of any size, window by window, and one of gray images for each colour by itself.
///
/// # Errors
/// Usage: it has other channels, or is known in closed form, for images of one size alone.
pub fn check_shape(model: &Model, shape: Shape) -> Result<()> {
    let own = model.image_shape();
    let network = model.denoiser.network().is_some();
    if own[0] != shape[0] && !(network && own[0] == 1) {
        return Err(Error::usage(format!(
            "{}: draws {} channel{}, and the restored image has {}",
            model.name,
            own[0],
            if own[0] == 1 { "" } else { "s" },
            shape[0]
        ))
        .hint("take a model of as many channels, or turn the image gray or into colour first"));
    }
    if own != shape && !network {
        return Err(Error::usage(format!(
            "{}: draws {}, and the restored image has {}",
            model.name,
            described(own),
            described(shape)
        ))
        .hint("take an image of that size: a closed-form model has no other"));
    }
    Ok(())
}
