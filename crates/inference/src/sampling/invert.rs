//! The job `invert`: the noise from which a model generates given images.

use std::path::PathBuf;

use burn::tensor::{Device, Tensor};
use langevin_core::{Error, ErrorKind, Image, Result, Stop, batch_to_images, signed_to_batch};
use langevin_figures::npy;
use langevin_model::{GuidanceConfig, Model};
use langevin_process::limits;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::inversion::{SAMPLER, noise_of};
use super::request::classes;
use super::{SamplePlan, sample_tensor};
use crate::job::check_ranges;
use crate::job::{Context, Event, Observer, check_ending};

/// Images whose noise is wanted. What is absent is the model's own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct InvertRequest {
    /// The model: a run folder, a model.safetensors, a diffusers folder, or builtin:NAME.
    pub model: String,
    /// The images: png, jpeg, webp, bmp, tiff or gif; of another size than the model's they are scaled and cropped.
    #[serde(with = "langevin_core::as_text")]
    #[schemars(with = "Vec<PathBuf>")]
    pub images: Vec<PathBuf>,
    /// Steps.
    #[schemars(range(min = 1, max = limits::STEPS))]
    pub steps: usize,
    /// The spacing of noise levels, as in `langevin list spacings`.
    pub spacing: Option<String>,
    /// Network evaluations of each step: 1 is DDIM inversion; more lead back more exactly, from noise that is less like noise.
    #[schemars(range(min = 1, max = 1000))]
    pub iterations: usize,
    /// The class of the images by name or number, one for each with commas, or `none`.
    pub class: Option<String>,
    /// Keep denoised images in the model's range, where the model says so.
    pub clip: bool,
    /// Images at once; changes speed and memory alone.
    #[schemars(range(min = 1, max = limits::BATCH_SIZE))]
    pub batch_size: usize,
    /// The .npy file for the noise: float32 of shape n,c,h,w with variance 1.
    #[serde(with = "langevin_core::as_text")]
    #[schemars(with = "PathBuf")]
    pub output: PathBuf,
}

impl Default for InvertRequest {
    fn default() -> Self {
        Self {
            model: String::new(),
            images: Vec::new(),
            steps: 50,
            spacing: None,
            iterations: 1,
            class: None,
            clip: true,
            batch_size: 16,
            output: PathBuf::from("noise.npy"),
        }
    }
}

/// What came of a request.
#[derive(Debug)]
pub struct InvertOutcome {
    /// The model.
    pub model: Model,
    /// How it was inverted; with the noise as its start it generates the images again.
    pub plan: SamplePlan,
    /// How near each image comes when it is generated from its noise: the PSNR in dB, infinite where nothing differs.
    pub psnr: Vec<f64>,
    /// The root mean square of the noise.
    pub deviation: f64,
}

impl InvertRequest {
    /// The noise of `images` with `model`.
    pub fn new(model: impl Into<String>, images: Vec<PathBuf>) -> Self {
        Self { model: model.into(), images, ..Self::default() }
    }

    fn plan(&self, model: &Model, stop: &Stop) -> Result<SamplePlan> {
        let labels = match self.class.as_deref() {
            None | Some("none") => None,
            Some(names) => {
                let classes = classes(model, names)?;
                Some((0..self.images.len()).map(|i| Some(classes[i % classes.len()])).collect())
            }
        };
        let whole = SamplePlan::of(model, self.images.len(), 0);
        Ok(SamplePlan {
            steps: self.steps,
            sampler: SAMPLER.to_owned(),
            spacing: self.spacing.clone().unwrap_or(whole.spacing),
            cfg_scale: 1.0,
            guidance: GuidanceConfig::default(),
            clip: whole.clip && self.clip,
            labels,
            prompts: None,
            batch_size: self.batch_size,
            stop: stop.clone(),
            ..whole
        })
    }

    /// The images at the model's size, with 8 bits a sample, as they would be generated.
    fn read(&self, model: &Model, observer: &mut dyn Observer) -> Result<Vec<Image>> {
        let [channels, height, width] = model.shape();
        let mut one = |file: &PathBuf| {
            let image = langevin_data::read_image(file)?;
            if (image.width, image.height) != (width, height) {
                observer.event(Event::warning(format!(
                    "{}: is {}x{}, and is scaled and cropped to the model's {width}x{height}",
                    file.display(),
                    image.width,
                    image.height
                )));
            }
            let fitted = langevin_data::fit(&image, &langevin_data::Prepare::new(width, height, channels));
            Ok(fitted.map_err(|error| error.within(file.display()))?.to_8_bit())
        };
        self.images.iter().map(&mut one).collect()
    }
}

/// Finds the noise that `request` asks for, and generates the images from it again.
///
/// # Errors
/// Usage and bad input: what the request names is not there or does not fit, no images, a name that is taken. Failed, when
/// memory or disk do not suffice. Interrupted, when stopped; nothing is written then.
pub fn run(request: &InvertRequest, context: &mut Context<'_>) -> Result<InvertOutcome> {
    check_ranges(request)?;
    check_ending(&request.output, "npy")?;
    if request.images.is_empty() {
        return Err(Error::usage("no images to invert").hint("name at least one"));
    }
    let model = Model::open_pixels(&request.model, context.device)?;
    for note in &model.notes {
        context.observer.event(Event::warning(format!("{}: {note}", request.model)));
    }
    let plan = request.plan(&model, context.stop)?;
    plan.check(&model)?;
    let images = request.read(&model, context.observer)?;
    context.sink.claim(&[&request.output])?;
    context.tell_later_frames(&request.images);
    context.observer.event(Event::Started {
        seed: plan.seed,
        what: format!(
            "{}, {} steps of {SAMPLER} over {}, {} network evaluations each",
            request.model, plan.steps, plan.spacing, request.iterations
        ),
    });
    let walked = there_and_back(&model, &images, &plan, request.iterations, context);
    let (noise, again) = walked.map_err(|error| match error.kind() {
        ErrorKind::Interrupted(_) => {
            Error::new(error.kind(), "the inversion was interrupted; nothing was written")
        }
        _ => error,
    })?;
    let psnr = images.iter().zip(&again).map(|(a, b)| langevin_eval::psnr(a, b)).collect::<Result<_>>()?;
    context.write(&request.output, npy::encode(noise.clone()))?;
    Ok(InvertOutcome { model, plan, psnr, deviation: deviation(noise) })
}

/// The noise of `images`, and what is generated from it.
fn there_and_back(
    model: &Model,
    images: &[Image],
    plan: &SamplePlan,
    iterations: usize,
    context: &mut Context<'_>,
) -> Result<(Tensor<4>, Vec<Image>)> {
    let [c, h, w] = model.shape();
    let device: &Device = context.device;
    let values = images.iter().flat_map(Image::to_signed).collect();
    let batch = signed_to_batch(values, [images.len(), c, h, w], device);
    let mut reporter = context.reporter("the inversion");
    // The way there evaluates the model this many times as often as the way back.
    let share = iterations as f64 / (iterations as f64 + 1.0);
    let noise = noise_of(model, batch, plan, iterations, device, |at| {
        reporter.progress("inverting", at.fraction() * share);
    })?;
    let back = SamplePlan { start: Some(noise.clone()), ..plan.clone() };
    let again = sample_tensor(model, &back, device, |at| {
        reporter.progress("inverting", share + at.fraction() * (1.0 - share));
    })?;
    Ok((noise, batch_to_images(again)))
}

/// The root mean square of all values.
fn deviation(noise: Tensor<4>) -> f64 {
    let values = noise.try_into_vec_as::<f32>().expect("a float tensor holds floats");
    (values.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>() / values.len() as f64).sqrt()
}
