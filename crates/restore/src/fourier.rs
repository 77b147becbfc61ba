//! Fourier transforms of pictures, and the real orthonormal coordinates they give.

use std::fmt;
use std::sync::Arc;

use rustfft::num_complex::Complex64;
use rustfft::{Fft, FftPlanner};

/// The two-dimensional transform of one size, forward `exp(-2 pi i k x / n)` and not scaled.
pub(crate) struct Fourier {
    pub(crate) height: usize,
    pub(crate) width: usize,
    rows: [Arc<dyn Fft<f64>>; 2],
    columns: [Arc<dyn Fft<f64>>; 2],
}

impl fmt::Debug for Fourier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fourier({} x {})", self.height, self.width)
    }
}

impl Fourier {
    pub(crate) fn new(height: usize, width: usize) -> Self {
        let mut planner = FftPlanner::new();
        let mut both = |length| [planner.plan_fft_forward(length), planner.plan_fft_inverse(length)];
        Self { height, width, rows: both(width), columns: both(height) }
    }

    /// The transform of a real picture, `height * width` values row by row.
    pub(crate) fn forward(&self, x: &[f64]) -> Vec<Complex64> {
        let mut values: Vec<Complex64> = x.iter().map(|x| Complex64::new(*x, 0.0)).collect();
        self.transform(&mut values, 0);
        values
    }

    /// The picture that has a transform; what would be imaginary is left out.
    pub(crate) fn inverse(&self, mut values: Vec<Complex64>) -> Vec<f64> {
        self.transform(&mut values, 1);
        let scale = 1.0 / values.len() as f64;
        values.iter().map(|value| value.re * scale).collect()
    }

    fn transform(&self, values: &mut [Complex64], way: usize) {
        let (height, width) = (self.height, self.width);
        self.rows[way].process(values);
        let mut turned = vec![Complex64::default(); values.len()];
        for (y, row) in values.chunks_exact(width).enumerate() {
            row.iter().enumerate().for_each(|(x, value)| turned[x * height + y] = *value);
        }
        self.columns[way].process(&mut turned);
        for (x, column) in turned.chunks_exact(height).enumerate() {
            column.iter().enumerate().for_each(|(y, value)| values[y * width + x] = *value);
        }
    }

    /// The place of the frequency `-k` for that of `k`.
    fn partner(&self, at: usize) -> usize {
        let (y, x) = (at / self.width, at % self.width);
        (self.height - y) % self.height * self.width + (self.width - x) % self.width
    }

    /// The transform of a real picture in real orthonormal coordinates: of a pair of frequencies `k`, `-k` the first place
    /// holds `sqrt(2)` times the real part and the second the imaginary one; a frequency that is its own partner is real.
    pub(crate) fn pack(&self, transform: &[Complex64]) -> Vec<f64> {
        let scale = 1.0 / (transform.len() as f64).sqrt();
        let of = |at: usize| match self.partner(at) {
            partner if partner == at => transform[at].re * scale,
            partner if at < partner => transform[at].re * scale * std::f64::consts::SQRT_2,
            partner => transform[partner].im * scale * std::f64::consts::SQRT_2,
        };
        (0..transform.len()).map(of).collect()
    }

    /// The reverse of [`Fourier::pack`].
    pub(crate) fn unpack(&self, coordinates: &[f64]) -> Vec<Complex64> {
        let scale = (coordinates.len() as f64).sqrt();
        let half = scale * std::f64::consts::FRAC_1_SQRT_2;
        let of = |at: usize| match self.partner(at) {
            partner if partner == at => Complex64::new(coordinates[at] * scale, 0.0),
            partner if at < partner => Complex64::new(coordinates[at], coordinates[partner]) * half,
            partner => Complex64::new(coordinates[partner], -coordinates[at]) * half,
        };
        (0..coordinates.len()).map(of).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
