//! One stretch of a path, and the step primitive that every sampler is made of.

use burn::tensor::Tensor;
use langevin_core::{Error, Level, Result};

/// One step of a path: from a noisier level to a cleaner one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PathStep {
    /// The number of the step, from 0.
    pub index: usize,
    /// How many steps the path has.
    pub count: usize,
    /// Where it starts; `sigma > 0`.
    pub from: Level,
    /// Where it ends; `alpha > 0`.
    pub to: Level,
}

/// The steps of `path`.
///
/// # Errors
/// Usage, when there are fewer than two levels, a level is not finite, or the signal-to-noise ratio does not grow at
/// every step. A process with `alpha = 1` on a schedule that ends without signal is such a case: its noise is infinite.
pub fn steps(path: &[Level]) -> Result<Vec<PathStep>> {
    if path.len() < 2 {
        return Err(Error::usage("a path needs at least two noise levels").hint("ask for at least 1 step"));
    }
    if let Some(level) = path.iter().find(|level| !level.alpha.is_finite() || !level.sigma.is_finite()) {
        return Err(Error::usage(format!(
            "the path has a level that is not finite (alpha {}, sigma {})",
            level.alpha, level.sigma
        ))
        .hint(
            "a variance-exploding process needs a schedule that ends above zero signal, such as geometric",
        ));
    }
    let count = path.len() - 1;
    let pairs = path.windows(2).enumerate();
    pairs
        .map(|(index, pair)| {
            let (from, to) = (pair[0], pair[1]);
            let step = PathStep { index, count, from, to };
            let legal = from.alpha >= 0.0 && from.sigma > 0.0 && to.alpha > 0.0 && to.sigma >= 0.0;
            if legal && step.kept() < 1.0 {
                return Ok(step);
            }
            Err(Error::usage(format!("step {} of the path does not lead to less noise", index + 1))
                .hint("the signal-to-noise ratio has to grow at every step; with an integer table, ask for fewer steps"))
        })
        .collect()
}

impl PathStep {
    /// The image at the end of the step if `x0` is the clean image all along:
    /// `x * sigma' / sigma + x0 * (alpha' - alpha * sigma' / sigma)` ([`Level::step_to`]).
    ///
    /// It is DDIM's step (Song et al. 2021, eq. 12, eta 0), Euler's step of the probability-flow equation over
    /// `sigma / alpha` (Karras et al. 2022) and over flow time, and DPM-Solver++'s first-order step, all at once.
    pub fn advance(&self, x: Tensor<4>, x0: Tensor<4>) -> Tensor<4> {
        let step = self.from.step_to(self.to);
        x.mul_scalar(step.x) + x0.mul_scalar(step.x0)
    }

    /// The noise that the model sees in `x` at the start of the step: `(x - alpha * x0) / sigma`.
    pub fn noise_in(&self, x: Tensor<4>, x0: Tensor<4>) -> Tensor<4> {
        (x - x0.mul_scalar(self.from.alpha)).mul_scalar(1.0 / self.from.sigma)
    }

    /// The level a `part` of the way, measured in log-SNR; the step must be of finite length.
    ///
    /// Its size `sqrt(alpha^2 + sigma^2)` is interpolated likewise, which stays on the curve of a variance-preserving or
    /// -exploding process. For others the level lies beside the curve, on a multiple of one that lies on it; denoisers
    /// answer both alike.
    pub fn between(&self, part: f64) -> Level {
        let ratio = ((1.0 - part) * self.from.ratio().ln() + part * self.to.ratio().ln()).exp();
        if self.from.alpha == self.to.alpha {
            return Level { alpha: self.from.alpha, sigma: self.from.alpha * ratio };
        }
        let size = self.from.magnitude().powf(1.0 - part) * self.to.magnitude().powf(part);
        let alpha = size / ratio.hypot(1.0);
        Level { alpha, sigma: alpha * ratio }
    }

    /// The same step to another end.
    pub fn until(&self, to: Level) -> Self {
        Self { to, ..*self }
    }

    /// `exp(-h)`: the noise-to-signal ratio `sigma / alpha` at the end over that at the start, in `[0, 1)`; 0 when the
    /// step starts without signal or ends without noise.
    pub fn kept(&self) -> f64 {
        (self.from.alpha / self.from.sigma) * (self.to.sigma / self.to.alpha)
    }

    /// `h`: half the growth of the log-SNR, which is the step length of the DPM-Solver papers; infinite when the step
    /// starts without signal or ends without noise.
    pub fn length(&self) -> f64 {
        -self.kept().ln()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(alpha: f64, sigma: f64) -> Level {
        Level { alpha, sigma }
    }

    #[test]
    fn a_path_from_no_signal_to_no_noise_is_legal() {
        let path = [level(0.0, 1.0), level(0.6, 0.8), level(1.0, 0.0)];
        let steps = steps(&path).unwrap();
        assert_eq!(steps.iter().map(PathStep::kept).collect::<Vec<_>>(), [0.0, 0.0]);
        assert!(steps.iter().all(|step| step.length() == f64::INFINITY));
    }

    #[test]
    fn paths_that_are_not_are_refused() {
        let refused = |path: &[Level]| steps(path).unwrap_err().to_string();
        assert!(refused(&[level(0.0, 1.0)]).contains("two noise levels"));
        assert!(refused(&[level(1.0, f64::INFINITY), level(1.0, 0.0)]).contains("not finite"));
        assert!(refused(&[level(0.6, 0.8), level(0.6, 0.8)]).contains("step 1"));
        assert!(refused(&[level(0.0, 1.0), level(0.0, 1.0), level(1.0, 0.0)]).contains("step 1"));
        assert!(refused(&[level(0.6, 0.8), level(1.0, 0.0), level(1.0, 0.0)]).contains("step 2"));
        assert!(refused(&[level(0.8, 0.6), level(0.6, 0.8)]).contains("step 1"));
    }
}
