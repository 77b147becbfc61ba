//! What a user asks of a distillation, as plain data.

use std::path::PathBuf;

use langevin_core::Result;
use langevin_process::limits;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::training::request::{name_of, shared_flags};

/// A model to distil into one that samples in few steps. What is absent is the method's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DistillRequest {
    /// The teacher, or the model the student begins from: a run folder, a model.safetensors, a diffusers folder or builtin:NAME.
    pub model: String,
    /// The images it was trained on, as a training takes them.
    pub data: String,
    /// The run's folder; a run that is there already goes on. Absent: runs/NAME-distilled, after the model.
    #[serde(with = "langevin_core::as_text")]
    #[schemars(with = "Option<PathBuf>")]
    pub out: Option<PathBuf>,
    /// The method with its options, as in `langevin list distillations`.
    pub method: String,
    /// Steps of the last student. Absent: 4, or 2 for consistency models.
    #[schemars(range(min = 1, max = 1024))]
    pub steps: Option<usize>,
    /// Steps of the teacher to begin with: the student's times a power of two. Absent: at least 16.
    #[schemars(range(min = 1, max = limits::STEPS))]
    pub from: Option<usize>,
    /// The spacing of the steps, as in `langevin list spacings`. Absent: `trailing`, or the spacing of a student.
    pub spacing: Option<String>,
    /// The strength of the teacher's guidance, which the student learns; 1 is none.
    pub cfg_scale: f64,
    /// Begin with random weights.
    pub scratch: bool,
    /// Images that each student sees.
    #[schemars(range(min = 1, max = limits::IMAGES))]
    pub images: Option<u64>,
    /// Minutes of training after which each student stops.
    pub minutes: Option<f64>,
    /// Images for one update.
    #[schemars(range(min = 1, max = limits::BATCH_SIZE))]
    pub batch_size: Option<usize>,
    /// The seed of everything random.
    #[schemars(range(max = limits::TRAINING_SEED))]
    pub seed: Option<u64>,
    /// Learning rate.
    pub learning_rate: Option<f64>,
    /// Compute convolutions without transforms: slower, and a digit closer to the real numbers.
    pub exact: bool,
    /// Any other setting of `train` or `sample`, as `section.key=value`.
    pub set: Vec<String>,
    /// Refuse to begin: only a run that is there goes on.
    pub resume: bool,
    /// Make one unreadable image an error.
    pub strict: bool,
    /// Store the weights of the last student in 16 bits, half the size.
    pub half: bool,
    /// Forecast what the first student would take, and write nothing.
    pub dry_run: bool,
}

impl Default for DistillRequest {
    fn default() -> Self {
        Self {
            model: String::new(),
            data: String::new(),
            out: None,
            method: "progressive".to_owned(),
            steps: None,
            from: None,
            spacing: None,
            cfg_scale: 1.0,
            scratch: false,
            images: None,
            minutes: None,
            batch_size: None,
            seed: None,
            learning_rate: None,
            exact: false,
            set: Vec::new(),
            resume: false,
            strict: false,
            half: false,
            dry_run: false,
        }
    }
}

impl DistillRequest {
    /// The run's folder.
    pub fn run_folder(&self) -> PathBuf {
        let named = || PathBuf::from("runs").join(format!("{}-distilled", name_of(&self.model)));
        self.out.clone().unwrap_or_else(named)
    }

    /// The fields as settings, later ones over earlier ones.
    pub(super) fn flags(&self) -> Result<Vec<String>> {
        let mut flags = shared_flags(
            self.images,
            self.minutes,
            self.batch_size,
            self.seed,
            self.learning_rate,
            self.exact,
        )?;
        flags.extend(self.set.iter().cloned());
        Ok(flags)
    }
}
