//! The words that methods are written with: begin, ask, draw, tell.

use burn::tensor::{Tensor, TensorData};
use langevin_core::process::limits::shown;
use langevin_core::registry::Options;
use langevin_core::{Cotangent, Error, Level, Levels, Progress, Purpose, Result, Run};
use langevin_sample::steps;

use crate::method::{Needs, Prior};
use crate::problem::Problem;

/// One restoration of one batch on its way.
pub(crate) struct Walk<'a, 'b, 'r> {
    pub(crate) prior: Prior<'a>,
    pub(crate) problem: &'a Problem,
    run: &'b mut Run<'r>,
    count: usize,
    reported: usize,
    drawn: u64,
}

impl<'a, 'b, 'r> Walk<'a, 'b, 'r> {
    /// A restoration that tells of `count` steps.
    ///
    /// # Errors
    /// Usage: `problem` or `prior` is less than `needs`, or `path` is no path.
    pub(crate) fn new(
        needs: Needs,
        prior: Prior<'a>,
        problem: &'a Problem,
        path: &[Level],
        count: usize,
        run: &'b mut Run<'r>,
    ) -> Result<Self> {
        needs.check(problem, prior)?;
        steps(path)?;
        Ok(Self { prior, problem, run, count, reported: 0, drawn: 0 })
    }

    /// Pure noise at `at`.
    pub(crate) fn start(&self, at: Level) -> Tensor<4> {
        let device = self.problem.y().device();
        self.run.start.noise_at(at, &self.run.noise, self.problem.shape(), &device)
    }

    /// Pure noise at `at` for a walk that begins with nothing else.
    pub(crate) fn pure(&self, at: Level) -> Tensor<4> {
        self.run.start_at(at, self.problem.shape(), &self.problem.y().device())
    }

    /// Where a walk begins at `at`: noise, and with it the images that the problem begins with, if there are any.
    pub(crate) fn begin(&self, at: Level) -> Tensor<4> {
        let noise = self.start(at);
        match self.problem.beginning() {
            Some(x0) => x0.mul_scalar(at.alpha) + noise,
            None => noise,
        }
    }

    /// The model's clean images for `x`.
    pub(crate) fn ask(&self, x: &Tensor<4>, at: Level) -> Result<Tensor<4>> {
        self.prior.denoiser.denoise(x.clone(), &Levels::all(at, x.dims()[0]), &self.run.cond)
    }

    /// The model's clean images `D` for `x`, and `v^T dD/dx` with the `v` that `of` makes from `D` for a part of the problem.
    pub(crate) fn ask_and_pull(
        &self,
        x: &Tensor<4>,
        at: Level,
        of: impl Fn(Tensor<4>, &Problem) -> Result<Tensor<4>> + Sync,
    ) -> Result<(Tensor<4>, Tensor<4>)> {
        let problem = self.problem;
        let of: Cotangent<'_> = &|denoised, images| of(denoised, &problem.part(images));
        let levels = Levels::all(at, x.dims()[0]);
        self.prior.derivative()?.denoise_vjp_with(x.clone(), &levels, &self.run.cond, of)
    }

    /// Fresh noise of variance 1, of the shape of images.
    pub(crate) fn fresh(&mut self) -> Tensor<4> {
        self.drawn += 1;
        let device = self.problem.y().device();
        self.run.noise.normal(Purpose::Sampler, self.drawn - 1, self.problem.shape(), &device)
    }

    /// Fresh noise of variance 1, of the shape of measurements.
    pub(crate) fn fresh_measured(&mut self) -> Tensor<4> {
        self.drawn += 1;
        let device = self.problem.y().device();
        self.run.noise.normal(Purpose::Sampler, self.drawn - 1, self.problem.measured_shape(), &device)
    }

    /// `alpha x0 + sigma (sqrt(1 - eta^2) noise + eta z)`: an image at `to`, with the part `eta` of its noise fresh.
    pub(crate) fn renewed(&mut self, to: Level, x0: &Tensor<4>, noise: Tensor<4>, eta: f64) -> Tensor<4> {
        let clean = x0.clone().mul_scalar(to.alpha);
        if to.is_clean() {
            return clean;
        }
        let kept = clean + noise.mul_scalar(to.sigma * (1.0 - eta * eta).max(0.0).sqrt());
        if eta > 0.0 { kept + self.fresh().mul_scalar(to.sigma * eta) } else { kept }
    }

    /// One true step of the forward process from `from` to the noisier `to`.
    pub(crate) fn noised(&mut self, x: Tensor<4>, from: Level, to: Level) -> Tensor<4> {
        let kept = to.alpha / from.alpha;
        let added = (to.sigma * to.sigma - (kept * from.sigma).powi(2)).max(0.0).sqrt();
        x.mul_scalar(kept) + self.fresh().mul_scalar(added)
    }

    /// Tells that the next step has reached `level`.
    pub(crate) fn tell(&mut self, level: Level, x: &Tensor<4>, denoised: &Tensor<4>) -> Result<()> {
        self.reported += 1;
        self.run.report(&Progress { step: self.reported, steps: self.count, level, x, denoised })
    }

    /// What is known before the model is asked: `A+ y`; with noise `argmin |y - A x|^2 + sigma_y^2 |x|^2`, which does not
    /// blow it up; for an operator that is not linear the measurement itself where it has the shape of an image, else gray.
    pub(crate) fn guess(&self) -> Tensor<4> {
        let problem = self.problem;
        let gray = || {
            let [c, h, w] = problem.shape();
            Tensor::zeros([problem.batch(), c, h, w], &problem.y().device())
        };
        match problem.linear() {
            Ok(linear) if problem.sigma() == 0.0 => linear.start(),
            Ok(linear) => linear.prox(gray(), problem.sigma().powi(2)),
            Err(_) if problem.shape() == problem.measured_shape() => problem.y(),
            Err(_) => gray(),
        }
    }
}

/// The noise that the model sees in `x` at `at`: `(x - alpha x0) / sigma`.
pub(crate) fn noise_in(x: &Tensor<4>, x0: &Tensor<4>, at: Level) -> Tensor<4> {
    (x.clone() - x0.clone().mul_scalar(at.alpha)).mul_scalar(1.0 / at.sigma)
}

/// The Euclidean norm of each image, summed on the host in f64.
pub(crate) fn norms(x: &Tensor<4>) -> Vec<f64> {
    let size = x.dims()[1..].iter().product::<usize>().max(1);
    let values: Vec<f64> = x.clone().into_data().convert::<f64>().try_to_vec().expect("just converted");
    values.chunks(size).map(|image| image.iter().map(|v| v * v).sum::<f64>().sqrt()).collect()
}

/// One number for each image as a tensor `[batch, 1, 1, 1]`.
pub(crate) fn each(numbers: &[f64], like: &Tensor<4>) -> Tensor<4> {
    let values: Vec<f32> = numbers.iter().map(|number| *number as f32).collect();
    Tensor::from_data(TensorData::new(values, [numbers.len(), 1, 1, 1]), &like.device())
}

/// A whole number among the options.
pub(crate) fn whole(options: &Options, key: &str, low: usize, high: usize) -> Result<usize> {
    let value = options.number(key, low as f64, high as f64)?;
    if value.fract() == 0.0 {
        return Ok(value as usize);
    }
    Err(Error::usage(format!("option {key}={} must be a whole number", shown(&value))))
}

/// The position in `words` of the text of an option.
pub(crate) fn choice(options: &Options, key: &str, words: &[&str]) -> Result<usize> {
    let text = options.text(key);
    words.iter().position(|word| *word == text).ok_or_else(|| {
        Error::usage(format!("option {key}: there is no \"{text}\""))
            .hint(format!("use {}", words.join(" or ")))
    })
}
