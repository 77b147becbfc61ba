//! How good images are: distances between two sets of images, each with its error bar and beside the same number for
//! real images (the floor) and for images without structure (the ceiling), and whether the training set was copied.
//!
//! * [`METRICS`]: every metric by name; [`Metric`]: what a metric is.
//! * [`Sample`]: one set of images with its features; [`Features`]: what makes them.
//! * [`Report`]: the result as a table and as JSON; [`Bound`]: what `--fail-if` says.
//!
//! It knows no network: features, classifiers and the model come from outside.
//!
//! ```
//! use langevin_eval::{Case, Image, METRICS, Sample, psnr};
//!
//! let gray = |value: u8| Image::from_u8(16, 16, 1, vec![value; 256]);
//! // A difference of 2 everywhere: 20 log10(255 / 2) decibels.
//! assert!((psnr(&gray(100), &gray(102))? - 42.11).abs() < 0.01);
//!
//! let set = |values: [u8; 2]| Sample { images: values.map(gray).to_vec(), ..Sample::new("gray") };
//! let (judged, reference) = (set([100, 200]), set([102, 202]));
//! let case = Case { judged: &judged, reference: &reference, gallery: None, trainer: None, seed: 0 };
//! let measured = METRICS.build("psnr")?.measure(&case)?;
//! assert_eq!((measured.values[0].name, measured.values[0].count), ("psnr", 2));
//! # Ok::<(), langevin_eval::Error>(())
//! ```

mod bound;
mod described;
mod features;
mod gallery;
mod metric;
pub mod metrics;
mod moments;
mod nearest;
mod products;
mod report;
mod rows;
mod sample;
mod similarity;
mod statistics;

pub use bound::Bound;
pub use described::Described;
pub use features::{Features, Trainer};
pub use gallery::{Chunk, Gallery};
pub use langevin_core::{Error, ErrorKind, Image, Result};
pub use metric::{Better, Case, Measured, Metric, Nearest, Needs, Value};
pub use metrics::{METRICS, psnr, structural_similarity};
pub use moments::Moments;
pub use report::{Line, Report};
pub use rows::Rows;
pub use sample::Sample;
pub use statistics::Mean;
