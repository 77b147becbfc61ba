//! Diffusion models for imaging: training on one's own images, sampling, restoration, evaluation, and everything by name.
//!
//! ```no_run
//! use langevin::sampling::{SamplePlan, sample};
//! use langevin::{Device, Model};
//! # fn main() -> langevin::Result<()> {
//! let device = Device::flex();
//! let model = Model::open("builtin:shapes", &device)?;
//! let images = sample(&model, &SamplePlan::of(&model, 4, 0), &device, |_| {})?;
//! # Ok(()) }
//! ```

pub mod bench;
pub mod catalog;
pub mod denoising;
pub mod evaluation;
pub mod forward;
pub mod job;
pub mod restoration;
pub mod sampling;
pub mod training;

pub use burn::tensor::{Device, Tensor, TensorData};
pub use langevin_core as core;
pub use langevin_core::{Error, ErrorKind, Image, Result};
pub use langevin_data as data;
pub use langevin_eval as eval;
pub use langevin_figures as figures;
pub use langevin_files as files;
pub use langevin_hub as hub;
pub use langevin_kernels as kernels;
pub use langevin_model as model;
pub use langevin_model::{Model, ModelInfo, Pipeline, SampleSettings, Source};
pub use langevin_nn as nn;
pub use langevin_process as process;
pub use langevin_restore as restore;
pub use langevin_sample as sample;
pub use langevin_train as train;
