//! The products of every row of one set with every row of another, a few rows at a time, so that memory stays bounded.

use nalgebra::DMatrix;
use rayon::prelude::*;

use crate::rows::Rows;

/// Rows of the left side at once.
const LEFT: usize = 64;
/// Rows of the right side at once.
const RIGHT: usize = 512;

/// What `of` makes of each row of `left`: it gets the row's number and its products with all rows of `right`.
pub(crate) fn by_row<R: Send>(left: &Rows, right: &Rows, of: impl Fn(usize, &[f64]) -> R + Sync) -> Vec<R> {
    let starts: Vec<usize> = (0..left.len()).step_by(LEFT).collect();
    let made = starts.into_par_iter().map(|start| {
        let end = (start + LEFT).min(left.len());
        let a = matrix(left, start, end).transpose();
        // Column `i` holds the products of left row `i`.
        let mut products = DMatrix::<f64>::zeros(right.len(), end - start);
        for from in (0..right.len()).step_by(RIGHT) {
            let to = (from + RIGHT).min(right.len());
            let part = &a * matrix(right, from, to);
            products.rows_mut(from, to - from).copy_from(&part.transpose());
        }
        let row = |index: usize| of(start + index, products.column(index).as_slice());
        (0..end - start).map(row).collect::<Vec<R>>()
    });
    made.collect::<Vec<_>>().into_iter().flatten().collect()
}

/// As [`by_row`], with squared Euclidean distances in place of products.
pub(crate) fn distances_by_row<R: Send>(
    left: &Rows,
    right: &Rows,
    of: impl Fn(usize, &[f64]) -> R + Sync,
) -> Vec<R> {
    let (left_norms, right_norms) = (norms(left), norms(right));
    by_row(left, right, |index, products| {
        let own = left_norms[index];
        let distance = |(product, norm): (&f64, &f64)| (own + norm - 2.0 * product).max(0.0);
        of(index, &products.iter().zip(&right_norms).map(distance).collect::<Vec<_>>())
    })
}

/// The squared length of each row.
pub(crate) fn norms(rows: &Rows) -> Vec<f64> {
    (0..rows.len()).map(|index| rows.row(index).iter().map(|v| f64::from(*v) * f64::from(*v)).sum()).collect()
}

/// The squared distance of each row to its `k`-th nearest other row of the same set.
pub(crate) fn radii(rows: &Rows, k: usize) -> Vec<f64> {
    distances_by_row(rows, rows, |index, distances| {
        let mut others: Vec<f64> = distances.to_vec();
        others.swap_remove(index);
        *others.select_nth_unstable_by(k - 1, f64::total_cmp).1
    })
}

/// Rows `from..to` as the columns of a matrix.
fn matrix(rows: &Rows, from: usize, to: usize) -> DMatrix<f64> {
    let values = rows.span(from, to).iter().map(|value| f64::from(*value));
    DMatrix::from_iterator(rows.width(), to - from, values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_of_the_definition_across_blocks() {
        let make = |n: usize, salt: usize| {
            let values = (0..n * 3).map(|i| ((i * 7919 + salt) % 1009) as f32 / 300.0).collect();
            Rows::new(3, values).unwrap()
        };
        let (left, right) = (make(70, 1), make(600, 2));
        let all = distances_by_row(&left, &right, |_, distances| distances.to_vec());
        let direct = |i: usize, j: usize| -> f64 {
            left.row(i).iter().zip(right.row(j)).map(|(a, b)| f64::from(a - b).powi(2)).sum()
        };
        for (i, j) in [(0, 0), (5, 599), (64, 512), (69, 511)] {
            assert!((all[i][j] - direct(i, j)).abs() < 1e-5);
        }
        let radius = radii(&left, 2)[3];
        let mut own: Vec<f64> = (0..70)
            .map(|j| left.row(3).iter().zip(left.row(j)).map(|(a, b)| f64::from(a - b).powi(2)).sum())
            .collect();
        own.sort_by(f64::total_cmp);
        assert!((radius - own[2]).abs() < 1e-5);
    }
}
