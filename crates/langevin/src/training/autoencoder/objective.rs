//! What an autoencoder learns: images that come back as they were, latents that are small, and a critic that finds no difference.

use burn::module::Module;
use burn::tensor::{Tensor, activation::relu};
use langevin_core::{Level, Losses, Preconditioned, Result};
use langevin_nn::autoencoder::{Autoencoder, Critic, Learning, entropy};
use langevin_process::Diffusion;
use langevin_train::{Objective, Pass};

use crate::training::settings::AutoencoderSettings;

/// Weight of the critic's own loss. How fast it learns does not depend on it, but its gradient shares the limit of the whole one's
/// length with the autoencoder's, which is much shorter.
const CRITIC: f64 = 0.02;

/// The loss of an autoencoder and its critic, which learn by one and the same step: the critic from reconstructions whose gradient
/// is cut off, the autoencoder from a critic whose weights are.
#[derive(Debug, Clone)]
pub struct Reconstruction {
    settings: AutoencoderSettings,
}

impl Reconstruction {
    /// By these settings.
    pub fn new(settings: &AutoencoderSettings) -> Self {
        Self { settings: settings.clone() }
    }

    /// The latents that are decoded, and what is paid for them, one number for the batch.
    fn latents(&self, autoencoder: &Autoencoder, pass: &Pass) -> (Tensor<4>, Tensor<1>) {
        let [n, c, h, w] = pass.x0.dims();
        let encoded = autoencoder.encode(pass.x0.clone());
        let mean = encoded.mean;
        let shape = mean.dims();
        let numbers = shape[1] * shape[2] * shape[3];
        if let Some(log_variance) = encoded.log_variance {
            let variance = log_variance.clone().exp();
            let nats = (mean.clone().square() + variance.clone() - log_variance - 1.0).mul_scalar(0.5).sum();
            let paid = nats.mul_scalar(self.settings.kl / (n * c * h * w) as f64);
            if pass.is_validation() {
                return (mean, paid);
            }
            let noise = pass.noise.clone().reshape([n, c * h * w]).narrow(1, 0, numbers).reshape(shape);
            return (mean + variance.sqrt() * noise, paid);
        }
        let codebook = autoencoder.codebook().expect("without a variance there is a codebook");
        let codes = codebook.codes(mean.clone());
        let vectors = codebook.vectors(&codes, [shape[0], shape[2], shape[3]]);
        let to_latents = (vectors.clone() - mean.clone().detach()).square().mean();
        let to_vectors = (vectors.clone().detach() - mean.clone()).square().mean();
        let mut paid = to_latents + to_vectors.mul_scalar(self.settings.commitment);
        if self.settings.usage > 0.0 {
            // The scale on which vectors lie apart, so that the use is neither all even nor all one.
            let temperature = f64::from(
                (vectors.clone().detach() - mean.clone().detach()).square().mean().into_scalar::<f32>(),
            );
            let shares = codebook.use_of(mean.clone(), (temperature * shape[1] as f64).max(1e-6));
            paid = paid - entropy(shares).mul_scalar(self.settings.usage);
        }
        // The gradient of the decoder goes past the codebook to the encoder (van den Oord et al. 2017).
        (mean.clone() + (vectors - mean).detach(), paid)
    }

    /// What the critic says of `images` in place of `truth`: the loss of the autoencoder and that of the critic.
    fn criticised(&self, critic: &Critic, truth: &Tensor<4>, images: Tensor<4>) -> Tensor<1> {
        let real = critic.forward(truth.clone()).truth;
        let made = critic.forward(images.clone().detach()).truth;
        let learned = relu(real.neg().add_scalar(1.0)).mean() + relu(made.add_scalar(1.0)).mean();
        let fixed = critic.clone().no_grad();
        let (real, made) = (fixed.forward(truth.clone()), fixed.forward(images));
        let layers = real.features.len() as f64;
        let differ = real.features.into_iter().zip(made.features).map(|(real, made)| {
            let size = f64::from(real.clone().abs().mean().into_scalar::<f32>()).max(1e-6);
            (made - real.detach()).abs().mean().div_scalar(size * layers)
        });
        let differ = differ.reduce(|a, b| a + b).expect("a critic has layers");
        learned.mul_scalar(CRITIC) + differ.mul_scalar(self.settings.features)
            - made.truth.mean().mul_scalar(self.settings.adversarial)
    }
}

impl Objective<Learning> for Reconstruction {
    fn level(&self, _diffusion: &Diffusion, _uniform: f64, _seen: u64) -> Level {
        Level::CLEAN
    }

    fn validation_levels(&self) -> usize {
        1
    }

    fn has_terms(&self) -> bool {
        false
    }

    fn loss(
        &self,
        pass: Pass,
        model: &Preconditioned<Learning>,
        _target: Option<&Preconditioned<Learning>>,
    ) -> Result<Losses> {
        let Learning { autoencoder, critic } = &model.network;
        let (latents, paid) = self.latents(autoencoder, &pass);
        let images = autoencoder.decode_codes(latents);
        let [n, c, h, w] = pass.x0.dims();
        let error = (images.clone() - pass.x0.clone()).abs();
        let per_image = error.reshape([n, c * h * w]).mean_dim(1).reshape([n]);
        let mut mean = per_image.clone().mean() + paid;
        if let Some(critic) = critic
            && !pass.is_validation()
            && pass.seen >= self.settings.critic_from
        {
            mean = mean + self.criticised(critic, &pass.x0, images);
        }
        Ok(Losses { mean: mean.mul_scalar(pass.share), per_image, terms: None })
    }
}

#[cfg(test)]
mod tests {
    use burn::module::ModuleVisitor;
    use burn::module::Param;
    use burn::tensor::{Device, TensorData};
    use langevin_core::{Cond, NoiseStreams};
    use langevin_nn::AutoencoderConfig;
    use langevin_process::DiffusionSpec;

    use super::*;

    struct Sizes<'a> {
        grads: &'a burn::tensor::Gradients,
        critic: f64,
        rest: f64,
        inside_critic: usize,
    }

    impl ModuleVisitor for Sizes<'_> {
        fn enter_module(&mut self, name: &str, _: &str) {
            self.inside_critic += usize::from(name == "critic" || self.inside_critic > 0);
        }

        fn exit_module(&mut self, _: &str, _: &str) {
            self.inside_critic = self.inside_critic.saturating_sub(1);
        }

        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let Some(grad) = param.val().grad(self.grads) else { return };
            let size = f64::from(grad.abs().max().into_scalar::<f32>());
            let of = if self.inside_critic > 0 { &mut self.critic } else { &mut self.rest };
            *of = of.max(size);
        }
    }

    fn pass(seen: u64, device: &Device, dropout: bool) -> Pass {
        let values = |k: f32| (0..2 * 64).map(|i| (i as f32 * k).sin()).collect::<Vec<f32>>();
        let tensor = |k| Tensor::from_data(TensorData::new(values(k), [2, 1, 8, 8]), device);
        Pass {
            x0: tensor(0.37),
            noise: tensor(1.7),
            uniforms: vec![0.5; 2],
            cond: Cond { dropout: dropout.then(|| NoiseStreams::new(0, 0..2)), ..Cond::none() },
            counted: None,
            share: 1.0,
            seen,
        }
    }

    fn settings(codebook: usize) -> AutoencoderSettings {
        AutoencoderSettings {
            network: AutoencoderConfig {
                channels: 1,
                levels: vec![4, 8],
                latent_channels: 2,
                norm_groups: 4,
                codebook,
                ..AutoencoderConfig::default()
            },
            critic_channels: 4,
            critic_from: 10,
            ..AutoencoderSettings::default()
        }
    }

    fn learning(settings: &AutoencoderSettings, device: &Device) -> Preconditioned<Learning> {
        let network = settings.learning().init(1, device).unwrap();
        Preconditioned::new(network, Diffusion::new(&DiffusionSpec::default()).unwrap())
    }

    #[test]
    fn the_critic_teaches_the_autoencoder_once_it_is_heeded() {
        let device = Device::flex().autodiff();
        for codebook in [0, 8] {
            let settings = settings(codebook);
            let model = learning(&settings, &device);
            let objective = Reconstruction::new(&settings);
            let sizes = |seen| {
                let losses = objective.loss(pass(seen, &device, true), &model, None).unwrap();
                let grads = losses.mean.backward();
                let mut sizes = Sizes { grads: &grads, critic: 0.0, rest: 0.0, inside_critic: 0 };
                model.network.visit(&mut sizes);
                (sizes.critic, sizes.rest)
            };
            let (before, after) = (sizes(0), sizes(10));
            assert!(before.0 == 0.0 && before.1 > 0.0, "{before:?}");
            assert!(after.0 > 0.0 && (before.1 - after.1).abs() > 1e-4 * before.1, "{before:?} {after:?}");
        }
    }

    #[test]
    fn the_divergence_is_the_closed_form() {
        let device = Device::flex().autodiff();
        let settings = AutoencoderSettings { kl: 1.0, ..settings(0) };
        let model = learning(&settings, &device);
        let pass = pass(0, &device, false);
        let encoded = model.network.autoencoder.encode(pass.x0.clone());
        let values = |x: Tensor<4>| x.into_data().try_to_vec::<f32>().unwrap();
        let (mean, log_variance) = (values(encoded.mean), values(encoded.log_variance.unwrap()));
        let nats: f64 = mean
            .iter()
            .zip(&log_variance)
            .map(|(m, l)| (f64::from(*m), f64::from(*l)))
            .map(|(m, l)| 0.5 * (m * m + l.exp() - l - 1.0))
            .sum();
        let (_, paid) = Reconstruction::new(&settings).latents(&model.network.autoencoder, &pass);
        let paid = f64::from(paid.into_scalar::<f32>());
        assert!((paid - nats / 128.0).abs() < 1e-5 * nats, "{paid} {nats}");
    }
}
