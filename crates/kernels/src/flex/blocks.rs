//! The pixels of a batch in blocks whose size the shape alone decides, so that sums over them do not depend on threads.

use std::ops::Range;

use rayon::prelude::*;

/// Numbers in a block of pixels, about: sums are f32 within one and f64 beyond.
const BLOCK: usize = 1 << 12;

/// `n` pictures of `pixels` pixels of `c` numbers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Blocks {
    pub(super) n: usize,
    pub(super) pixels: usize,
    pub(super) c: usize,
    /// Pixels of a block; a picture's last may have fewer.
    size: usize,
}

impl Blocks {
    pub(super) fn new(n: usize, pixels: usize, c: usize) -> Self {
        Self { n, pixels, c, size: (BLOCK / c.max(1)).clamp(1, pixels.max(1)) }
    }

    /// Blocks of one picture.
    pub(super) fn each(&self) -> usize {
        self.pixels.div_ceil(self.size)
    }

    /// Blocks of the batch.
    pub(super) fn count(&self) -> usize {
        self.n * self.each()
    }

    /// Which picture a block belongs to, and its pixels among those of the batch.
    pub(super) fn span(&self, index: usize) -> (usize, Range<usize>) {
        let (picture, block) = (index / self.each(), index % self.each());
        let start = picture * self.pixels + block * self.size;
        (picture, start..(start + self.size).min((picture + 1) * self.pixels))
    }

    /// A block's numbers among those of the batch.
    pub(super) fn numbers(&self, index: usize) -> (usize, Range<usize>) {
        let (picture, pixels) = self.span(index);
        (picture, pixels.start * self.c..pixels.end * self.c)
    }

    /// The sums over each picture's blocks of `width` numbers of each block: `[n, width]`.
    pub(super) fn totals(&self, parts: &[f32], width: usize) -> Vec<f32> {
        let mut out = vec![0.0_f32; self.n * width];
        if width > 0 && self.pixels > 0 {
            out.par_chunks_mut(width).zip(parts.par_chunks(self.each() * width)).for_each(|(out, parts)| {
                out.copy_from_slice(&sum_rows(parts, width));
            });
        }
        out
    }
}

/// The sum over the rows of a matrix of `columns` columns, first row first.
pub(super) fn sum_rows(matrix: &[f32], columns: usize) -> Vec<f32> {
    let mut sums = vec![0.0_f64; columns];
    for row in matrix.chunks_exact(columns) {
        sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += f64::from(*value));
    }
    sums.into_iter().map(|sum| sum as f32).collect()
}
