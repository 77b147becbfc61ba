//! How good images are: distances between two sets of images, each with its error bar and beside the same number for
//! real images (the floor) and for images without structure (the ceiling), and whether the training set was copied.
//!
//! * [`METRICS`]: every metric by name; [`Metric`]: what a metric is.
//! * [`Sample`]: one set of images with its features; [`Features`]: what makes them.
//! * [`Report`]: the result as a table and as JSON; [`Bound`]: what `--fail-if` says.
//!
//! It knows no network: features, classifiers and the model come from outside.

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
