//! Training: the loop, the optimiser and its moving average, checkpoints that are whole or absent, and logs. It knows no
//! network and no sampler; what it needs of them comes through [`Hooks`] and [`langevin_core::Network`].

mod averages;
mod conditions;
mod config;
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
pub use conditions::{Conditions, Texts, Told};
pub use config::{Decay, TrainConfig};
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
