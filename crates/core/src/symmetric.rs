//! The mean of a denoiser's answers to the eight turns and reflections of an image.

use burn::tensor::Tensor;
use langevin_process::Result;

use crate::cond::Cond;
use crate::denoiser::{Denoiser, Levels};

/// The turns and reflections of a square.
pub const SYMMETRIES: usize = 8;

/// Answers an image by the mean over its eight turns and reflections, each turned back: the geometric self-ensemble of Lim et al.
/// 2017 (EDSR, arXiv 1707.02921, section 3.4). Images that may stand any way up gain a little; it takes eight times the work.
#[derive(Debug, Clone)]
pub struct Symmetric<D>(pub D);

/// Symmetry `index` of images, from 0: the bit of 4 exchanges rows and columns, the others reflect.
fn turned(x: Tensor<4>, index: usize) -> Tensor<4> {
    let x = if index & 1 == 0 { x } else { x.flip([2]) };
    let x = if index & 2 == 0 { x } else { x.flip([3]) };
    if index & 4 == 0 { x } else { x.swap_dims(2, 3) }
}

/// Undoes [`turned`].
fn back(x: Tensor<4>, index: usize) -> Tensor<4> {
    let x = if index & 4 == 0 { x } else { x.swap_dims(2, 3) };
    turned(x, index & 3)
}

impl<D: Denoiser> Denoiser for Symmetric<D> {
    fn denoise(&self, x: Tensor<4>, at: &Levels, cond: &Cond) -> Result<Tensor<4>> {
        let mut sum: Option<Tensor<4>> = None;
        for index in 0..SYMMETRIES {
            let image = cond.image.clone().map(|condition| turned(condition, index));
            let cond = Cond { image, ..cond.clone() };
            let answer = back(self.0.denoise(turned(x.clone(), index), at, &cond)?, index);
            sum = Some(match sum {
                Some(sum) => sum + answer,
                None => answer,
            });
        }
        Ok(sum.expect("there are symmetries") / SYMMETRIES as f64)
    }

    fn begin(&self) {
        self.0.begin();
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};
    use langevin_process::Level;

    use super::*;
    use crate::{NoiseStreams, Purpose};

    /// Each pixel becomes its neighbour to the right, the last of a row 0: no symmetry of its own.
    struct Shift;

    impl Denoiser for Shift {
        fn denoise(&self, x: Tensor<4>, _at: &Levels, _cond: &Cond) -> Result<Tensor<4>> {
            let [n, c, h, w] = x.dims();
            let zeros = Tensor::zeros([n, c, h, 1], &x.device());
            Ok(Tensor::cat(vec![x.narrow(3, 1, w - 1), zeros], 3))
        }
    }

    #[test]
    fn symmetries_are_eight_and_undone() {
        let x = Tensor::<4>::from_data(
            TensorData::new((0..6).map(|v| v as f32).collect::<Vec<_>>(), [1, 1, 2, 3]),
            &Device::flex(),
        );
        let all: Vec<Vec<f32>> =
            (0..SYMMETRIES).map(|k| turned(x.clone(), k).into_data().try_to_vec().unwrap()).collect();
        for (k, one) in all.iter().enumerate() {
            assert!(all[..k].iter().all(|other| other != one));
            let undone: Vec<f32> = back(turned(x.clone(), k), k).into_data().try_to_vec().unwrap();
            assert_eq!(undone, all[0]);
        }
    }

    #[test]
    fn the_mean_of_a_shift_is_the_mean_of_the_four_neighbours() {
        let (h, w) = (5, 7);
        let x = NoiseStreams::new(3, 0..2).normal(Purpose::Start, 0, [1, h, w], &Device::flex());
        let at = Levels::all(Level { alpha: 1.0, sigma: 0.5 }, 2);
        let made = Symmetric(Shift).denoise(x.clone(), &at, &Cond::none()).unwrap();
        let (x, made): (Vec<f32>, Vec<f32>) =
            (x.into_data().try_to_vec().unwrap(), made.into_data().try_to_vec().unwrap());
        let value = |n: usize, i: i64, j: i64| -> f32 {
            let inside = (0..h as i64).contains(&i) && (0..w as i64).contains(&j);
            if inside { x[n * h * w + i as usize * w + j as usize] } else { 0.0 }
        };
        for n in 0..2 {
            for (i, j) in (0..h as i64).flat_map(|i| (0..w as i64).map(move |j| (i, j))) {
                let around =
                    value(n, i + 1, j) + value(n, i - 1, j) + value(n, i, j + 1) + value(n, i, j - 1);
                let found = made[n * h * w + i as usize * w + j as usize];
                assert!((found - around / 4.0).abs() < 1e-6, "{n} {i} {j}: {found}");
            }
        }
    }
}
