//! Predictor-corrector sampling: Song et al. 2021 (2011.13456), Algorithms 1 to 5 of appendix G. At every level the corrector
//! makes Langevin steps that lead the image to the distribution of that level, and the predictor goes on to the next; as in
//! the authors' code and diffusers' `ScoreSdeVeScheduler`, the corrector comes first, and the last step adds no noise.
//!
//! The predictors in any process, with `a = alpha / alpha'` and `G^2 = sigma^2 - a^2 sigma'^2` (`a = 1` in VE, `G^2 = 1 - a^2 = beta` in
//! VP): `reverse_diffusion` is `(2 - a) x + G^2 score + G z`, Algorithms 2 and 3; `ancestral` draws from DDPM's posterior (eq. 4
//! and appendix F; for VP the authors add the larger noise `G`); `euler_maruyama` is a step of the reverse SDE over
//! `ln(sigma / alpha)`, `(1 - ln a) x + g^2 score + g z` with `g^2 = 2 sigma^2 ln(r / r')`. Euler-Maruyama diverges where a step
//! is long: steps with `g^2 > sigma^2 / 2` are those of `reverse_diffusion`.
//!
//! The corrector's step is `2 (snr |z| / |score|)^2`, in VP and sub-VP times `a^2`, Algorithms 4 and 5. The authors take the mean of the
//! norms over the batch; here each image has its own, so that it does not depend on the batch, and a step of at
//! most `25 sigma^2`, since a score near zero asks for a step without bound.

use burn::tensor::Tensor;
use langevin_core::registry::{Entry, OptionDoc};
use langevin_core::{Denoiser, Error, Level, Result, Run};

use crate::path::{PathStep, steps};
use crate::sampler::Sampler;
use crate::walk::{choice, evaluate, fresh, report, whole};

pub(super) const ENTRY: Entry<dyn Sampler> = Entry {
    name: "pc",
    aliases: &["predictor_corrector"],
    summary: "predictor-corrector: Langevin steps between the steps of the reverse SDE",
    source: "Song et al. 2021, Algorithms 1 to 5 (arXiv 2011.13456)",
    options: &[
        OptionDoc {
            key: "predictor",
            default: "reverse_diffusion",
            doc: "reverse_diffusion, ancestral, euler_maruyama or none",
        },
        OptionDoc { key: "corrector", default: "langevin", doc: "langevin or none" },
        OptionDoc {
            key: "snr",
            default: "0.16",
            doc: "signal-to-noise ratio of a corrector step, 0 to 1 (0.16 for 32x32, 0.075 for 256x256 and VE)",
        },
        OptionDoc { key: "corrector_steps", default: "1", doc: "corrector steps at a level, 1 to 100" },
    ],
    cases: &[
        "pc",
        "pc:predictor=ancestral",
        "pc:predictor=euler_maruyama,corrector=none",
        "pc:predictor=reverse_diffusion,corrector_steps=2,snr=0.1",
    ],
    build: |options| {
        let words = ["reverse_diffusion", "ancestral", "euler_maruyama", "none"];
        let predictor = match choice(options, "predictor", &words)? {
            0 => Predictor::ReverseDiffusion,
            1 => Predictor::Ancestral,
            2 => Predictor::EulerMaruyama,
            _ => Predictor::None,
        };
        let count = whole(options, "corrector_steps", 1, 100)?;
        let corrections = if choice(options, "corrector", &["langevin", "none"])? == 0 { count } else { 0 };
        if corrections == 0 && matches!(predictor, Predictor::None) {
            return Err(Error::usage("pc: without predictor and corrector nothing happens"));
        }
        Ok(Box::new(Pc { predictor, corrections, snr: options.number("snr", 1e-6, 1.0)? }))
    },
    ..Entry::BLANK
};

#[derive(Debug, Clone, Copy)]
enum Predictor {
    ReverseDiffusion,
    Ancestral,
    EulerMaruyama,
    None,
}

#[derive(Debug)]
struct Pc {
    predictor: Predictor,
    corrections: usize,
    snr: f64,
}

/// The coefficients of a predictor: `x' = x * self.x + denoised * self.x0 + z * self.noise`.
struct Prediction {
    x: f64,
    x0: f64,
    noise: f64,
}

impl Predictor {
    fn step(self, step: PathStep) -> Prediction {
        let (from, to) = (step.from, step.to);
        let a = from.alpha / to.alpha;
        let square = from.sigma * from.sigma;
        // sigma^2 score = alpha D - x, so what is `c x + b score` is `(c - b / sigma^2) x + b alpha / sigma^2 D`.
        let of = |c: f64, b: f64| {
            let share = b / square;
            Prediction { x: c - share, x0: share * from.alpha, noise: b.max(0.0).sqrt() }
        };
        let reverse_diffusion = || of(2.0 - a, square - (a * to.sigma).powi(2));
        let made = match self {
            Self::ReverseDiffusion => reverse_diffusion(),
            Self::EulerMaruyama => {
                let rate = 2.0 * square * step.length();
                if rate > 0.5 * square { reverse_diffusion() } else { of(1.0 - a.ln(), rate) }
            }
            Self::Ancestral => {
                let posterior = from.ancestral(to, 1.0);
                Prediction { x: posterior.x, x0: posterior.x0, noise: posterior.noise }
            }
            Self::None => {
                Prediction { x: if a > 0.0 { 1.0 / a } else { to.sigma / from.sigma }, x0: 0.0, noise: 0.0 }
            }
        };
        // The last step has no noise and, whatever the predictor, ends on the clean image.
        if to.is_clean() { Prediction { x: 0.0, x0: to.alpha, noise: 0.0 } } else { made }
    }
}

impl Pc {
    /// One Langevin step of the corrector at the start of `step`.
    fn correct(&self, step: PathStep, x: Tensor<4>, denoised: Tensor<4>, noise: Tensor<4>) -> Tensor<4> {
        let from = step.from;
        let score = (denoised.mul_scalar(from.alpha) - x.clone()).div_scalar(from.sigma * from.sigma);
        let norm = |of: &Tensor<4>| of.clone().square().sum_dim(1).sum_dim(2).sum_dim(3).sqrt();
        // A score of zero asks for an endless step, which is then the longest.
        let ratio = norm(&noise) / norm(&score).clamp_min(1e-30);
        let scale = (from.alpha / step.to.alpha).powi(2);
        let length = ratio.square().mul_scalar(2.0 * self.snr * self.snr * scale);
        let length = length.clamp_max(25.0 * from.sigma * from.sigma);
        x + score * length.clone() + noise * length.mul_scalar(2.0).sqrt()
    }
}

impl Sampler for Pc {
    fn sample(
        &self,
        model: &dyn Denoiser,
        mut x: Tensor<4>,
        path: &[Level],
        run: &mut Run<'_>,
    ) -> Result<Tensor<4>> {
        for step in steps(path)? {
            let first = (step.index * (self.corrections + 1)) as u64;
            for correction in 0..self.corrections {
                let denoised = evaluate(model, &x, step.from, run)?;
                let noise = fresh(run, first + correction as u64 + 1, &x);
                x = self.correct(step, x, denoised, noise);
            }
            let denoised = evaluate(model, &x, step.from, run)?;
            let Prediction { x: keep, x0, noise } = self.predictor.step(step);
            x = x.mul_scalar(keep) + denoised.clone().mul_scalar(x0);
            if noise > 0.0 {
                x = x.clone() + fresh(run, first, &x).mul_scalar(noise);
            }
            report(run, step, &x, &denoised)?;
        }
        Ok(x)
    }

    fn calls(&self, path: &[Level]) -> usize {
        (path.len() - 1) * (self.corrections + 1)
    }

    fn order(&self) -> Option<usize> {
        None
    }
}

#[cfg(test)]
mod tests {
    use langevin_core::closed_form::Mixture;
    use langevin_core::registry::Registry;
    use langevin_core::{Cond, Levels};
    use serde_json::Value;

    use super::*;

    /// Corrector and predictor of diffusers' `ScoreSdeVeScheduler`, step by step (`references/golden/score_sde.py`).
    #[test]
    fn steps_are_those_of_diffusers() {
        let golden = include_str!("../../../../references/golden/score_sde.json");
        let golden: Value = serde_json::from_str(golden).unwrap();
        let numbers = |value: &Value| -> Vec<f64> {
            value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
        };
        let tensor = |values: &[f64]| {
            let values: Vec<f32> = values.iter().map(|v| *v as f32).collect();
            langevin_core::signed_to_batch(values, [1, 2, 1, 1], &burn::tensor::Device::flex())
        };
        let check = |made: &Tensor<4>, wanted: &[f64], what: &str| {
            let made = made.clone().try_into_vec_as::<f32>().unwrap();
            for (made, wanted) in made.iter().zip(wanted) {
                let off = (f64::from(*made) - wanted).abs();
                assert!(off < 2e-5 * (1.0 + wanted.abs()), "{what}: {made} and not {wanted}");
            }
        };
        let pc = Pc { predictor: Predictor::ReverseDiffusion, corrections: 1, snr: 0.16 };
        let path: Vec<Level> =
            numbers(&golden["sigmas"]).iter().map(|sigma| Level { alpha: 1.0, sigma: *sigma }).collect();
        let (noises, states) = (golden["noises"].as_array().unwrap(), golden["states"].as_array().unwrap());
        let mut x = tensor(&numbers(&golden["start"]));
        for step in steps(&path).unwrap() {
            let evaluate = |x: &Tensor<4>| {
                Mixture::three().denoise(x.clone(), &Levels::all(step.from, 1), &Cond::none()).unwrap()
            };
            let at = 2 * step.index;
            let denoised = evaluate(&x);
            x = pc.correct(step, x, denoised, tensor(&numbers(&noises[at])));
            check(&x, &numbers(&states[at]), &format!("corrector {}", step.index));
            let Prediction { x: keep, x0, noise } = pc.predictor.step(step);
            let denoised = evaluate(&x);
            x = x.mul_scalar(keep)
                + denoised.mul_scalar(x0)
                + tensor(&numbers(&noises[at + 1])).mul_scalar(noise);
            check(&x, &numbers(&states[at + 1]), &format!("predictor {}", step.index));
        }
    }

    #[test]
    fn the_predictor_of_a_vp_process_is_algorithm_3() {
        let (signal, beta): (f64, f64) = (0.7, 0.03);
        let to = Level { alpha: signal.sqrt(), sigma: (1.0 - signal).sqrt() };
        let kept = signal * (1.0 - beta);
        let from = Level { alpha: kept.sqrt(), sigma: (1.0 - kept).sqrt() };
        let made = Predictor::ReverseDiffusion.step(PathStep { index: 0, count: 2, from, to });
        // (2 - sqrt(1 - beta)) x + beta score + sqrt(beta) z.
        let (x, clean) = (0.3, -0.4);
        let score = (from.alpha * clean - x) / (from.sigma * from.sigma);
        let wanted = (2.0 - (1.0 - beta).sqrt()) * x + beta * score;
        assert!((made.x * x + made.x0 * clean - wanted).abs() < 1e-12);
        assert!((made.noise - beta.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn slips_are_named() {
        let registry: Registry<dyn Sampler> = Registry { kind: "sampler", entries: &[ENTRY] };
        for bad in
            ["pc:predictor=x", "pc:corrector=x", "pc:predictor=none,corrector=none", "pc:corrector_steps=0"]
        {
            assert_eq!(registry.build(bad).unwrap_err().exit_code(), 2, "{bad}");
        }
    }
}
