//! How strong the noise of a picture is, from the picture alone.
//!
//! Chen, Zhu and Heng 2015 ("An efficient statistical method for image noise level estimation", ICCV 2015, algorithm 1): small
//! squares of a photograph lie near a space of few dimensions, so that most eigenvalues of their covariance are the noise's
//! variance. The largest are left out one by one, until the mean of those that are left is their median.
//!
//! It assumes noise that is independent from pixel to pixel and as strong everywhere, as `x0 + sigma n` is. Noise that a
//! camera has smoothed, compressed or made depend on brightness is underestimated, and a picture that is fine texture
//! throughout is taken for a noisy one.

use langevin_core::{Error, Result};
use nalgebra::DMatrix;

/// Side of the squares in pixels.
const SIDE: usize = 8;
/// Numbers in a square.
const SIZE: usize = SIDE * SIDE;
/// Squares that are looked at, about, at most: more change nothing.
const MOST: usize = 1 << 19;
/// Squares that are multiplied at once.
const PART: usize = 2048;

/// The standard deviation of the noise in one channel of `width` x `height` values, in the unit of the values.
///
/// Squares that touch `black` or `white`, where noise is cut off, are left out, unless that leaves too few.
///
/// # Errors
/// Usage, when the picture is smaller than 24 x 24 pixels, or the values do not fit its size.
pub fn noise_level(values: &[f32], width: usize, (black, white): (f32, f32)) -> Result<f64> {
    if width == 0 || !values.len().is_multiple_of(width) {
        return Err(Error::usage(format!("{} values are no picture of width {width}", values.len())));
    }
    let height = values.len() / width;
    if width.min(height) < 3 * SIDE {
        return Err(Error::usage(format!(
            "the noise of a picture of {width}x{height} pixels cannot be estimated: it is too small"
        ))
        .hint("say how strong it is, in units of 0 to 255"));
    }
    let open = |value: f32| value > black && value < white;
    let places = (width - SIDE + 1) * (height - SIDE + 1);
    let step = places.div_ceil(MOST);
    let mut all = Squares::default();
    let mut inside = Squares::default();
    // A step that shares no divisor with the width looks at every column.
    let step = (step..).find(|step| gcd(*step, width - SIDE + 1) == 1).unwrap_or(step);
    for place in (0..places).step_by(step) {
        let (y, x) = (place / (width - SIDE + 1), place % (width - SIDE + 1));
        let square = || (0..SIDE).flat_map(|row| &values[(y + row) * width + x..][..SIDE]);
        all.add(square());
        if square().all(|value| open(*value)) {
            inside.add(square());
        }
    }
    let enough = inside.count >= (all.count / 4).max(4 * SIZE);
    Ok(noise_of(if enough { inside } else { all }.eigenvalues()).sqrt())
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// The variance of the noise, from all eigenvalues.
fn noise_of(mut eigenvalues: Vec<f64>) -> f64 {
    eigenvalues.sort_by(f64::total_cmp);
    let mut sum: f64 = eigenvalues.iter().sum();
    for count in (1..=eigenvalues.len()).rev() {
        let left = &eigenvalues[..count];
        let mean = sum / count as f64;
        let above = left.iter().filter(|value| **value > mean).count();
        let below = left.iter().filter(|value| **value < mean).count();
        if above >= below {
            return mean.max(0.0);
        }
        sum -= left[count - 1];
    }
    0.0
}

/// Sums over squares, as they come by.
struct Squares {
    count: usize,
    waiting: Vec<f64>,
    sums: Vec<f64>,
    products: DMatrix<f64>,
}

impl Default for Squares {
    fn default() -> Self {
        Self { count: 0, waiting: Vec::new(), sums: vec![0.0; SIZE], products: DMatrix::zeros(SIZE, SIZE) }
    }
}

impl Squares {
    fn add<'a>(&mut self, square: impl Iterator<Item = &'a f32>) {
        self.count += 1;
        self.waiting.extend(square.map(|value| f64::from(*value)));
        if self.waiting.len() >= PART * SIZE {
            self.multiply();
        }
    }

    fn multiply(&mut self) {
        let part = DMatrix::from_vec(SIZE, self.waiting.len() / SIZE, std::mem::take(&mut self.waiting));
        for square in part.column_iter() {
            self.sums.iter_mut().zip(square.iter()).for_each(|(sum, value)| *sum += value);
        }
        self.products.gemm(1.0, &part, &part.transpose(), 1.0);
    }

    /// Of the covariance.
    fn eigenvalues(mut self) -> Vec<f64> {
        self.multiply();
        let count = self.count as f64;
        let covariance = DMatrix::from_fn(SIZE, SIZE, |i, j| {
            self.products[(i, j)] / count - self.sums[i] / count * (self.sums[j] / count)
        });
        covariance.symmetric_eigenvalues().iter().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use langevin_core::{Purpose, Stream};

    use super::*;

    /// A smooth picture with edges, 0 to 255, and noise.
    fn noisy(side: usize, sigma: f32) -> Vec<f32> {
        let mut noise = vec![0.0; side * side];
        Stream::new(5, Purpose::Measurement, 0, 0).fill_normal(&mut noise);
        let clean = (0..side * side).map(|at| {
            let (y, x) = ((at / side) as f32, (at % side) as f32);
            // As soft as the edges of a photograph, which a lens has blurred.
            let disc = 60.0 / (1.0 + (((x - 60.0).hypot(y - 50.0) - 30.0) / 1.5).exp());
            110.0 + 40.0 * (x / 17.0).sin() * (y / 23.0).cos() + disc
        });
        clean.zip(noise).map(|(clean, noise)| clean + sigma * noise).collect()
    }

    #[test]
    fn known_noise_is_found() {
        for sigma in [2.0_f32, 5.0, 15.0, 25.0, 50.0] {
            let found = noise_level(&noisy(128, sigma), 128, (f32::MIN, f32::MAX)).unwrap();
            let ratio = found / f64::from(sigma);
            assert!((0.95..1.05).contains(&ratio), "{sigma}: {found}");
        }
        assert_eq!(noise_level(&[7.0; 64 * 64], 64, (0.0, 255.0)).unwrap(), 0.0);
    }

    #[test]
    fn noise_that_is_cut_off_does_not_mislead() {
        let mut values = noisy(160, 20.0);
        for row in values.chunks_exact_mut(160) {
            row[..40].fill(255.0);
        }
        let found = noise_level(&values, 160, (0.0, 255.0)).unwrap();
        assert!((found / 20.0 - 1.0).abs() < 0.06, "{found}");
    }

    #[test]
    fn small_pictures_are_refused() {
        assert_eq!(noise_level(&[0.0; 23 * 40], 40, (0.0, 255.0)).unwrap_err().exit_code(), 2);
    }

    #[test]
    fn a_few_large_eigenvalues_do_not_count() {
        let mut values = vec![1.0; 60];
        values.extend([5.0, 40.0, 900.0, 1e4]);
        assert!((noise_of(values) - 1.0).abs() < 1e-12);
    }
}
