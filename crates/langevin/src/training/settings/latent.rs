//! The settings of a latent model: which latents it is trained on.

use serde::{Deserialize, Serialize};

/// Images of an unlimited data set that are encoded.
const OF_UNLIMITED: u64 = 32_768;

/// Which latents a model is trained on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LatentSettings {
    /// The autoencoder: its run, or its model.safetensors.
    pub autoencoder: String,
    /// What it is; empty until it was opened.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub hash: String,
    /// Images of an unlimited data set that are encoded. Default 32768.
    #[serde(alias = "pictures")]
    pub images: u64,
}

impl Default for LatentSettings {
    fn default() -> Self {
        Self { autoencoder: String::new(), hash: String::new(), images: OF_UNLIMITED }
    }
}
