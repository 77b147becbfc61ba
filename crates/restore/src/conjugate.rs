//! Conjugate gradients on the normal equations of an operator that has no closed form.

/// When the iterations end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Within {
    /// The residual of the normal equations, as a share of the first.
    pub(crate) tolerance: f64,
    /// The most iterations.
    pub(crate) most: usize,
}

const EXACTLY: Within = Within { tolerance: 1e-10, most: 300 };

type Map<'a> = &'a dyn Fn(&[f64]) -> Vec<f64>;

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The least-squares solution of `A x = y` of least norm: CGLS from 0 (Hestenes and Stiefel 1952, section 10).
pub(crate) fn least_squares(apply: Map<'_>, adjoint: Map<'_>, y: &[f64]) -> Vec<f64> {
    let gradient = adjoint(y);
    let zero = vec![0.0; gradient.len()];
    descend(apply, adjoint, zero, gradient, 0.0, EXACTLY)
}

/// `argmin |y - A x|^2 + rho |x - z|^2`, from `z`.
pub(crate) fn regularised(apply: Map<'_>, adjoint: Map<'_>, y: &[f64], z: &[f64], rho: f64) -> Vec<f64> {
    regularised_within(apply, adjoint, y, z, rho, EXACTLY)
}

/// As [`regularised`], within bounds.
pub(crate) fn regularised_within(
    apply: Map<'_>,
    adjoint: Map<'_>,
    y: &[f64],
    z: &[f64],
    rho: f64,
    within: Within,
) -> Vec<f64> {
    let residual: Vec<f64> = y.iter().zip(apply(z)).map(|(y, a)| y - a).collect();
    descend(apply, adjoint, z.to_vec(), adjoint(&residual), rho, within)
}

/// Solves `(A^T A + rho) (x - x0) = gradient`.
fn descend(
    apply: Map<'_>,
    adjoint: Map<'_>,
    mut x: Vec<f64>,
    gradient: Vec<f64>,
    rho: f64,
    within: Within,
) -> Vec<f64> {
    let mut residual = gradient;
    let mut direction = residual.clone();
    let mut size = dot(&residual, &residual);
    let enough = size * within.tolerance * within.tolerance;
    for _ in 0..within.most {
        if size <= enough || size == 0.0 {
            break;
        }
        let measured = apply(&direction);
        let curvature = dot(&measured, &measured) + rho * dot(&direction, &direction);
        if curvature <= 0.0 {
            break;
        }
        let length = size / curvature;
        let pulled = adjoint(&measured);
        for (i, x) in x.iter_mut().enumerate() {
            *x += length * direction[i];
            residual[i] -= length * (pulled[i] + rho * direction[i]);
        }
        let next = dot(&residual, &residual);
        let kept = next / size;
        size = next;
        direction.iter_mut().zip(&residual).for_each(|(d, r)| *d = r + kept * *d);
    }
    x
}
