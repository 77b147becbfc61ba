//! What features find in some images.

use crate::Rows;

/// What is known of some images.
#[derive(Debug, Clone, Default)]
pub struct Described {
    /// One row for each image.
    pub rows: Rows,
    /// The class that each image is read as, from features that read classes.
    pub read: Option<Vec<u32>>,
}
