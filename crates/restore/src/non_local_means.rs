//! Non-local means, the classical denoiser that learned ones are set beside.
//!
//! Buades, Coll and Morel 2005 ("A non-local algorithm for image denoising", CVPR 2005): every pixel becomes the mean of the
//! pixels around it, each weighted by how alike the squares around the two are:
//! `exp(-max(d^2 - 2 sigma^2, 0) / h^2)`, `d^2` the mean squared difference of the squares. Sizes and `h` by the noise are those of
//! the authors' own article (Buades, Coll and Morel 2011, "Non-local means denoising", Image Processing On Line 1).

use rayon::prelude::*;

/// Rows that are worked on at once by one thread.
const BAND: usize = 32;
/// Weights below `exp(-FAR)` count as none.
const FAR: f32 = 12.0;

/// Half sides of squares and of the search, and `h / sigma`, for a noise in units of 0 to 255.
fn settings(sigma: f64) -> (usize, usize, f64) {
    match sigma {
        ..=15.0 => (1, 10, 0.40),
        ..=30.0 => (2, 10, 0.40),
        ..=45.0 => (3, 17, 0.35),
        ..=75.0 => (4, 17, 0.35),
        _ => (5, 17, 0.30),
    }
}

/// One channel of values from 0 to 255 with Gaussian noise of the standard deviation `sigma`, denoised; `values` are rows of
/// `width`. Pixels beyond the rim are those of its reflection.
///
/// # Panics
/// If the values are no whole rows.
pub fn non_local_means(values: &[f32], width: usize, sigma: f64) -> Vec<f32> {
    assert!(width > 0 && values.len().is_multiple_of(width), "{} values, width {width}", values.len());
    let (half, search, h) = settings(sigma);
    let rim = half + search;
    let mut out = vec![0.0; values.len()];
    out.par_chunks_mut(BAND * width).enumerate().for_each(|(band, out)| {
        let rows = out.len() / width;
        let around = continued(values, width, band * BAND, rows, rim);
        average(&around, width, rows, (half, search), (sigma, h * sigma), out);
    });
    out
}

/// Rows `first - rim .. first + rows + rim` with `rim` pixels more on both sides.
fn continued(values: &[f32], width: usize, first: usize, rows: usize, rim: usize) -> Vec<f32> {
    let height = values.len() / width;
    let reflected = |at: isize, length: usize| {
        let period = (2 * length.max(2) - 2) as isize;
        let at = at.rem_euclid(period) as usize;
        at.min(period as usize - at).min(length - 1)
    };
    let mut out = Vec::with_capacity((rows + 2 * rim) * (width + 2 * rim));
    for y in 0..rows + 2 * rim {
        let row = &values[reflected((first + y) as isize - rim as isize, height) * width..][..width];
        out.extend((0..width + 2 * rim).map(|x| row[reflected(x as isize - rim as isize, width)]));
    }
    out
}

/// The weighted means of `rows` rows in the middle of `around`.
fn average(
    around: &[f32],
    width: usize,
    rows: usize,
    (half, search): (usize, usize),
    (sigma, h): (f64, f64),
    out: &mut [f32],
) {
    let (rim, side) = (half + search, 2 * half + 1);
    let (stride, wide) = (width + 2 * rim, width + 2 * half);
    let (noise, scale) = (2.0 * (sigma * sigma) as f32, 1.0 / (h * h).max(1e-12) as f32);
    let area = 1.0 / (side * side) as f32;
    let mut sums = vec![0.0_f32; rows * width];
    let mut weights = vec![0.0_f32; rows * width];
    let mut most = vec![0.0_f32; rows * width];
    let mut columns = vec![0.0_f32; wide];
    let mut differences = vec![0.0_f32; wide * (rows + 2 * half)];
    for down in 0..=2 * search {
        for right in 0..=2 * search {
            if (down, right) == (search, search) {
                continue;
            }
            // Squared differences between each pixel and the one `(down, right)` from it, half a square further out.
            for (y, line) in differences.chunks_exact_mut(wide).enumerate() {
                let here = &around[(y + search) * stride + search..][..wide];
                let there = &around[(y + down) * stride + right..][..wide];
                for ((out, a), b) in line.iter_mut().zip(here).zip(there) {
                    *out = (a - b) * (a - b);
                }
            }
            columns.fill(0.0);
            for y in 0..2 * half {
                columns
                    .iter_mut()
                    .zip(&differences[y * wide..][..wide])
                    .for_each(|(sum, value)| *sum += value);
            }
            for y in 0..rows {
                let entering = &differences[(y + 2 * half) * wide..][..wide];
                columns.iter_mut().zip(entering).for_each(|(sum, value)| *sum += value);
                let there = &around[(y + half + down) * stride + half + right..][..width];
                let mut running: f32 = columns[..2 * half].iter().sum();
                let line = y * width..(y + 1) * width;
                let (sums, weights, most) =
                    (&mut sums[line.clone()], &mut weights[line.clone()], &mut most[line]);
                for x in 0..width {
                    running += columns[x + 2 * half];
                    let exponent = (running * area - noise).max(0.0) * scale;
                    if exponent < FAR {
                        let weight = (-exponent).exp();
                        sums[x] += weight * there[x];
                        weights[x] += weight;
                        most[x] = most[x].max(weight);
                    }
                    running -= columns[x];
                }
                let leaving = &differences[y * wide..][..wide];
                columns.iter_mut().zip(leaving).for_each(|(sum, value)| *sum -= value);
            }
        }
    }
    for y in 0..rows {
        let own = &around[(y + rim) * stride + rim..][..width];
        for (x, own) in own.iter().enumerate() {
            let at = y * width + x;
            // The pixel itself counts as much as the one most like it; alone it stays as it is.
            let weight = if weights[at] > 0.0 { most[at] } else { 1.0 };
            out[at] = (sums[at] + weight * own) / (weights[at] + weight);
        }
    }
}

#[cfg(test)]
mod tests {
    use langevin_core::{Purpose, Stream};

    use super::*;

    fn noise(count: usize) -> Vec<f32> {
        let mut out = vec![0.0; count];
        Stream::new(1, Purpose::Measurement, 0, 0).fill_normal(&mut out);
        out
    }

    /// The formula, pixel by pixel.
    fn slow(values: &[f32], width: usize, sigma: f64) -> Vec<f64> {
        let (half, search, h) = settings(sigma);
        let rim = half + search;
        let (height, stride) = (values.len() / width, width + 2 * rim);
        let around = continued(values, width, 0, height, rim);
        let at = |y: usize, x: usize| f64::from(around[y * stride + x]);
        let mut out = Vec::new();
        for y in rim..rim + height {
            for x in rim..rim + width {
                let (mut sum, mut total, mut most) = (0.0, 0.0, 0.0_f64);
                for (v, u) in
                    (y - search..=y + search).flat_map(|v| (x - search..=x + search).map(move |u| (v, u)))
                {
                    let square = || (0..=2 * half).flat_map(|i| (0..=2 * half).map(move |j| (i, j)));
                    let distance =
                        |(i, j)| (at(y + i - half, x + j - half) - at(v + i - half, u + j - half)).powi(2);
                    let mean = square().map(distance).sum::<f64>() / square().count() as f64;
                    let exponent = (mean - 2.0 * sigma * sigma).max(0.0) / (h * sigma).powi(2);
                    if (v, u) != (y, x) && exponent < f64::from(FAR) {
                        sum += (-exponent).exp() * at(v, u);
                        total += (-exponent).exp();
                        most = most.max((-exponent).exp());
                    }
                }
                let own = if total > 0.0 { most } else { 1.0 };
                out.push((sum + own * at(y, x)) / (total + own));
            }
        }
        out
    }

    #[test]
    fn it_is_the_formula() {
        let (width, height) = (37, 41);
        for sigma in [10.0, 20.0] {
            let clean = |at: usize| if (at % width).abs_diff(at / width) < 9 { 180.0 } else { 60.0 };
            let noise = noise(width * height);
            let values: Vec<f32> =
                (0..width * height).map(|at| clean(at) + sigma as f32 * noise[at]).collect();
            let (fast, slow) = (non_local_means(&values, width, sigma), slow(&values, width, sigma));
            for (fast, slow) in fast.iter().zip(slow) {
                assert!((f64::from(*fast) - slow).abs() < 0.05, "{fast} {slow}");
            }
            let error = |of: &dyn Fn(usize) -> f32| {
                (0..width * height).map(|at| (of(at) - clean(at)).powi(2)).sum::<f32>()
            };
            assert!(error(&|at| fast[at]) < 0.3 * error(&|at| values[at]));
        }
    }
}
