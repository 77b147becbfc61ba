//! Products of plain matrices, for attention and linear layers.

use std::borrow::Cow;

use super::buffers::written;
use super::gemm::{MAX_ROWS, OuterProduct, RowProduct, Term, outer_product, row_product};
use super::simd::Isa;

/// A matrix somewhere in memory.
#[derive(Clone, Copy)]
pub(super) struct Matrix<'a> {
    values: &'a [f32],
    rows: usize,
    columns: usize,
    stride: usize,
}

/// The right side of a product: panels of columns, whose rows can be read in whole vectors.
pub(super) struct Right<'a> {
    values: Cow<'a, [f32]>,
    rows: usize,
    columns: usize,
    /// Numbers from one row of a panel to the next.
    stride: usize,
    /// Numbers from one panel to the next.
    panel_stride: usize,
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

    /// As the right side of one product, read where it lies; copied where its rows do not end with a vector.
    pub(super) fn right_once(&self, isa: Isa) -> Right<'a> {
        let Self { values, rows, columns, stride } = *self;
        if columns.is_multiple_of(isa.lanes()) {
            return Right { values: Cow::Borrowed(values), rows, columns, stride, panel_stride: isa.panel() };
        }
        self.right(isa)
    }

    /// As the right side of many products: each panel's rows lie one after the other, so that they stay in the cache.
    pub(super) fn right(&self, isa: Isa) -> Right<'static> {
        let width = isa.panel();
        self.panels(isa, self.rows, self.columns, |first, count, out| {
            for (row, out) in out.chunks_exact_mut(width).enumerate() {
                out[..count].copy_from_slice(&self.row(row)[first..][..count]);
            }
        })
    }

    /// Its transpose as the right side of products.
    pub(super) fn turned(&self, isa: Isa) -> Right<'static> {
        let width = isa.panel();
        self.panels(isa, self.columns, self.rows, |first, count, out| {
            for row in 0..count {
                let values = self.row(first + row).iter();
                out[row..].iter_mut().step_by(width).zip(values).for_each(|(out, value)| *out = *value);
            }
        })
    }

    /// Panels of a matrix of `rows` x `columns`; `fill(first, count, out)` writes `count` columns of one from zeros.
    fn panels(
        &self,
        isa: Isa,
        rows: usize,
        columns: usize,
        fill: impl Fn(usize, usize, &mut [f32]),
    ) -> Right<'static> {
        let width = isa.panel();
        let panel_stride = rows * width;
        let mut values = vec![0.0; columns.div_ceil(width) * panel_stride];
        for (panel, out) in values.chunks_exact_mut(panel_stride.max(1)).enumerate() {
            let first = panel * width;
            fill(first, width.min(columns - first), out);
        }
        Right { values: Cow::Owned(values), rows, columns, stride: width, panel_stride }
    }
}

impl Right<'_> {
    /// Where a panel starts.
    fn panel(&self, panel: usize) -> usize {
        panel * self.panel_stride
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
    for (index, column) in (0..right.columns).step_by(panel).enumerate() {
        for first in (0..left.rows).step_by(MAX_ROWS) {
            let rows = MAX_ROWS.min(left.rows - first);
            let at = |i: usize| first + i.min(rows - 1);
            let terms = [Term {
                left: std::array::from_fn(|i| left.row(at(i)).as_ptr()),
                right: right.panel(index),
                depth: left.columns,
            }];
            let product = RowProduct {
                rows,
                columns: panel.min(right.columns - column),
                terms: &terms,
                right: right.values.as_ptr(),
                right_stride: right.stride,
                out: std::array::from_fn(|i| out.wrapping_add(at(i) * out_stride + column)),
                bias: [std::ptr::null(); MAX_ROWS],
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
        for (index, column) in (0..right.columns).step_by(panel).enumerate() {
            let product = OuterProduct {
                pairs: &pairs,
                images: 1,
                left: left.values.as_ptr(),
                left_stride: 0,
                right: right.values.as_ptr().wrapping_add(right.panel(index)),
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
