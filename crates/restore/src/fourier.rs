//! Fourier transforms of images, and the real orthonormal coordinates they give.
//!
//! The transform of a line is Cooley and Tukey's (1965) for any length, by its prime factors: `O(n (p + q + ...))` for
//! `n = p q ...`. It is our own because the libraries turn on features of `num-complex`, which the tensor library shares and
//! would be built again for.

use nalgebra::Complex;

/// A complex number.
pub(crate) type C64 = Complex<f64>;

/// The two-dimensional transform of one size, forward `exp(-2 pi i k x / n)` and not scaled.
#[derive(Debug)]
pub(crate) struct Fourier {
    height: usize,
    width: usize,
    rows: Line,
    columns: Line,
}

/// The transform of lines of one length.
#[derive(Debug)]
struct Line {
    /// The prime factors of the length.
    factors: Vec<usize>,
    /// `exp(-2 pi i k / n)`.
    roots: Vec<C64>,
}

impl Line {
    fn new(length: usize) -> Self {
        let mut factors = Vec::new();
        let (mut left, mut prime) = (length, 2);
        while left > 1 {
            while left % prime == 0 {
                factors.push(prime);
                left /= prime;
            }
            prime += 1;
        }
        let root = |k: usize| {
            let (sin, cos) = libm::sincos(std::f64::consts::TAU * k as f64 / length as f64);
            C64::new(cos, -sin)
        };
        Self { factors, roots: (0..length).map(root).collect() }
    }

    /// The transform of every line of `values`.
    fn each(&self, values: &mut [C64]) {
        let length = self.roots.len();
        let mut made = vec![C64::default(); length];
        let mut terms = vec![C64::default(); self.factors.last().copied().unwrap_or(1)];
        for line in values.chunks_exact_mut(length) {
            self.line(line, 1, &self.factors, &mut made, &mut terms);
            line.copy_from_slice(&made);
        }
    }

    /// Puts the transform of every `stride`th value of `x` into `out`, whose length has the prime factors `factors`.
    fn line(&self, x: &[C64], stride: usize, factors: &[usize], out: &mut [C64], terms: &mut [C64]) {
        let Some((prime, rest)) = factors.split_first() else {
            out[0] = x[0];
            return;
        };
        let (length, part) = (out.len(), out.len() / prime);
        for (r, out) in out.chunks_exact_mut(part).enumerate() {
            self.line(&x[r * stride..], stride * prime, rest, out, terms);
        }
        let total = self.roots.len();
        let (turn, corner) = (total / length, total / prime);
        for k in 0..part {
            if *prime == 2 {
                let (a, b) = (out[k], out[k + part] * self.roots[k * turn]);
                (out[k], out[k + part]) = (a + b, a - b);
                continue;
            }
            for (r, term) in terms[..*prime].iter_mut().enumerate() {
                *term = out[r * part + k] * self.roots[r * k * turn % total];
            }
            for q in 0..*prime {
                let turned = terms[..*prime].iter().enumerate();
                out[q * part + k] = turned.map(|(r, term)| term * self.roots[r * q % prime * corner]).sum();
            }
        }
    }
}

impl Fourier {
    pub(crate) fn new(height: usize, width: usize) -> Self {
        Self { height, width, rows: Line::new(width), columns: Line::new(height) }
    }

    /// The transform of a real image, `height * width` values row by row.
    pub(crate) fn forward(&self, x: &[f64]) -> Vec<C64> {
        self.transform(x.iter().map(|x| C64::new(*x, 0.0)).collect())
    }

    /// The image that has a transform; what would be imaginary is left out.
    pub(crate) fn inverse(&self, values: Vec<C64>) -> Vec<f64> {
        let scale = 1.0 / values.len() as f64;
        // The transform of the conjugate is the conjugate of the inverse.
        let turned = self.transform(values.into_iter().map(|value| value.conj()).collect());
        turned.iter().map(|value| value.re * scale).collect()
    }

    fn transform(&self, mut values: Vec<C64>) -> Vec<C64> {
        let (height, width) = (self.height, self.width);
        self.rows.each(&mut values);
        let mut turned = vec![C64::default(); values.len()];
        for (y, row) in values.chunks_exact(width).enumerate() {
            row.iter().enumerate().for_each(|(x, value)| turned[x * height + y] = *value);
        }
        self.columns.each(&mut turned);
        for (x, column) in turned.chunks_exact(height).enumerate() {
            column.iter().enumerate().for_each(|(y, value)| values[y * width + x] = *value);
        }
        values
    }

    /// The place of the frequency `-k` for that of `k`.
    fn partner(&self, at: usize) -> usize {
        let (y, x) = (at / self.width, at % self.width);
        (self.height - y) % self.height * self.width + (self.width - x) % self.width
    }

    /// The transform of a real image in real orthonormal coordinates: of a pair of frequencies `k`, `-k` the first place
    /// holds `sqrt(2)` times the real part and the second the imaginary one; a frequency that is its own partner is real.
    pub(crate) fn pack(&self, transform: &[C64]) -> Vec<f64> {
        let scale = 1.0 / (transform.len() as f64).sqrt();
        let of = |at: usize| match self.partner(at) {
            partner if partner == at => transform[at].re * scale,
            partner if at < partner => transform[at].re * scale * std::f64::consts::SQRT_2,
            partner => transform[partner].im * scale * std::f64::consts::SQRT_2,
        };
        (0..transform.len()).map(of).collect()
    }

    /// The reverse of [`Fourier::pack`].
    pub(crate) fn unpack(&self, coordinates: &[f64]) -> Vec<C64> {
        let scale = (coordinates.len() as f64).sqrt();
        let half = scale * std::f64::consts::FRAC_1_SQRT_2;
        let of = |at: usize| match self.partner(at) {
            partner if partner == at => C64::new(coordinates[at] * scale, 0.0),
            partner if at < partner => C64::new(coordinates[at], coordinates[partner]) * half,
            partner => C64::new(coordinates[partner], -coordinates[at]) * half,
        };
        (0..coordinates.len()).map(of).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_transform_is_the_sum_that_defines_it() {
        for (height, width) in [(1, 1), (2, 3), (4, 6), (8, 5), (12, 7), (9, 14)] {
            let x: Vec<f64> = (0..height * width).map(|i| ((i * i) as f64 * 0.37).sin()).collect();
            let found = Fourier::new(height, width).forward(&x);
            for (at, found) in found.iter().enumerate() {
                let (v, u) = (at / width, at % width);
                let mut sum = C64::default();
                for (place, x) in x.iter().enumerate() {
                    let (row, column) = (place / width, place % width);
                    let turn = (v * row) as f64 / height as f64 + (u * column) as f64 / width as f64;
                    let (sin, cos) = (std::f64::consts::TAU * turn).sin_cos();
                    sum += C64::new(cos, -sin) * *x;
                }
                let off = *found - sum;
                assert!(off.re.abs() + off.im.abs() < 1e-10, "{height} x {width}");
            }
        }
    }

    #[test]
    fn the_coordinates_are_orthonormal_and_go_back() {
        for (height, width) in [(4, 6), (5, 3), (1, 7), (2, 2)] {
            let fourier = Fourier::new(height, width);
            let x: Vec<f64> = (0..height * width).map(|i| ((i * i) as f64 * 0.37).sin()).collect();
            let packed = fourier.pack(&fourier.forward(&x));
            let norm = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>();
            assert!((norm(&packed) - norm(&x)).abs() < 1e-12);
            let back = fourier.inverse(fourier.unpack(&packed));
            assert!(x.iter().zip(&back).all(|(a, b)| (a - b).abs() < 1e-12), "{height} x {width}");
        }
    }
}
