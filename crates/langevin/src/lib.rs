//! Diffusion models for imaging: opening, sampling, restoring, training and evaluating them, and everything by name.
//!
//! ```
//! use langevin::sampling::{SamplePlan, sample};
//! use langevin::{Device, Model};
//!
//! let device = Device::flex();
//! let model = Model::open("builtin:shapes", &device)?;
//! let plan = SamplePlan { steps: 4, ..SamplePlan::of(&model, 2, 7) };
//! let images = sample(&model, &plan, &device, |_| {})?;
//! assert_eq!((images.len(), images[0].width, images[0].channels), (2, 32, 3));
//! # Ok::<(), langevin::Error>(())
//! ```
//!
//! # Overview
//!
//! * **Open.** [`Model::open`] takes a run folder, a model file, a diffusers folder, a checkpoint of Stable Diffusion or
//!   `builtin:NAME`; [`Model::custom`] and [`Model::of_network`] take what is in memory. [`Source`] says what a path is, and
//!   [`Pipeline`] makes the model's denoiser with guidance, clipping and windows.
//! * **Sample.** [`sampling`]: a [`SamplePlan`](sampling::SamplePlan) has every choice made, and may be run with a sampler of
//!   one's own.
//! * **Restore.** [`restoration`]: a degraded image, an operator, and images that agree with both it and the model.
//!   [`denoising`]: images of any size.
//! * **Train.** [`training`]: from a data set to a run folder, resumed after any stop to the same bytes.
//! * **Evaluate.** [`evaluation`]: metrics with their standard errors, beside those of held-out and of shuffled images.
//!
//! # Doors and jobs
//!
//! What a program does for its user is a *job*: a function of a request, which is plain data, and of a [`job::Context`], which
//! has the device, an observer of events, a sink for results and a way to stop. A *door* (the command line, a server, another
//! language) turns its own words into requests, and events into answers; it computes nothing. Jobs are made of functions that can be
//! called without them, on values in memory.
//!
//! # Modules
//!
//! Jobs, and what they are made of:
//!
//! * [`job`]: requests, events, sinks, names of results.
//! * [`sampling`], [`restoration`], [`denoising`], [`training`], [`evaluation`]: as above.
//! * [`forward`]: the forward process of an image.
//! * [`explain`]: the figures of the tutorial, computed and checked.
//! * [`mod@bench`]: samplers, restoration methods, networks and layers, compared.
//! * [`catalog`]: every method by name, with its options.
//!
//! The crates below, each of which can be used without this one:
//!
//! * [`process`]: the mathematics, in f64 and without tensors: [`Level`], schedules, processes, parameterisations, spacings.
//! * [`core`]: denoisers, networks with their coefficients, guidance, noise streams, images.
//! * [`theory`]: the small exact problems that diffusion is taught with.
//! * [`sample`]: the samplers. [`restore`]: operators and methods of restoration. [`eval`]: metrics.
//! * [`nn`]: networks. [`kernels`]: their costly operations. [`train`]: the training loop. [`data`]: data sets.
//! * [`model`]: models and the one way to evaluate them. [`hub`]: the formats of diffusers and PyTorch.
//! * [`figures`], [`files`]: contact sheets and plots, and files that are whole or absent.
//!
//! The programs in `crates/langevin/examples` have one idea each.

pub mod bench;
pub mod catalog;
pub mod conversion;
pub mod environment;
pub mod evaluation;
pub mod explain;
mod image_files;
pub mod inspection;
pub mod jobs;
pub mod training;

pub use burn;
pub use burn::tensor::{Device, Tensor, TensorData};
pub use image_files::ImageExt;
pub use langevin_core as core;
pub use langevin_core::{Cond, Denoiser, Error, ErrorKind, Image, Level, Levels, Result, Stop};
pub use langevin_data as data;
pub use langevin_eval as eval;
pub use langevin_figures as figures;
pub use langevin_files as files;
pub use langevin_hub as hub;
pub use langevin_inference::{denoising, forward, job, redraw, restoration, sampling};
pub use langevin_kernels as kernels;
pub use langevin_model as model;
pub use langevin_model::{Model, ModelInfo, Pipeline, SampleSettings, Source};
pub use langevin_nn as nn;
pub use langevin_process as process;
pub use langevin_restore as restore;
pub use langevin_sample as sample;
pub use langevin_theory as theory;
pub use langevin_train as train;
