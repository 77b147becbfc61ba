//! The job `likelihood`: the bits per dimension of a data set under one model, or under two.

use std::path::{Path, PathBuf};
use std::time::Instant;

use langevin_core::Result;
use langevin_model::Model;

use super::request::LikelihoodRequest;
use super::{Difference, LikelihoodReport, check_other, measure};
use langevin_inference::job::check_ranges;
use langevin_inference::job::{Context, Event};

/// What came of a request.
#[derive(Debug)]
pub struct LikelihoodOutcome {
    /// The data under the model.
    pub first: ModelLikelihood,
    /// The same under the model it is compared with, and the difference.
    pub compared: Option<(ModelLikelihood, Difference)>,
}

/// Likelihoods under one model.
#[derive(Debug)]
pub struct ModelLikelihood {
    /// The model, as it was named.
    pub model: String,
    /// See [`Model::hash`].
    pub hash: String,
    /// What was measured.
    pub report: LikelihoodReport,
    /// Seconds it took.
    pub seconds: f64,
}

/// Bits per dimension of a uniform guess of 8-bit values.
const GUESSING: f64 = 8.0;

/// Measures what `request` asks for.
///
/// # Errors
/// As [`measure`] and [`check_other`]. Bad input: models that cannot be read. Usage: latent models. A name that is taken.
pub fn run(request: &LikelihoodRequest, context: &mut Context<'_>) -> Result<LikelihoodOutcome> {
    check_ranges(request)?;
    let model = Model::open_pixels(&request.model, context.device)?;
    let other = match &request.compare {
        Some(name) => {
            let other = Model::open_pixels(name, context.device)?;
            check_other(&model, &other, request, context.stop)?;
            Some(other)
        }
        None => None,
    };
    let names: Vec<&Path> = request.per_image.iter().map(PathBuf::as_path).collect();
    context.sink.claim(&names)?;
    let what = format!("{} under {}", request.data, request.model);
    context.observer.event(Event::Started { seed: request.seed, what });
    if model.denoiser.network().is_some() && model.info.diffusion.parameterisation == "x0" {
        context.observer.event(Event::warning(format!(
            "{} predicts the clean image: its errors at little noise count for much in bits/dim, which may come out worse than guessing (8); \
             models that predict noise or velocity are better density models",
            request.model
        )));
    }
    let first = measured(&model, request, context)?;
    if first.report.bits.mean > GUESSING {
        context.observer.event(Event::warning(format!(
            "{:.1} bits/dim are worse than guessing, which takes 8: {} is no density model",
            first.report.bits.mean, request.model
        )));
    }
    if first.report.count < request.count {
        context.observer.event(Event::warning(format!(
            "{} images, not {}: {} has no more",
            first.report.count, request.count, request.data
        )));
    }
    let compared = match &other {
        Some(other) => {
            context.observer.event(Event::note(format!("{} under {}", request.data, other.name)));
            let second = measured(other, request, context)?;
            let difference = first.report.less(&second.report)?;
            Some((second, difference))
        }
        None => None,
    };
    if let Some(file) = &request.per_image {
        let mut list = serde_json::to_value(&first.report.images).expect("a report is plain values");
        let others = compared.iter().flat_map(|(second, _)| &second.report.images);
        for (one, other) in list.as_array_mut().into_iter().flatten().zip(others) {
            one["compared"] = serde_json::json!({"bits": other.bits, "bound": other.bound});
        }
        let list = serde_json::to_string_pretty(&list).expect("a report is plain values");
        context.write(file, list.into_bytes())?;
    }
    Ok(LikelihoodOutcome { first, compared })
}

fn measured(
    model: &Model,
    request: &LikelihoodRequest,
    context: &mut Context<'_>,
) -> Result<ModelLikelihood> {
    let start = Instant::now();
    let device = context.device;
    let report = measure(model, request, device, &mut context.reporter("the measurement"))?;
    for note in &report.notes {
        context.observer.event(Event::warning(note));
    }
    let seconds = start.elapsed().as_secs_f64();
    Ok(ModelLikelihood { model: model.name.clone(), hash: model.hash().to_owned(), report, seconds })
}
