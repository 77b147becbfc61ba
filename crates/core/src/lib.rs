//! What every part of `langevin` shares: the [`Denoiser`] waist, the [`Preconditioned`] network that owns both
//! loss and denoising, conditioning, per-image noise streams, the [`Run`] a sampler works under, and images.
//!
//! ```
//! use burn::tensor::{Device, Tensor};
//! use langevin_core::{Cond, Denoiser, Level, Levels, Network, NoiseStreams, Preconditioned, Purpose, Result};
//! use langevin_process::{Diffusion, DiffusionSpec};
//!
//! /// A network that answers 0 whatever it sees.
//! #[derive(burn::module::Module, Debug)]
//! struct Nothing;
//!
//! impl Network for Nothing {
//!     fn forward(&self, x: Tensor<4>, _noise_input: Tensor<1>, _cond: &Cond) -> Tensor<4> {
//!         x.zeros_like()
//!     }
//!
//!     fn classes(&self) -> usize {
//!         0
//!     }
//! }
//!
//! let device = Device::flex();
//! // Image 7 of seed 0 has this noise in every batch.
//! let noise = NoiseStreams::new(0, [7]).normal(Purpose::Start, 0, [1, 2, 2], &device);
//! let level = Level { alpha: 0.6, sigma: 0.8 };
//! let x = noise.mul_scalar(level.sigma);
//!
//! // A network for v that answers 0 gives the clean estimate `alpha x`.
//! let model = Preconditioned::new(Nothing, Diffusion::new(&DiffusionSpec::default())?);
//! let denoised = model.denoise(x.clone(), &Levels::all(level, 1), &Cond::none())?;
//! let difference: f32 = (denoised - x.mul_scalar(0.6)).abs().max().into_scalar();
//! assert!(difference < 1e-6);
//! # Ok::<(), langevin_core::Error>(())
//! ```

pub mod clipping;
pub mod closed_form;
mod cond;
mod context;
mod denoiser;
mod differentiable;
mod each_channel;
mod finite;
pub mod guidance;
mod image;
mod left_aside;
mod network;
mod noise;
mod not_finite;
mod numbers;
mod parallel;
pub mod parameters;
mod preconditioned;
mod run;
mod size;
mod spelled;
mod start;
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
pub use finite::{Finite, check_finite};
pub use image::exif;
pub use image::{
    Depth, Image, Metadata, Origin, Planes, Rescale, Samples, Spacing, batch_to_images, signed_to_batch,
};
pub use langevin_process as process;
pub use langevin_process::{Error, ErrorKind, Level, Result, nearest, registry};
pub use left_aside::{LeftAside, Reason};
pub use network::{ContextShape, Network};
pub use noise::{NoiseStreams, Purpose, Stream};
pub use not_finite::NotFinite;
pub use numbers::Numbers;
pub use parallel::{Parallel, Workers, spin_workers};
pub use preconditioned::{Losses, Preconditioned};
pub use run::{Progress, Run};
pub use size::Size;
pub use spelled::{as_text, path_of, spelled};
pub use start::{Magnitude, Start};
pub use stop::Stop;
pub use symmetric::{SYMMETRIES, Symmetric};
pub use tensor_file::NamedTensors;
pub use time_map::TimeMap;
pub use windowed::{Windowed, Windows};
