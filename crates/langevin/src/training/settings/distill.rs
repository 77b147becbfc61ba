//! The settings of a distillation.

use serde::{Deserialize, Serialize};

/// What a student is taught, as its run keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Distill {
    /// The method, as in `langevin list distillations`.
    pub method: String,
    /// The teacher, or the model the student begins from, as it was named.
    pub teacher: String,
    /// First 16 hexadecimal digits of the BLAKE3 sum of its file.
    pub teacher_hash: String,
    /// Steps of the teacher that the student halves; 0 for methods that halve none.
    pub from: usize,
    /// Steps of the student.
    pub steps: usize,
    /// The spacing of the steps.
    pub spacing: String,
    /// Strength of the teacher's classifier-free guidance, which the student learns; 1 is none.
    pub cfg_scale: f64,
    /// Whether the student begins with random weights instead of the model's.
    pub scratch: bool,
}
