//! The two register-tiled products that convolutions, linear layers and attention come down to. Each number of a result
//! is one chain of fused multiply-adds in an order that shapes alone decide, so neither the tiling nor the threads
//! change a bit.

use super::simd::{Simd, vectorised};

/// Rows of the largest register tile.
pub(super) const MAX_ROWS: usize = 12;
/// Numbers of the widest register tile.
const MAX_WIDTH: usize = 32;

/// How many rows of the right side are asked for ahead.
const ROWS_AHEAD: usize = 32;

/// One term of a row product: pieces of the left side times as many rows of the right side as they are long.
#[derive(Clone, Copy)]
pub(super) struct Term {
    /// Where each row's piece starts.
    pub(super) left: [*const f32; MAX_ROWS],
    /// Where the right side's rows start, in numbers from [`RowProduct::right`].
    pub(super) right: usize,
    /// Length of the pieces.
    pub(super) depth: usize,
}

/// Up to `MAX_ROWS` rows of `sum over terms of left x right`.
#[derive(Clone, Copy)]
pub(super) struct RowProduct<'a> {
    /// Rows wanted.
    pub(super) rows: usize,
    /// Columns wanted, at most a panel.
    pub(super) columns: usize,
    /// The summands, added in order.
    pub(super) terms: &'a [Term],
    /// The right side of every term.
    pub(super) right: *const f32,
    /// Numbers from one row of the right side to the next.
    pub(super) right_stride: usize,
    /// Where each row of the result goes.
    pub(super) out: [*mut f32; MAX_ROWS],
    /// One number for each column, added at the end, by row; null for none.
    pub(super) bias: [*const f32; MAX_ROWS],
}

#[inline(always)]
unsafe fn row_tile<S: Simd, const ROWS: usize, const VECTORS: usize>(p: &RowProduct<'_>, first: usize) {
    // SAFETY: the promises of `row_product`.
    unsafe {
        let mut sums = [[S::splat(0.0); VECTORS]; ROWS];
        for term in p.terms {
            let left: [*const f32; ROWS] = std::array::from_fn(|i| term.left[first + i]);
            let mut right = p.right.add(term.right);
            for k in 0..term.depth {
                let mut b = [S::splat(0.0); VECTORS];
                for (j, b) in b.iter_mut().enumerate() {
                    *b = S::load(right.add(j * S::LANES));
                    S::prefetch(right.wrapping_add(ROWS_AHEAD * p.right_stride + j * S::LANES));
                }
                for i in 0..ROWS {
                    let a = S::splat(*left[i].add(k));
                    for j in 0..VECTORS {
                        sums[i][j] = S::fma(a, b[j], sums[i][j]);
                    }
                }
                right = right.add(p.right_stride);
            }
        }
        for (i, sums) in sums.iter().enumerate() {
            write_row::<S, VECTORS>(*sums, p.bias[first + i], p.out[first + i], p.columns);
        }
    }
}

/// Writes the first `columns` numbers of a row of a tile, with what is added to it.
#[inline(always)]
unsafe fn write_row<S: Simd, const VECTORS: usize>(
    mut row: [S::V; VECTORS],
    bias: *const f32,
    out: *mut f32,
    columns: usize,
) {
    // SAFETY: the promises of `row_product`.
    unsafe {
        if !bias.is_null() {
            for (j, value) in row.iter_mut().enumerate() {
                *value = S::add(*value, S::load(bias.add(j * S::LANES)));
            }
        }
        if columns == VECTORS * S::LANES {
            for (j, value) in row.iter().enumerate() {
                S::store(out.add(j * S::LANES), *value);
            }
            return;
        }
        let mut line = [0.0_f32; MAX_WIDTH];
        for (j, value) in row.iter().enumerate() {
            S::store(line.as_mut_ptr().add(j * S::LANES), *value);
        }
        for (column, value) in line.iter().enumerate().take(columns) {
            *out.add(column) = *value;
        }
    }
}

/// Picks the register tile for `$rows` rows and one or two vectors.
macro_rules! tile {
    ($tile:ident::<$simd:ident>($($argument:expr),*), $rows:expr, $wide:expr) => {
        match ($rows, $wide) {
            (12, true) => $tile::<$simd, 12, 2>($($argument),*),
            (8, true) => $tile::<$simd, 8, 2>($($argument),*),
            (6, true) => $tile::<$simd, 6, 2>($($argument),*),
            (4, true) => $tile::<$simd, 4, 2>($($argument),*),
            (2, true) => $tile::<$simd, 2, 2>($($argument),*),
            (_, true) => $tile::<$simd, 1, 2>($($argument),*),
            (12, false) => $tile::<$simd, 12, 1>($($argument),*),
            (8, false) => $tile::<$simd, 8, 1>($($argument),*),
            (6, false) => $tile::<$simd, 6, 1>($($argument),*),
            (4, false) => $tile::<$simd, 4, 1>($($argument),*),
            (2, false) => $tile::<$simd, 2, 1>($($argument),*),
            (_, false) => $tile::<$simd, 1, 1>($($argument),*),
        }
    };
}

/// The largest tile of at most `rows` rows.
#[inline(always)]
fn tile_rows<S: Simd>(rows: usize) -> usize {
    S::ROWS.iter().copied().find(|tile| *tile <= rows).unwrap_or(1)
}

#[inline(always)]
pub(super) unsafe fn row_product_body<S: Simd>(p: &RowProduct<'_>) {
    let mut first = 0;
    while first < p.rows {
        let rows = tile_rows::<S>(p.rows - first);
        // SAFETY: the caller's promise; tiles cover `rows` rows.
        unsafe { tile!(row_tile::<S>(p, first), rows, p.columns > S::LANES) };
        first += rows;
    }
}

vectorised! {
    /// Computes a [`RowProduct`].
    ///
    /// # Safety
    /// For the first `rows` rows, a term's `depth` numbers can be read from each of its left pointers, as many
    /// rows of a whole panel from its right one and a panel from each bias that is not null; `columns`, at most a panel,
    /// can be written to each output, where nothing else reads or writes meanwhile.
    pub(super) unsafe fn row_product(isa, p: &RowProduct<'_>) = row_product_body
}

/// `sum over k of left[k]^T right[k]`: a sum of outer products of rows.
#[derive(Clone, Copy)]
pub(super) struct OuterProduct<'a> {
    /// Where the summands lie in an image: numbers from the left side's start, and from the right side's.
    pub(super) pairs: &'a [(u32, u32)],
    /// Images; all are summed, in order.
    pub(super) images: usize,
    /// The left side, at the first row of the result.
    pub(super) left: *const f32,
    /// Numbers from one image of it to the next.
    pub(super) left_stride: usize,
    /// The right side, at the first column of the result.
    pub(super) right: *const f32,
    pub(super) right_stride: usize,
    pub(super) rows: usize,
    /// At most a panel; whole vectors can be read from the right side.
    pub(super) columns: usize,
    pub(super) out: *mut f32,
    /// Numbers from one row of the result to the next.
    pub(super) out_stride: usize,
}

#[inline(always)]
unsafe fn outer_tile<S: Simd, const ROWS: usize, const VECTORS: usize>(p: &OuterProduct<'_>, first: usize) {
    // SAFETY: the promises of `outer_product`.
    unsafe {
        let mut sums = [[S::splat(0.0); VECTORS]; ROWS];
        for image in 0..p.images {
            let left = p.left.add(image * p.left_stride + first);
            let right = p.right.add(image * p.right_stride);
            for (at_left, at_right) in p.pairs {
                let (left, right) = (left.add(*at_left as usize), right.add(*at_right as usize));
                let mut b = [S::splat(0.0); VECTORS];
                for (j, b) in b.iter_mut().enumerate() {
                    *b = S::load(right.add(j * S::LANES));
                }
                for (i, sums) in sums.iter_mut().enumerate() {
                    let a = S::splat(*left.add(i));
                    for j in 0..VECTORS {
                        sums[j] = S::fma(a, b[j], sums[j]);
                    }
                }
            }
        }
        for (i, sums) in sums.iter().enumerate() {
            let out = p.out.add((first + i) * p.out_stride);
            write_row::<S, VECTORS>(*sums, std::ptr::null(), out, p.columns);
        }
    }
}

#[inline(always)]
unsafe fn outer_product_body<S: Simd>(p: &OuterProduct<'_>) {
    let mut first = 0;
    while first < p.rows {
        let rows = tile_rows::<S>(p.rows - first);
        // SAFETY: the caller's promise; tiles cover `rows` rows.
        unsafe { tile!(outer_tile::<S>(p, first), rows, p.columns > S::LANES) };
        first += rows;
    }
}

vectorised! {
    /// Computes an [`OuterProduct`].
    ///
    /// # Safety
    /// Every left row can be read over `rows` numbers, every right row over one vector, or two
    /// where `columns` is more than a vector; the result can be written, and nothing else reads or writes it meanwhile.
    pub(super) unsafe fn outer_product(isa, p: &OuterProduct<'_>) = outer_product_body
}
