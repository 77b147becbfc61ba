//! The mathematics of diffusion in f64: noise schedules, processes, parameterisations, loss weightings,
//! noise-level distributions and spacings. No tensors and no files.
//!
//! One coordinate holds it together: a [`Level`] `{ alpha, sigma }` with `x = alpha * x0 + sigma * n`. A
//! [`Schedule`] gives the log-SNR of a time in `[0, 1]`, a [`Process`] gives the level of a log-SNR, and the
//! two are independent. [`Diffusion`] puts one of each together with a [`Parameterisation`] (what the
//! network's output means) and a [`TimeInput`] (what the network is conditioned on about the noise).
//!
//! ```
//! use langevin_process::{Diffusion, DiffusionSpec, SPACINGS};
//! let diffusion = Diffusion::new(&DiffusionSpec { schedule: "linear".into(), ..Default::default() })?;
//! let path = SPACINGS.build("trailing")?.path(&diffusion, 10)?;
//! assert_eq!(path.len(), 11);
//! assert_eq!(path[10].sigma, 0.0);
//! # Ok::<(), langevin_process::Error>(())
//! ```

mod curve;
mod diffusion;
pub mod ema;
mod error;
mod level;
mod level_distributions;
pub mod limits;
mod parameterisations;
mod processes;
pub mod quantile;
pub mod registry;
mod schedules;
pub mod sde;
mod spacings;
mod spelling;
mod time_inputs;
mod weightings;

pub use curve::Curve;
pub use diffusion::{Diffusion, DiffusionSpec};
pub use error::{Error, ErrorKind, Result};
pub use level::{Ancestral, Level, Step};
pub use level_distributions::{LEVEL_DISTRIBUTIONS, LevelDistribution, stratified};
pub use parameterisations::{Coefficients, PARAMETERISATIONS, Parameterisation};
pub use processes::{PROCESSES, Process};
pub use registry::{Entry, Extended, OptionDoc, Options, Registry};
pub use schedules::{SCHEDULES, Schedule, Table};
pub use spacings::{SPACINGS, Spacing};
pub use spelling::{folded, nearest};
pub use time_inputs::{TIME_INPUTS, TimeInput};
pub use weightings::{WEIGHTINGS, Weighting};
