//! The flags of commands that open Stable Diffusion with changes: LoRA files, skipped blocks of its encoders of texts.

use clap::Args;
use clap::builder::RangedU64ValueParser;
use langevin::model::Adaptation;
use langevin::{Device, Model, Result};

/// What changes a model as it is opened.
#[derive(Args)]
pub struct AdaptFlags {
    /// A LoRA file for Stable Diffusion, and how much of it [default strength: 1]; several add up.
    #[arg(long, value_name = "FILE[:STRENGTH]")]
    pub lora: Vec<String>,
    /// Blocks at the end of CLIP's encoder of texts to skip for what is wanted [default: 0].
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(0..=64))]
    pub clip_skip: Option<usize>,
}

impl AdaptFlags {
    /// The model that `spec` names, changed as the flags say.
    ///
    /// # Errors
    /// As [`Model::open_adapted`].
    pub fn open(&self, spec: &str, device: &Device) -> Result<Model> {
        let adapting = Adaptation { lora: self.lora.clone(), clip_skip: self.clip_skip.unwrap_or(0) };
        Model::open_adapted(spec, &adapting, device)
    }
}
