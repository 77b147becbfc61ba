//! Networks: the U-Net of DDPM, ADM and EDM, and the autoencoder of latent diffusion, in modules whose paths are the tensor names of diffusers.
//!
//! Layers keep PyTorch's weight layouts and call [`langevin_kernels`] for all that costs time. Initial weights are drawn
//! on the host from (seed, parameter path), so a seed gives one network everywhere.

mod activation;
pub mod attention;
pub mod autoencoder;
mod draw;
mod embed;
mod fir;
mod layers;
mod resample;
pub mod resnet;
pub mod unet;
mod weights;

pub use activation::Activation;
pub use attention::AttentionBlock;
pub use autoencoder::{Autoencoder, AutoencoderConfig};
pub use draw::Draw;
pub use embed::{FourierProjection, TimeEmbedding, sinusoidal};
pub use layers::{Conv2d, Embedding, GroupNorm, Linear};
pub use resample::Resampler;
pub use resnet::{Pass, ResnetBlock};
pub use unet::{Estimate, UNet, UNetConfig};
pub use weights::{Tensors, export, load, parameter_count, parameters};
