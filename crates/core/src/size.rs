//! The size of an image.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Width and height in pixels; in files the list of both, `[width, height]`.
///
/// ```
/// use langevin_core::Size;
///
/// let size = Size { width: 640, height: 480 };
/// assert_eq!((size.to_string(), size.shorter()), ("640x480".to_owned(), 480));
/// assert_eq!(Size::from((640, 480)), size);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "(usize, usize)", into = "(usize, usize)")]
pub struct Size {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

impl Size {
    /// `side` columns and as many rows.
    pub fn square(side: usize) -> Self {
        Self { width: side, height: side }
    }

    /// The shorter of its sides.
    pub fn shorter(self) -> usize {
        self.width.min(self.height)
    }

    /// Whether both sides are the same.
    pub fn is_square(self) -> bool {
        self.width == self.height
    }
}

impl From<(usize, usize)> for Size {
    fn from((width, height): (usize, usize)) -> Self {
        Self { width, height }
    }
}

impl From<Size> for (usize, usize) {
    fn from(size: Size) -> Self {
        (size.width, size.height)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}
