//! The job `convert`: models from one form into another.

use std::path::{Path, PathBuf};

use langevin_core::{Error, NotFinite, Result, tensor_file};
use langevin_files::RunLock;
use langevin_model::{Adaptation, Source, save};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use langevin_inference::job::{Context, Event};

/// A model to turn into another form.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ConvertRequest {
    /// The model: a run folder, a model.safetensors, a diffusers folder, builtin:NAME, or a PyTorch checkpoint.
    pub input: String,
    /// What to write: FILE.safetensors, or else a folder of diffusers.
    #[serde(with = "langevin_core::as_text")]
    #[schemars(with = "PathBuf")]
    pub output: PathBuf,
    /// The pipeline that a folder is for.
    pub pipeline: DiffusersPipeline,
    /// Store the weights of a file in 16 bits.
    pub half: bool,
    /// Write into a folder that is there already.
    pub overwrite: bool,
    /// Refuse weights that are not finite, or become so in 16 bits.
    pub strict: bool,
}

/// A pipeline of diffusers that generates pixels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DiffusersPipeline {
    /// `DDPMPipeline`.
    #[default]
    Ddpm,
    /// `DDIMPipeline`.
    Ddim,
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConvertOutcome {
    /// What was written.
    #[serde(with = "langevin_core::as_text")]
    pub output: PathBuf,
    /// What the new form does not say, or says differently.
    pub notes: Vec<String>,
}

impl ConvertRequest {
    /// `input` as `output`.
    pub fn new(input: impl Into<String>, output: impl Into<PathBuf>) -> Self {
        Self { input: input.into(), output: output.into(), ..Self::default() }
    }
}

/// Converts what `request` names. A file that ends in `.safetensors` holds a single file, any other name is a folder of diffusers.
///
/// # Errors
/// Bad input: a model that cannot be read, or weights that are not finite where the request is strict. Usage: what the other form cannot say, a name that is taken.
pub fn run(request: &ConvertRequest, context: &mut Context<'_>) -> Result<ConvertOutcome> {
    let output = &request.output;
    let single = output.extension().is_some_and(|ending| ending == "safetensors");
    if request.half && !single {
        return Err(Error::usage("--half is for a single file").hint("give an OUT that ends in .safetensors"));
    }
    let source = Source::of(&request.input)?;
    // Before the work: the model of a run has one writer, and the name is free.
    let _lock = RunLock::of_model(output)?;
    match single {
        true => context.sink.claim(&[output])?,
        false => langevin_hub::check_folder(output, request.overwrite)?,
    }
    let notes = match (source, single) {
        (Source::Checkpoint(path), true) => {
            let (tensors, metadata) = save::checkpoint_tensors(&path)?;
            let storage = save::storage(request.half);
            let notes = said(&NotFinite::of(&tensors, storage), request)?;
            context.write(output, tensor_file::encode(&tensors, &metadata, storage))?;
            notes
        }
        // A checkpoint becomes a folder where it is one of Stable Diffusion, whose networks are known by its names.
        (source, _) => {
            let model = source.open(&request.input, &Adaptation::default(), context.device)?;
            context.stop.check("the conversion")?;
            let mut notes = model.notes.clone();
            notes.extend(said(&save::not_finite(&model, request.half), request)?);
            if single {
                context.write(output, save::to_file(&model, request.half)?)?;
            } else {
                notes.extend(save::to_folder(&model, output, request.pipeline.name(), request.overwrite)?);
                context.observer.event(Event::Output { file: Path::to_owned(output) });
            }
            notes
        }
    };
    for note in &notes {
        context.observer.event(Event::warning(note));
    }
    Ok(ConvertOutcome { output: output.clone(), notes })
}

/// What is said of weights that are not finite.
fn said(found: &NotFinite, request: &ConvertRequest) -> Result<Vec<String>> {
    if request.strict {
        found.refuse(&request.input)?;
    }
    Ok((!found.is_empty()).then(|| format!("{}: {found}", request.input)).into_iter().collect())
}

impl DiffusersPipeline {
    fn name(self) -> &'static str {
        match self {
            Self::Ddpm => "ddpm",
            Self::Ddim => "ddim",
        }
    }
}
