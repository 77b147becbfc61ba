//! The settings of an autoencoder: its network, and what it learns by.

use langevin_core::{Error, Result};
use langevin_nn::AutoencoderConfig;
use langevin_nn::autoencoder::LearningConfig;
use serde::{Deserialize, Serialize};

/// An autoencoder and what it learns by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AutoencoderSettings {
    /// The network.
    pub network: AutoencoderConfig,
    /// Weight of the divergence of each latent number's Gaussian from the standard one, its sum over the latents in nats for each
    /// number of the image. Latent diffusion was published with 1e-6; more makes latents smoother and images softer. Default 1e-4.
    pub kl: f64,
    /// With a codebook: how strongly latents are drawn to their vectors, of what draws the vectors to them (van den Oord et al. 2017,
    /// beta). Default 0.25.
    pub commitment: f64,
    /// With a codebook: weight of the entropy with which its vectors are used, so that none is left out. Default 0.02.
    pub usage: f64,
    /// Weight of the critic's judgement (hinge loss; Esser et al. 2021); 0 trains without a critic. Default 0.02.
    pub adversarial: f64,
    /// Weight of the difference between what the critic's layers see in an image and in its reconstruction (Larsen et al. 2016,
    /// 1512.09300): a feature loss by a network that learns beside. Default 0.5.
    pub features: f64,
    /// Images before the critic begins to learn and to be listened to: first images come back at all. Default 16384.
    pub critic_from: u64,
    /// Channels of the critic's first layer. Default 16.
    pub critic_channels: usize,
    /// How often the critic halves images: 2 looks at parts of 15 pixels, 3 of 31. Default 2.
    pub critic_halvings: usize,
}

impl Default for AutoencoderSettings {
    fn default() -> Self {
        Self {
            network: AutoencoderConfig::default(),
            kl: 1e-4,
            commitment: 0.25,
            usage: 0.02,
            adversarial: 0.02,
            features: 0.5,
            critic_from: 16_384,
            critic_channels: 16,
            critic_halvings: 2,
        }
    }
}

impl AutoencoderSettings {
    /// Says what does not fit images of `size` x `size`.
    ///
    /// # Errors
    /// Usage, naming the setting.
    pub fn check(&self, size: usize) -> Result<()> {
        self.network.check()?;
        let [channels, height, width] = self.network.latent_shape(size, size)?;
        if channels * height * width >= self.network.channels * size * size {
            return Err(Error::usage(format!(
                "autoencoder: latents of {width}x{height} with {channels} channels are no smaller than the images"
            ))
            .hint("give it another level, or fewer latent_channels"));
        }
        let weights = [
            ("kl", self.kl),
            ("commitment", self.commitment),
            ("usage", self.usage),
            ("adversarial", self.adversarial),
            ("features", self.features),
        ];
        if let Some((name, weight)) = weights.iter().find(|(_, weight)| !(0.0..=1e6).contains(weight)) {
            return Err(Error::usage(format!("autoencoder: {name} = {weight} is not from 0 to 1e6")));
        }
        let critic = (self.critic_channels, self.critic_halvings);
        if self.has_critic() && !((1..=512).contains(&critic.0) && (1..=6).contains(&critic.1)) {
            return Err(Error::usage(format!(
                "autoencoder: a critic of {} channels that halves {} times is not built",
                critic.0, critic.1
            ))
            .hint("give critic_channels 1 to 512 and critic_halvings 1 to 6"));
        }
        Ok(())
    }

    /// Whether a critic learns beside it.
    pub fn has_critic(&self) -> bool {
        self.adversarial > 0.0 || self.features > 0.0
    }

    /// All that is trained.
    pub(crate) fn learning(&self) -> LearningConfig {
        LearningConfig {
            autoencoder: self.network.clone(),
            critic_channels: if self.has_critic() { self.critic_channels } else { 0 },
            critic_halvings: self.critic_halvings,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_named() {
        let message = |change: fn(&mut AutoencoderSettings)| {
            let mut settings = AutoencoderSettings::default();
            change(&mut settings);
            settings.check(32).unwrap_err().to_string()
        };
        assert!(AutoencoderSettings::default().check(32).is_ok());
        assert!(message(|s| s.network.latent_channels = 48).contains("no smaller"));
        assert!(message(|s| s.kl = -1.0).contains("kl = -1"));
        assert!(message(|s| s.critic_halvings = 9).contains("halves 9 times"));
        assert!(AutoencoderSettings::default().check(30).unwrap_err().to_string().contains("multiples of 4"));
    }
}
