//! What a restorer is trained for.

use std::sync::Arc;

use langevin_core::{Error, Result};
use langevin_restore::{NoPictures, Operator, Shape, operators};
use langevin_train::Conditions;
use serde::{Deserialize, Serialize};

use super::conditions::{InpaintConditions, UpscaleConditions};

/// What pictures are made smaller with when nothing is said.
const BICUBIC: &str = "bicubic:scale=4";

/// What a restorer does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskKind {
    /// Draws small pictures large.
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
    /// How pictures were made small, as in `langevin list operators`, several joined with `+`; they must become smaller by a
    /// whole number. Default: bicubic:scale=4; none for other kinds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
}

impl Task {
    /// How pictures were made small.
    pub fn operator(&self) -> &str {
        self.operator.as_deref().unwrap_or(BICUBIC)
    }

    /// How many times smaller the operator makes pictures of `side` pixels a side; absent where holes are filled in.
    ///
    /// # Errors
    /// Usage: an operator that is unknown, does not take such pictures, changes channels, or does not make pictures smaller by
    /// a whole number.
    pub fn scale(&self, channels: usize, side: usize) -> Result<Option<usize>> {
        match (self.kind, &self.operator) {
            (TaskKind::Inpaint, None) => Ok(None),
            (TaskKind::Inpaint, Some(operator)) => Err(Error::usage(format!(
                "task.operator = \"{operator}\": a restorer that fills in holes has none"
            ))
            .hint("leave it out; its masks are drawn at random")),
            (TaskKind::Upscale, _) => {
                let operator = operators::build(self.operator(), [channels, side, side], &NoPictures)
                    .map_err(|error| error.within("task.operator"))?;
                let scale = scale_of(operator.as_ref());
                scale.map(Some).ok_or_else(|| {
                    Error::usage(format!(
                        "task.operator = \"{}\": does not make pictures smaller by a whole number, channel by channel",
                        self.operator()
                    ))
                    .hint("use bicubic:scale=4, lanczos or average, also after a blur: gaussian_blur:sigma=1+average:scale=4")
                })
            }
        }
    }

    /// Channels of what the network is told of pictures with `channels`: the enlarged picture, or what is left of a picture with
    /// a hole and where the hole is.
    pub fn condition_channels(&self, channels: usize) -> usize {
        match self.kind {
            TaskKind::Upscale => channels,
            TaskKind::Inpaint => channels + 1,
        }
    }

    /// What a network for it is told of clean pictures of `shape`.
    ///
    /// # Errors
    /// As [`Task::scale`].
    pub fn conditions(&self, shape: Shape) -> Result<Arc<dyn Conditions>> {
        Ok(match self.kind {
            TaskKind::Inpaint => Arc::new(InpaintConditions::new(shape)),
            TaskKind::Upscale => {
                let operator = operators::build(self.operator(), shape, &NoPictures)
                    .map_err(|error| error.within("task.operator"))?;
                Arc::new(UpscaleConditions::new(operator))
            }
        })
    }

    /// What it is for, after "was trained".
    pub fn words(&self) -> String {
        match self.kind {
            TaskKind::Upscale => format!("to enlarge pictures that {} made small", self.operator()),
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

/// How many times smaller an operator makes pictures, if it does so by a whole number from 2 and keeps their channels.
pub(crate) fn scale_of(operator: &dyn Operator) -> Option<usize> {
    let ([channels, height, width], [kept, low, narrow]) = (operator.input(), operator.output());
    let scale = height / low.max(1);
    let whole = (low * scale, narrow * scale) == (height, width);
    (channels == kept && scale > 1 && whole && operator.measured().is_none()).then_some(scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upscale(operator: &str) -> Task {
        Task { kind: TaskKind::Upscale, operator: Some(operator.to_owned()) }
    }

    #[test]
    fn whatever_makes_pictures_smaller_can_be_undone() {
        assert_eq!(Task::default().scale(1, 64).unwrap(), Some(4));
        assert_eq!(upscale("average:scale=2").scale(3, 16).unwrap(), Some(2));
        assert_eq!(upscale("gaussian_blur:sigma=1+average:scale=4").scale(3, 64).unwrap(), Some(4));
        assert_eq!(Task { kind: TaskKind::Inpaint, operator: None }.scale(1, 9).unwrap(), None);
        for (task, word) in [
            (upscale("gaussian_blur:sigma=1"), "does not make pictures smaller"),
            (upscale("gray"), "does not make pictures smaller"),
            (upscale("mask"), "does not make pictures smaller"),
            (upscale("bicubic:scale=5"), "64 x 64"),
            (upscale("bicubix"), "bicubic"),
            (Task { kind: TaskKind::Inpaint, ..upscale("mask") }, "fills in holes"),
        ] {
            let error = task.scale(3, 64).unwrap_err();
            assert!(error.exit_code() == 2 && error.to_string().contains(word), "{error}");
        }
    }
}
