//! A sum over taps of products of pixels that are read where they lie, in one tensor or in two whose channels are joined.

use rayon::prelude::*;

use super::buffers::Shared;
use super::gemm::{MAX_ROWS, RowProduct, Term};
use super::half;
use super::pack::{Panels, padded_rows};
use super::taps::{Gather, NONE};

/// Rows one task works on: register tiles that share a pass over a panel of weights.
const CHUNK: usize = 8 * MAX_ROWS;

/// What is added to the product: numbers for each column, one row for all images or one for each.
pub(super) struct Bias {
    values: Vec<f32>,
    width: usize,
    shared: bool,
}

impl Bias {
    /// Rows of `columns` numbers: one for all images, or one for each.
    pub(super) fn new(bias: &[f32], columns: usize, panel: usize) -> Self {
        let width = columns.next_multiple_of(panel);
        Self { values: padded_rows(bias, columns, width), width, shared: bias.len() == columns }
    }

    pub(super) fn of(&self, image: usize) -> *const f32 {
        let row = if self.shared { 0 } else { image };
        self.values[row * self.width..][..self.width].as_ptr()
    }
}

/// Images that are read: some of the channels that the weights take.
#[derive(Clone, Copy)]
pub(super) struct Side<'a> {
    pub(super) x: &'a [f32],
    /// Channels of a pixel (pairs of them, in bf16).
    pub(super) depth: usize,
    /// The first of the weights' rows that they meet.
    pub(super) first: usize,
}

/// For each of `n` images and each pixel of `gather`: the sum over taps of the read pixel of all `sides` times the tap's
/// weights. The columns are divided among tensors of `widths`, each but the last in whole panels.
pub(super) fn product<const SIDES: usize>(
    sides: [Side<'_>; SIDES],
    n: usize,
    gather: &Gather,
    weights: &Panels,
    bias: Option<&Bias>,
    widths: &[usize],
) -> Vec<Vec<f32>> {
    let (pixels, columns) = (gather.pixels(), weights.columns);
    let divided =
        widths.split_last().is_some_and(|(_, whole)| whole.iter().all(|w| w.is_multiple_of(weights.width)));
    assert!(divided && widths.iter().sum::<usize>() == columns, "{widths:?} of {columns} columns");
    let planes = sides.map(|side| side.x.len() / n.max(1));
    let rows = n * pixels;
    // Small images lie beside each other, so that a tile's rows share their missing taps. Where none can be missing the rows of a
    // tile are neighbours: those of other images are so far apart that they would fall into the same places of the cache.
    let interleaved = gather.taps > 1 && pixels <= 256;
    let place = |row: usize| {
        let (image, at) = if interleaved { (row % n, row / n) } else { (row / pixels, row % pixels) };
        (image, gather.order[at] as usize)
    };
    let zeros = vec![0.0_f32; sides.iter().map(|side| side.depth).max().unwrap_or(0)];
    let chunks = rows.div_ceil(CHUNK);
    let panels = weights.count();
    // Where there are few rows the panels are divided too.
    let shares = (2 * rayon::current_num_threads()).div_ceil(chunks.max(1)).clamp(1, panels.max(1));
    let mut results: Vec<Vec<f32>> = widths.iter().map(|width| Vec::with_capacity(rows * width)).collect();
    // Where each panel's columns go: the tensor, its width, and the first column in it.
    let mut places = Vec::with_capacity(panels);
    for (result, width) in results.iter_mut().zip(widths) {
        let out = Shared(result.as_mut_ptr());
        places.extend((0..*width).step_by(weights.width).map(|first| (out, *width, first)));
    }
    (0..chunks * shares).into_par_iter().for_each(|task| {
        let (chunk, share) = (task / shares, task % shares);
        let (first, end) = (chunk * CHUNK, rows.min((chunk + 1) * CHUNK));
        let mut terms: Vec<Term> = Vec::with_capacity(SIDES * gather.taps * CHUNK / MAX_ROWS);
        let mut tiles = Vec::with_capacity(CHUNK / MAX_ROWS);
        for start in (first..end).step_by(MAX_ROWS) {
            let count = MAX_ROWS.min(end - start);
            let mut tile = Tile {
                rows: count,
                terms: (terms.len(), 0),
                out: [0; MAX_ROWS],
                bias: [std::ptr::null(); MAX_ROWS],
            };
            let mut places = [(0, 0); MAX_ROWS];
            for (i, at) in places[..count].iter_mut().enumerate() {
                let (image, pixel) = place(start + i);
                *at = (image, pixel);
                tile.out[i] = image * pixels + pixel;
                tile.bias[i] = bias.map_or(std::ptr::null(), |bias| bias.of(image));
            }
            for tap in 0..gather.taps {
                let read = |pixel: usize| gather.reads[pixel * gather.taps + tap];
                if places[..count].iter().all(|(_, pixel)| read(*pixel) == NONE) {
                    continue;
                }
                for (side, plane) in sides.iter().zip(&planes) {
                    let mut left = [zeros.as_ptr(); MAX_ROWS];
                    for (left, (image, pixel)) in left.iter_mut().zip(&places[..count]) {
                        if read(*pixel) != NONE {
                            let at = image * plane + read(*pixel) as usize * side.depth;
                            *left = side.x[at..][..side.depth].as_ptr();
                        }
                    }
                    let right = weights.row(tap, side.first, side.depth);
                    terms.push(Term { left, right, depth: side.depth });
                }
            }
            tile.terms.1 = terms.len();
            tiles.push(tile);
        }
        for panel in (share..panels).step_by(shares) {
            let first = panel * weights.width;
            let right = weights.panel(panel);
            let (out, width, column) = places[panel];
            for tile in &tiles {
                let offset = |bias: *const f32| if bias.is_null() { bias } else { bias.wrapping_add(first) };
                let product = RowProduct {
                    rows: tile.rows,
                    columns: weights.width.min(width - column),
                    terms: &terms[tile.terms.0..tile.terms.1],
                    right: right.as_ptr(),
                    right_stride: weights.width,
                    out: tile.out.map(|row| out.at(row * width + column)),
                    bias: tile.bias.map(offset),
                };
                // SAFETY: the processor has the instruction set that the panels were made for; the left pieces were
                // sliced to their depth, `Panels::row` has seen that the panel has as many rows, panels and bias are
                // padded to whole panels, and each row and panel of the results belongs to one task.
                unsafe { half::product(weights.isa, &product, weights.pairs) };
            }
        }
    });
    for (result, width) in results.iter_mut().zip(widths) {
        // SAFETY: as many numbers were reserved, and every row and column of them was written.
        unsafe { result.set_len(rows * width) };
    }
    results
}

/// A register tile's rows: where they go, and their terms.
struct Tile {
    rows: usize,
    terms: (usize, usize),
    out: [usize; MAX_ROWS],
    bias: [*const f32; MAX_ROWS],
}
