//! An autoencoder with all that learns beside it.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use langevin_core::{Cond, Network, Result};
use serde::{Deserialize, Serialize};

use super::Autoencoder;
use super::config::AutoencoderConfig;
use super::critic::Critic;
use crate::draw::Draw;

/// What is trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct LearningConfig {
    /// The autoencoder.
    pub autoencoder: AutoencoderConfig,
    /// Channels of the critic's first layer; 0 trains without one. Default 0.
    pub critic_channels: usize,
    /// How often the critic halves the image: 2 looks at parts of 15 pixels, 3 of 31. Default 0.
    pub critic_halvings: usize,
}

/// An autoencoder and its critic, trained at once.
#[derive(Module, Debug)]
pub struct Learning {
    /// The autoencoder.
    pub autoencoder: Autoencoder,
    /// The critic, if there is one.
    pub critic: Option<Critic>,
}

impl LearningConfig {
    /// Draws the weights from (`seed`, parameter path).
    ///
    /// # Errors
    /// `Usage`, as [`AutoencoderConfig::check`].
    pub fn init(&self, seed: u64, device: &Device) -> Result<Learning> {
        self.autoencoder.check()?;
        let draw = Draw::new(seed, device);
        let critic = || {
            let inputs = self.autoencoder.channels;
            Critic::new(&draw.at("critic"), inputs, self.critic_channels, self.critic_halvings)
        };
        Ok(Learning {
            autoencoder: self.autoencoder.at(&draw.at("autoencoder")),
            critic: (self.critic_channels > 0).then(critic),
        })
    }
}

impl Network for Learning {
    /// The images after the way to the latents and back; an autoencoder is conditioned on no noise.
    fn forward(&self, x: Tensor<4>, _noise_input: Tensor<1>, _cond: &Cond) -> Tensor<4> {
        self.autoencoder.decode(self.autoencoder.encode(x).mean)
    }

    fn classes(&self) -> usize {
        0
    }
}
