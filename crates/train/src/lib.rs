//! Training: the loop, the optimiser and its moving average, checkpoints that are whole or absent, and logs. It knows no
//! network and no sampler; what it needs of them comes through [`Hooks`] and [`langevin_core::Network`].

mod config;
mod hooks;
mod learner;
mod log;
mod objective;
pub mod optimizer;
mod settings;
mod state;
pub mod sums;
mod tensorboard;
mod trainer;

pub use config::{Decay, TrainConfig};
pub use hooks::{Event, Forecast, Hooks, Preview, Step};
pub use learner::{Gradients, Learner};
pub use optimizer::with_parameters;
pub use state::{Checkpoint, Standing, create_folder, list as checkpoints, replace_file, write_file};
pub use trainer::{Job, Outcome, peak_bytes, train};
