//! What a run was begun with next to its settings, so that it can go on by its folder alone.

use serde::{Deserialize, Serialize};

/// What a run was begun with. It stands in the `run.toml` of the run, and decides nothing of the result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// The data, as they were named.
    pub data: String,
    /// The preset's name.
    pub preset: String,
    /// Whether the weights of `model.safetensors` are stored in 16 bits.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub half: bool,
}
