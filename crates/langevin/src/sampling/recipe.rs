//! The recipe of an image: what generates it again, stored in its file.

use langevin_core::{Error, Result};
use langevin_kernels::Arithmetic;
use langevin_model::Model;
use langevin_model::adaptation::{self, Adaptation};
use serde::{Deserialize, Serialize};

use super::SamplePlan;

/// What redraws one image; stored in it as JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// The command, `sample`.
    pub command: String,
    /// Version of the program.
    pub version: String,
    /// The model as it was named.
    pub model: String,
    /// First 16 hexadecimal digits of the BLAKE3 sum of its file.
    pub model_hash: String,
    /// The seed.
    pub seed: u64,
    /// The number of the image within the seed.
    pub image: u64,
    /// Steps.
    pub steps: usize,
    /// The sampler.
    pub sampler: String,
    /// The spacing.
    pub spacing: String,
    /// Strength of guidance.
    pub cfg_scale: f64,
    /// The guidance, where it is not plain classifier-free guidance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guidance: Option<String>,
    /// The worse model that guided, as it was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guide: Option<String>,
    /// As `model_hash`, of the guide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guide_hash: Option<String>,
    /// The text, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// What was not wanted, where it was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub negative: Option<String>,
    /// LoRA files that were added to the model, each with its strength.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lora: Vec<String>,
    /// Blocks of the encoders of texts that were skipped.
    #[serde(default, skip_serializing_if = "adaptation::is_zero")]
    pub clip_skip: usize,
    /// Whether denoised images were clamped.
    pub clip: bool,
    /// The class, if any.
    pub class: Option<String>,
    /// Width and height in pixels.
    pub size: (usize, usize),
    /// The type of the numbers that convolutions multiply, `f32` or `bf16`.
    #[serde(default = "f32_name", skip_serializing_if = "is_f32")]
    pub dtype: String,
    /// Whether convolutions used no transforms.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub exact: bool,
    /// Whether it began from noise in a file, which the recipe does not hold.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub init_noise: bool,
}

fn f32_name() -> String {
    "f32".to_owned()
}

fn is_f32(name: &String) -> bool {
    name == "f32"
}

impl Recipe {
    /// The recipe of image number `index` (from 0) of `plan`.
    pub fn of(model: &Model, plan: &SamplePlan, index: usize) -> Self {
        let label = plan.labels.as_ref().and_then(|labels| labels[index]);
        let Adaptation { lora, clip_skip } = model.adaptation();
        Self {
            lora,
            clip_skip,
            command: "sample".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            model: model.name.clone(),
            model_hash: model.hash().to_owned(),
            seed: plan.seed,
            image: plan.first + index as u64,
            steps: plan.steps,
            sampler: plan.sampler.clone(),
            spacing: plan.spacing.clone(),
            cfg_scale: plan.cfg_scale,
            guidance: plan.guidance.named().map(str::to_owned),
            guide: plan.guidance.guide.as_ref().map(|guide| guide.name.clone()),
            guide_hash: plan.guidance.guide.as_ref().map(|guide| guide.hash().to_owned()),
            prompt: plan.prompts.as_ref().map(|prompts| prompts.each[index].clone()),
            negative: plan
                .prompts
                .as_ref()
                .map(|prompts| prompts.negative.clone())
                .filter(|negative| !negative.is_empty()),
            clip: plan.clip,
            class: label.map(|label| model.info.classes[label as usize].clone()),
            size: model.info.size,
            dtype: if plan.arithmetic == Arithmetic::Bf16 { "bf16" } else { "f32" }.to_owned(),
            exact: plan.arithmetic == Arithmetic::Exact,
            init_noise: plan.start.is_some(),
        }
    }

    /// What the image shows, in the words of who asked for it, and what it should not.
    fn described(&self) -> String {
        let shown = self.prompt.as_deref().or(self.class.as_deref()).unwrap_or_default();
        match &self.negative {
            Some(negative) => format!("{shown}\nNegative prompt: {negative}"),
            None => shown.to_owned(),
        }
    }

    /// The text chunks of the image: `parameters` in the grammar of A1111, and `langevin` as JSON.
    pub fn to_text(&self) -> Vec<(&'static str, String)> {
        // A value with commas stands in quotation marks.
        let guidance =
            self.guidance.as_ref().map_or(String::new(), |guidance| format!(" Guidance: {guidance:?},"));
        let adapted = Adaptation { lora: self.lora.clone(), clip_skip: self.clip_skip }.to_a1111();
        let parameters = format!(
            "{}\nSteps: {}, Sampler: {}, Schedule type: {}, CFG scale: {},{guidance} Seed: {}, Image: {}, Size: {}x{}, Model hash: {}, Model: {}{adapted}, Version: langevin {}",
            self.described(),
            self.steps,
            self.sampler,
            self.spacing,
            self.cfg_scale,
            self.seed,
            self.image,
            self.size.0,
            self.size.1,
            self.model_hash,
            self.model,
            self.version,
        );
        let json = serde_json::to_string(self).expect("a recipe is plain values");
        vec![("parameters", parameters), ("langevin", json)]
    }

    /// The recipe in the PNG file `bytes`.
    ///
    /// # Errors
    /// Bad input, when the file is not a PNG or carries no recipe of this program.
    pub fn read(bytes: &[u8]) -> Result<Self> {
        let text = langevin_figures::png::text(bytes)?;
        let (_, json) = text.iter().find(|(keyword, _)| keyword == "langevin").ok_or_else(|| {
            Error::bad_input("carries no recipe of this program")
                .hint("only images from `langevin sample` without --no-metadata carry one")
        })?;
        serde_json::from_str(json)
            .map_err(|error| Error::bad_input(format!("its recipe cannot be read: {error}")))
    }
}
