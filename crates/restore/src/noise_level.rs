//! How strong the noise of an image is, from the image alone.
//!
//! Chen, Zhu and Heng 2015 ("An efficient statistical method for image noise level estimation", ICCV 2015, algorithm 1): small
//! squares of a photograph lie near a space of few dimensions, so that most eigenvalues of their covariance are the noise's
//! variance. The largest are left out one by one, until the mean of those that are left is their median. Fine texture fills all
//! dimensions, so the squares that show more than such noise would are left out, and the rest looked at again (Liu, Tanaka and
//! Okutomi 2013, "Single-image noise level estimation for blind denoising", IEEE Trans. Image Processing 22).
//!
//! It assumes noise that is independent from pixel to pixel and as strong everywhere, as `x0 + sigma n` is. Noise that a
//! camera has smoothed, compressed or made depend on brightness is underestimated, and an image that is fine texture
//! throughout is taken for a noisy one.

use langevin_core::{Error, Planes, Result};
use nalgebra::DMatrix;

/// Side of the squares in pixels.
const SIDE: usize = 8;
/// Numbers in a square.
const SIZE: usize = SIDE * SIDE;
/// Squares that are looked at, about, at most: more change nothing.
const MOST: usize = 1 << 19;
/// Squares that an estimate needs at least.
const FEWEST: usize = 4 * SIZE;
/// Most times the squares without texture are chosen anew.
const ROUNDS: usize = 12;
/// The steps in a square of nothing but noise of variance 1 stay below this in 99 of 100. Their sum is about gamma distributed:
/// its mean is 224 and its variance 2064, from the 112 steps and what those of one pixel share.
const SMOOTH: f64 = 343.0;
/// Squares that are multiplied at once.
const PART: usize = 2048;

/// The standard deviation of the noise in one channel of `width` x `height` values, in the unit of the values.
///
/// Squares that touch `black` or `white`, where noise is cut off, are left out, unless that leaves too few.
///
/// # Errors
/// Usage, when the image is smaller than 24 x 24 pixels, or the values do not fit its size.
pub fn noise_level(values: &[f32], width: usize, (black, white): (f32, f32)) -> Result<f64> {
    if width == 0 || !values.len().is_multiple_of(width) {
        return Err(Error::usage(format!("{} values are no image of width {width}", values.len())));
    }
    let height = values.len() / width;
    if width.min(height) < 3 * SIDE {
        return Err(Error::usage(format!(
            "the noise of an image of {width}x{height} pixels cannot be estimated: it is too small"
        ))
        .hint("say how strong it is, in units of 0 to 255"));
    }
    let open = |value: f32| value > black && value < white;
    let places = (width - SIDE + 1) * (height - SIDE + 1);
    let step = places.div_ceil(MOST);
    // A step that shares no divisor with the width looks at every column.
    let step = (step..).find(|step| gcd(*step, width - SIDE + 1) == 1).unwrap_or(step);
    let square = |place: usize| -> [f32; SIZE] {
        let (y, x) = (place / (width - SIDE + 1), place % (width - SIDE + 1));
        std::array::from_fn(|at| values[(y + at / SIDE) * width + x + at % SIDE])
    };
    let (all, inside): (Vec<usize>, Vec<usize>) = {
        let all: Vec<usize> = (0..places).step_by(step).collect();
        let whole = |place: &&usize| square(**place).iter().all(|value| open(*value));
        let inside = all.iter().filter(whole).copied().collect();
        (all, inside)
    };
    let enough = inside.len() >= (all.len() / 4).max(FEWEST);
    let looked_at = if enough { inside } else { all };
    let variance_of = |places: &[usize]| {
        let mut squares = Squares::default();
        places.iter().for_each(|place| squares.add(&square(*place)));
        noise_of(squares.eigenvalues())
    };
    let mut variance = variance_of(&looked_at);
    for _ in 0..ROUNDS {
        let flat = |place: &&usize| steps_of(&square(**place)) < SMOOTH * variance;
        let flat: Vec<usize> = looked_at.iter().filter(flat).copied().collect();
        if flat.len() < FEWEST {
            break;
        }
        let before = std::mem::replace(&mut variance, variance_of(&flat));
        if (variance / before - 1.0).abs() < 0.005 || variance == 0.0 {
            break;
        }
    }
    Ok(variance.sqrt())
}

/// The noise of an image with values in [-1, 1], in their unit: the mean of [`noise_level`] over its colours.
///
/// # Errors
/// As [`noise_level`].
pub fn image_noise(image: &Planes) -> Result<f64> {
    let total =
        image.planes().map(|plane| noise_level(plane, image.width, (-1.0, 1.0))).sum::<Result<f64>>()?;
    Ok(total / image.channels as f64)
}

/// The sum of the squares of the steps between neighbours in a square.
fn steps_of(square: &[f32; SIZE]) -> f64 {
    let step = |a: usize, b: usize| f64::from(square[a] - square[b]).powi(2);
    let across = (0..SIZE).filter(|at| at % SIDE > 0).map(|at| step(at, at - 1));
    let down = (SIDE..SIZE).map(|at| step(at, at - SIDE));
    across.chain(down).sum()
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
    fn add(&mut self, square: &[f32; SIZE]) {
        self.count += 1;
        self.waiting.extend(square.iter().map(|value| f64::from(*value)));
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

    /// A smooth image with edges, 0 to 255, and noise.
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
    fn fine_texture_on_a_part_does_not_count() {
        let mut values = noisy(160, 5.0);
        let mut texture = vec![0.0; 160 * 160];
        Stream::new(6, Purpose::Measurement, 0, 0).fill_normal(&mut texture);
        for (at, (value, texture)) in values.iter_mut().zip(&texture).enumerate() {
            // Three fifths of the columns.
            if at % 160 >= 64 {
                *value += 20.0 * texture;
            }
        }
        let found = noise_level(&values, 160, (f32::MIN, f32::MAX)).unwrap();
        assert!((found / 5.0 - 1.0).abs() < 0.1, "{found}");
    }

    #[test]
    fn steps_of_noise_are_as_many_as_is_said() {
        let mut values = vec![0.0; SIZE * 20_000];
        Stream::new(7, Purpose::Measurement, 0, 0).fill_normal(&mut values);
        let steps: Vec<f64> = values.as_chunks::<SIZE>().0.iter().map(steps_of).collect();
        let mean = steps.iter().sum::<f64>() / steps.len() as f64;
        let below = steps.iter().filter(|steps| **steps < SMOOTH).count() as f64 / steps.len() as f64;
        assert!((mean - 224.0).abs() < 2.0, "{mean}");
        assert!((below - 0.99).abs() < 0.004, "{below}");
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
    fn small_images_are_refused() {
        assert_eq!(noise_level(&[0.0; 23 * 40], 40, (0.0, 255.0)).unwrap_err().exit_code(), 2);
    }

    #[test]
    fn a_few_large_eigenvalues_do_not_count() {
        let mut values = vec![1.0; 60];
        values.extend([5.0, 40.0, 900.0, 1e4]);
        assert!((noise_of(values) - 1.0).abs() < 1e-12);
    }
}
