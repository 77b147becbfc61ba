//! The product of two matrices added to a third, in place.

use std::num::NonZero;

/// Fewest rows that are worth a thread.
const FEWEST: usize = 64;

/// Whether `up` times `down` has the shape of the weight, a matrix or a convolution: `[outputs, inputs...]`, `[rank, inputs...]` and
/// `[outputs, rank, 1...]`.
pub fn fits(weight: &[usize], down: &[usize], up: &[usize]) -> bool {
    let ([outputs, inputs @ ..], [rank, down @ ..], [rows, columns, ones @ ..]) = (weight, down, up) else {
        return false;
    };
    let size = |sides: &[usize]| sides.iter().product::<usize>();
    // A 1 x 1 convolution may be stored as a matrix, and the other way round.
    let same = inputs == down || (size(inputs) == size(down) && inputs.first() == down.first());
    same && !inputs.is_empty() && outputs == rows && columns == rank && size(ones) == 1 && *rank > 0
}

/// `weight += scale * up * down`, where `weight` has `rows` rows; all row by row.
pub fn add(weight: &mut [f32], rows: usize, up: &[f32], down: &[f32], scale: f32) {
    let (width, rank) = (weight.len() / rows, up.len() / rows);
    if width == 0 {
        return;
    }
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    let each = rows.div_ceil(threads).max(FEWEST);
    std::thread::scope(|scope| {
        for (weight, up) in weight.chunks_mut(each * width).zip(up.chunks(each * rank)) {
            scope.spawn(move || {
                let mut sum = vec![0.0_f32; width];
                for (row, factors) in weight.chunks_mut(width).zip(up.chunks(rank)) {
                    sum.fill(0.0);
                    for (factor, line) in factors.iter().zip(down.chunks(width)) {
                        sum.iter_mut().zip(line).for_each(|(sum, value)| *sum += factor * value);
                    }
                    row.iter_mut().zip(&sum).for_each(|(weight, sum)| *weight += scale * sum);
                }
            });
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_product_is_added_whatever_the_rows() {
        for rows in [1, 3, 64, 200] {
            let (width, rank) = (5, 2);
            let numbers = |count: usize, by: usize| {
                (0..count).map(|at| ((at * by) % 7) as f32 - 3.0).collect::<Vec<_>>()
            };
            let (up, down) = (numbers(rows * rank, 3), numbers(rank * width, 5));
            let mut weight = numbers(rows * width, 2);
            let before = weight.clone();
            add(&mut weight, rows, &up, &down, 0.5);
            for (at, (new, old)) in weight.iter().zip(&before).enumerate() {
                let (row, column) = (at / width, at % width);
                let product: f32 = (0..rank).map(|k| up[row * rank + k] * down[k * width + column]).sum();
                assert_eq!(*new, old + 0.5 * product);
            }
        }
    }

    #[test]
    fn shapes_fit_or_not() {
        assert!(fits(&[8, 4], &[2, 4], &[8, 2]));
        assert!(fits(&[8, 4, 3, 3], &[2, 4, 3, 3], &[8, 2, 1, 1]));
        assert!(fits(&[8, 4, 1, 1], &[2, 4], &[8, 2]));
        assert!(fits(&[8, 4], &[2, 4, 1, 1], &[8, 2, 1, 1]));
        for (weight, down, up) in [
            (&[8, 4][..], &[2, 5][..], &[8, 2][..]),
            (&[8, 4], &[2, 4], &[7, 2]),
            (&[8, 4], &[2, 4], &[8, 3]),
            (&[8, 4], &[0, 4], &[8, 0]),
            (&[8, 4, 3, 3], &[2, 4, 1, 1], &[8, 2, 3, 3]),
            (&[8], &[2, 4], &[8, 2]),
            (&[8, 4], &[2, 4], &[8]),
        ] {
            assert!(!fits(weight, down, up), "{weight:?} {down:?} {up:?}");
        }
    }
}
