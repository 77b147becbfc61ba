//! The flags that guide, the same for every command that samples.

use clap::Args;

/// What guides sampling, and how strongly.
#[derive(Args, Debug, Clone, Default)]
pub struct GuideFlags {
    /// Strength of guidance: 1 is none [default: the model's].
    #[arg(long)]
    pub cfg_scale: Option<f64>,
    /// What guides, with the strength of --cfg-scale, as in `langevin list guidances` [default: cfg, or autoguidance with --guide].
    #[arg(long, value_name = "NAME:key=value")]
    pub guidance: Option<String>,
    /// A worse model of the same images to guide away from: smaller, or trained less.
    #[arg(long, value_name = "MODEL")]
    pub guide: Option<String>,
}
