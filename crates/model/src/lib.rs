//! A model, from its path to its denoiser: opening it in any format, its description, text conditioning and autoencoder,
//! and the one [`Pipeline`] through which every job evaluates it.
//!
//! * [`Source`] decides what a path is, and opens it.
//! * [`Model`] is a model ready to sample, with its description [`ModelInfo`].
//! * [`Pipeline`] is the one order of arithmetic, parallel parts, windows, channels, symmetries, guidance and clipping.
//!
//! ```
//! use burn::tensor::Device;
//! use langevin_core::{Cond, Denoiser, Levels};
//! use langevin_model::{Model, Pipeline, Source};
//!
//! assert!(matches!(Source::of("builtin:ring8")?, Source::ClosedForm(_)));
//! let device = Device::flex();
//! let model = Model::open("builtin:ring8", &device)?;
//! let pipeline = Pipeline::new(&model, 4);
//!
//! // At the noisiest level nothing is seen of a point, and the answer is the mean of all: the middle of the ring.
//! let level = pipeline.diffusion().highest();
//! let x = burn::tensor::Tensor::zeros([1, 2, 1, 1], &device);
//! let denoised = pipeline.denoiser(|_, _| true)?.denoise(x, &Levels::all(level, 1), &Cond::none())?;
//! let far: f32 = denoised.abs().max().into_scalar();
//! assert!(far < 1e-3);
//! # Ok::<(), langevin_core::Error>(())
//! ```

pub mod adaptation;
pub mod closed_form;
pub mod codec;
pub mod defaults;
pub mod denoiser;
pub mod description;
pub mod file;
pub mod guidance;
mod hash;
pub mod memory;
mod model;
pub mod open;
pub mod pipeline;
pub mod prompts;
pub mod resolve;
pub mod save;
pub mod shipped;
pub mod task;
pub mod text;
pub mod windows;

pub use adaptation::{Adaptation, Lora};
pub use closed_form::{CLOSED_FORM, ClosedFormModel};
pub use codec::{AutoencoderInfo, Codec, LatentInfo, LatentPreview, Statistics};
pub use defaults::{Grid, OWN, SampleSettings, Tuned};
pub use denoiser::ModelDenoiser;
pub use description::ModelInfo;
pub use guidance::GuidanceConfig;
pub use model::Model;
pub use open::Source;
pub use pipeline::Pipeline;
pub use prompts::Prompts;
pub use shipped::{SHIPPED, Shipped};
pub use task::{Task, TaskKind};
pub use text::{Encoders, TextConditioner, TextInfo};
