//! Rows of numbers: one row of features, or of pixels, for each image.

use langevin_core::{Error, Result};

/// `len` rows of `width` numbers, one after the other.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rows {
    width: usize,
    values: Vec<f32>,
}

impl Rows {
    /// Rows of `width` numbers from their values in order.
    ///
    /// # Errors
    /// Failed, when a number is not finite.
    ///
    /// # Panics
    /// If the number of values is not a multiple of `width`.
    pub fn new(width: usize, values: Vec<f32>) -> Result<Self> {
        assert!(width > 0 && values.len().is_multiple_of(width), "values do not fill rows of {width}");
        if let Some(at) = values.iter().position(|value| !value.is_finite()) {
            return Err(Error::failed(format!("image {} has a feature that is not finite", at / width)));
        }
        Ok(Self { width, values })
    }

    /// Numbers in a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// How many rows.
    pub fn len(&self) -> usize {
        self.values.len() / self.width.max(1)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Row `index`.
    pub fn row(&self, index: usize) -> &[f32] {
        &self.values[index * self.width..][..self.width]
    }

    /// The numbers of rows `from..to`.
    pub fn span(&self, from: usize, to: usize) -> &[f32] {
        &self.values[from * self.width..to * self.width]
    }

    /// Puts the rows of `more` behind these.
    ///
    /// # Panics
    /// If they have another width.
    pub fn append(&mut self, more: Rows) {
        if self.values.is_empty() {
            *self = more;
            return;
        }
        assert_eq!(self.width, more.width, "rows of one width");
        self.values.extend(more.values);
    }

    /// The rows numbered `indices`, in that order.
    pub fn select(&self, indices: &[usize]) -> Self {
        let values = indices.iter().flat_map(|index| self.row(*index).iter().copied()).collect();
        Self { width: self.width, values }
    }
}
