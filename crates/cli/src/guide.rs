//! The flags that guide, the same for every command that samples.

use clap::Args;

use crate::headings::GUIDANCE;

/// What guides sampling, and how strongly.
#[derive(Args, Debug, Clone, Default)]
pub struct GuideFlags {
    /// Guidance scale (CFG); 1 is no guidance [default: the model's].
    #[arg(long, aliases = ["cfg", "guidance-scale"], value_name = "SCALE", allow_negative_numbers = true, help_heading = GUIDANCE)]
    pub cfg_scale: Option<f64>,
    /// Kind of guidance, as in `langevin list guidances` [default: cfg, or autoguidance with --guide].
    #[arg(long, value_name = "NAME:key=value", help_heading = GUIDANCE)]
    pub guidance: Option<String>,
    /// Weaker model of the same images for autoguidance: smaller, or trained less.
    #[arg(long, value_name = "MODEL", help_heading = GUIDANCE)]
    #[arg(value_parser = crate::shell::spec())]
    pub guide: Option<String>,
}
