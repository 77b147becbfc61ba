//! By what factor a trained restorer enlarges.

use langevin_core::{Error, Result};
use langevin_model::{Task, TaskKind};
use langevin_restore::{NoImages, Operator, operators};

/// How many times smaller the operator makes images of `side` pixels a side; absent where holes are filled in.
///
/// # Errors
/// Usage: an operator that is unknown, does not take such images, changes channels, or does not make images smaller by
/// a whole number.
pub fn scale(task: &Task, channels: usize, side: usize) -> Result<Option<usize>> {
    match (task.kind, &task.operator) {
        (TaskKind::Inpaint, None) => Ok(None),
        (TaskKind::Inpaint, Some(operator)) => Err(Error::usage(format!(
            "task.operator = \"{operator}\": a restorer that fills in holes has none"
        ))
        .hint("leave it out; its masks are drawn at random")),
        (TaskKind::Upscale, _) => {
            let operator = operators::build(task.operator(), [channels, side, side], &NoImages)
                .map_err(|error| error.within("task.operator"))?;
            let scale = scale_of(operator.as_ref());
            scale.map(Some).ok_or_else(|| {
                Error::usage(format!(
                    "task.operator = \"{}\": does not make images smaller by a whole number, channel by channel",
                    task.operator()
                ))
                .hint("use bicubic:scale=4, lanczos or average, also after a blur: gaussian_blur:sigma=1+average:scale=4")
            })
        }
    }
}

/// How many times smaller an operator makes images, if it does so by a whole number from 2 and keeps their channels.
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
    fn whatever_makes_images_smaller_can_be_undone() {
        assert_eq!(scale(&Task::default(), 1, 64).unwrap(), Some(4));
        assert_eq!(scale(&upscale("average:scale=2"), 3, 16).unwrap(), Some(2));
        assert_eq!(scale(&upscale("gaussian_blur:sigma=1+average:scale=4"), 3, 64).unwrap(), Some(4));
        assert_eq!(scale(&Task { kind: TaskKind::Inpaint, operator: None }, 1, 9).unwrap(), None);
        for (task, word) in [
            (upscale("gaussian_blur:sigma=1"), "does not make images smaller"),
            (upscale("gray"), "does not make images smaller"),
            (upscale("mask"), "does not make images smaller"),
            (upscale("bicubic:scale=5"), "64 x 64"),
            (upscale("bicubix"), "bicubic"),
            (Task { kind: TaskKind::Inpaint, ..upscale("mask") }, "fills in holes"),
        ] {
            let error = scale(&task, 3, 64).unwrap_err();
            assert!(error.exit_code() == 2 && error.to_string().contains(word), "{error}");
        }
    }
}
