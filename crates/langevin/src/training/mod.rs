//! Training: settings and presets, what the data decide of them, denoisers, autoencoders, restorers and distillations from end to
//! end.

pub mod autoencoder;
mod captions;
mod denoiser;
pub mod distilling;
pub mod fine_tuning;
pub(crate) mod latents;
mod masks;
pub mod memory;
pub mod post_hoc_ema;
mod prepare;
pub mod presets;
mod restorer;
mod restorer_preview;
mod run_folder;
pub mod settings;

use burn::tensor::Device;
use langevin_core::Result;
use langevin_train::{Event, Outcome};

pub use masks::random_mask;
pub use prepare::{ObjectiveOverride, Prepared, TrainRequest, prepare};

impl Prepared {
    /// Trains.
    ///
    /// # Errors
    /// As [`langevin_train::train`]; failed, when the memory that is free does not suffice.
    pub fn train(self, device: &Device, observe: impl FnMut(&Event)) -> Result<Outcome> {
        match self.settings.autoencoder.clone() {
            Some(settings) => autoencoder::train(self, &settings, device, observe),
            None => self.train_denoiser(device, observe),
        }
    }
}
