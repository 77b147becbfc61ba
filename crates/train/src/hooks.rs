//! What the trainer tells, and asks of, whoever runs it: it knows no sampler and no terminal.

use std::collections::BTreeMap;
use std::path::PathBuf;

use langevin_core::{NamedTensors, Preconditioned, Result};
use serde::Serialize;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Event {
    /// The run goes on from a checkpoint with this many images seen.
    Resumed {
        /// Images seen.
        images: u64,
    },
    /// Something the user should know.
    Warning {
        /// One sentence.
        text: String,
    },
    /// What the run will take, measured on one step whose result is thrown away.
    Forecast(Forecast),
    /// One update of the weights.
    Step(Step),
    /// A validation over held-out images with the averaged weights.
    Validated {
        /// Images seen.
        images: u64,
        /// Mean weighted loss.
        loss: f64,
        /// `(log_snr, unweighted loss)` of each level, cleanest first.
        by_level: Vec<(f64, f64)>,
    },
    /// What [`Hooks::judge`] found.
    Judged {
        /// Images seen.
        images: u64,
        /// Names and values.
        values: Vec<(&'static str, f64)>,
    },
    /// A checkpoint was published.
    Saved {
        /// Its folder.
        #[serde(with = "langevin_core::as_text")]
        path: PathBuf,
    },
    /// Validation, previews, snapshots or checkpoints between two updates took time.
    Maintained {
        /// Images seen.
        images: u64,
        /// Seconds that it took.
        seconds: f64,
    },
}

/// The cost of a run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Forecast {
    /// Seconds for one update.
    pub seconds_per_step: f64,
    /// Images seen a second.
    pub images_per_second: f64,
    /// Images still to see, or what fits in the minutes left if that is less.
    pub images_left: u64,
    /// Seconds until the run ends.
    pub seconds_left: f64,
    /// Most memory the process has held so far in bytes, where the system tells.
    pub peak_bytes: Option<u64>,
    /// Numbers in the network.
    pub parameters: usize,
}

/// One update of the weights.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Step {
    /// Images seen after it.
    pub images: u64,
    /// Updates made.
    pub step: u64,
    /// Weighted loss of the batch.
    pub loss: f64,
    /// Norm of the gradient before clipping.
    pub gradient_norm: f64,
    /// Learning rate used.
    pub learning_rate: f64,
    /// Images a second of this update, with the wait for its images; what happens between updates is left out.
    pub images_per_second: f64,
    /// Images to see in all.
    pub images_total: u64,
    /// Seconds of training so far.
    pub seconds: f64,
}

/// A grid of samples, as a PNG.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// The PNG file's bytes.
    pub png: Vec<u8>,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

/// What `model.safetensors` holds.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelFile {
    /// The weights.
    pub tensors: NamedTensors,
    /// What is said of them.
    pub metadata: BTreeMap<String, String>,
}

/// What the trainer's caller provides.
pub trait Hooks<N> {
    /// Called once, when the folder is locked and known to hold no run of other settings, before anything else is
    /// written there.
    ///
    /// # Errors
    /// Whatever the caller's own files may fail with.
    fn begin(&mut self) -> Result<()> {
        Ok(())
    }

    /// Called with everything that happens.
    fn event(&mut self, event: &Event);

    /// Draws samples with the averaged weights, always from the same noise; `None` draws nothing, or was cut short by a
    /// signal to stop.
    ///
    /// # Errors
    /// Whatever sampling may fail with.
    fn preview(&mut self, model: &Preconditioned<N>, images: u64) -> Result<Option<Preview>>;

    /// Whether the samples drawn after `images` images are there already, where [`Hooks::preview`] keeps them.
    fn has_preview(&self, _images: u64) -> bool {
        true
    }

    /// Judges the model with averaged weights at a validation; names and values of what was found, the same from the same
    /// weights.
    ///
    /// # Errors
    /// Whatever judging may fail with.
    fn judge(&mut self, _model: &Preconditioned<N>) -> Result<Vec<(&'static str, f64)>> {
        Ok(Vec::new())
    }

    /// What is stored in `model.safetensors`, of the averaged weights after `images` images; the same from the same weights.
    ///
    /// # Errors
    /// Whatever looking at the model may fail with.
    fn model_file(&mut self, images: u64, averaged: NamedTensors) -> Result<ModelFile>;
}
