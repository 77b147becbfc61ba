//! Networks: the U-Net of DDPM, ADM, EDM and latent diffusion, the diffusion transformer, the autoencoder and the text encoder,
//! in modules whose paths are the tensor names of diffusers and transformers.
//!
//! Layers keep PyTorch's weight layouts and call [`langevin_kernels`] for all that costs time. Initial weights are drawn
//! on the host from (seed, parameter path), so a seed gives one network everywhere.

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
