//! Weights laid out as the register tiles read them.

use rayon::prelude::*;

use super::buffers::{Shared, written};
use super::half;
use super::simd::Isa;
use super::taps::Taps;

/// The right side of a row product: for each panel of columns, the rows of all taps in some [`Order`]; missing columns of
/// the last panel are zero.
pub(super) struct Panels {
    /// The instruction set whose tiles read this.
    pub(super) isa: Isa,
    /// Columns of a panel.
    pub(super) width: usize,
    /// Columns in all.
    pub(super) columns: usize,
    depth: usize,
    taps: usize,
    /// Whether two rows of bf16 lie in the place of one.
    pub(super) pairs: bool,
    values: Vec<f32>,
}

/// In which order the rows of a panel lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// All rows of a tap, then those of the next, as products tap by tap read them.
    Taps,
    /// All taps of a row, then those of the next, as transforms read them.
    Rows,
}

impl Order {
    /// The place of row `k` of `depth` of tap number `tap` of `taps`.
    fn row(self, k: usize, tap: usize, depth: usize, taps: usize) -> usize {
        match self {
            Self::Taps => tap * depth + k,
            Self::Rows => k * taps + tap,
        }
    }
}

impl Panels {
    /// Panels filled by `fill(column, width, rows)`: number `j` of each row belongs to `column + j`. With `summed` it adds to
    /// zeros.
    pub(super) fn new(
        isa: Isa,
        columns: usize,
        depth: usize,
        taps: usize,
        summed: bool,
        fill: impl Fn(usize, usize, &mut [f32]) + Sync,
    ) -> Self {
        let width = isa.panel();
        let size = taps * depth * width;
        let count = columns.div_ceil(width);
        let values = written(count * size, |out| {
            let out = Shared(out);
            (0..count).into_par_iter().for_each(|panel| {
                let start = out.at(panel * size);
                let used = width.min(columns - panel * width);
                // SAFETY: this panel's own part of the result; `fill` writes all of it, or it is set to zero first.
                let rows = unsafe {
                    if used < width || summed {
                        start.write_bytes(0, size);
                    }
                    std::slice::from_raw_parts_mut(start, size)
                };
                fill(panel * width, used, rows);
            });
        });
        Self { isa, width, columns, depth, taps, pairs: false, values }
    }

    /// For the forward pass: columns are output channels. `weight` is `[co, ci, taps]`.
    pub(super) fn of_outputs(
        isa: Isa,
        weight: &[f32],
        co: usize,
        ci: usize,
        taps: &Taps,
        order: Order,
    ) -> Self {
        let (width, stored) = (isa.panel(), taps.stored);
        let line = ci * stored;
        Self::new(isa, co, ci, taps.count, taps.summed(), |column, used, rows| {
            let weight = &weight[column * line..][..used * line];
            for k in 0..ci {
                for (tap, parts) in taps.parts.iter().enumerate() {
                    for part in parts {
                        let row = order.row(k, *part, ci, taps.count) * width;
                        let values = weight[k * stored + tap..].iter().step_by(line);
                        add(&mut rows[row..][..width], values, taps.summed());
                    }
                }
            }
        })
    }

    /// For the input's gradient: columns are input channels.
    pub(super) fn of_inputs(
        isa: Isa,
        weight: &[f32],
        co: usize,
        ci: usize,
        taps: &Taps,
        order: Order,
    ) -> Self {
        let (width, stored) = (isa.panel(), taps.stored);
        Self::new(isa, ci, co, taps.count, taps.summed(), |column, used, rows| {
            for k in 0..co {
                let line = &weight[(k * ci + column) * stored..][..used * stored];
                for (tap, parts) in taps.parts.iter().enumerate() {
                    for part in parts {
                        let row = order.row(k, *part, co, taps.count) * width;
                        let values = line[tap..].iter().step_by(stored);
                        add(&mut rows[row..][..width], values, taps.summed());
                    }
                }
            }
        })
    }

    /// The same rounded to bf16.
    pub(super) fn rounded(mut self) -> Self {
        self.values = half::rounded(&self.values);
        self
    }

    /// The same as pairs of bf16, half as deep.
    pub(super) fn in_pairs(self) -> Self {
        let Self { isa, columns, depth, taps, .. } = self;
        let pairs = half::pairs_of(depth);
        let paired = Self::new(isa, columns, pairs, taps, false, |column, _, rows| {
            let width = self.width;
            let plain = self.panel(column / width).chunks_exact((depth * width).max(1));
            for (plain, rows) in plain.zip(rows.chunks_exact_mut((pairs * width).max(1))) {
                half::pair_rows(plain, depth, width, rows);
            }
        });
        Self { pairs: true, ..paired }
    }

    /// Number of panels.
    pub(super) fn count(&self) -> usize {
        self.columns.div_ceil(self.width)
    }

    /// Where row `first` of a tap starts in a panel; there are `count` rows from there on.
    pub(super) fn row(&self, tap: usize, first: usize, count: usize) -> usize {
        assert!(tap < self.taps && first + count <= self.depth, "rows of a tap");
        (tap * self.depth + first) * self.width
    }

    /// The rows of one panel.
    pub(super) fn panel(&self, panel: usize) -> &[f32] {
        let size = self.taps * self.depth * self.width;
        &self.values[panel * size..][..size]
    }
}

#[inline(always)]
fn add<'a>(row: &mut [f32], values: impl Iterator<Item = &'a f32>, summed: bool) {
    if summed {
        row.iter_mut().zip(values).for_each(|(out, value)| *out += value);
    } else {
        row.iter_mut().zip(values).for_each(|(out, value)| *out = *value);
    }
}

/// Rows of `columns` numbers, each followed by zeros up to `width`.
pub(super) fn padded_rows(values: &[f32], columns: usize, width: usize) -> Vec<f32> {
    let mut out = vec![0.0_f32; values.len() / columns.max(1) * width];
    for (out, row) in out.chunks_exact_mut(width.max(1)).zip(values.chunks_exact(columns.max(1))) {
        out[..columns].copy_from_slice(row);
    }
    out
}
