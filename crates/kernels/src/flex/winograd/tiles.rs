//! How a map is cut into tiles, and which transforms each size of tile has.

use std::mem::MaybeUninit;

use super::super::buffers::Shared;
use super::super::simd::Isa;
use super::transforms::{tiles_of_four, tiles_of_two};
use crate::algorithm::Algorithm;

/// Numbers put between the points of transformed tiles, so that they do not fall on the same lines of the cache.
pub(super) const GAP: usize = 16;

/// How large the tiles of an output are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::flex) enum Tiles {
    /// 4 x 4 pixels: F(4 x 4, 3 x 3).
    Four,
    /// 2 x 2 pixels: F(2 x 2, 3 x 3).
    Two,
}

impl Tiles {
    fn algorithm(self) -> Algorithm {
        match self {
            Self::Four => Algorithm::WinogradF4,
            Self::Two => Algorithm::WinogradF2,
        }
    }

    /// Pixels of an output tile's side.
    fn side(self) -> usize {
        self.algorithm().side()
    }

    /// Points of a transformed tile.
    pub(in crate::flex) fn points(self) -> usize {
        self.algorithm().points_per_kernel()
    }

    /// Tiles of a map.
    pub(in crate::flex) fn count(self, [h, w]: [usize; 2]) -> usize {
        h.div_ceil(self.side()) * w.div_ceil(self.side())
    }

    /// Transforms kernels, turned by half a turn if asked for: rows of nine taps of `width` numbers each, to one matrix for
    /// each point, which are `stride` apart in `out`. All of each matrix is written.
    pub(in crate::flex) fn spread_kernels(
        self,
        isa: Isa,
        taps: &[f32],
        width: usize,
        turned: bool,
        out: &mut [MaybeUninit<f32>],
        stride: usize,
    ) {
        match self {
            Self::Four => tiles_of_four::spread_kernels(isa, taps, width, turned, out, stride),
            Self::Two => tiles_of_two::spread_kernels(isa, taps, width, turned, out, stride),
        }
    }

    /// The gradient of kernels from that of their points, which are `stride` apart; taps lie one after the other.
    pub(super) fn gather_kernels(self, isa: Isa, points: &[f32], stride: usize, taps: &mut [f32]) {
        match self {
            Self::Four => tiles_of_four::gather_kernels(isa, points, stride, taps),
            Self::Two => tiles_of_two::gather_kernels(isa, points, stride, taps),
        }
    }
}

/// Where the tiles of some images lie.
#[derive(Clone, Copy)]
pub(super) struct Grid {
    tiles: Tiles,
    n: usize,
    h: usize,
    w: usize,
    across: usize,
    per_image: usize,
}

impl Grid {
    pub(super) fn new(tiles: Tiles, n: usize, [h, w]: [usize; 2]) -> Self {
        Self { tiles, n, h, w, across: w.div_ceil(tiles.side()), per_image: tiles.count([h, w]) }
    }

    pub(super) fn count(&self) -> usize {
        self.n * self.per_image
    }

    /// The image that a tile belongs to.
    pub(super) fn image(&self, tile: usize) -> usize {
        tile / self.per_image
    }

    /// Image, first row and first column of a tile's output.
    fn place(&self, tile: usize) -> (usize, usize, usize) {
        let (image, rest) = (tile / self.per_image, tile % self.per_image);
        let side = self.tiles.side();
        (image, rest / self.across * side, rest % self.across * side)
    }

    /// A square of pixels of `SIDE` x `SIDE`, beginning `before` above and left of the tile; `outside` beyond the image.
    fn square<const SIDE: usize>(
        &self,
        values: &[f32],
        c: usize,
        tile: usize,
        before: usize,
        outside: *const f32,
    ) -> [[*const f32; SIDE]; SIDE] {
        let (image, top, left) = self.place(tile);
        std::array::from_fn(|row| {
            std::array::from_fn(|column| {
                let (y, x) = (top + row, left + column);
                if y < before || x < before || y - before >= self.h || x - before >= self.w {
                    return outside;
                }
                let pixel = (image * self.h + y - before) * self.w + x - before;
                values[pixel * c..][..c].as_ptr()
            })
        })
    }

    /// Transforms an input tile of `c` channels: point `p` of channel `k` goes to `out[p * stride + k]`.
    ///
    /// # Safety
    /// The points can be written; `c` is a multiple of the vector, and `outside` has as many numbers.
    #[allow(clippy::too_many_arguments)] // where from, where to
    pub(super) unsafe fn spread_input(
        &self,
        isa: Isa,
        x: &[f32],
        c: usize,
        tile: usize,
        outside: *const f32,
        out: *mut f32,
        stride: usize,
    ) {
        // SAFETY: pixels were sliced to `c` numbers; the caller answers for the points.
        unsafe {
            match self.tiles {
                Tiles::Four => {
                    let pixels = self.square::<6>(x, c, tile, 1, outside);
                    tiles_of_four::spread_input(isa, &pixels, c, out, stride);
                }
                Tiles::Two => {
                    let pixels = self.square::<4>(x, c, tile, 1, outside);
                    tiles_of_two::spread_input(isa, &pixels, c, out, stride);
                }
            }
        }
    }

    /// The same for a tile of an output's gradient.
    ///
    /// # Safety
    /// As for [`Grid::spread_input`].
    #[allow(clippy::too_many_arguments)] // where from, where to
    pub(super) unsafe fn spread_gradient(
        &self,
        isa: Isa,
        grad: &[f32],
        c: usize,
        tile: usize,
        outside: *const f32,
        out: *mut f32,
        stride: usize,
    ) {
        // SAFETY: as above.
        unsafe {
            match self.tiles {
                Tiles::Four => {
                    let pixels = self.square::<4>(grad, c, tile, 0, outside);
                    tiles_of_four::spread_gradient(isa, &pixels, c, out, stride);
                }
                Tiles::Two => {
                    let pixels = self.square::<2>(grad, c, tile, 0, outside);
                    tiles_of_two::spread_gradient(isa, &pixels, c, out, stride);
                }
            }
        }
    }

    /// Transforms a tile back to pixels of `c` channels, of which it writes `columns` from channel `first`, and adds the bias.
    ///
    /// # Safety
    /// `columns`, a multiple of the vector, numbers can be read for each point, `stride` apart, and from the bias if it is
    /// not null; `out` has room for the images, and nobody else reads or writes these numbers of the tile's pixels.
    #[allow(clippy::too_many_arguments)] // where from, what is added, where to
    pub(super) unsafe fn gather_output(
        &self,
        isa: Isa,
        points: *const f32,
        stride: usize,
        columns: usize,
        bias: *const f32,
        tile: usize,
        (out, c, first): (Shared, usize, usize),
    ) {
        // SAFETY: the caller's promises.
        unsafe {
            match self.tiles {
                Tiles::Four => {
                    let pixels = self.places::<4>(out, c, first, tile);
                    tiles_of_four::gather_output(isa, points, stride, columns, bias, &pixels);
                }
                Tiles::Two => {
                    let pixels = self.places::<2>(out, c, first, tile);
                    tiles_of_two::gather_output(isa, points, stride, columns, bias, &pixels);
                }
            }
        }
    }

    /// The places of a tile's pixels in an output of `c` channels, from channel `first`; null outside the image.
    fn places<const SIDE: usize>(
        &self,
        out: Shared,
        c: usize,
        first: usize,
        tile: usize,
    ) -> [[*mut f32; SIDE]; SIDE] {
        let (image, top, left) = self.place(tile);
        std::array::from_fn(|row| {
            std::array::from_fn(|x| {
                let (y, x) = (top + row, left + x);
                if y >= self.h || x >= self.w {
                    return std::ptr::null_mut();
                }
                out.at(((image * self.h + y) * self.w + x) * c + first)
            })
        })
    }
}
