//! The error for what diffusers' pipelines of latents have no words for.

use langevin_core::{Error, Result};

/// Says that a pipeline of latents cannot have this.
pub(crate) fn refused<T>(what: &str) -> Result<T> {
    Err(Error::usage(format!("a pipeline of Stable Diffusion cannot have {what}"))
        .hint("keep the model as a single file"))
}
