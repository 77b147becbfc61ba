//! Products of plain matrices, for attention and linear layers.

use std::borrow::Cow;

use super::gemm::{MAX_ROWS, OuterProduct, RowProduct, Term, outer_product, row_product};
use super::simd::Isa;
use super::written;

/// A matrix somewhere in memory.
#[derive(Clone, Copy)]
pub(super) struct Matrix<'a> {
    values: &'a [f32],
    rows: usize,
    columns: usize,
    stride: usize,
}

/// The right side of a product: rows that can be read in whole vectors.
pub(super) struct Right<'a> {
    values: Cow<'a, [f32]>,
    rows: usize,
    columns: usize,
    stride: usize,
}

impl<'a> Matrix<'a> {
    /// `rows` rows of `columns` numbers, `stride` numbers from one to the next.
    pub(super) fn new(values: &'a [f32], rows: usize, columns: usize, stride: usize) -> Self {
        assert!(rows == 0 || values.len() >= (rows - 1) * stride + columns, "a matrix inside its memory");
        Self { values, rows, columns, stride }
    }

    fn row(&self, row: usize) -> &'a [f32] {
        &self.values[row * self.stride..][..self.columns]
    }

    /// Some of its rows.
    pub(super) fn block(&self, first: usize, rows: usize) -> Self {
        Self::new(&self.values[first * self.stride..], rows, self.columns, self.stride)
    }

    /// As the right side of a product; copied where its rows do not end with a vector.
    pub(super) fn right(&self, isa: Isa) -> Right<'a> {
        let Self { values, rows, columns, stride } = *self;
        if columns.is_multiple_of(isa.panel() / 2) {
            return Right { values: Cow::Borrowed(values), rows, columns, stride };
        }
        let stride = columns.next_multiple_of(isa.panel());
        let mut out = vec![0.0; rows * stride];
        for (row, out) in out.chunks_exact_mut(stride).enumerate() {
            out[..columns].copy_from_slice(self.row(row));
        }
        Right { values: Cow::Owned(out), rows, columns, stride }
    }

    /// Its transpose as the right side of a product.
    pub(super) fn turned(&self, isa: Isa) -> Right<'static> {
        let stride = self.rows.next_multiple_of(isa.panel());
        let mut out = vec![0.0; self.columns * stride];
        for row in 0..self.rows {
            for (column, value) in self.row(row).iter().enumerate() {
                out[column * stride + row] = *value;
            }
        }
        Right { values: Cow::Owned(out), rows: self.columns, columns: self.rows, stride }
    }
}

/// Writes `left right` to `out`, whose rows are `out_stride` apart.
///
/// # Safety
/// All rows of the result can be written, and nothing else reads or writes them meanwhile.
pub(super) unsafe fn multiply(
    isa: Isa,
    left: Matrix<'_>,
    right: &Right<'_>,
    out: *mut f32,
    out_stride: usize,
) {
    assert_eq!(left.columns, right.rows, "the sides of a product");
    let panel = isa.panel();
    for column in (0..right.columns).step_by(panel) {
        for first in (0..left.rows).step_by(MAX_ROWS) {
            let rows = MAX_ROWS.min(left.rows - first);
            let at = |i: usize| first + i.min(rows - 1);
            let terms = [Term { left: std::array::from_fn(|i| left.row(at(i)).as_ptr()), right: column }];
            let product = RowProduct {
                rows,
                columns: panel.min(right.columns - column),
                terms: &terms,
                depth: left.columns,
                right: right.values.as_ptr(),
                right_stride: right.stride,
                out: std::array::from_fn(|i| out.wrapping_add(at(i) * out_stride + column)),
                bias: [std::ptr::null(); MAX_ROWS],
                residual: [std::ptr::null(); MAX_ROWS],
            };
            // SAFETY: the left rows were sliced, the right side's end with whole vectors, and the caller answers for
            // the result.
            unsafe { row_product(isa, &product) };
        }
    }
}

/// `left right`.
pub(super) fn product(isa: Isa, left: Matrix<'_>, right: &Right<'_>) -> Vec<f32> {
    // SAFETY: there is room for all rows, and nobody else knows of it.
    written(left.rows * right.columns, |out| unsafe { multiply(isa, left, right, out, right.columns) })
}

/// `left^T right`.
pub(super) fn multiply_turned(isa: Isa, left: Matrix<'_>, right: &Right<'_>) -> Vec<f32> {
    assert_eq!(left.rows, right.rows, "the sides of a product");
    let panel = isa.panel();
    let pairs: Vec<(u32, u32)> =
        (0..left.rows).map(|k| ((k * left.stride) as u32, (k * right.stride) as u32)).collect();
    written(left.columns * right.columns, |out| {
        for column in (0..right.columns).step_by(panel) {
            let product = OuterProduct {
                pairs: &pairs,
                pictures: 1,
                left: left.values.as_ptr(),
                left_stride: 0,
                right: right.values.as_ptr().wrapping_add(column),
                right_stride: 0,
                rows: left.columns,
                columns: panel.min(right.columns - column),
                out: out.wrapping_add(column),
                out_stride: right.columns,
            };
            // SAFETY: `Matrix::new` has seen that the left rows lie in memory, the right side's rows end with whole
            // vectors, and the result is this function's own.
            unsafe { outer_product(isa, &product) };
        }
    })
}
