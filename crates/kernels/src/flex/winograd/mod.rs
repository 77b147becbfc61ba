//! 3 x 3 convolution by F(4 x 4, 3 x 3) (Winograd 1980; Lavin and Gray 2016, "Fast Algorithms for Convolutional Neural
//! Networks", section 4): tiles of 6 x 6 pixels and the kernels are transformed, multiplied point by point, which is 36
//! matrix products over channels, and transformed back to 4 x 4 pixels. A quarter of the multiplications, at an error of
//! about 1e-5 of the largest number.
//!
//! With `Y = A^T [(G g G^T) * (B^T d B)] A`, the gradient by the kernel is `G^T [(A dY A^T) * (B^T d B)] G`, and the gradient
//! by the input is the same convolution with turned kernels.

mod transforms;

use std::borrow::Cow;
use std::mem::MaybeUninit;

use rayon::prelude::*;

use super::gemm::{MAX_ROWS, OuterProduct, RowProduct, Term, outer_product, row_product};
use super::pack::Panels;
use super::simd::Isa;
use super::{Shared, written};
use crate::arithmetic::Arithmetic;
use crate::ops::Conv2d;

pub(super) use transforms::spread_kernels;
use transforms::{gather_kernels, gather_output, spread_gradient, spread_input};

/// Points of a transformed tile.
pub(super) const POINTS: usize = 36;
/// Pixels of an output tile's side.
const TILE: usize = 4;
/// Numbers put between the points of transformed tiles, so that they do not fall on the same lines of the cache.
const GAP: usize = 16;

/// Tiles that a thread transforms at least before another helps.
const MIN_TILES: usize = 4;
/// Largest number of tiles of a picture whose kernels are transformed where they are used.
const SMALL: usize = 4;
/// Smallest number of tiles of a picture: with fewer, transforming the kernels in training costs more than it saves.
const FEWEST: usize = 4;

/// Whether a convolution goes this way; the batch has no say, so that a picture's bytes do not depend on it.
pub(super) fn applies(kernel: [usize; 2], input: [usize; 2], channels: [usize; 2], options: Conv2d) -> bool {
    let tiles = input[0].div_ceil(TILE) * input[1].div_ceil(TILE);
    kernel == [3, 3]
        && options.keeps_size(3)
        && !options.upsample
        && options.arithmetic != Arithmetic::Exact
        && channels.iter().all(|c| c.is_multiple_of(16))
        && tiles >= FEWEST
        && 5 * tiles * POINTS < 4 * 9 * input[0] * input[1]
}

/// Where the tiles of some pictures lie.
#[derive(Clone, Copy)]
struct Grid {
    n: usize,
    h: usize,
    w: usize,
    across: usize,
    per_picture: usize,
}

impl Grid {
    fn new(n: usize, [h, w]: [usize; 2]) -> Self {
        let across = w.div_ceil(TILE);
        Self { n, h, w, across, per_picture: across * h.div_ceil(TILE) }
    }

    fn tiles(&self) -> usize {
        self.n * self.per_picture
    }

    /// Picture, first row and first column of a tile's output.
    fn place(&self, tile: usize) -> (usize, usize, usize) {
        let (picture, rest) = (tile / self.per_picture, tile % self.per_picture);
        (picture, rest / self.across * TILE, rest % self.across * TILE)
    }

    /// A square of pixels of `SIDE` x `SIDE`, beginning `before` above and left of the tile; `outside` beyond the picture.
    fn square<const SIDE: usize>(
        &self,
        values: &[f32],
        c: usize,
        tile: usize,
        before: usize,
        outside: *const f32,
    ) -> [[*const f32; SIDE]; SIDE] {
        let (picture, top, left) = self.place(tile);
        std::array::from_fn(|row| {
            std::array::from_fn(|column| {
                let (y, x) = (top + row, left + column);
                if y < before || x < before || y - before >= self.h || x - before >= self.w {
                    return outside;
                }
                let pixel = (picture * self.h + y - before) * self.w + x - before;
                values[pixel * c..][..c].as_ptr()
            })
        })
    }
}

/// Bytes of transformed tiles that one task works on: they are read once for each panel of kernels, so they should stay in
/// the second cache, beside the products of a panel.
const CHUNK: usize = 800 << 10;

/// Kernels for [`product`].
#[derive(Clone, Copy)]
pub(super) enum Kernels<'a> {
    /// Transformed before, 36 taps.
    Spread(&'a Panels),
    /// As they are, 9 taps of each row; each panel is transformed where it is used, turned by half a turn if asked for. Four times fewer
    /// bytes come from memory, which is what a small map waits for.
    Plain(&'a Panels, bool),
}

impl<'a> Kernels<'a> {
    fn panels(self) -> &'a Panels {
        match self {
            Self::Spread(panels) | Self::Plain(panels, _) => panels,
        }
    }

    /// Tiles handled together, in whole register tiles.
    fn together(self, ci: usize) -> usize {
        let tiles = CHUNK / (4 * POINTS * (ci + self.panels().width));
        let least = if matches!(self, Self::Spread(_)) { MAX_ROWS } else { 4 * MAX_ROWS };
        (tiles / MAX_ROWS * MAX_ROWS).max(least)
    }

    /// The transformed rows of one panel, and how far apart its points lie.
    fn spread(self, panel: usize) -> (Cow<'a, [f32]>, usize) {
        match self {
            Self::Spread(panels) => {
                let points = panels.panel(panel);
                (Cow::Borrowed(points), points.len() / POINTS)
            }
            Self::Plain(panels, turned) => {
                let taps = panels.panel(panel);
                let stride = taps.len() / 9 + GAP;
                let rows = written(POINTS * stride, |rows| {
                    // SAFETY: room for all of it; what the gaps hold is never read, but is a number.
                    let rows = unsafe {
                        for point in 1..=POINTS {
                            rows.add(point * stride - GAP).write_bytes(0, GAP);
                        }
                        std::slice::from_raw_parts_mut(rows.cast::<MaybeUninit<f32>>(), POINTS * stride)
                    };
                    spread_kernels(panels.isa, taps, panels.width, turned, rows, stride);
                });
                (Cow::Owned(rows), stride)
            }
        }
    }
}

/// Whether the kernels of a convolution over a map of this size are transformed before; otherwise where they are used.
pub(super) fn ahead(input: [usize; 2]) -> bool {
    input[0].div_ceil(TILE) * input[1].div_ceil(TILE) > SMALL
}

/// The convolution of `n` pictures `x` with `kernels`; `bias` gives each picture's row or null.
pub(super) fn product<'a>(
    x: &[f32],
    n: usize,
    size: [usize; 2],
    ci: usize,
    kernels: Kernels<'_>,
    bias: impl Fn(usize) -> *const f32 + Sync + 'a,
) -> Vec<f32> {
    let Panels { isa, columns: co, width, .. } = *kernels.panels();
    let grid = Grid::new(n, size);
    let zeros = vec![0.0_f32; ci];
    let zeros = zeros.as_slice();
    let together = kernels.together(ci);
    written(n * size[0] * size[1] * co, |out| {
        let out = Shared(out);
        (0..grid.tiles().div_ceil(together)).into_par_iter().for_each(|chunk| {
            let first = chunk * together;
            let count = together.min(grid.tiles() - first);
            let stride = count * ci + GAP;
            let spread = written(POINTS * stride, |spread| {
                let spread = Shared(spread);
                (0..count).into_par_iter().with_min_len(MIN_TILES).for_each(|tile| {
                    let pixels = grid.square::<6>(x, ci, first + tile, 1, zeros.as_ptr());
                    // SAFETY: pixels were sliced to `ci` numbers; each tile has its own part of the points.
                    unsafe { spread_input(isa, &pixels, ci, spread.at(tile * ci), stride) };
                });
            });
            (0..kernels.panels().count()).into_par_iter().for_each(|panel| {
                let column = panel * width;
                let columns = width.min(co - column);
                let (kernels, apart) = kernels.spread(panel);
                let products = multiply_panel(isa, (&spread, stride), ci, count, (&kernels, apart), columns);
                for tile in 0..count {
                    let (picture, top, left) = grid.place(first + tile);
                    let pixels: [[*mut f32; 4]; 4] = std::array::from_fn(|row| {
                        std::array::from_fn(|x| {
                            let (y, x) = (top + row, left + x);
                            let inside = y < grid.h && x < grid.w;
                            if !inside {
                                return std::ptr::null_mut();
                            }
                            out.at(((picture * grid.h + y) * grid.w + x) * co + column)
                        })
                    });
                    let bias = bias(picture);
                    let bias = if bias.is_null() { bias } else { bias.wrapping_add(column) };
                    let points = products[tile * columns..].as_ptr();
                    // SAFETY: the points of this tile were written, bias rows are whole, and each tile has its own
                    // pixels and each panel its own columns.
                    unsafe { gather_output(isa, points, count * columns, columns, bias, &pixels) };
                }
            });
        });
    })
}

/// The products of `count` tiles of `depth` channels with one panel of kernels, each with how far apart its points are: for
/// each point, the panel's columns of each tile.
fn multiply_panel(
    isa: Isa,
    (spread, stride): (&[f32], usize),
    depth: usize,
    count: usize,
    (kernels, apart): (&[f32], usize),
    columns: usize,
) -> Vec<f32> {
    let width = isa.panel();
    assert!(
        apart >= depth * width && kernels.len() >= (POINTS - 1) * apart + depth * width,
        "transformed kernels"
    );
    written(POINTS * count * columns, |out| {
        for point in 0..POINTS {
            let left = &spread[point * stride..][..count * depth];
            let out = out.wrapping_add(point * count * columns);
            for first in (0..count).step_by(MAX_ROWS) {
                let rows = MAX_ROWS.min(count - first);
                let at = |i: usize| first + i.min(rows - 1);
                let terms = [Term {
                    left: std::array::from_fn(|i| left[at(i) * depth..].as_ptr()),
                    right: point * apart,
                }];
                let product = RowProduct {
                    rows,
                    columns,
                    terms: &terms,
                    depth,
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

/// The gradient of the kernels, `[taps, co, ci]`, from pictures `x` and the output's gradient.
pub(super) fn kernel_gradients(
    isa: Isa,
    x: &[f32],
    grad: &[f32],
    n: usize,
    size: [usize; 2],
    ci: usize,
    co: usize,
) -> Vec<f32> {
    let grid = Grid::new(n, size);
    let tiles = grid.tiles();
    let zeros = vec![0.0_f32; ci.max(co)];
    let zeros = zeros.as_slice();
    // Points one after the other; all tiles of the batch are summed in one product each.
    let (stride_in, stride_out) = (tiles * ci + GAP, tiles * co + GAP);
    let spread_x = written(POINTS * stride_in, |spread| {
        let spread = Shared(spread);
        (0..tiles).into_par_iter().for_each(|tile| {
            let pixels = grid.square::<6>(x, ci, tile, 1, zeros.as_ptr());
            // SAFETY: pixels were sliced to `ci` numbers; each tile has its own part of the points.
            unsafe { spread_input(isa, &pixels, ci, spread.at(tile * ci), stride_in) };
        });
    });
    let spread_grad = written(POINTS * stride_out, |spread| {
        let spread = Shared(spread);
        (0..tiles).into_par_iter().for_each(|tile| {
            let pixels = grid.square::<4>(grad, co, tile, 0, zeros.as_ptr());
            // SAFETY: as above, for `co` numbers.
            unsafe { spread_gradient(isa, &pixels, co, spread.at(tile * co), stride_out) };
        });
    });
    let pairs: Vec<(u32, u32)> = (0..tiles).map(|tile| ((tile * co) as u32, (tile * ci) as u32)).collect();
    let stride = co * ci + GAP;
    let points = written(POINTS * stride, |out| {
        let out = Shared(out);
        let panels = ci.div_ceil(isa.panel());
        (0..POINTS * panels).into_par_iter().for_each(|task| {
            let (point, column) = (task / panels, task % panels * isa.panel());
            let product = OuterProduct {
                pairs: &pairs,
                pictures: 1,
                left: spread_grad[point * stride_out..].as_ptr(),
                left_stride: 0,
                right: spread_x[point * stride_in + column..].as_ptr(),
                right_stride: 0,
                rows: co,
                columns: isa.panel().min(ci - column),
                out: out.at(point * stride + column),
                out_stride: ci,
            };
            // SAFETY: pairs name tiles of both sides, whose channels end with whole vectors; each task has its own
            // columns of the result.
            unsafe { outer_product(isa, &product) };
        });
    });
    let mut taps = vec![0.0_f32; 9 * co * ci];
    gather_kernels(isa, &points, stride, &mut taps);
    taps
}
