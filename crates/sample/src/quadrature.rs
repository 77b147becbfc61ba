//! Integrals of interpolating polynomials: the weights of every multistep method.

/// `expm1(-z) / z + 1`, which grows from 0 as `z / 2`; 1 at infinity. `z > 0`.
pub(crate) fn phi_2(z: f64) -> f64 {
    if z < 1e-3 { z / 2.0 - z * z / 6.0 + z * z * z / 24.0 } else { (-z).exp_m1() / z + 1.0 }
}

/// `phi_2(z) / z - 1 / 2`, which falls from 0 as `-z / 6`.
pub(crate) fn phi_3(z: f64) -> f64 {
    if z < 1e-3 { -z / 6.0 + z * z / 24.0 } else { phi_2(z) / z - 0.5 }
}

/// `integral of v^k dv` over `[0, end]`, for `k` below `count`.
pub(crate) fn plain_moments(end: f64, count: usize) -> Vec<f64> {
    (1..=count as i32).map(|k| end.powi(k) / f64::from(k)).collect()
}

/// `integral of exp(-rate v) v^k dv` over `[0, end]`, for `k` below `count`; `end` may be infinite.
pub(crate) fn exponential_moments(rate: f64, end: f64, count: usize) -> Vec<f64> {
    let last = (-rate * end).exp();
    let mut moments = vec![-(-rate * end).exp_m1() / rate];
    for k in 1..count {
        let edge = if last == 0.0 { 0.0 } else { end.powi(k as i32) * last };
        moments.push((k as f64 * moments[k - 1] - edge) / rate);
    }
    moments
}

/// The integral of each Lagrange polynomial on `nodes`, given the integrals of the powers.
pub(crate) fn lagrange_integrals(nodes: &[f64], moments: &[f64]) -> Vec<f64> {
    let integral = |j: usize| {
        let mut coefficients = vec![1.0];
        let mut scale = 1.0;
        for (k, node) in nodes.iter().enumerate().filter(|(k, _)| *k != j) {
            let mut next = vec![0.0; coefficients.len() + 1];
            for (power, c) in coefficients.iter().enumerate() {
                next[power + 1] += c;
                next[power] -= node * c;
            }
            coefficients = next;
            scale *= nodes[j] - nodes[k];
        }
        coefficients.iter().zip(moments).map(|(c, m)| c * m).sum::<f64>() / scale
    };
    (0..nodes.len()).map(integral).collect()
}

/// The solution of `matrix * x = right`, by elimination with row exchanges.
pub(crate) fn solve(mut matrix: Vec<Vec<f64>>, mut right: Vec<f64>) -> Vec<f64> {
    let size = right.len();
    for column in 0..size {
        let pivot = (column..size)
            .max_by(|a, b| matrix[*a][column].abs().total_cmp(&matrix[*b][column].abs()))
            .expect("there is at least one row");
        matrix.swap(column, pivot);
        right.swap(column, pivot);
        for row in column + 1..size {
            let above = matrix[column].clone();
            let factor = matrix[row][column] / above[column];
            matrix[row].iter_mut().zip(&above).for_each(|(value, above)| *value -= factor * above);
            right[row] -= factor * right[column];
        }
    }
    for row in (0..size).rev() {
        let known: f64 = (row + 1..size).map(|k| matrix[row][k] * right[k]).sum();
        right[row] = (right[row] - known) / matrix[row][row];
    }
    right
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_integrate_polynomials_exactly() {
        let (nodes, end) = ([0.0, 0.7, 1.9, 2.2], -0.8);
        let weights = lagrange_integrals(&nodes, &plain_moments(end, 4));
        for k in 0..4 {
            let made: f64 = nodes.iter().zip(&weights).map(|(v, w)| w * v.powi(k)).sum();
            assert!((made - end.powi(k + 1) / f64::from(k + 1)).abs() < 1e-13);
        }
    }

    #[test]
    fn exponential_moments_are_the_integrals() {
        for end in [0.3, 4.0] {
            let moments = exponential_moments(1.5, end, 4);
            for (k, moment) in moments.iter().enumerate() {
                let width = end / 20_000.0;
                let at = |i: i32| (f64::from(i) + 0.5) * width;
                let sum: f64 = (0..20_000).map(|i| (-1.5 * at(i)).exp() * at(i).powi(k as i32) * width).sum();
                assert!((moment - sum).abs() < 1e-8, "{k}: {moment} and {sum}");
            }
        }
        // Factorials over powers of the rate.
        assert_eq!(exponential_moments(1.0, f64::INFINITY, 4), [1.0, 1.0, 2.0, 6.0]);
    }

    #[test]
    fn phi_functions_join_their_series() {
        let (low, high) = (0.999_999e-3, 1.000_001e-3);
        assert!((phi_2(low) - phi_2(high)).abs() < 2e-9);
        assert!((phi_3(low) - phi_3(high)).abs() < 1e-9);
        assert_eq!((phi_2(f64::INFINITY), phi_3(f64::INFINITY)), (1.0, -0.5));
    }

    #[test]
    fn equations_are_solved() {
        let x = solve(vec![vec![0.0, 2.0], vec![1.0, 1.0]], vec![4.0, 5.0]);
        assert_eq!(x, [3.0, 2.0]);
    }
}
