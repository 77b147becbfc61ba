//! 3 x 3 convolution by F(4 x 4, 3 x 3) and F(2 x 2, 3 x 3) (Winograd 1980; Lavin and Gray 2016, "Fast Algorithms for
//! Convolutional Neural Networks", sections 3 and 4): tiles of 6 x 6 or 4 x 4 pixels and the kernels are transformed,
//! multiplied point by point, which is 36 or 16 matrix products over channels, and transformed back to 4 x 4 or 2 x 2
//! pixels. A quarter of the multiplications, at an error of about 1e-5 of the largest number, or one for 2.25 at 1e-6.
//!
//! With `Y = A^T [(G g G^T) * (B^T d B)] A`, the gradient by the kernel is `G^T [(A dY A^T) * (B^T d B)] G`, and the gradient
//! by the input is the same convolution with turned kernels.

mod four;
mod kernel_gradients;
mod panels;
mod tiles;
mod transforms;
mod two;

use std::borrow::Cow;
use std::mem::MaybeUninit;

use rayon::prelude::*;

use super::buffers::{Shared, written};
use super::gemm::{MAX_ROWS, RowProduct, Term, row_product};
use super::pack::Panels;
use super::simd::Isa;
use crate::options::Conv2d;
pub(super) use kernel_gradients::kernel_gradients;
pub(super) use tiles::Tiles;
use tiles::{GAP, Grid};

/// Tiles that a thread transforms at least before another helps.
const MIN_TILES: usize = 4;
/// Largest number of tiles of an image whose kernels are transformed where they are used.
const SMALL: usize = 4;

/// Whether a convolution can go this way.
pub(super) fn applies(kernel: [usize; 2], channels: [usize; 2], options: Conv2d) -> bool {
    kernel == [3, 3]
        && options.keeps_size(3)
        && !options.upsample
        && channels.iter().all(|c| c.is_multiple_of(16))
}

/// Bytes of transformed tiles that one task works on: they are read once for each panel of kernels, so they should stay in
/// the second cache, beside the products of a panel.
const CHUNK: usize = 800 << 10;

/// Kernels for [`product`].
#[derive(Clone, Copy)]
pub(super) enum Kernels<'a> {
    /// Transformed before, as many taps as points.
    Spread(&'a Panels),
    /// As they are, 9 taps of each row; each panel is transformed where it is used, turned by half a turn if asked for. Four
    /// times fewer bytes come from memory, which is what a small map waits for.
    Plain(&'a Panels, bool),
}

impl<'a> Kernels<'a> {
    fn panels(self) -> &'a Panels {
        match self {
            Self::Spread(panels) | Self::Plain(panels, _) => panels,
        }
    }

    /// Tiles handled together, in whole register tiles.
    fn together(self, tiles: Tiles, ci: usize) -> usize {
        let count = CHUNK / (4 * tiles.points() * (ci + self.panels().width));
        let least = if matches!(self, Self::Spread(_)) { MAX_ROWS } else { 4 * MAX_ROWS };
        (count / MAX_ROWS * MAX_ROWS).max(least)
    }

    /// The transformed rows of one panel, and how far apart its points lie.
    fn spread(self, tiles: Tiles, panel: usize) -> (Cow<'a, [f32]>, usize) {
        let points = tiles.points();
        match self {
            Self::Spread(panels) => {
                let rows = panels.panel(panel);
                (Cow::Borrowed(rows), rows.len() / points)
            }
            Self::Plain(panels, turned) => {
                let taps = panels.panel(panel);
                let stride = taps.len() / 9 + GAP;
                let rows = written(points * stride, |rows| {
                    // SAFETY: room for all of it; what the gaps hold is never read, but is a number.
                    let rows = unsafe {
                        for point in 1..=points {
                            rows.add(point * stride - GAP).write_bytes(0, GAP);
                        }
                        std::slice::from_raw_parts_mut(rows.cast::<MaybeUninit<f32>>(), points * stride)
                    };
                    tiles.spread_kernels(panels.isa, taps, panels.width, turned, rows, stride);
                });
                (Cow::Owned(rows), stride)
            }
        }
    }
}

/// Whether the kernels of a convolution over a map of this size are transformed before; otherwise where they are used.
pub(super) fn ahead(tiles: Tiles, input: [usize; 2]) -> bool {
    tiles.count(input) > SMALL
}

/// The convolution of `n` images `x` with `kernels`; `bias` gives each image's row or null.
pub(super) fn product<'a>(
    tiles: Tiles,
    x: &[f32],
    n: usize,
    size: [usize; 2],
    ci: usize,
    kernels: Kernels<'_>,
    bias: impl Fn(usize) -> *const f32 + Sync + 'a,
) -> Vec<f32> {
    let Panels { isa, columns: co, width, .. } = *kernels.panels();
    let grid = Grid::new(tiles, n, size);
    let zeros = vec![0.0_f32; ci];
    let zeros = zeros.as_slice();
    let together = kernels.together(tiles, ci);
    written(n * size[0] * size[1] * co, |out| {
        let out = Shared(out);
        (0..grid.count().div_ceil(together)).into_par_iter().for_each(|chunk| {
            let first = chunk * together;
            let count = together.min(grid.count() - first);
            let stride = count * ci + GAP;
            let spread = written(tiles.points() * stride, |spread| {
                let spread = Shared(spread);
                (0..count).into_par_iter().with_min_len(MIN_TILES).for_each(|tile| {
                    let (zeros, out) = (zeros.as_ptr(), spread.at(tile * ci));
                    // SAFETY: each tile has its own part of the points, and there are zeros enough.
                    unsafe { grid.spread_input(isa, x, ci, first + tile, zeros, out, stride) };
                });
            });
            (0..kernels.panels().count()).into_par_iter().for_each(|panel| {
                let column = panel * width;
                let columns = width.min(co - column);
                let (kernels, apart) = kernels.spread(tiles, panel);
                let kernels = (kernels.as_ref(), apart);
                let spread = (spread.as_slice(), stride);
                let products = multiply_panel(isa, tiles.points(), spread, ci, count, kernels, columns);
                for tile in 0..count {
                    let bias = bias(grid.image(first + tile));
                    let bias = if bias.is_null() { bias } else { bias.wrapping_add(column) };
                    let points = products[tile * columns..].as_ptr();
                    let to = (out, co, column);
                    // SAFETY: the points of this tile were written, bias rows are whole, and each tile has its own
                    // pixels and each panel its own columns.
                    unsafe {
                        grid.gather_output(isa, points, count * columns, columns, bias, first + tile, to);
                    }
                }
            });
        });
    })
}

/// The products of `count` tiles of `depth` channels, whose points are `stride` apart, with one panel of kernels, whose
/// points are as far apart as the number beside them says: for each of the `points`, the panel's columns of each tile.
fn multiply_panel(
    isa: Isa,
    points: usize,
    (spread, stride): (&[f32], usize),
    depth: usize,
    count: usize,
    (kernels, apart): (&[f32], usize),
    columns: usize,
) -> Vec<f32> {
    let width = isa.panel();
    let whole = apart >= depth * width && kernels.len() >= (points - 1) * apart + depth * width;
    assert!(whole, "transformed kernels");
    written(points * count * columns, |out| {
        for point in 0..points {
            let left = &spread[point * stride..][..count * depth];
            let out = out.wrapping_add(point * count * columns);
            for first in (0..count).step_by(MAX_ROWS) {
                let rows = MAX_ROWS.min(count - first);
                let at = |i: usize| first + i.min(rows - 1);
                let terms = [Term {
                    left: std::array::from_fn(|i| left[at(i) * depth..].as_ptr()),
                    right: point * apart,
                    depth,
                }];
                let product = RowProduct {
                    rows,
                    columns,
                    terms: &terms,
                    right: kernels.as_ptr(),
                    right_stride: width,
                    out: std::array::from_fn(|i| out.wrapping_add(at(i) * columns)),
                    bias: [std::ptr::null(); MAX_ROWS],
                };
                // SAFETY: the left rows lie in `left`, panels are whole, and there is room for every point.
                unsafe { row_product(isa, &product) };
            }
        }
    })
}
