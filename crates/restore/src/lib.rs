//! Restoration: from a degraded image `y = A(x) + noise`, the clean images `x` that a diffusion model holds possible.
//!
//! An operator `A` is a ladder, [`Operator`] -> [`Linear`] -> [`Spectral`], and a method asks for the lowest rung it can do
//! with. It knows no network: a method sees a [`Prior`], which is a denoiser.
//!
//! * [`OPERATORS`], [`NOISES`], [`METHODS`]: everything by name.
//! * [`operators::build`]: an operator for images of one shape from `name:key=value`, or several joined with `+`.
//! * [`Problem`]: operator, measurement and noise together, on tensors.
//! * [`Method`]: what a method is; [`Consistent`]: data consistency as a denoiser, for any sampler.
//!
//! # Units
//! Images, measurements and noise are in the model's units, [-1, 1] for black to white. [`units`] is the one place
//! where 0 to 255 becomes that.
//!
//! # Examples
//! ```
//! use burn::tensor::Device;
//! use langevin_core::closed_form::Gaussian;
//! use langevin_core::{Cond, NoiseStreams, Run, signed_to_batch};
//! use langevin_process::{Diffusion, DiffusionSpec, SPACINGS};
//! use langevin_restore::{METHODS, NoImages, Prior, Problem, operators};
//!
//! let device = Device::flex();
//! // Two rows of four values were averaged in blocks of 2 x 2.
//! let operator = operators::build("average:scale=2", [1, 2, 4], &NoImages)?;
//! assert_eq!(operator.output(), [1, 1, 2]);
//! let problem = Problem::new(operator, signed_to_batch(vec![0.5, -0.25], [1, 1, 1, 2], &device), 0.0)?;
//!
//! let model = Gaussian::same(0.0, 0.1);
//! let diffusion = Diffusion::new(&DiffusionSpec::default())?;
//! let path = SPACINGS.build("karras")?.path(&diffusion, 20)?;
//! let mut run = Run::new(Cond::none(), NoiseStreams::new(0, [0]));
//! let restored = METHODS.build("ddnm")?.restore(Prior::new(&model), &problem, &path, &mut run)?;
//!
//! // Without noise the measurement is met.
//! let left: f32 = problem.residual(restored).abs().max().into_scalar();
//! assert!(left < 1e-5);
//! # Ok::<(), langevin_core::Error>(())
//! ```

mod agreement;
mod baseline;
mod blur;
mod border;
mod composed;
mod conjugate;
mod consistent;
mod fourier;
mod grouped;
mod kernel;
mod method;
pub mod methods;
mod noise_level;
pub mod noises;
mod non_local_means;
mod operator;
pub mod operators;
mod problem;
mod resampling;
mod separable;
mod simulate;
mod travel;
pub mod units;
mod walk;

pub use agreement::{Agreement, adjoint_error};
pub use baseline::{Baseline, classical, enlargement};
pub use border::weighted;
pub use consistent::{Consistent, Correction};
pub use kernel::{Blur, Family, Judged, Spectrum as BlurSpectrum};
pub use method::{Method, Needs, Prior};
pub use methods::{METHODS, candidates, compared};
pub use noise_level::{image_noise, noise_level};
pub use noises::{NOISES, Noise};
pub use non_local_means::non_local_means;
pub use operator::{Degradation, Images, Linear, NoImages, Operator, Shape, Spectral};
pub use operators::OPERATORS;
pub use problem::{LinearProblem, Problem, Spectrum};
pub use simulate::simulate;
