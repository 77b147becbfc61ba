//! The pixels of a batch in blocks whose size the shape alone decides, so that sums over them do not depend on threads.

use std::ops::Range;

use rayon::prelude::*;

use super::buffers::{Shared, written};

/// Numbers in a block of pixels, about: sums are f32 within one and f64 beyond.
const BLOCK: usize = 1 << 12;

/// `n` images of `pixels` pixels of `c` numbers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Blocks {
    pub(super) n: usize,
    pub(super) pixels: usize,
    pub(super) c: usize,
    /// Pixels of a block; an image's last may have fewer.
    size: usize,
}

impl Blocks {
    pub(super) fn new(n: usize, pixels: usize, c: usize) -> Self {
        Self { n, pixels, c, size: (BLOCK / c.max(1)).clamp(1, pixels.max(1)) }
    }

    /// Blocks of one image.
    pub(super) fn each(&self) -> usize {
        self.pixels.div_ceil(self.size)
    }

    /// Blocks of the batch.
    fn count(&self) -> usize {
        self.n * self.each()
    }

    /// Which image a block belongs to, and its pixels among those of the batch.
    pub(super) fn span(&self, index: usize) -> (usize, Range<usize>) {
        let (image, block) = (index / self.each(), index % self.each());
        let start = image * self.pixels + block * self.size;
        (image, start..(start + self.size).min((image + 1) * self.pixels))
    }

    /// The numbers of some pixels among those of the batch.
    pub(super) fn numbers(&self, pixels: &Range<usize>) -> Range<usize> {
        pixels.start * self.c..pixels.end * self.c
    }

    /// The numbers of the batch; `fill(image, pixels, out)` writes all of a block's.
    pub(super) fn filled(&self, fill: impl Fn(usize, Range<usize>, &mut [f32]) + Sync) -> Vec<f32> {
        written(self.n * self.pixels * self.c, |out| {
            let out = Shared(out);
            (0..self.count()).into_par_iter().for_each(|index| self.fill_block(index, out, &fill));
        })
    }

    /// As [`Blocks::filled`], where `fill(image, pixels, out, sums)` also adds to `width` sums of the block, from zero: the numbers,
    /// and the sums of each image, `[n, width]`.
    pub(super) fn filled_and_summed(
        &self,
        width: usize,
        fill: impl Fn(usize, Range<usize>, &mut [f32], &mut [f32]) + Sync,
    ) -> (Vec<f32>, Vec<f32>) {
        let mut parts = vec![0.0_f32; self.count() * width];
        let out = written(self.n * self.pixels * self.c, |out| {
            let out = Shared(out);
            parts.par_chunks_mut(width.max(1)).enumerate().for_each(|(index, sums)| {
                self.fill_block(index, out, |image, pixels, out| fill(image, pixels, out, sums));
            });
        });
        (out, self.totals(&parts, width))
    }

    /// Has `fill` write a block's part of the numbers at `out`.
    fn fill_block(&self, index: usize, out: Shared, fill: impl FnOnce(usize, Range<usize>, &mut [f32])) {
        let (image, pixels) = self.span(index);
        let numbers = self.numbers(&pixels);
        // SAFETY: this block's own part of the numbers, which nobody else knows of.
        let out = unsafe { std::slice::from_raw_parts_mut(out.at(numbers.start), numbers.len()) };
        fill(image, pixels, out);
    }

    /// The sums over each image's blocks of `width` numbers of each block: `[n, width]`.
    fn totals(&self, parts: &[f32], width: usize) -> Vec<f32> {
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
