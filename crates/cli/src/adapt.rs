//! The flags of commands that open Stable Diffusion with changes: LoRA files, skipped blocks of its encoders of texts.

use clap::Args;
use clap::builder::RangedU64ValueParser;

use crate::headings::GUIDANCE;

/// What changes a model as it is opened.
#[derive(Args)]
pub struct AdaptFlags {
    /// LoRA file for Stable Diffusion, and its strength [default strength: 1]; may be repeated.
    #[arg(long, value_name = "FILE[:STRENGTH]", help_heading = GUIDANCE)]
    #[arg(value_parser = crate::shell::spec())]
    pub lora: Vec<String>,
    /// Leave out the last N layers of the text encoder (A1111's Clip skip, less one) [default: 0].
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(0..=64), help_heading = GUIDANCE)]
    pub clip_skip: Option<usize>,
}
