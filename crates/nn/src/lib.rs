//! Networks: the U-Net of DDPM, ADM, EDM and latent diffusion, the diffusion transformer, the autoencoder and the text encoder,
//! in modules whose paths are the tensor names of diffusers and transformers.
//!
//! Layers keep PyTorch's weight layouts and call [`langevin_kernels`] for all that costs time. Initial weights are drawn
//! on the host from (seed, parameter path), so a seed gives one network everywhere.
//!
//! ```
//! use burn::tensor::{Device, Tensor};
//! use langevin_core::{Cond, Network};
//! use langevin_nn::{NetworkConfig, export, parameter_count};
//!
//! let config = NetworkConfig {
//!     channels: vec![16, 32],
//!     attention_head_dim: Some(16),
//!     norm_groups: 8,
//!     classes: 3,
//!     ..NetworkConfig::default()
//! };
//! config.check()?;
//! let device = Device::flex();
//! let network = config.backbone(0, &device)?;
//! assert_eq!(parameter_count(&network) as u64, config.estimate(16, 16).parameters);
//!
//! let cond = Cond { labels: Some(vec![Some(0), None]), ..Cond::none() };
//! let x = Tensor::<4>::zeros([2, 3, 16, 16], &device);
//! let answer = network.forward(x, Tensor::zeros([2], &device), &cond);
//! assert_eq!(answer.dims(), [2, 3, 16, 16]);
//! assert!(export(&network).contains_key("conv_in.weight"));
//! # Ok::<(), langevin_core::Error>(())
//! ```

mod activation;
pub mod attention;
pub mod autoencoder;
mod backbone;
mod config;
pub mod dit;
mod draw;
mod embed;
mod fir;
mod layers;
mod norm;
mod resample;
pub mod resnet;
pub mod text;
pub mod transformer;
pub mod unet;
mod weights;

pub use activation::Activation;
pub use attention::AttentionBlock;
pub use autoencoder::{Autoencoder, AutoencoderConfig, TinyDecoder, TinyDecoderConfig};
pub use backbone::{Backbone, Transformer};
pub use config::{AddedConfig, NetworkConfig, TextConfig, TransformerConfig};
pub use dit::{Dit, DitConfig};
pub use draw::Draw;
pub use embed::{FourierProjection, TimeEmbedding, sinusoidal};
pub use layers::{Conv2d, Embedding, GroupNorm, Linear};
pub use norm::{LayerNorm, Matrix, Unbiased, modulated, normalised};
pub use resample::Resampler;
pub use resnet::{Pass, ResnetBlock};
pub use text::{ClipText, ClipTextConfig, ClipTokenizer, EncodedText};
pub use transformer::{Transformer2d, TransformerShape};
pub use unet::{Estimate, UNet};
pub use weights::{Tensors, export, load, load_whole, parameter_count, parameters};
