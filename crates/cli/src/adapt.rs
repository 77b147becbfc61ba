//! The flags of commands that open Stable Diffusion with changes: LoRA files, skipped blocks of its encoders of texts.

use clap::Args;
use clap::builder::RangedU64ValueParser;

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
