//! The flags that guide, the same for every command that samples.

use clap::Args;

/// What guides sampling, and how strongly.
#[derive(Args, Debug, Clone, Default)]
pub struct GuideFlags {
    /// Guidance scale (CFG); 1 is no guidance [default: the model's].
    #[arg(long)]
    pub cfg_scale: Option<f64>,
    /// Kind of guidance, as in `langevin list guidances` [default: cfg, or autoguidance with --guide].
    #[arg(long, value_name = "NAME:key=value")]
    pub guidance: Option<String>,
    /// Weaker model of the same images for autoguidance: smaller, or trained less.
    #[arg(long, value_name = "MODEL")]
    #[arg(value_parser = crate::shell::spec())]
    pub guide: Option<String>,
}
