//! A restored image, and what is said of it.

use burn::tensor::Tensor;
use langevin_core::{Image, Origin, Result, check_finite};
use langevin_restore::units::sigma_to_pixels;
use langevin_restore::{Agreement, Baseline, Problem, Shape, adjoint_error, classical};

use super::degraded::shape_of;
use super::report::{Fit, Report, Score};

/// An image that was restored.
#[derive(Debug, Clone)]
pub struct Restored {
    /// The images drawn.
    pub drawn: Vec<Image>,
    /// Their mean, if there are several.
    pub mean: Option<Image>,
    /// Their standard deviation, if there are several.
    pub deviation: Option<Deviation>,
    /// The image restored without a model, and how.
    pub classical: Option<(&'static str, Image)>,
    /// The method.
    pub method: String,
    /// What is said of the result.
    pub report: Report,
}

/// Where the draws differ.
#[derive(Debug, Clone)]
pub struct Deviation {
    /// A gray image: black is no deviation.
    pub image: Image,
    /// The deviation that is white, in units of 0 to 255.
    pub white: f64,
    /// The root of the mean square over all pixels, in units of 0 to 255.
    pub mean: f64,
}

/// What turns numbers into images.
pub(super) struct Finishing<'a> {
    pub(super) problem: &'a Problem,
    pub(super) colours: &'a Origin,
    pub(super) image: &'a Image,
}

impl Finishing<'_> {
    /// What comes of the draws `drawn` by `method`; `known` is the classical restoration, if it was made already.
    pub(super) fn restored(
        &self,
        method: String,
        calls: usize,
        drawn: &Tensor<4>,
        known: Option<Baseline>,
        truth: Option<&Image>,
    ) -> Result<Restored> {
        let Self { problem, colours, image } = *self;
        check_finite(drawn.clone(), &method)?;
        let (operator, sigma) = (problem.operator(), problem.sigma());
        let known = known.or_else(|| classical(operator, &self.values(&problem.y()), sigma));
        let classical = known.map(|made| (made.name, self.finished(&made.image)));
        let each = self.each(drawn);
        let images: Vec<Image> = each.iter().map(|values| self.finished(values)).collect();
        let several = images.len() > 1;
        let mean = drawn.clone().mean_dim(0);
        let mean_image = several.then(|| self.finished(&self.values(&mean)));
        let report = Report {
            calls,
            noise: sigma_to_pixels(sigma),
            adjoint_error: adjoint_error(operator),
            drawn: Fit::of(&Agreement::of(problem, drawn.clone())),
            mean: several.then(|| Fit::of(&Agreement::of(problem, mean))),
            scores: match truth {
                Some(truth) => scores(truth, image, &classical, &images, mean_image.as_ref())?,
                None => Vec::new(),
            },
        };
        let whole = |image: Image| colours.with_alpha(image);
        Ok(Restored {
            deviation: several.then(|| deviation(&each, problem.shape())),
            drawn: images.into_iter().map(whole).collect(),
            mean: mean_image.map(whole),
            classical: classical.map(|(name, image)| (name, whole(image))),
            method,
            report,
        })
    }

    pub(super) fn values(&self, x: &Tensor<4>) -> Vec<f64> {
        x.clone().into_data().convert::<f64>().try_to_vec().expect("just converted")
    }

    /// The values of each image of a batch.
    fn each(&self, x: &Tensor<4>) -> Vec<Vec<f64>> {
        let size = self.problem.shape().iter().product();
        self.values(x).chunks_exact(size).map(<[f64]>::to_vec).collect()
    }

    /// The image of these values. What a mask keeps, and has no noise, is the original to the byte.
    pub(super) fn finished(&self, values: &[f64]) -> Image {
        let narrow: Vec<f32> = values.iter().map(|v| *v as f32).collect();
        let mut image = self.colours.colours(&narrow, self.problem.shape());
        let operator = self.problem.operator();
        if let Some(kept) = operator.measured().filter(|_| operator.is_mask() && self.problem.sigma() == 0.0)
        {
            image.keep(self.image, kept);
        }
        image
    }
}

fn scores(
    truth: &Image,
    input: &Image,
    classical: &Option<(&'static str, Image)>,
    drawn: &[Image],
    mean: Option<&Image>,
) -> Result<Vec<Score>> {
    let mut scores = Vec::new();
    if shape_of(input) == shape_of(truth) {
        scores.push(Score::of("input", input, truth)?);
    }
    if let Some((name, image)) = classical {
        scores.push(Score::of(name, image, truth)?);
    }
    let each = drawn.iter().map(|image| Score::of("restored", image, truth)).collect::<Result<Vec<_>>>()?;
    scores.push(Score::mean(&each));
    if let Some(mean) = mean {
        scores.push(Score::of("mean", mean, truth)?);
    }
    Ok(scores)
}

/// The deviation of the draws, at least two, over all channels of a pixel.
fn deviation(drawn: &[Vec<f64>], [channels, height, width]: Shape) -> Deviation {
    let count = drawn.len() as f64;
    let variance = |at: usize| {
        let mean = drawn.iter().map(|draw| draw[at]).sum::<f64>() / count;
        drawn.iter().map(|draw| (draw[at] - mean).powi(2)).sum::<f64>() / (count - 1.0)
    };
    let plane = height * width;
    let pixel = |at: usize| (0..channels).map(|c| variance(c * plane + at)).sum::<f64>() / channels as f64;
    let variances: Vec<f64> = (0..plane).map(pixel).collect();
    let largest = variances.iter().copied().fold(0.0, f64::max).sqrt();
    let shown = |variance: &f64| {
        let share = if largest > 0.0 { variance.sqrt() / largest } else { 0.0 };
        (2.0 * share - 1.0) as f32
    };
    let shown: Vec<f32> = variances.iter().map(shown).collect();
    Deviation {
        image: Image::from_signed(&shown, 1, height, width),
        white: sigma_to_pixels(largest),
        mean: sigma_to_pixels((variances.iter().sum::<f64>() / plane as f64).sqrt()),
    }
}
