//! What is done with a model that is there: sampling, restoration, denoising, the forward process; and what all jobs share.
//!
//! ```
//! use langevin_inference::sampling::{SamplePlan, sample};
//! use burn::tensor::Device;
//! use langevin_model::Model;
//!
//! let device = Device::flex();
//! let model = Model::open("builtin:shapes", &device)?;
//! let plan = SamplePlan { steps: 4, ..SamplePlan::of(&model, 2, 7) };
//! let images = sample(&model, &plan, &device, |_| {})?;
//! assert_eq!((images.len(), images[0].width, images[0].channels), (2, 32, 3));
//! # Ok::<(), langevin_core::Error>(())
//! ```
//!
//! * [`job`]: requests, events, sinks, names of results: what every job has, those of training and evaluation too.
//! * [`sampling`]: images drawn from a model, and the noise that an image is drawn from.
//! * [`restoration`]: a degraded image, an operator, and images that agree with both it and the model.
//! * [`denoising`]: images of any size without their noise.
//! * [`forward`]: the forward process of an image.
//! * [`redraw`]: images made again from their recipes.

pub mod denoising;
pub mod forward;
pub mod job;
pub mod redraw;
pub mod restoration;
pub mod sampling;
