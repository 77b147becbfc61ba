//! A denoiser of pictures of any size: the picture is answered window by window, and the answers fade into each other.
//!
//! All windows look at one noisy picture, so they share one noise field, and the weights with which they fade add up to 1
//! everywhere; a sampler that walks with such a denoiser therefore makes one picture, without seams (Bar-Tal et al. 2023,
//! MultiDiffusion, arXiv 2302.08113, average windows in the same way, with weights of one or none). What lies near the rim of a
//! window is not used, but at the rim of the picture: there the network saw zeros.

use std::fmt;

use burn::tensor::{Tensor, TensorData};
use langevin_process::{Error, ErrorKind, Result};

use crate::cond::Cond;
use crate::denoiser::{Denoiser, Levels};

/// How a picture is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Windows {
    /// Largest width and height of a window in pixels, a multiple of `multiple`. A picture that is no larger is one window.
    pub side: usize,
    /// Pixels that neighbours share at least; a third of `side` at most is used. A quarter of them at each rim is not used, over
    /// the rest the answers fade.
    pub overlap: usize,
    /// Sides of windows are multiples of this, and so are the places where they begin; a picture that is not is
    /// continued by reflection.
    pub multiple: usize,
    /// Windows for one call of the denoiser: changes speed and memory alone.
    pub at_once: usize,
}

/// Told after each call: windows done and windows in all of this picture; `false` stops.
type Watch<'a> = Box<dyn Fn(usize, usize) -> bool + Send + Sync + 'a>;

/// A denoiser for pictures of any size made of one for windows.
///
/// Beside the picture and the answer it holds only `at_once` windows and what the inner denoiser needs for them.
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
    /// Divides pictures for `inner` as `windows` says.
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

    /// How many windows a picture of this size is divided into.
    pub fn count(&self, height: usize, width: usize) -> usize {
        let along = |length| Axis::new(length, &self.windows).starts.len();
        along(height) * along(width)
    }
}

/// The windows along one side of a picture.
#[derive(Debug)]
struct Axis {
    length: usize,
    /// Pixels of a window.
    window: usize,
    starts: Vec<usize>,
    /// The weight of each pixel of each window; those of a pixel of the picture add up to 1.
    weights: Vec<Vec<f32>>,
}

impl Axis {
    fn new(length: usize, windows: &Windows) -> Self {
        let multiple = windows.multiple;
        let padded = length.next_multiple_of(multiple).max(multiple);
        if padded <= windows.side {
            return Self { length, window: padded, starts: vec![0], weights: vec![vec![1.0; padded]] };
        }
        let window = windows.side;
        let overlap = windows.overlap.clamp(1, (window / 3).max(1));
        let count = (padded - overlap).div_ceil((window - overlap).max(1));
        let room = (padded - window) / multiple;
        let start = |index: usize| multiple * ((index * room + (count - 1) / 2) / (count - 1));
        let mut starts: Vec<usize> = (0..count).map(start).collect();
        starts.dedup();
        let mut weights = vec![vec![1.0_f32; window]; starts.len()];
        for index in 1..starts.len() {
            let (before, here) = (starts[index - 1], starts[index]);
            let shared = (before + window - here) as f64;
            let middle = here as f64 + shared / 2.0;
            // No wider than the way between two windows, so that a pixel never fades between three.
            let half = (shared * 0.25).min((here - before) as f64 / 2.0).min(overlap as f64 / 2.0).max(0.5);
            let risen = |pixel: usize| {
                let part = ((pixel as f64 + 0.5 - middle + half) / (2.0 * half)).clamp(0.0, 1.0);
                part * part * (3.0 - 2.0 * part)
            };
            let fall = weights[index - 1].iter_mut().enumerate();
            fall.for_each(|(at, weight)| *weight *= (1.0 - risen(before + at)) as f32);
            let rise = weights[index].iter_mut().enumerate();
            rise.for_each(|(at, weight)| *weight *= risen(here + at) as f32);
        }
        Self { length, window, starts, weights }
    }

    /// The pixel of the picture that stands at `at` of the picture continued by reflection.
    fn reflected(&self, at: usize) -> usize {
        if self.length == 1 {
            return 0;
        }
        let period = 2 * (self.length - 1);
        let at = at % period;
        at.min(period - at)
    }
}

impl<D: Denoiser> Denoiser for Windowed<'_, D> {
    fn denoise(&self, x: Tensor<4>, at: &Levels, cond: &Cond) -> Result<Tensor<4>> {
        let [n, c, h, w] = x.dims();
        let (rows, columns) = (Axis::new(h, &self.windows), Axis::new(w, &self.windows));
        if n * c * h * w == 0 || (n == 1 && (rows.window, columns.window) == (h, w)) {
            let answer = self.inner.denoise(x, at, cond)?;
            self.tell(1, 1)?;
            return Ok(answer);
        }
        let device = x.device();
        let values = x.try_into_vec_as::<f32>().expect("a float tensor holds floats");
        let told = cond.picture.as_ref().map(|told| {
            let channels = told.dims()[1];
            (channels, told.clone().try_into_vec_as::<f32>().expect("a float tensor holds floats"))
        });
        let mut out = vec![0.0_f32; values.len()];
        let grid = (0..rows.starts.len()).flat_map(|i| (0..columns.starts.len()).map(move |j| (i, j)));
        let all: Vec<(usize, usize, usize)> =
            grid.flat_map(|(i, j)| (0..n).map(move |picture| (picture, i, j))).collect();
        let mut done = 0;
        for part in all.chunks(self.windows.at_once) {
            let cut_out = |values: &[f32], c: usize| -> Tensor<4> {
                let mut windows = Vec::with_capacity(part.len() * c * rows.window * columns.window);
                for &(picture, i, j) in part {
                    for plane in values[picture * c * h * w..][..c * h * w].chunks_exact(h * w) {
                        cut(plane, (&rows, i), (&columns, j), &mut windows);
                    }
                }
                let shape = [part.len(), c, rows.window, columns.window];
                Tensor::from_data(TensorData::new(windows, shape), &device)
            };
            let levels = Levels(part.iter().map(|(picture, ..)| at.0[*picture]).collect());
            let labels = cond.labels.as_ref();
            let labels = labels.map(|labels| part.iter().map(|(picture, ..)| labels[*picture]).collect());
            let picture = told.as_ref().map(|(channels, told)| cut_out(told, *channels));
            let within = Cond { labels, dropout: None, picture };
            let answer = self.inner.denoise(cut_out(&values, c), &levels, &within)?;
            let answer = answer.try_into_vec_as::<f32>().expect("a float tensor holds floats");
            let size = rows.window * columns.window;
            for (&(picture, i, j), answer) in part.iter().zip(answer.chunks_exact(c * size)) {
                let planes = out[picture * c * h * w..][..c * h * w].chunks_exact_mut(h * w);
                for (plane, answer) in planes.zip(answer.chunks_exact(size)) {
                    add(plane, (&rows, i), (&columns, j), answer);
                }
            }
            done += part.len();
            self.tell(done, all.len())?;
        }
        Ok(Tensor::from_data(TensorData::new(out, [n, c, h, w]), &device))
    }

    fn begin(&self) {
        self.inner.begin();
    }
}

impl<D> Windowed<'_, D> {
    fn tell(&self, done: usize, all: usize) -> Result<()> {
        match &self.watch {
            Some(watch) if !watch(done, all) => {
                Err(Error::new(ErrorKind::Interrupted(2), "the work was interrupted"))
            }
            _ => Ok(()),
        }
    }
}

/// Appends window (`i`, `j`) of `plane` to `out`.
fn cut(plane: &[f32], (rows, i): (&Axis, usize), (columns, j): (&Axis, usize), out: &mut Vec<f32>) {
    let left = columns.starts[j];
    let inside = columns.window.min(columns.length.saturating_sub(left));
    for at in 0..rows.window {
        let row = &plane[rows.reflected(rows.starts[i] + at) * columns.length..][..columns.length];
        out.extend_from_slice(&row[left..left + inside]);
        out.extend((inside..columns.window).map(|at| row[columns.reflected(left + at)]));
    }
}

/// Adds window (`i`, `j`) with its weights to `plane`; what lies beyond the picture is left out.
fn add(plane: &mut [f32], (rows, i): (&Axis, usize), (columns, j): (&Axis, usize), window: &[f32]) {
    let (top, left) = (rows.starts[i], columns.starts[j]);
    let inside = columns.window.min(columns.length.saturating_sub(left));
    let across = &columns.weights[j][..inside];
    let lines =
        window.chunks_exact(columns.window).zip(&rows.weights[i]).take(rows.length.saturating_sub(top));
    for (at, (line, down)) in lines.enumerate() {
        let row = &mut plane[(top + at) * columns.length + left..][..inside];
        for ((out, value), across) in row.iter_mut().zip(line).zip(across) {
            *out += down * across * value;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use burn::tensor::Device;
    use langevin_process::Level;

    use super::*;
    use crate::{NoiseStreams, Purpose};

    /// The mean over a square of 5 x 5 pixels, zeros around the picture, times the level's noise.
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

    /// [`Blur`] of the noisy picture and of the one that it is told.
    struct Both;

    impl Denoiser for Both {
        fn denoise(&self, x: Tensor<4>, at: &Levels, cond: &Cond) -> Result<Tensor<4>> {
            let told = cond.picture.clone().expect("the windows of what is told");
            Ok(Blur.denoise(x, at, cond)? + Blur.denoise(told, at, cond)?)
        }
    }

    #[test]
    fn what_is_told_is_cut_like_the_picture() {
        let (x, told) = (noise(2, 1, 40, 52), noise(3, 1, 40, 52).narrow(0, 1, 2));
        let cond = Cond { picture: Some(told), ..Cond::none() };
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
    fn a_picture_of_uneven_size_is_continued_by_reflection() {
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
