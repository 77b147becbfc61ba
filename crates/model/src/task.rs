//! What a restorer is trained for.

use langevin_core::Error;
use serde::{Deserialize, Serialize};

/// What images are made smaller with when nothing is said.
const BICUBIC: &str = "bicubic:scale=4";

/// What a restorer does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskKind {
    /// Draws small images large.
    #[default]
    Upscale,
    /// Fills in holes.
    Inpaint,
}

/// What a restorer is trained for; stored in its file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Task {
    /// What it does. Default: upscale.
    pub kind: TaskKind,
    /// How images were made small, as in `langevin list operators`, several joined with `+`; they must become smaller by a
    /// whole number. Default: bicubic:scale=4; none for other kinds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
}

impl Task {
    /// How images were made small.
    pub fn operator(&self) -> &str {
        self.operator.as_deref().unwrap_or(BICUBIC)
    }

    /// Channels of the condition made of images with `channels`: the enlarged image, or what is left of an image with
    /// a hole and where the hole is.
    pub fn condition_channels(&self, channels: usize) -> usize {
        match self.kind {
            TaskKind::Upscale => channels,
            TaskKind::Inpaint => channels + 1,
        }
    }

    /// What it is for, after "was trained".
    pub fn words(&self) -> String {
        match self.kind {
            TaskKind::Upscale => format!("to enlarge images that {} made small", self.operator()),
            TaskKind::Inpaint => "to fill in holes".to_owned(),
        }
    }

    /// The command that uses it.
    pub fn command(&self) -> &'static str {
        match self.kind {
            TaskKind::Upscale => "langevin upscale",
            TaskKind::Inpaint => "langevin inpaint",
        }
    }

    /// The error for a use that it was not trained for; `name` is the model's.
    pub fn refusal(&self, name: &str, what: &str) -> Error {
        Error::usage(format!("{name}: was trained {}, {what}", self.words()))
            .hint(format!("use it with `{}`", self.command()))
    }
}
