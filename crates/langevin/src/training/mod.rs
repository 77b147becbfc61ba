//! Training: settings and presets, what the data decide of them, denoisers, autoencoders, restorers and distillations from end to
//! end.

pub mod autoencoder;
mod captions;
mod denoiser;
pub mod distilling;
pub mod fine_tuning;
pub mod job;
pub(crate) mod latents;
mod masks;
pub mod memory;
pub mod post_hoc_ema;
mod prepare;
pub mod presets;
mod request;
mod restorer;
mod restorer_preview;
mod run_folder;
pub mod settings;

use burn::tensor::Device;
use langevin_core::Result;
use langevin_train::Outcome;

use langevin_inference::job::Observer;

pub use job::TrainOutcome;
pub use masks::random_mask;
pub use prepare::{ObjectiveOverride, Prepared, TrainPlan, prepare};
pub use request::{TrainRequest, TrainTask, resolved_settings};

impl Prepared {
    /// Trains; what happens goes to `observer`.
    ///
    /// # Errors
    /// As [`langevin_train::train`]; failed, when the memory that is free does not suffice.
    pub fn train(self, device: &Device, observer: &mut dyn Observer) -> Result<Outcome> {
        match self.settings.autoencoder.clone() {
            Some(settings) => autoencoder::train(self, &settings, device, observer),
            None => self.train_denoiser(device, observer),
        }
    }
}
