//! Mean or sample, where several clean images fit.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is made of an image that several clean images fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Their mean, in one network evaluation: nearest to the true one on average, and soft.
    Mean,
    /// One of them.
    Sample,
}
