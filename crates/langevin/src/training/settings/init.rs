//! The model that training begins with.

use serde::{Deserialize, Serialize};

/// The model that a training began with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Init {
    /// Where it was.
    pub model: String,
    /// What it was.
    pub hash: String,
}
