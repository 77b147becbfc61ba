//! The recipe of a sampled image: what generates it again, stored in its file.

use std::path::Path;

use langevin_core::{Error, Result, Size};
use langevin_kernels::Arithmetic;
use langevin_model::Model;
use langevin_model::adaptation::{self, Adaptation};
use serde::{Deserialize, Serialize};

use super::SamplePlan;
use crate::job::Text;
use crate::job::recipe::{Header, Recipe, described, options, parameters};

/// Most bytes of an image file whose recipe is read.
const MOST_BYTES: u64 = 512 << 20;
/// The command of these recipes.
const COMMAND: &str = "sample";

/// The options of `sample` in the recipe of an image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SampleOptions {
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
    /// The prompt, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// The negative prompt, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub negative: Option<String>,
    /// LoRA files that were added to the model, each with its strength.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lora: Vec<String>,
    /// Blocks of the text encoders that were skipped.
    #[serde(default, skip_serializing_if = "adaptation::is_zero")]
    pub clip_skip: usize,
    /// Whether denoised images were clamped.
    pub clip: bool,
    /// The class, if any.
    pub class: Option<String>,
    /// Width and height in pixels.
    pub size: Size,
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

/// The recipe of image number `index` (from 0) of `plan`.
pub(super) fn recipe(model: &Model, plan: &SamplePlan, index: usize) -> Recipe<SampleOptions> {
    let label = plan.labels.as_ref().and_then(|labels| labels[index]);
    let Adaptation { lora, clip_skip } = model.adaptation();
    let guide = plan.guidance.guide.as_ref();
    let negative = plan.prompts.as_ref().map(|prompts| prompts.negative.clone());
    let options = SampleOptions {
        steps: plan.steps,
        sampler: plan.sampler.clone(),
        spacing: plan.spacing.clone(),
        cfg_scale: plan.cfg_scale,
        guidance: plan.guidance.named().map(str::to_owned),
        guide: guide.map(|guide| guide.name.clone()),
        guide_hash: guide.map(|guide| guide.hash().to_owned()),
        prompt: plan.prompts.as_ref().map(|prompts| prompts.each[index].clone()),
        negative: negative.filter(|negative| !negative.is_empty()),
        lora,
        clip_skip,
        clip: plan.clip,
        class: label.map(|label| model.info.classes[label as usize].clone()),
        size: model.info.size,
        dtype: if plan.arithmetic == Arithmetic::Bf16 { "bf16" } else { "f32" }.to_owned(),
        exact: plan.arithmetic == Arithmetic::Exact,
        init_noise: plan.start.is_some(),
    };
    Recipe { header: Header::new(COMMAND, model, plan.seed, plan.first + index as u64), options }
}

/// The recipe in the PNG `file`.
///
/// # Errors
/// Bad input, naming the file: it carries no recipe, or one of another command. Usage: it began from noise that it does not hold.
pub(super) fn read_recipe(file: &Path) -> Result<Recipe<SampleOptions>> {
    let bytes = langevin_files::read_bounded(file, MOST_BYTES)?;
    let recipe = Recipe::read(&bytes).and_then(|recipe| match recipe.options.get("count") {
        Some(count) => Err(Error::bad_input(format!(
            "is a sheet of {count} images, and one is sampled again"
        ))
        .hint(format!(
            "sample them all: langevin sample {} --seed {} -n {count}",
            recipe.header.model, recipe.header.seed
        ))),
        None => recipe.made_by::<SampleOptions>(COMMAND),
    });
    let recipe = recipe.map_err(|error| error.within(file.display()))?;
    if recipe.options.init_noise {
        return Err(Error::usage(format!(
            "{}: was sampled from noise in a file, which it does not carry",
            file.display()
        ))
        .hint("sample again with the same --init-noise"));
    }
    Ok(recipe)
}

impl Recipe<SampleOptions> {
    /// The text chunks of a sheet of `count` images, of which this is the recipe of the first.
    pub(super) fn chunks_of_sheet(&self, made: &str, count: usize) -> Text {
        let first = serde_json::to_value(&self.options).expect("options are plain values");
        let sheet = serde_json::json!({ "made": made, "count": count });
        let recipe = Recipe { header: self.header.clone(), options: options([sheet, first]) };
        recipe.to_text(self.parameters())
    }

    /// The text chunks of the image.
    pub(super) fn chunks(&self) -> Text {
        self.to_text(self.parameters())
    }

    fn parameters(&self) -> String {
        let Self { header, options } = self;
        let shown = options.prompt.as_deref().or(options.class.as_deref()).unwrap_or_default();
        let mut settings = vec![
            ("Steps", options.steps.to_string()),
            ("Sampler", options.sampler.clone()),
            ("Schedule type", options.spacing.clone()),
            ("CFG scale", options.cfg_scale.to_string()),
        ];
        // A value with commas stands in quotation marks.
        settings.extend(options.guidance.as_ref().map(|guidance| ("Guidance", format!("{guidance:?}"))));
        let adapted = Adaptation { lora: options.lora.clone(), clip_skip: options.clip_skip }.to_a1111();
        settings.extend([
            ("Seed", header.seed.to_string()),
            ("Image", header.image.unwrap_or_default().to_string()),
            ("Size", options.size.to_string()),
            ("Model hash", header.model_hash.clone()),
            ("Model", format!("{}{adapted}", header.model)),
            ("Version", format!("langevin {}", header.version)),
        ]);
        parameters(Some(&described(shown, options.negative.as_deref())), &settings)
    }
}
