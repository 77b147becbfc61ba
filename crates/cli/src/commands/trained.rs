//! What `inpaint` and `upscale` do with models that were trained for it, and what others say to such models.

use clap::{Args, ValueEnum};
use langevin::model::{Task, TaskKind};
use langevin::restoration::{self, Trained};
use langevin::{Error, Model, Result};

/// The flags for models that were trained for the command.
#[derive(Args)]
#[command(next_help_heading = "With a model that was trained for it")]
pub struct TrainedFlags {
    /// sample: an image that fits; mean: the one of least expected error, in one call, which is soft [default: sample].
    #[arg(long, value_enum)]
    mode: Option<Mode>,
    /// Sampler of draws, as in `langevin list samplers` [default: the model's].
    #[arg(long, value_name = "NAME")]
    sampler: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Mode {
    Mean,
    Sample,
}

/// What a command can do with a model that was trained for a task.
pub enum Serves<'a> {
    /// Nothing.
    Nothing,
    /// Enlarge so many times what was made small so.
    Upscale { scale: Option<usize>, kernel: Option<&'a str>, flags: &'a TrainedFlags },
    /// Fill in holes.
    Inpaint(&'a TrainedFlags),
}

impl Serves<'_> {
    /// How `model` is used, if it was trained for the command; `None` for one that draws images by itself.
    pub fn of(&self, model: &Model) -> Result<Option<Trained>> {
        let Some(task) = &model.info.task else {
            return self.without(model).map(|()| None);
        };
        let flags = match (self, task.kind) {
            (Self::Upscale { scale, kernel, flags }, TaskKind::Upscale) => {
                check_scale(model, task, *scale, *kernel)?;
                flags
            }
            (Self::Inpaint(flags), TaskKind::Inpaint) => flags,
            _ => return Err(task.refusal(&model.name, "and for nothing else")),
        };
        let mode = match flags.mode {
            Some(Mode::Mean) => restoration::Mode::Mean,
            Some(Mode::Sample) | None => restoration::Mode::Sample,
        };
        Ok(Some(Trained { mode, sampler: flags.sampler.clone() }))
    }

    /// The sampler that is asked for.
    pub fn sampler(&self) -> Option<&str> {
        match self {
            Self::Nothing => None,
            Self::Upscale { flags, .. } | Self::Inpaint(flags) => flags.sampler.as_deref(),
        }
    }

    /// Refuses flags that mean nothing to a model which draws images by itself.
    fn without(&self, model: &Model) -> Result<()> {
        let flags = match self {
            Self::Nothing => return Ok(()),
            Self::Upscale { flags, .. } | Self::Inpaint(flags) => flags,
        };
        let given = [("--mode", flags.mode.is_some()), ("--sampler", flags.sampler.is_some())];
        match given.iter().find(|(_, given)| *given) {
            Some(("--sampler", _)) if model.is_inpainting_model() => Ok(()),
            None => Ok(()),
            Some((flag, _)) => Err(Error::usage(format!(
                "{}: was not trained for this task, so {flag} means nothing to it",
                model.name
            ))
            .hint("say how it restores with --method, or train a model with `langevin train --task`")),
        }
    }
}

fn check_scale(model: &Model, task: &Task, scale: Option<usize>, kernel: Option<&str>) -> Result<()> {
    let own =
        langevin::restoration::trained::scale(task, model.info.channels, model.info.size.0)?.unwrap_or(1);
    if let Some(scale) = scale.filter(|scale| *scale != own) {
        return Err(task.refusal(&model.name, &format!("{own} times smaller, not {scale}")).hint(format!(
            "leave --scale out, or train one with `langevin train --task upscale --scale {scale}`"
        )));
    }
    let name = task.operator().split([':', '+']).next().unwrap_or_default();
    match kernel.filter(|kernel| *kernel != name || task.operator().contains('+')) {
        None => Ok(()),
        Some(kernel) => Err(task
            .refusal(&model.name, &format!("not {kernel}"))
            .hint("leave --kernel out, or train one for images that were made small so")),
    }
}
