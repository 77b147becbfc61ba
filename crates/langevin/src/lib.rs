//! Diffusion models for imaging: training on one's own pictures, sampling, and everything by name.
//!
//! ```no_run
//! use langevin::{Device, Model};
//! # fn main() -> langevin::Result<()> {
//! let device = Device::flex();
//! let model = Model::open("builtin:shapes", &device)?;
//! # Ok(()) }
//! ```

pub mod adapting;
pub mod algorithms;
mod answers;
pub mod autoencoding;
pub mod catalog;
pub mod convert;
pub mod denoising;
pub mod distilling;
pub mod evaluation;
pub mod fine_tuning;
mod folder;
pub mod forward;
pub mod guiding;
pub mod inversion;
mod known;
pub mod latents;
pub mod layers;
pub mod likelihood;
pub mod measure;
pub mod memory;
mod model;
pub mod own;
pub mod post_hoc;
mod presets;
mod refined;
pub mod restoration;
pub mod restore_bench;
pub mod restorer;
pub mod sampler_bench;
pub mod sampling;
pub mod scatter;
mod settings;
mod shipped;
pub mod stable_diffusion;
pub mod texts;
pub mod training;
pub mod tuned;

pub use answers::Answers;
pub use burn::tensor::{Device, Tensor, TensorData};
pub use known::{KNOWN, Known};
pub use langevin_core as core;
pub use langevin_core::{Error, ErrorKind, Picture, Result};
pub use langevin_data as data;
pub use langevin_eval as eval;
pub use langevin_figures as figures;
pub use langevin_files as files;
pub use langevin_hub as hub;
pub use langevin_kernels as kernels;
pub use langevin_nn as nn;
pub use langevin_process as process;
pub use langevin_restore as restore;
pub use langevin_sample as sample;
pub use langevin_train as train;
pub use model::{Model, ModelInfo, write_tuned};
pub use presets::{PRESETS, Preset};
pub use settings::{DataSettings, SampleSettings, Settings, settings_layers};
pub use shipped::{SHIPPED, Shipped};
