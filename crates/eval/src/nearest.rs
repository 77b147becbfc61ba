//! The two nearest of many images that come by in chunks, for each of a few.

use nalgebra::DMatrix;
use rayon::prelude::*;

use crate::products::norms;
use crate::rows::Rows;

/// Rows compared at once.
const BLOCK: usize = 64;

/// The two nearest so far.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Found {
    /// Squared distance to the nearest.
    pub(crate) nearest: f64,
    /// The number of the nearest.
    pub(crate) index: usize,
    /// Squared distance to the second nearest.
    pub(crate) second: f64,
}

/// A search that has seen some chunks.
pub(crate) struct Search<'a> {
    rows: &'a Rows,
    norms: Vec<f64>,
    found: Vec<Found>,
}

impl<'a> Search<'a> {
    /// For the neighbours of each of `rows`.
    pub(crate) fn new(rows: &'a Rows) -> Self {
        let none = Found { nearest: f64::INFINITY, index: 0, second: f64::INFINITY };
        Self { rows, norms: norms(rows), found: vec![none; rows.len()] }
    }

    /// Looks at the rows of `chunk`, which are numbered from `first`.
    pub(crate) fn visit(&mut self, chunk: &Rows, first: usize) {
        let others = norms(chunk);
        let side =
            DMatrix::from_iterator(chunk.width(), chunk.len(), chunk.span(0, chunk.len()).iter().copied());
        let (rows, own) = (self.rows, &self.norms);
        self.found.par_chunks_mut(BLOCK).enumerate().for_each(|(block, found)| {
            let start = block * BLOCK;
            let values = rows.span(start, start + found.len()).iter().copied();
            let products = DMatrix::from_iterator(rows.width(), found.len(), values).transpose() * &side;
            for (at, found) in found.iter_mut().enumerate() {
                let index = start + at;
                for (number, norm) in others.iter().enumerate() {
                    // Products in f32 choose whom to look at; distances are summed in f64.
                    let scale = own[index] + norm;
                    let rough = scale - 2.0 * f64::from(products[(at, number)]);
                    if rough <= found.second + 1e-4 * scale {
                        found.meet(first + number, distance(rows.row(index), chunk.row(number)));
                    }
                }
            }
        });
    }

    /// The neighbours of each row.
    pub(crate) fn found(&self) -> &[Found] {
        &self.found
    }
}

impl Found {
    fn meet(&mut self, index: usize, distance: f64) {
        if distance < self.nearest {
            *self = Self { nearest: distance, index, second: self.nearest };
        } else if distance < self.second {
            self.second = distance;
        }
    }
}

fn distance(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_find_what_looking_at_everything_finds() {
        let make = |n: usize, salt: usize| {
            let values = (0..n * 4).map(|i| ((i * 7919 + salt * 31) % 1009) as f32 / 300.0).collect();
            Rows::new(4, values).unwrap()
        };
        let (few, many) = (make(70, 3), make(300, 5));
        let mut search = Search::new(&few);
        for from in (0..300).step_by(90) {
            let to = (from + 90).min(300);
            search.visit(&many.select(&(from..to).collect::<Vec<_>>()), from);
        }
        for (index, found) in search.found().iter().enumerate() {
            let mut all: Vec<_> = (0..300).map(|j| (distance(few.row(index), many.row(j)), j)).collect();
            all.sort_by(|a, b| a.partial_cmp(b).unwrap());
            assert_eq!((found.nearest, found.index, found.second), (all[0].0, all[0].1, all[1].0));
        }
    }
}
