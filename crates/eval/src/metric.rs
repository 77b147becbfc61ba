//! What a metric is.

use std::fmt::Debug;

use langevin_core::Result;
use serde::Serialize;

use crate::{Gallery, Sample, Trainer};

/// A way to judge a set of images.
pub trait Metric: Debug + Send + Sync {
    /// The names of the numbers it gives, in order.
    fn values(&self) -> &'static [&'static str];

    /// What it looks at.
    fn needs(&self) -> Needs;

    /// Its numbers for one case, in the order of [`Metric::values`].
    ///
    /// # Errors
    /// Usage, when there are too few images, or they do not fit together.
    fn measure(&self, case: &Case<'_>) -> Result<Measured>;
}

/// What a metric looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Needs {
    /// Features of both sets.
    pub features: bool,
    /// Features that read classes.
    pub classes: bool,
    /// A class that each image of the judged set has or was asked for.
    pub labels: bool,
    /// What each image of the judged set shows or was asked for, in words.
    pub captions: bool,
    /// The images themselves.
    pub pixels: bool,
    /// Image `i` of the judged set beside image `i` of the reference.
    pub pairs: bool,
    /// All training images.
    pub gallery: bool,
    /// A classifier that can be trained.
    pub trainer: bool,
}

impl Needs {
    /// What either of two needs.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            features: self.features || other.features,
            classes: self.classes || other.classes,
            labels: self.labels || other.labels,
            captions: self.captions || other.captions,
            pixels: self.pixels || other.pixels,
            pairs: self.pairs || other.pairs,
            gallery: self.gallery || other.gallery,
            trainer: self.trainer || other.trainer,
        }
    }
}

/// One set of images to judge by another.
#[derive(Clone, Copy)]
pub struct Case<'a> {
    /// The images that are judged.
    pub judged: &'a Sample,
    /// Real images.
    pub reference: &'a Sample,
    /// All training images, for metrics that need them.
    pub gallery: Option<&'a dyn Gallery>,
    /// A classifier to train, for metrics that need one.
    pub trainer: Option<&'a dyn Trainer>,
    /// The seed of everything that is drawn.
    pub seed: u64,
}

/// Which way is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Better {
    /// Smaller numbers.
    Lower,
    /// Larger numbers.
    Higher,
}

/// One number.
#[derive(Debug, Clone, PartialEq)]
pub struct Value {
    /// Its name.
    pub name: &'static str,
    /// The number.
    pub value: f64,
    /// Its standard error, from the finite number of images.
    pub error: Option<f64>,
    /// How many images were judged for it.
    pub count: usize,
    /// Which way is better.
    pub better: Better,
}

/// What a metric found.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Measured {
    /// Its numbers.
    pub values: Vec<Value>,
    /// The judged images that are nearest to a training image, nearest first, from a metric that looks for them.
    pub nearest: Vec<Nearest>,
}

/// A judged image and the training image nearest to it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Nearest {
    /// The number of the judged image.
    pub judged: usize,
    /// The number of the training image.
    pub training: usize,
    /// Their distance: the root of the mean squared difference of pixels, in 0 to 255.
    pub distance: f64,
    /// That distance over the distance to the second nearest training image.
    pub ratio: f64,
    /// Whether it counts as a copy.
    pub copied: bool,
}
