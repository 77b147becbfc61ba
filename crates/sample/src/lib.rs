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
//!
//! ```
//! use burn::tensor::Device;
//! use langevin_core::closed_form::Gaussian;
//! use langevin_process::{Diffusion, DiffusionSpec, SPACINGS};
//! use langevin_sample::{SAMPLERS, BatchRequest, sample_all};
//!
//! // Images whose values are independent, of mean 0.3 and deviation 0.2: the exact denoiser stands where a network would.
//! let model = Gaussian::same(0.3, 0.04);
//! let diffusion = Diffusion::new(&DiffusionSpec::default())?;
//! let path = SPACINGS.build("karras")?.path(&diffusion, 20)?;
//! let sampler = SAMPLERS.build("dpmpp_2m")?;
//! let request = BatchRequest::new(4, 0, [1, 16, 16]);
//! let images = sample_all(&model, sampler.as_ref(), &path, &request, &Device::flex(), |_| {})?;
//!
//! let mean: f32 = images.clone().mean().into_scalar();
//! let deviation: f32 = images.flatten::<1>(0, 3).var(0).sqrt().into_scalar();
//! assert!((mean - 0.3).abs() < 0.02 && (deviation - 0.2).abs() < 0.02);
//! assert_eq!(sampler.calls(&path), 20);
//! # Ok::<(), langevin_core::Error>(())
//! ```

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
mod walk;

pub use batches::{BatchProgress, BatchRequest, sample_all};
pub use bound::Bound;
pub use grid_search::{Follow, StepErrors, fine_path};
pub use invert::invert;
pub use likelihood::{FlowSettings, Likelihoods, LogDensity, Placed, Trace};
pub use methods::SAMPLERS;
pub use path::{PathStep, steps};
pub use sampler::Sampler;
