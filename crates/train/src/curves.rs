//! The curves of a run, read back from its `metrics.jsonl`: the training loss, the validation loss, and the validation loss by
//! noise level.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;

use langevin_core::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a run has recorded.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Curves {
    /// Images seen and the loss of each update.
    pub training: Vec<(u64, f64)>,
    /// Each validation.
    pub validation: Vec<Validated>,
    /// Images seen and values of what else was measured, such as `psnr`, by name.
    pub judged: BTreeMap<String, Vec<(u64, f64)>>,
}

/// One validation.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Validated {
    /// Images seen.
    pub images: u64,
    /// The loss over all noise levels.
    pub loss: f64,
    /// The loss of each noise level, the cleanest first; empty for a training without levels.
    pub by_level: Vec<LevelLoss>,
}

/// The loss at one noise level.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct LevelLoss {
    /// `2 ln(alpha / sigma)`.
    pub log_snr: f64,
    /// The loss there.
    pub loss: f64,
}

/// One line of `metrics.jsonl`.
#[derive(Deserialize)]
struct Line {
    images: u64,
    loss: Option<f64>,
    validation_loss: Option<f64>,
    #[serde(default)]
    by_level: Vec<LevelLoss>,
    #[serde(flatten)]
    others: BTreeMap<String, Value>,
}

/// Values of an update that are no measurement of the model.
const SETTINGS: [&str; 3] = ["grad_norm", "lr", "step"];

impl Curves {
    /// Reads the curves of the run in `folder`. A last line that is not whole, of a run that is at work or was killed, is left out.
    ///
    /// # Errors
    /// Bad input: there is no `metrics.jsonl`, or a line of it is not what a run writes.
    pub fn read(folder: &Path) -> Result<Self> {
        let path = folder.join("metrics.jsonl");
        let bad = |what: String| Error::bad_input(format!("{}: {what}", path.display()));
        let (file, _) = langevin_files::open_ordinary(&path).map_err(|error| bad(error.to_string()))?;
        let mut lines = BufReader::new(file);
        let (mut curves, mut line, mut number) = (Self::default(), Vec::new(), 0);
        loop {
            line.clear();
            lines.read_until(b'\n', &mut line).map_err(|error| bad(error.to_string()))?;
            if line.last() != Some(&b'\n') {
                return Ok(curves);
            }
            number += 1;
            let line = serde_json::from_slice(&line)
                .map_err(|error| bad(format!("line {number} is not one of a run: {error}")))?;
            curves.add(line);
        }
    }

    fn add(&mut self, line: Line) {
        let Line { images, loss, validation_loss, by_level, others } = line;
        self.training.extend(loss.map(|loss| (images, loss)));
        self.validation.extend(validation_loss.map(|loss| Validated { images, loss, by_level }));
        for (name, value) in others {
            if let Some(value) = value.as_f64().filter(|_| !SETTINGS.contains(&name.as_str())) {
                self.judged.entry(name).or_default().push((images, value));
            }
        }
    }

    /// The training loss as means over at most `most` stretches of equally many updates, each at its last image.
    pub fn smoothed(&self, most: usize) -> Vec<(u64, f64)> {
        let stretch = self.training.len().div_ceil(most.max(1)).max(1);
        let mean = |part: &[(u64, f64)]| {
            let sum: f64 = part.iter().map(|(_, loss)| loss).sum();
            (part.last().map_or(0, |(images, _)| *images), sum / part.len() as f64)
        };
        self.training.chunks(stretch).map(mean).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_are_what_a_run_wrote() {
        let folder = tempfile::tempdir().unwrap();
        let lines = concat!(
            r#"{"by_level":[{"log_snr":4.0,"loss":1.0},{"log_snr":-4.0,"loss":0.5}],"images":0,"validation_loss":0.75}"#,
            "\n",
            r#"{"grad_norm":0.2,"images":8,"loss":0.6,"lr":0.1,"step":1}"#,
            "\n",
            r#"{"grad_norm":0.2,"images":16,"loss":0.4,"lr":0.1,"step":2}"#,
            "\n",
            r#"{"images":16,"psnr":21.5}"#,
            "\n",
            r#"{"grad_norm":0.2,"ima"#,
        );
        std::fs::write(folder.path().join("metrics.jsonl"), lines).unwrap();
        let curves = Curves::read(folder.path()).unwrap();
        assert_eq!(curves.training, [(8, 0.6), (16, 0.4)]);
        assert_eq!(curves.smoothed(1), [(16, 0.5)]);
        assert_eq!(curves.smoothed(9), curves.training);
        assert_eq!((curves.validation.len(), curves.validation[0].loss), (1, 0.75));
        assert_eq!(curves.validation[0].by_level[1], LevelLoss { log_snr: -4.0, loss: 0.5 });
        assert_eq!(curves.judged["psnr"], [(16, 21.5)]);
        assert_eq!(curves.judged.len(), 1);
    }

    #[test]
    fn what_no_run_wrote_is_named_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Curves::read(folder.path()).unwrap_err().to_string().contains("metrics.jsonl"));
        std::fs::write(folder.path().join("metrics.jsonl"), "{\"images\":1}\nhello\n").unwrap();
        assert!(Curves::read(folder.path()).unwrap_err().to_string().contains("line 2"));
    }
}
