//! The recipe of a restored image.

use std::path::Path;

use langevin_core::spelled;
use langevin_model::adaptation::Adaptation;
use langevin_model::{Model, Prompts};
use serde_json::{Map, Value, json};

use super::plan::RestorePlan;
use super::request::{RestoreKind, RestoreRequest};
use super::restored::Restored;
use crate::job::Text;
use crate::job::recipe::{Header, Recipe, changed, described, options, parameters};

/// What is recorded in the images that one input gives.
pub(super) struct Record<'a> {
    pub(super) request: &'a RestoreRequest,
    pub(super) plan: &'a RestorePlan,
    pub(super) model: &'a Model,
    /// The input's file, what is recorded of it, and its number.
    pub(super) file: &'a Path,
    pub(super) input: Value,
    pub(super) number: u64,
    pub(super) restored: &'a Restored,
}

/// Which image of an input it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Made {
    /// The sample of this number.
    Sample(usize),
    /// The posterior mean, in one evaluation.
    Mean,
    /// The mean of all samples.
    MeanOfSamples,
    /// The standard deviation of all samples.
    Deviation,
    /// The image that was degraded first.
    Degraded,
    /// The images before and after, side by side.
    Comparison,
}

impl Record<'_> {
    /// The text chunks of an image, which depend on it alone: a sample has the same ones however many others are made.
    pub(super) fn text(&self, made: Made) -> Text {
        if !self.request.metadata {
            return Vec::new();
        }
        let header = Header::new(self.request.kind.command(), self.model, self.plan.seed, self.number);
        let parameters = self.parameters(&header);
        let recipe = Recipe { header, options: self.options(made) };
        match made {
            Made::Degraded | Made::Comparison => recipe.to_text_alone(),
            _ => recipe.to_text(parameters),
        }
    }

    fn noise(&self) -> String {
        self.request.noise.clone().unwrap_or_else(|| self.restored.report.noise.to_string())
    }

    fn options(&self, made: Made) -> Map<String, Value> {
        let Self { request, plan, model, restored, .. } = self;
        let (what, sample, samples) = match made {
            Made::Sample(number) => ("sample", Some(request.first_sample + number), None),
            Made::Mean => ("mean", None, None),
            Made::MeanOfSamples => ("mean", None, Some(plan.samples)),
            Made::Deviation => ("std", None, Some(plan.samples)),
            Made::Degraded => ("degraded", None, None),
            Made::Comparison => ("comparison", None, Some(plan.samples).filter(|count| *count > 1)),
        };
        let Adaptation { lora, clip_skip } = model.adaptation();
        let words = plan.words.as_ref();
        let negative = words.map(|words| words.negative.as_str()).filter(|negative| !negative.is_empty());
        let all = json!({
            "made": what, "sample": sample, "samples": samples, "method": restored.method,
            "noise": self.noise(), "steps": plan.steps, "start_sigma": plan.start_sigma, "spacing": plan.spacing,
            "sampler": plan.sampler, "class": plan.class.map(|class| &model.info.classes[class as usize]),
            "prompt": words.and_then(|words| words.each.first()), "negative": negative,
            "cfg_scale": (plan.cfg_scale != 1.0).then_some(plan.cfg_scale),
            "lora": (!lora.is_empty()).then_some(lora), "clip_skip": (clip_skip > 0).then_some(clip_skip),
            "clip": plan.clip, "exact": request.exact.then_some(true),
            "init_noise": plan.start.is_some().then_some(true), "simulate": request.simulate.then_some(true),
        });
        options([self.input.clone(), all, kind(&request.kind), json!({ "request": self.again(made) })])
    }

    /// The request that makes the image again: one sample, or all that there are.
    fn again(&self, made: Made) -> Value {
        let Self { request, plan, model, file, number, .. } = self;
        let RestoreRequest { format, quality, compare, skip_existing, output, reference, batch_size, .. } =
            RestoreRequest::default();
        let (skipped, samples) = match made {
            Made::Sample(number) => (number, 1),
            // The same however many samples are made.
            Made::Degraded => (0, 1),
            _ => (0, request.samples),
        };
        changed(&RestoreRequest {
            model: model.name.clone(),
            images: vec![file.to_path_buf()],
            seed: Some(plan.seed),
            first: *number,
            first_sample: request.first_sample + skipped,
            samples,
            format,
            quality,
            compare,
            skip_existing,
            output,
            reference,
            batch_size,
            ..(*request).clone()
        })
    }

    fn parameters(&self, header: &Header) -> String {
        let Self { plan, model, restored, .. } = self;
        let settings = [
            ("Steps", plan.steps.to_string()),
            ("Method", format!("{:?}", restored.method)),
            ("Noise", format!("{:?}", self.noise())),
            ("Seed", header.seed.to_string()),
            ("Model hash", header.model_hash.clone()),
            ("Model", format!("{}{}", header.model, model.adaptation().to_a1111())),
            ("Version", format!("langevin {}", header.version)),
        ];
        let prompt = |words: &Prompts| {
            let negative = Some(words.negative.as_str()).filter(|negative| !negative.is_empty());
            described(words.each.first().map_or("", String::as_str), negative)
        };
        parameters(plan.words.as_ref().map(prompt).as_deref(), &settings)
    }
}

/// The options of a kind.
fn kind(kind: &RestoreKind) -> Value {
    match kind {
        RestoreKind::Restore { operator } => json!({ "operator": operator }),
        RestoreKind::Inpaint { mask, invert } => {
            let hash = mask.as_ref().and_then(|mask| langevin_data::hash_of_file(mask).ok());
            json!({ "mask": mask.as_ref().map(spelled), "mask_hash": hash, "invert_mask": invert.then_some(true) })
        }
        RestoreKind::Upscale { scale, kernel } => json!({ "scale": scale, "kernel": kernel }),
        RestoreKind::Deblur { kernel } => json!({ "kernel": kernel }),
        RestoreKind::Edit { strength } => json!({ "strength": strength }),
    }
}
