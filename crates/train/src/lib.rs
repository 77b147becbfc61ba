//! Training: the loop, the optimiser and its moving average, checkpoints that are whole or absent, and logs. It knows no
//! network and no sampler; what it needs of them comes through [`Hooks`] and [`langevin_core::Network`].
//!
//! ```
//! use std::path::Path;
//!
//! use burn::tensor::Device;
//! use langevin_core::{Network, Preconditioned, Result, Stop};
//! use langevin_data::{Loader, LoaderOptions, OpenOptions, Pool, PoolOptions, Prepare, open};
//! use langevin_train::{Denoising, Hooks, Job, Outcome, TrainConfig, train};
//!
//! /// Trains `model` on 32x32 images of `data`, into the run folder `out`; called again, it goes on where it was stopped.
//! fn train_on<N: Network>(
//!     model: Preconditioned<N>,
//!     data: &str,
//!     out: &Path,
//!     hooks: &mut dyn Hooks<N>,
//! ) -> Result<Outcome> {
//!     let config = TrainConfig { images: 100_000, learning_rate: 3e-4, ..TrainConfig::default() };
//!     let pool = Pool::new(open(data, &OpenOptions::default())?, Prepare::new(32, 32, 3), PoolOptions::default())?;
//!     let (batch, seed) = (config.batch_size, config.seed);
//!     let loader = move |images_seen| {
//!         Loader::new(&pool, LoaderOptions { batch, seed, images_seen, ..LoaderOptions::default() })
//!     };
//!     let job = Job {
//!         model,
//!         objective: Box::new(Denoising::new(&config)?),
//!         config,
//!         loader: Box::new(loader),
//!         conditions: None,
//!         texts: None,
//!         validation: None,
//!         out: out.to_owned(),
//!         settings: format!("{{\"data\": {data:?}}}"),
//!         stop: Stop::new(),
//!         device: Device::flex(),
//!         dry_run: false,
//!         half: false,
//!     };
//!     train(job, hooks)
//! }
//! ```

mod averages;
mod conditions;
mod config;
mod curves;
pub mod distillations;
mod folder;
mod hooks;
mod learner;
mod log;
mod objective;
pub mod optimizer;
mod passes;
mod settings;
mod snapshots;
mod state;
pub mod sums;
mod tensorboard;
mod trainer;

pub use averages::{Averages, Forgetting};
pub use conditions::{Conditioning, Conditions, Texts};
pub use config::{Decay, TrainConfig};
pub use curves::{Curves, LevelLoss, Validated};
pub use distillations::{DISTILLATIONS, DistillSchedule, Distillation, Distilled};
pub use folder::peak_bytes;
pub use hooks::{Event, Forecast, Hooks, ModelFile, Preview, Step};
pub use learner::{Gradients, Learner};
pub use objective::{Denoising, Objective};
pub use optimizer::with_parameters;
pub use passes::Pass;
pub use snapshots::{STORED_WIDTHS, Snapshot};
pub use state::{Checkpoint, TrainingState, list as checkpoints};
pub use trainer::{Job, Outcome, train};
