//! The flags that guide, the same for every command that draws.

use std::sync::Arc;

use clap::Args;
use langevin::model::GuidanceConfig;
use langevin::{Device, Model, Result};

use crate::shell::Shell;

/// What guides a drawing, and how strongly.
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

impl GuideFlags {
    /// The guidance, its worse model opened. Where `hash` is given, another model than that one is warned of.
    ///
    /// # Errors
    /// As [`Model::open`].
    pub fn open(&self, shell: &Shell, hash: Option<&str>, device: &Device) -> Result<GuidanceConfig> {
        let guide = match &self.guide {
            None => None,
            Some(name) => {
                let guide = Model::open(name, device)?;
                for note in &guide.notes {
                    shell.warn(&format!("{name}: {note}"));
                }
                if let Some(hash) = hash.filter(|hash| *hash != guide.hash()) {
                    shell.warn(&format!(
                        "{name} is not the guide the image was drawn with (its hash is {}, the recipe's {hash}): the image will differ",
                        guide.hash()
                    ));
                }
                Some(Arc::new(guide))
            }
        };
        Ok(GuidanceConfig { rule: self.guidance.clone(), guide })
    }

    /// Whether these ask for another guidance than `model` has by itself.
    pub fn differ_from(&self, model: &Model) -> bool {
        let strength = self.cfg_scale.is_some_and(|scale| scale != model.cfg_scale());
        strength || self.guidance.is_some() || self.guide.is_some()
    }
}
