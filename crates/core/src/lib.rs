//! What every part of `langevin` shares: the [`Denoiser`] waist, the [`Preconditioned`] network that owns both
//! loss and denoising, conditioning, per-image noise streams, the [`Run`] a sampler works under, and images.

pub mod clipping;
pub mod closed_form;
mod cond;
mod context;
mod denoiser;
mod differentiable;
mod each_channel;
pub mod guidance;
mod image;
mod network;
mod noise;
mod numbers;
mod parallel;
pub mod parameters;
mod preconditioned;
mod run;
mod stop;
mod symmetric;
pub mod tensor_file;
mod time_map;
mod windowed;

pub use cond::Cond;
pub use context::{Added, Context};
pub use denoiser::{Denoiser, Levels};
pub use differentiable::{Autodiff, Cotangent, Differentiable};
pub use each_channel::EachChannel;
pub use image::{
    Depth, Image, Metadata, Origin, Planes, Rescale, Samples, Spacing, batch_to_images, signed_to_batch,
};
pub use langevin_process as process;
pub use langevin_process::{Error, ErrorKind, Level, Result, nearest, registry};
pub use network::{ContextShape, Network};
pub use noise::{NoiseStreams, Purpose, Stream};
pub use numbers::Numbers;
pub use parallel::{Parallel, Workers, spin_workers};
pub use preconditioned::{Losses, Preconditioned};
pub use run::{Progress, Run};
pub use stop::Stop;
pub use symmetric::{SYMMETRIES, Symmetric};
pub use tensor_file::NamedTensors;
pub use time_map::TimeMap;
pub use windowed::{Windowed, Windows};
