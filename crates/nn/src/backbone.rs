//! The network of a model: the U-Net, or in its place the diffusion transformer, under one description.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use langevin_core::{Cond, Context, ContextShape, Network, Result};
use langevin_kernels::Arithmetic;

use crate::config::{NetworkConfig, TextConfig};
use crate::dit::{Dit, DitConfig};
use crate::draw::Draw;
use crate::embed::TimeEmbedding;
use crate::text::ClipText;
use crate::unet::{UNet, added_features, conditioning, read_texts};

/// A network that a model is trained with.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant, reason = "there is one of them in a model")]
pub enum Backbone {
    /// A U-Net.
    UNet(UNet),
    /// A transformer.
    Transformer(Transformer),
}

/// A diffusion transformer with its text conditioning.
#[derive(Module, Debug)]
pub struct Transformer {
    dit: Dit,
    /// The encoder of the texts, where it learns with the network.
    text_encoder: Option<ClipText>,
    /// What the vector of a text's end and the numbers beside it add to the noise level's embedding.
    add_embedding: Option<TimeEmbedding>,
    #[module(skip)]
    config: NetworkConfig,
    #[module(skip)]
    arithmetic: Arithmetic,
}

impl NetworkConfig {
    /// The network, its weights drawn as [`NetworkConfig::init`] and [`DitConfig::init`] draw them.
    ///
    /// # Errors
    /// `Usage`, as [`NetworkConfig::check`].
    pub fn backbone(&self, seed: u64, device: &Device) -> Result<Backbone> {
        match self.dit() {
            None => self.init(seed, device).map(Backbone::UNet),
            Some(dit) => self.with_transformer(&dit, &Draw::new(seed, device)),
        }
    }

    /// The network with weights that are all 0, to be read.
    ///
    /// # Errors
    /// `Usage`, as [`NetworkConfig::check`].
    pub fn blank_backbone(&self, device: &Device) -> Result<Backbone> {
        match self.dit() {
            None => self.blank(device).map(Backbone::UNet),
            Some(dit) => self.with_transformer(&dit, &Draw::blank(device)),
        }
    }

    fn with_transformer(&self, dit: &DitConfig, draw: &Draw<'_>) -> Result<Backbone> {
        self.check()?;
        let text = self.text.as_ref();
        Ok(Backbone::Transformer(Transformer {
            dit: dit.at(&draw.at("dit")),
            text_encoder: text
                .and_then(|text| text.encoder.as_ref())
                .map(|encoder| encoder.at(&draw.at("text_encoder"))),
            add_embedding: text
                .and_then(|text| text.added)
                .map(|added| TimeEmbedding::new(&draw.at("add_embedding"), added.inputs, dit.dim)),
            config: self.clone(),
            arithmetic: Arithmetic::Fast,
        }))
    }
}

impl Backbone {
    /// What it is made of.
    pub fn config(&self) -> &NetworkConfig {
        match self {
            Self::UNet(network) => network.config(),
            Self::Transformer(network) => &network.config,
        }
    }

    /// Its texts as vectors, from tokens, as [`UNet::read`].
    ///
    /// # Errors
    /// As [`UNet::read`].
    pub fn read(&self, texts: &[Vec<u32>]) -> Result<Context> {
        match self {
            Self::UNet(network) => network.read(texts),
            Self::Transformer(network) => {
                read_texts(network.text_encoder.as_ref(), network.config.text.as_ref(), texts)
            }
        }
    }

    /// The same network, its convolutions and matrices computed as `arithmetic` says.
    #[must_use]
    pub fn with_arithmetic(self, arithmetic: Arithmetic) -> Self {
        match self {
            Self::UNet(network) => Self::UNet(network.with_arithmetic(arithmetic)),
            Self::Transformer(network) => Self::Transformer(Transformer { arithmetic, ..network }),
        }
    }
}

impl Network for Backbone {
    fn forward(&self, x: Tensor<4>, noise_input: Tensor<1>, cond: &Cond) -> Tensor<4> {
        match self {
            Self::UNet(network) => network.forward(x, noise_input, cond),
            Self::Transformer(network) => network.arithmetic.within(|| network.answer(x, noise_input, cond)),
        }
    }

    fn classes(&self) -> usize {
        self.config().classes
    }

    fn condition_channels(&self) -> usize {
        self.config().condition_channels
    }

    fn context(&self) -> Option<ContextShape> {
        self.config().text.as_ref().map(TextConfig::shape)
    }
}

impl Transformer {
    fn answer(&self, x: Tensor<4>, noise_input: Tensor<1>, cond: &Cond) -> Tensor<4> {
        let text = self.config.text.as_ref();
        let context = conditioning(self.text_encoder.as_ref(), text, cond);
        let added = match (&self.add_embedding, text, &context) {
            (Some(add), Some(text), Some(context)) => {
                Some(add.forward(added_features(text, context, &x.device())))
            }
            _ => None,
        };
        let cond = Cond { context, ..cond.clone() };
        self.dit.answer(x, noise_input, &cond, added)
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::TensorData;

    use super::*;
    use crate::config::{AddedConfig, TransformerConfig};
    use crate::text::ClipTextConfig;
    use crate::weights::{export, load, parameter_count};

    fn config(classes: usize, text: bool) -> NetworkConfig {
        let encoder = ClipTextConfig {
            vocabulary: 20,
            dim: 8,
            inner: 16,
            layers: 1,
            heads: 2,
            positions: 6,
            end: Some(19),
            ..ClipTextConfig::default()
        };
        let words = TextConfig {
            encoder: Some(encoder),
            added: Some(AddedConfig { inputs: 12, features: 4 }),
            ..TextConfig::new(8, [])
        };
        NetworkConfig {
            in_channels: 2,
            out_channels: 2,
            patch: 2,
            classes,
            zero_init: false,
            text: text.then_some(words),
            transformer: Some(TransformerConfig { dim: 16, heads: 2, layers: 2, side: 4 }),
            ..NetworkConfig::default()
        }
    }

    fn asked(network: &Backbone, cond: &Cond) -> Vec<f32> {
        let device = Device::flex();
        let values: Vec<f32> = (0..128).map(|i| (i as f32 * 0.31).sin()).collect();
        let x = Tensor::<4>::from_data(TensorData::new(values, [1, 2, 8, 8]), &device);
        let answer = network.forward(x, Tensor::from_data([0.4_f32], &device), cond);
        assert_eq!(answer.dims(), [1, 2, 8, 8]);
        answer.try_into_vec_as::<f32>().unwrap()
    }

    #[test]
    fn a_transformer_takes_the_place_of_the_u_net() {
        let device = Device::flex();
        let network = config(3, false).backbone(5, &device).unwrap();
        // The same as the transformer by itself, and again after its weights went through a file.
        let dit = config(3, false).dit().unwrap().at(&Draw::new(5, &device).at("dit"));
        let cond = Cond::classes([Some(2)]);
        let values: Vec<f32> = (0..128).map(|i| (i as f32 * 0.31).sin()).collect();
        let x = Tensor::<4>::from_data(TensorData::new(values, [1, 2, 8, 8]), &device);
        let alone = dit.forward(x, Tensor::from_data([0.4_f32], &device), &cond);
        assert_eq!(asked(&network, &cond), alone.try_into_vec_as::<f32>().unwrap());
        let again = load(config(3, false).blank_backbone(&device).unwrap(), &export(&network)).unwrap();
        assert_eq!(asked(&again, &cond), asked(&network, &cond));
        assert_ne!(asked(&network, &Cond::classes([None])), asked(&network, &cond));
    }

    #[test]
    fn half_precision_is_near_and_is_not_the_same() {
        let network = config(3, false).backbone(5, &Device::flex()).unwrap();
        let cond = Cond::classes([Some(2)]);
        let (full, half) =
            (asked(&network, &cond), asked(&network.clone().with_arithmetic(Arithmetic::Bf16), &cond));
        let largest = full.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
        let apart = full.iter().zip(&half).fold(0.0_f32, |most, (a, b)| most.max((a - b).abs()));
        assert!(apart > 0.0 && apart < 0.03 * largest, "{apart} of {largest}");
    }

    #[test]
    fn what_it_costs_is_what_it_has() {
        for (classes, text) in [(0, false), (3, false), (0, true)] {
            let config = config(classes, text);
            let network = config.backbone(1, &Device::flex()).unwrap();
            assert_eq!(
                config.estimate(8, 8).parameters,
                parameter_count(&network) as u64,
                "{classes} {text}"
            );
            assert_eq!((config.size_multiple(), config.check_size(8, 12).is_ok()), (2, true));
            assert!(config.check_size(7, 8).is_err());
        }
    }

    #[test]
    fn it_is_told_words_in_training_and_before() {
        let network = config(0, true).backbone(5, &Device::flex()).unwrap();
        let words = |tokens: [u32; 4]| {
            let training = Cond { tokens: Some(vec![tokens.to_vec()]), ..Cond::none() };
            let before = Cond::texts(network.read(&[tokens.to_vec()]).unwrap(), None);
            let answer = asked(&network, &before);
            assert_eq!(asked(&network, &training), answer);
            answer
        };
        assert_ne!(words([18, 3, 4, 19]), words([18, 5, 4, 19]));
    }

    #[test]
    fn what_does_not_go_together_is_refused() {
        let cases: [(&str, fn(&mut NetworkConfig)); 3] = [
            ("restores nothing", |config| config.condition_channels = 1),
            ("dropout", |config| config.dropout = 0.1),
            ("multiple of heads", |config| config.transformer.as_mut().unwrap().heads = 3),
        ];
        for (words, change) in cases {
            let mut config = config(0, false);
            change(&mut config);
            let error = config.backbone(0, &Device::flex()).unwrap_err();
            assert!(error.exit_code() == 2 && error.to_string().contains(words), "{error}");
        }
    }
}
