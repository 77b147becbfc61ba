//! Adaptive DPM-Solver-12 and -23 (Lu et al. 2022, arXiv 2206.00927, appendix C): every step in two orders, whose difference
//! chooses its size; k-diffusion's `sample_dpm_adaptive`.
//!
//! Walks `x / alpha` over the half log-SNR, each image with steps of its own. The size follows the error by the integral
//! rule of k-diffusion, its defaults and its limiter. See [`crate::adaptive`] for the ends.

use burn::tensor::Tensor;
use langevin_core::registry::{Entry, OptionDoc};
use langevin_core::{Level, Result};

use crate::adaptive::{Adaptive, Asked, END, Lane, MAX_CALLS, Pair, Tried, column, errors, gather};
use crate::sampler::Sampler;
use crate::walk::whole;

pub(super) const ENTRY: Entry<dyn Sampler> = Entry {
    name: "dpm_adaptive",
    aliases: &["dpm_solver_adaptive"],
    summary: "DPM-Solver with step sizes chosen for each image; --steps 1 is enough",
    source: "Lu et al. 2022, appendix C (arXiv 2206.00927); k-diffusion, sample_dpm_adaptive",
    options: &[
        OptionDoc { key: "order", default: "3", doc: "2 (orders 1 and 2) or 3 (orders 2 and 3)" },
        OptionDoc { key: "rtol", default: "0.05", doc: "error allowed in a step, relative to the image" },
        OptionDoc {
            key: "atol",
            default: "0.0078",
            doc: "error allowed in a step where the image is near 0",
        },
        OptionDoc { key: "h_init", default: "0.05", doc: "the first step tried, in half log-SNR" },
        END,
        MAX_CALLS,
    ],
    cases: &["dpm_adaptive", "dpm_adaptive:order=2"],
    build: |options| {
        let pair = DpmAdaptive {
            order: whole(options, "order", 2, 3)?,
            rtol: options.number("rtol", 1e-6, 1.0)?,
            atol: options.number("atol", 1e-6, 1.0)?,
            first: options.number("h_init", 1e-6, 10.0)?,
        };
        Ok(Box::new(Adaptive::read(options, pair)?))
    },
    ..Entry::BLANK
};

#[derive(Debug)]
struct DpmAdaptive {
    order: usize,
    rtol: f64,
    atol: f64,
    first: f64,
}

fn level(lambda: f64) -> Level {
    Level { alpha: 1.0, sigma: (-lambda).exp() }
}

impl Pair for DpmAdaptive {
    fn place(&self, level: Level) -> f64 {
        -level.ratio().ln()
    }

    fn level(&self, place: f64) -> Level {
        level(place)
    }

    fn first_step(&self, length: f64) -> f64 {
        self.first.min(length)
    }

    fn calls(&self) -> usize {
        self.order
    }

    /// Everything is written with clean images: a change of noise from `D` to an answer `D'` at `sigma'` is `(D - D') / sigma'`, and
    /// the error is made of changes alone. As a difference of noises, or of the ends in two orders, it would be lost in the
    /// rounding of the image at high noise, where it decides the sizes of the first steps.
    fn attempt(&self, asked: &Asked<'_>, from: &[Lane], to: &[f64]) -> Result<Vec<Tried>> {
        let x = gather(from);
        let device = x.device();
        let starts: Vec<f64> = from.iter().map(|lane| lane.place).collect();
        let steps = || starts.iter().copied().zip(to.iter().copied());
        let each = |of: &dyn Fn(f64, f64) -> f64| column(steps().map(|(s, t)| of(s, t)), &device);
        let sigma = |part: f64| move |s: f64, t: f64| level(s + part * (t - s)).sigma;
        let answer = |x: &Tensor<4>, part: f64| {
            asked.evaluate(x, from, steps().map(|(s, t)| level(s + part * (t - s))).collect())
        };
        let denoised = answer(&x, 0.0)?;
        // DDIM's step to a part of the way.
        let straight = |part: f64| {
            let kept = each(&|s, t| (-part * (t - s)).exp());
            let gain = each(&|s, t| -(-part * (t - s)).exp_m1());
            x.clone() * kept + denoised.clone() * gain
        };
        // How the noise seen there differs from that at the start.
        let change =
            |seen: Tensor<4>, part: f64| (denoised.clone() - seen) * each(&|s, t| 1.0 / sigma(part)(s, t));
        let part = if self.order == 2 { 0.5 } else { 1.0 / 3.0 };
        let early = change(answer(&straight(part), part)?, part);
        let first = straight(1.0);
        let bend = early.clone() * each(&|s, t| -level(t).sigma * (t - s).exp_m1() / (2.0 * part));
        let (low, high, difference) = if self.order == 2 {
            (first.clone(), first + bend.clone(), bend)
        } else {
            let slope = |h: f64| h.exp_m1() / h - 1.0;
            let (part_1, part_2) = (1.0 / 3.0, 2.0 / 3.0);
            // In noise, then in the image.
            let more = early * each(&|s, t| -part_2 / part_1 * slope(part_2 * (t - s)));
            let inside = straight(part_2) + more.clone() * each(&sigma(part_2));
            let late = change(answer(&inside, part_2)?, part_2) + more;
            let curve = late * each(&|s, t| -level(t).sigma / part_2 * slope(t - s));
            (first.clone() + bend.clone(), first + curve.clone(), curve - bend)
        };
        // The step before is judged by its own lower order.
        let before: Vec<Tensor<4>> =
            from.iter().map(|lane| lane.kept.clone().unwrap_or_else(|| lane.x.clone())).collect();
        let before = Tensor::cat(before, 0);
        let tolerance = |a: f64, b: f64| self.atol.max(self.rtol * a.max(b));
        let errors = errors(difference, [&low, &before], tolerance);
        let one = |x: &Tensor<4>, i: usize| x.clone().slice_dim(0, i..i + 1);
        let tried = errors.into_iter().enumerate().map(|(i, error)| Tried {
            x: one(&high, i),
            kept: one(&low, i),
            denoised: one(&denoised, i),
            error,
        });
        Ok(tried.collect())
    }

    fn judge(&self, error: f64) -> (bool, f64) {
        let factor = (1.0 / (error + 1e-8)).powf(1.0 / self.order as f64);
        let factor = 1.0 + (factor - 1.0).atan();
        (factor >= 0.81, factor)
    }

    /// As k-diffusion, whose controller is not told that the step was cut.
    fn base(&self, wanted: f64, _used: f64) -> f64 {
        wanted
    }
}
