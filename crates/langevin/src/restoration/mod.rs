//! Restoring one picture from end to end: what was measured, the model, the method, and what is said of the result.

mod calibration;
mod colours;
mod latent;
mod report;
mod solver;
mod trained;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use burn::tensor::{Device, Tensor};
use langevin_core::{Error, Level, NoiseStreams, Picture, Result, signed_to_batch};
use langevin_restore::units::sigma_to_pixels;
use langevin_restore::{
    Agreement, Baseline, Noise, Operator, Problem, Shape, adjoint_error, classical, simulate,
};

use crate::model::Model;
use crate::own;
use crate::sampling::{self, Prompts};
use solver::Begun;

pub use calibration::{Calibrated, Calibration, Coverage, calibrate};
pub use colours::Colours;
pub use report::{Fit, Report, Score};
pub use trained::{Mode, Trained, check_trained, known_operator, restore_trained};

/// Where a walk begins with a network for pictures of any size, in units of 0 to 255.
pub const NEAR: f64 = 50.0;

/// How pictures are restored.
#[derive(Debug, Clone)]
pub struct Restoring {
    /// The method, as in `langevin list methods`; absent: [`default_method`].
    pub method: Option<String>,
    /// Steps.
    pub steps: usize,
    /// The noise to begin at in units of 0 to 255, around the picture that is restored without a model. Absent: noise alone, of the
    /// whole process; but [`NEAR`] for a network that sees no more than a part of a picture of this size, which has no such picture of its own to draw,
    /// where the method can and no spacing is named.
    pub start_sigma: Option<f64>,
    /// The spacing of noise levels; absent: the model's.
    pub spacing: Option<String>,
    /// Draws for each picture.
    pub samples: usize,
    /// Draws at once.
    pub batch_size: usize,
    /// The seed.
    pub seed: u64,
    /// Noise of variance 1 to start from instead of the seed's, `[draws, channels, height, width]` of what the model denoises.
    pub start: Option<Tensor<4>>,
    /// The sampler of a model that was trained to fill in holes; absent: the model's.
    pub sampler: Option<String>,
    /// The class the model is told.
    pub class: Option<u32>,
    /// What the picture shows, in one text, and what it should not, for a model that is told of texts.
    pub words: Option<Prompts>,
    /// Strength of guidance towards class or words; 1 is none.
    pub cfg_scale: f64,
    /// Keep the model's answers within the range of pictures, where the model says so.
    pub clip: bool,
    /// Bytes for the windows that a picture of another size than the model's is divided into.
    pub memory: u64,
    /// Stops the work when it becomes true.
    pub cancel: Arc<AtomicBool>,
}

/// A degraded picture and what is known of it.
#[derive(Debug)]
pub struct Degraded {
    operator: Box<dyn Operator>,
    y: Vec<f32>,
    sigma: f64,
    colours: Colours,
    /// The degraded picture as it looks.
    pub picture: Picture,
    truth: Option<Picture>,
    number: u64,
}

/// A picture that was restored.
#[derive(Debug, Clone)]
pub struct Restored {
    /// The pictures drawn.
    pub drawn: Vec<Picture>,
    /// Their mean, if there are several.
    pub mean: Option<Picture>,
    /// Their standard deviation, if there are several.
    pub deviation: Option<Deviation>,
    /// The picture restored without a model, and how.
    pub classical: Option<(&'static str, Picture)>,
    /// The method.
    pub method: String,
    /// What is said of the result.
    pub report: Report,
}

/// Where the draws differ.
#[derive(Debug, Clone)]
pub struct Deviation {
    /// A gray picture: black is no deviation.
    pub picture: Picture,
    /// The deviation that is white, in units of 0 to 255.
    pub white: f64,
    /// The root of the mean square over all pixels, in units of 0 to 255.
    pub mean: f64,
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

fn described([channels, height, width]: Shape) -> String {
    format!("{width} x {height} pixels with {channels} channel{}", if channels == 1 { "" } else { "s" })
}

/// The method for an operator and noise when none is named.
pub fn default_method(operator: &dyn Operator, noise: f64) -> &'static str {
    match operator.linear() {
        _ if operator.is_identity() && noise > 0.0 => "exact",
        Some(_) if noise > 0.0 => "diffpir",
        Some(_) => "ddnm",
        None => "dps",
    }
}

/// Whether `model` can answer for pictures of `shape`.
///
/// A network answers for pictures of any size, window by window, and one of gray pictures for each colour by itself.
///
/// # Errors
/// Usage: it has other channels, or is known in closed form, for pictures of one size alone.
pub fn check_shape(model: &Model, shape: Shape) -> Result<()> {
    let own = model.picture_shape();
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

/// Restores one picture; `progress` is told the share that is done.
///
/// Draw `k` of picture `n` of a seed is the same in any batch and with any number of draws.
///
/// # Errors
/// Usage: an unknown method or spacing, a model of another shape, a method that needs more than there is. Failed, when the memory
/// that is free does not suffice. Interrupted, when cancelled.
pub fn restore(
    model: &Model,
    mut degraded: Degraded,
    restoring: &Restoring,
    device: &Device,
    progress: impl FnMut(f64) + Send,
) -> Result<Restored> {
    let shape = degraded.operator.input();
    check_shape(model, shape)?;
    if let Some(codec) = &model.codec {
        return latent::restore((model, codec), degraded, restoring, device, progress);
    }
    if let Some(shown) = degraded.operator.measured().filter(|_| degraded.operator.is_mask()) {
        degraded.colours.make_opaque(|pixel| !shown[pixel]);
    }
    let begun = Begun::new(model, degraded.operator, degraded.y, degraded.sigma, restoring, device)?;
    let drawn = begun.draw(degraded.number, progress)?;
    let calls = begun.method.calls(&begun.path);
    let told = Told { problem: &begun.problem, colours: &degraded.colours, picture: &degraded.picture };
    told.restored(begun.name.clone(), calls, &drawn, begun.known.clone(), degraded.truth.as_ref())
}

impl Restoring {
    /// The noise to start from, where the model denoises `shape`.
    fn start_for(&self, shape: Shape) -> Result<Option<&Tensor<4>>> {
        let [c, h, w] = shape;
        match &self.start {
            Some(start) if start.dims() != [self.samples, c, h, w] => Err(Error::usage(format!(
                "the start noise has shape {:?}, where {:?} is needed",
                start.dims(),
                [self.samples, c, h, w]
            ))),
            start => Ok(start.as_ref()),
        }
    }
}

/// The levels of the whole process.
fn path(model: &Model, restoring: &Restoring) -> Result<Vec<Level>> {
    let settings = &model.info.sample;
    let spacing = restoring.spacing.as_deref().unwrap_or(&settings.spacing);
    let spacing = own::placed(settings, &settings.sampler, spacing, restoring.steps)?;
    sampling::path(model.denoiser.diffusion(), &spacing, restoring.steps)
}

/// What turns numbers into pictures.
struct Told<'a> {
    problem: &'a Problem,
    colours: &'a Colours,
    picture: &'a Picture,
}

impl Told<'_> {
    /// What comes of the draws `drawn` by `method`; `known` is the classical restoration, if it was made already.
    fn restored(
        &self,
        method: String,
        calls: usize,
        drawn: &Tensor<4>,
        known: Option<Baseline>,
        truth: Option<&Picture>,
    ) -> Result<Restored> {
        let Self { problem, colours, picture } = *self;
        let (operator, sigma) = (problem.operator(), problem.sigma());
        let known = known.or_else(|| classical(operator, &self.values(&problem.y()), sigma));
        let classical = known.map(|made| (made.name, self.finished(&made.picture)));
        let each = self.each(drawn);
        let pictures: Vec<Picture> = each.iter().map(|values| self.finished(values)).collect();
        let several = pictures.len() > 1;
        let mean = drawn.clone().mean_dim(0);
        let mean_picture = several.then(|| self.finished(&self.values(&mean)));
        let report = Report {
            calls,
            noise: sigma_to_pixels(sigma),
            adjoint_error: adjoint_error(operator),
            drawn: Fit::of(&Agreement::of(problem, drawn.clone())),
            mean: several.then(|| Fit::of(&Agreement::of(problem, mean))),
            scores: match truth {
                Some(truth) => scores(truth, picture, &classical, &pictures, mean_picture.as_ref())?,
                None => Vec::new(),
            },
        };
        let whole = |picture: Picture| colours.with_alpha(picture);
        Ok(Restored {
            deviation: several.then(|| deviation(&each, problem.shape())),
            drawn: pictures.into_iter().map(whole).collect(),
            mean: mean_picture.map(whole),
            classical: classical.map(|(name, picture)| (name, whole(picture))),
            method,
            report,
        })
    }

    fn values(&self, x: &Tensor<4>) -> Vec<f64> {
        x.clone().into_data().convert::<f64>().try_to_vec().expect("just converted")
    }

    /// The values of each picture of a batch.
    fn each(&self, x: &Tensor<4>) -> Vec<Vec<f64>> {
        let size = self.problem.shape().iter().product();
        self.values(x).chunks_exact(size).map(<[f64]>::to_vec).collect()
    }

    /// The picture of these values. What a mask keeps, and has no noise, is the original to the byte.
    fn finished(&self, values: &[f64]) -> Picture {
        let narrow: Vec<f32> = values.iter().map(|v| *v as f32).collect();
        let mut picture = colours::to_depth(&narrow, self.problem.shape(), &self.colours.picture);
        let operator = self.problem.operator();
        if let Some(kept) = operator.measured().filter(|_| operator.is_mask() && self.problem.sigma() == 0.0)
        {
            colours::keep(&mut picture, self.picture, kept);
        }
        picture
    }
}

fn scores(
    truth: &Picture,
    input: &Picture,
    classical: &Option<(&'static str, Picture)>,
    drawn: &[Picture],
    mean: Option<&Picture>,
) -> Result<Vec<Score>> {
    let mut scores = Vec::new();
    if shape_of(input) == shape_of(truth) {
        scores.push(Score::of("input", input, truth)?);
    }
    if let Some((name, picture)) = classical {
        scores.push(Score::of(name, picture, truth)?);
    }
    let each =
        drawn.iter().map(|picture| Score::of("restored", picture, truth)).collect::<Result<Vec<_>>>()?;
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
        picture: Picture::from_signed(&shown, 1, height, width),
        white: sigma_to_pixels(largest),
        mean: sigma_to_pixels((variances.iter().sum::<f64>() / plane as f64).sqrt()),
    }
}
