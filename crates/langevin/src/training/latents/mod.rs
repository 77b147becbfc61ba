//! Diffusion of latents (Rombach et al. 2022, 2112.10752): a model learns the latents of an autoencoder, and its samples are
//! decoded.

mod apply;
mod cache;

pub(crate) use apply::{apply, open};
pub(crate) use cache::{Encoding, encode, encoded_batch};
