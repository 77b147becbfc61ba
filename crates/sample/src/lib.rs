//! Samplers: ways to walk a path of noise levels from noise to an image with any [`langevin_core::Denoiser`].
//!
//! A sampler owns its loop and reads like its paper's algorithm. It knows levels, not schedules or processes, so each
//! works for variance preserving, variance exploding, sub-VP and flow models alike, from `alpha = 0` to `sigma = 0`.
//!
//! * [`SAMPLERS`]: every method by name; [`Sampler`]: what a method is.
//! * [`steps`]: the steps of a path, each a [`PathStep`] with the step primitive all methods share.
//! * [`Likelihoods`]: how likely an image is, by the probability flow and by the variational bound.
//! * [`Follow`], [`StepErrors`]: the levels that serve a model best.
//! * [`invert`]: the noise that an image came from.
//! * [`sample_all`]: any number of images, in batches that do not show in the result.

mod adaptive;
mod batches;
mod bound;
mod brownian;
mod churn;
pub mod dormand_prince;
mod grid_search;
mod invert;
mod likelihood;
pub mod methods;
mod multistep;
mod noise_history;
mod path;
mod quadrature;
mod sampler;
mod start;
mod walk;

pub use batches::{BatchProgress, BatchRequest, sample_all};
pub use bound::Bound;
pub use grid_search::{Follow, StepErrors, fine_path};
pub use invert::invert;
pub use likelihood::{FlowSettings, Likelihoods, LogDensity, Placed, Trace};
pub use methods::SAMPLERS;
pub use path::{PathStep, steps};
pub use sampler::Sampler;
pub use start::{pure_start, start_noise};
