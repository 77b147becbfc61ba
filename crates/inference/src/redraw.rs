//! Images made again from their recipes by the job that made them: edited, restored and denoised ones.

use std::path::{Path, PathBuf};

use langevin_core::{Error, Result, path_of};
use langevin_data::hash_of_file;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::denoising::{self, DenoiseRequest};
use crate::job::recipe::Recipe;
use crate::job::{Context, Event, check_failed};
use crate::restoration::{self, RestoreRequest};
use crate::sampling::SampleRequest;

/// Most bytes of an image file whose recipe is read.
const MOST_BYTES: u64 = 512 << 20;

/// An image to make again, which another job than `sample` made.
#[derive(Debug, Clone)]
pub struct Redraw {
    /// The image.
    pub from: PathBuf,
    /// The hash of the model that made it.
    pub model_hash: String,
    job: Job,
}

/// The request that made it.
#[derive(Debug, Clone)]
enum Job {
    Restore(Box<RestoreRequest>),
    Denoise(Box<DenoiseRequest>),
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct Redrawn {
    /// The files of the result, the main one first.
    pub files: Vec<PathBuf>,
    /// The seed.
    pub seed: u64,
}

impl Redraw {
    /// What `request` asks for with `from`; none where that is an image of `sample`, or nothing.
    ///
    /// # Errors
    /// Bad input, naming the file: it carries no recipe, or one that does not hold all that is needed; what it was made from is
    /// gone, or has another content now. Usage: options of the request that mean nothing to such an image.
    pub fn of(request: &SampleRequest) -> Result<Option<Self>> {
        let Some(file) = &request.from else { return Ok(None) };
        let bytes = langevin_files::read_bounded(file, MOST_BYTES)?;
        let recipe = Recipe::read(&bytes).map_err(|error| error.within(file.display()))?;
        let command = recipe.header.command.clone();
        if command == "sample" {
            return Ok(None);
        }
        let within = |error: Error| error.within(file.display());
        check_options(request, &command).map_err(within)?;
        let made = recipe.options.get("made").and_then(Value::as_str).unwrap_or_default();
        let along = matches!(made, "std" | "degraded" | "comparison");
        let part_of_several = command == "denoise"
            && made == "sample"
            && recipe.options.contains_key("request")
            && recipe.options["request"].get("samples").is_some_and(|count| count.as_u64() > Some(1));
        if along || part_of_several {
            return Err(Error::bad_input(format!(
                "{}: was made along with a result of `langevin {command}`",
                file.display()
            ))
            .hint("give the result itself: what came along with it is made again too"));
        }
        let job = match command.as_str() {
            "denoise" => Job::Denoise(Box::new(request_in(&recipe).map_err(within)?)),
            "restore" | "inpaint" | "upscale" | "deblur" | "edit" => {
                Job::Restore(Box::new(request_in(&recipe).map_err(within)?))
            }
            _ => {
                return Err(Error::bad_input(format!(
                    "{}: was made by `langevin {command}`, which samples no image",
                    file.display()
                ))
                .hint("`langevin inspect` shows the recipe; run that command again"));
            }
        };
        check_files(&recipe).map_err(within)?;
        let mut redraw = Self { from: file.clone(), model_hash: recipe.header.model_hash, job };
        redraw.write_as(request).map_err(within)?;
        Ok(Some(redraw))
    }

    /// Takes from `request` how the image is written.
    fn write_as(&mut self, request: &SampleRequest) -> Result<()> {
        let SampleRequest { output, format, quality, metadata, .. } = request.clone();
        match &mut self.job {
            Job::Restore(own) => {
                if own.init_noise.is_some() {
                    return Err(Error::usage("began from noise in a file, which it does not carry")
                        .hint("run the command again with the same --init-noise"));
                }
                **own = RestoreRequest { output, format, quality, metadata, ..(**own).clone() };
            }
            Job::Denoise(own) => {
                **own = DenoiseRequest { output, format, quality, metadata, ..(**own).clone() };
            }
        }
        Ok(())
    }

    /// Makes the image again.
    ///
    /// # Errors
    /// As the job that made it.
    pub fn run(&self, context: &mut Context<'_>) -> Result<Redrawn> {
        let (models, files, seed) = match &self.job {
            Job::Restore(request) => {
                let made = restoration::job::run(request, context)?;
                check_failed(&made.failed, 1)?;
                let files = made.images.into_iter().flat_map(|image| image.files).collect();
                (made.models, files, made.plan.seed)
            }
            Job::Denoise(request) => {
                let made = denoising::job::run(request, context)?;
                check_failed(&made.failed, 1)?;
                (made.models, made.images.into_iter().flat_map(|image| image.files).collect(), request.seed)
            }
        };
        for model in models.iter().filter(|model| model.hash() != self.model_hash) {
            context.observer.event(Event::warning(format!(
                "{} is not the model that made {} (its hash is {}, the recipe's {}): the image differs",
                model.name,
                self.from.display(),
                model.hash(),
                self.model_hash
            )));
        }
        Ok(Redrawn { files, seed })
    }
}

/// Refuses what `request` changes of an image that `command` made: only how it is written can be said.
fn check_options(request: &SampleRequest, command: &str) -> Result<()> {
    let plain = SampleRequest::default();
    let asked = SampleRequest {
        from: None,
        output: None,
        format: None,
        quality: None,
        metadata: plain.metadata,
        count: plain.count,
        batch_size: plain.batch_size,
        ..request.clone()
    };
    if asked == plain {
        return Ok(());
    }
    Err(Error::usage(format!(
        "was made by `langevin {command}`, and is made again as it is, without other options"
    ))
    .hint(format!("leave all but -o out, or run `langevin {command}` with what is to be different")))
}

/// The request that a recipe holds.
fn request_in<R: DeserializeOwned>(recipe: &Recipe) -> Result<R> {
    let request = recipe.options.get("request").ok_or_else(|| {
        Error::bad_input("its recipe does not hold all that is needed to make it again")
            .hint("images of earlier versions do not; `langevin inspect` shows what is recorded")
    })?;
    serde_json::from_value(request.clone())
        .map_err(|error| Error::bad_input(format!("its recipe cannot be read: {error}")))
}

/// Whether the files that an image was made from are there, with the content they had.
fn check_files(recipe: &Recipe) -> Result<()> {
    for (file, hash) in [("input", "input_hash"), ("mask", "mask_hash")] {
        let recorded = |key: &str| recipe.options.get(key).and_then(Value::as_str);
        if let (Some(file), Some(hash)) = (recorded(file), recorded(hash)) {
            check_file(&path_of(file), hash)?;
        }
    }
    Ok(())
}

fn check_file(file: &Path, hash: &str) -> Result<()> {
    let name = file.display();
    let found = hash_of_file(file).map_err(|error| {
        Error::bad_input(format!("was made from {name}, which cannot be read ({})", error.message()))
            .hint("put the file back where it was, as seen from here")
    })?;
    if found == hash {
        return Ok(());
    }
    Err(Error::bad_input(format!("was made from {name}, which has another content now"))
        .hint("only with the same file it is made again; run the command again for this one"))
}
