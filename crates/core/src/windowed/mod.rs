//! A denoiser of images of any size: the image is answered window by window, and the answers fade into each other.
//!
//! All windows look at one noisy image, so they share one noise field, and the weights with which they fade add up to 1
//! everywhere; a sampler that walks with such a denoiser therefore makes one image, without seams (Bar-Tal et al. 2023,
//! MultiDiffusion, arXiv 2302.08113, average windows in the same way, with weights of one or none). What lies near the rim of a
//! window is not used, but at the rim of the image: there the network saw zeros.

mod axis;
mod windows;

use std::fmt;

use burn::tensor::{Device, Tensor, TensorData};
use langevin_process::{Error, ErrorKind, Result};

use crate::cond::Cond;
use crate::denoiser::{Denoiser, Levels};
use crate::differentiable::Differentiable;
use axis::{Axis, add, cut, cut_weighted, fold_back};
pub use windows::Windows;

/// Called after each evaluation: windows done and windows in all of this image; `false` stops.
type Watch<'a> = Box<dyn Fn(usize, usize) -> bool + Send + Sync + 'a>;

/// A denoiser for images of any size made of one for windows.
///
/// Beside the image and the answer it holds only `at_once` windows and what the inner denoiser needs for them.
pub struct Windowed<'a, D> {
    inner: D,
    windows: Windows,
    watch: Option<Watch<'a>>,
}

impl<D: fmt::Debug> fmt::Debug for Windowed<'_, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Windowed");
        out.field("inner", &self.inner).field("windows", &self.windows).finish_non_exhaustive()
    }
}

impl<'a, D> Windowed<'a, D> {
    /// Divides images for `inner` as `windows` says.
    ///
    /// # Errors
    /// Usage, when a number is 0 or `side` is no multiple of `multiple`.
    pub fn new(inner: D, windows: Windows) -> Result<Self> {
        let Windows { side, multiple, at_once, .. } = windows;
        if multiple == 0 || at_once == 0 || side == 0 || !side.is_multiple_of(multiple) {
            return Err(Error::usage(format!(
                "windows of {side} pixels, {at_once} at a time, must be a multiple of {multiple}"
            )));
        }
        Ok(Self { inner, windows, watch: None })
    }

    /// Calls `watch` after each call of the inner denoiser with the windows done and those in all; where it answers `false` the
    /// work ends with an error of the kind `Interrupted`.
    #[must_use]
    pub fn watched(self, watch: impl Fn(usize, usize) -> bool + Send + Sync + 'a) -> Self {
        Self { watch: Some(Box::new(watch)), ..self }
    }

    /// How many windows an image of this size is divided into.
    pub fn count(&self, height: usize, width: usize) -> usize {
        let along = |length| Axis::new(length, &self.windows).starts.len();
        along(height) * along(width)
    }
}

/// The windows of a batch.
struct Cutting {
    dims: [usize; 4],
    rows: Axis,
    columns: Axis,
    /// The image, the row of windows and the column of windows of each.
    places: Vec<Place>,
}

type Place = (usize, usize, usize);
/// What becomes of one window of a plane.
type Cut = fn(&[f32], (&Axis, usize), (&Axis, usize), &mut Vec<f32>);
type Join = fn(&mut [f32], (&Axis, usize), (&Axis, usize), &[f32]);

impl Cutting {
    fn new(dims: [usize; 4], windows: &Windows) -> Self {
        let [n, _, h, w] = dims;
        let (rows, columns) = (Axis::new(h, windows), Axis::new(w, windows));
        let grid = (0..rows.starts.len()).flat_map(|i| (0..columns.starts.len()).map(move |j| (i, j)));
        let places = grid.flat_map(|(i, j)| (0..n).map(move |image| (image, i, j))).collect();
        Self { dims, rows, columns, places }
    }

    /// Whether there is nothing to cut.
    fn is_whole(&self) -> bool {
        let [n, c, h, w] = self.dims;
        n * c * h * w == 0 || (n == 1 && (self.rows.window, self.columns.window) == (h, w))
    }

    /// The windows at `places` of images of `channels`.
    fn cut(&self, cut: Cut, places: &[Place], values: &[f32], channels: usize, device: &Device) -> Tensor<4> {
        let size = self.dims[2] * self.dims[3];
        let (height, width) = (self.rows.window, self.columns.window);
        let mut windows = Vec::with_capacity(places.len() * channels * height * width);
        for &(image, i, j) in places {
            for plane in values[image * channels * size..][..channels * size].chunks_exact(size) {
                cut(plane, (&self.rows, i), (&self.columns, j), &mut windows);
            }
        }
        Tensor::from_data(TensorData::new(windows, [places.len(), channels, height, width]), device)
    }

    /// Joins `windows` at `places` to the images of `out`.
    fn join(&self, join: Join, places: &[Place], windows: Tensor<4>, out: &mut [f32]) {
        let [_, c, h, w] = self.dims;
        let size = self.rows.window * self.columns.window;
        let windows = host(windows);
        for (&(image, i, j), window) in places.iter().zip(windows.chunks_exact(c * size)) {
            let planes = out[image * c * h * w..][..c * h * w].chunks_exact_mut(h * w);
            for (plane, window) in planes.zip(window.chunks_exact(size)) {
                join(plane, (&self.rows, i), (&self.columns, j), window);
            }
        }
    }
}

fn host(x: Tensor<4>) -> Vec<f32> {
    x.try_into_vec_as::<f32>().expect("a float tensor holds floats")
}

impl<D> Windowed<'_, D> {
    /// Takes `part` of the windows at a time to `ask`, with their levels and conditioning.
    fn each(
        &self,
        cutting: &Cutting,
        at: &Levels,
        cond: &Cond,
        device: &Device,
        mut ask: impl FnMut(&[Place], &Levels, &Cond) -> Result<()>,
    ) -> Result<()> {
        let condition = cond.image.as_ref().map(|condition| (condition.dims()[1], host(condition.clone())));
        let mut done = 0;
        for part in cutting.places.chunks(self.windows.at_once) {
            let levels = Levels(part.iter().map(|(image, ..)| at.0[*image]).collect());
            let labels = cond.labels.as_ref();
            let labels = labels.map(|labels| part.iter().map(|(image, ..)| labels[*image]).collect());
            let image = condition
                .as_ref()
                .map(|(channels, condition)| cutting.cut(cut, part, condition, *channels, device));
            let images: Vec<usize> = part.iter().map(|(image, ..)| *image).collect();
            let texts = cond.contexts(|texts| texts.of(&images));
            ask(part, &levels, &Cond { labels, dropout: None, image, ..texts })?;
            done += part.len();
            self.tell(done, cutting.places.len())?;
        }
        Ok(())
    }

    fn tell(&self, done: usize, all: usize) -> Result<()> {
        match &self.watch {
            Some(watch) if !watch(done, all) => {
                Err(Error::new(ErrorKind::Interrupted(2), "the work was interrupted"))
            }
            _ => Ok(()),
        }
    }
}

impl<D: Denoiser> Denoiser for Windowed<'_, D> {
    fn denoise(&self, x: Tensor<4>, at: &Levels, cond: &Cond) -> Result<Tensor<4>> {
        let (dims, device) = (x.dims(), x.device());
        let cutting = Cutting::new(dims, &self.windows);
        if cutting.is_whole() {
            let answer = self.inner.denoise(x, at, cond)?;
            self.tell(1, 1)?;
            return Ok(answer);
        }
        let values = host(x);
        let mut out = vec![0.0_f32; values.len()];
        self.each(&cutting, at, cond, &device, |places, levels, cond| {
            let windows = cutting.cut(cut, places, &values, dims[1], &device);
            cutting.join(add, places, self.inner.denoise(windows, levels, cond)?, &mut out);
            Ok(())
        })?;
        Ok(Tensor::from_data(TensorData::new(out, dims), &device))
    }

    fn begin(&self) {
        self.inner.begin();
    }
}

/// The derivative of the joined answer: each window is asked for its own, of `v` with the weights that its answer has.
impl<D: Differentiable> Differentiable for Windowed<'_, D> {
    fn denoise_vjp(
        &self,
        x: Tensor<4>,
        v: Tensor<4>,
        at: &Levels,
        cond: &Cond,
    ) -> Result<(Tensor<4>, Tensor<4>)> {
        let (dims, device) = (x.dims(), x.device());
        let cutting = Cutting::new(dims, &self.windows);
        if cutting.is_whole() {
            let both = self.inner.denoise_vjp(x, v, at, cond)?;
            self.tell(1, 1)?;
            return Ok(both);
        }
        let (x, v) = (host(x), host(v));
        let (mut out, mut pulled) = (vec![0.0_f32; x.len()], vec![0.0_f32; x.len()]);
        self.each(&cutting, at, cond, &device, |places, levels, cond| {
            let windows = cutting.cut(cut, places, &x, dims[1], &device);
            let weighted = cutting.cut(cut_weighted, places, &v, dims[1], &device);
            let (answer, pull) = self.inner.denoise_vjp(windows, weighted, levels, cond)?;
            cutting.join(add, places, answer, &mut out);
            cutting.join(fold_back, places, pull, &mut pulled);
            Ok(())
        })?;
        let made = |values| Tensor::from_data(TensorData::new(values, dims), &device);
        Ok((made(out), made(pulled)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use burn::tensor::Device;
    use langevin_process::Level;

    use super::*;
    use crate::{NoiseStreams, Purpose};

    /// The mean over a square of 5 x 5 pixels, zeros around the image, times the level's noise.
    struct Blur;

    impl Denoiser for Blur {
        fn denoise(&self, x: Tensor<4>, at: &Levels, _cond: &Cond) -> Result<Tensor<4>> {
            let ([n, c, h, w], device) = (x.dims(), x.device());
            let values = x.try_into_vec_as::<f32>().unwrap();
            let mut out = Vec::with_capacity(values.len());
            for (index, plane) in values.chunks_exact(h * w).enumerate() {
                for y in 0..h {
                    for x in 0..w {
                        let (ys, xs) =
                            (y.saturating_sub(2)..(y + 3).min(h), x.saturating_sub(2)..(x + 3).min(w));
                        let sum: f32 = ys.map(|y| plane[y * w..][xs.clone()].iter().sum::<f32>()).sum();
                        out.push(sum / 25.0 * at.0[index / c].sigma as f32);
                    }
                }
            }
            Ok(Tensor::from_data(TensorData::new(out, [n, c, h, w]), &device))
        }
    }

    /// [`Blur`] of the noisy image and of the one that it is conditioned on.
    struct Both;

    impl Denoiser for Both {
        fn denoise(&self, x: Tensor<4>, at: &Levels, cond: &Cond) -> Result<Tensor<4>> {
            let condition = cond.image.clone().expect("the windows of the condition");
            Ok(Blur.denoise(x, at, cond)? + Blur.denoise(condition, at, cond)?)
        }
    }

    #[test]
    fn what_is_told_is_cut_like_the_image() {
        let (x, condition) = (noise(2, 1, 40, 52), noise(3, 1, 40, 52).narrow(0, 1, 2));
        let cond = Cond { image: Some(condition), ..Cond::none() };
        let windows = Windows { side: 32, overlap: 12, multiple: 4, at_once: 3 };
        let whole = Both.denoise(x.clone(), &levels(2), &cond).unwrap();
        let joined = Windowed::new(Both, windows).unwrap().denoise(x, &levels(2), &cond).unwrap();
        let worst = (whole.clone() - joined).abs().max().into_scalar::<f32>();
        assert!(worst < 1e-5 && whole.dims() == [2, 1, 40, 52], "{worst}");
    }

    fn noise(n: usize, c: usize, h: usize, w: usize) -> Tensor<4> {
        NoiseStreams::new(3, 0..n as u64).normal(Purpose::Start, 0, [c, h, w], &Device::flex())
    }

    fn levels(n: usize) -> Levels {
        Levels((0..n).map(|k| Level { alpha: 1.0, sigma: 1.0 + k as f64 }).collect())
    }

    #[test]
    fn windows_of_a_local_denoiser_join_to_the_whole_answer() {
        for (h, w, side, overlap) in [(64, 96, 32, 8), (40, 40, 32, 12), (72, 24, 24, 8), (16, 200, 48, 16)] {
            let x = noise(2, 3, h, w);
            let windows = Windows { side, overlap, multiple: 4, at_once: 3 };
            let whole = Blur.denoise(x.clone(), &levels(2), &Cond::default()).unwrap();
            let joined =
                Windowed::new(Blur, windows).unwrap().denoise(x, &levels(2), &Cond::default()).unwrap();
            let worst = (whole - joined).abs().max().into_scalar::<f32>();
            assert!(worst < 1e-5, "{h}x{w} by {side}: {worst}");
        }
    }

    /// [`Blur`] is its own adjoint, up to the rim.
    impl Differentiable for Blur {
        fn denoise_vjp(
            &self,
            x: Tensor<4>,
            v: Tensor<4>,
            at: &Levels,
            cond: &Cond,
        ) -> Result<(Tensor<4>, Tensor<4>)> {
            Ok((self.denoise(x, at, cond)?, self.denoise(v, at, cond)?))
        }
    }

    #[test]
    fn the_derivative_is_the_adjoint_of_the_answer() {
        for (h, w, side) in [(64, 96, 32), (41, 35, 32), (13, 9, 16), (32, 32, 32)] {
            let (x, v) = (noise(2, 3, h, w), noise(4, 3, h, w).narrow(0, 2, 2));
            let windows = Windows { side, overlap: 10, multiple: 4, at_once: 3 };
            let windowed = Windowed::new(Blur, windows).unwrap();
            let cond = Cond::default();
            let answer = windowed.denoise(x.clone(), &levels(2), &cond).unwrap();
            let (same, pulled) = windowed.denoise_vjp(x.clone(), v.clone(), &levels(2), &cond).unwrap();
            assert_eq!(answer.clone().into_data(), same.into_data());
            // The answer is linear in the image, so that <v, D x> = <v D, x>.
            let inner = |a: Tensor<4>, b: Tensor<4>| f64::from((a * b).sum().into_scalar::<f32>());
            let (left, right) = (inner(v, answer), inner(pulled, x));
            assert!((left - right).abs() < 1e-4 * left.abs().max(1.0), "{h}x{w}: {left} {right}");
        }
    }

    #[test]
    fn weights_add_up_to_one_and_rims_are_not_used() {
        for (length, side, overlap) in [(100, 32, 8), (33, 32, 8), (64, 32, 31), (1000, 64, 16), (41, 40, 4)]
        {
            let axis = Axis::new(length, &Windows { side, overlap, multiple: 1, at_once: 1 });
            let mut sums = vec![0.0_f32; length];
            for (start, weights) in axis.starts.iter().zip(&axis.weights) {
                sums[*start..].iter_mut().zip(weights).for_each(|(sum, weight)| *sum += weight);
                assert!(*start == 0 || weights[0] == 0.0, "{axis:?}");
            }
            assert!(sums.iter().all(|sum| (sum - 1.0).abs() < 1e-6), "{length}: {sums:?}");
        }
    }

    #[test]
    fn an_image_of_uneven_size_is_continued_by_reflection() {
        let x = noise(1, 1, 5, 7);
        let windows = Windows { side: 16, overlap: 4, multiple: 8, at_once: 1 };
        let seen = Mutex::new(Vec::new());
        let watched = Windowed::new(Blur, windows).unwrap().watched(|done, all| {
            seen.lock().unwrap().push((done, all));
            true
        });
        assert_eq!(watched.denoise(x.clone(), &levels(1), &Cond::default()).unwrap().dims(), [1, 1, 5, 7]);
        drop(watched);
        assert_eq!(*seen.lock().unwrap(), [(1, 1)]);
        let axis = Axis::new(5, &windows);
        assert_eq!((0..10).map(|at| axis.reflected(at)).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 3, 2, 1, 0, 1]);
        let stopped = Windowed::new(Blur, windows).unwrap().watched(|_, _| false);
        let error = stopped.denoise(x, &levels(1), &Cond::default()).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Interrupted(_)));
    }
}
