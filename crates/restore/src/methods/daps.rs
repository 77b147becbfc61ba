//! DAPS (Zhang et al. 2025, "Improving Diffusion Inverse Problem Solving with Decoupled Noise Annealing", arXiv 2407.01521, Algorithm
//! 1): at each level a few steps of the probability flow guess a clean image, which is then drawn from
//! `exp(-|x - guess|^2 / 2 r^2 - |y - A(x)|^2 / 2 tau^2)` and put under the noise of the next level. Levels are not chained, so
//! errors of one do not carry on to the next.
//!
//! * The flow: `ode` Euler steps from `s = sigma / alpha` to 0.01 (0.1 `s` where that is less), by Karras' rho of 7, and to the clean end (the
//!   authors' settings).
//! * The draw: `langevin` steps of Langevin dynamics from the guess, `r = s` (eq. 7). Their size is `lr` in units of `1 / (1/r^2 + 1/tau^2)`,
//!   beyond twice which they are unstable, and falls to a hundredth at the last level: the authors' `lr` 1e-4 with `tau` 0.01 is 1.
//!   With `inner=exact` the normal distribution is drawn at once, for linear operators.
//!
//! `tau` is the noise of the measurement; `auto` takes what the problem says, and 0.01 (the authors' setting for all) where it says none.
//! At `alpha = 0`, `r` is that of the next level.
//!
//! On Gaussian data the flow's end is not the posterior mean but a point with the deviation of data around it, so the draw is right only
//! where the guess is isotropic around it with variance `r^2`.

use burn::tensor::Tensor;
use langevin_core::registry::{Entry, OptionDoc};
use langevin_core::{Level, Result, Run};
use langevin_sample::steps;

use crate::method::{Method, Needs, Prior};
use crate::problem::Problem;
use crate::walk::{Walk, choice, whole};

pub(super) const ENTRY: Entry<dyn Method> = Entry {
    name: "daps",
    aliases: &[],
    summary: "a guess by the flow, drawn to the measurement, under noise again; any operator, many calls",
    source: "Zhang et al. 2025, Algorithm 1 (arXiv 2407.01521)",
    options: &[
        OptionDoc { key: "ode", default: "5", doc: "steps of the flow, each a call, 1 to 100" },
        OptionDoc {
            key: "inner",
            default: "langevin",
            doc: "how the guess is drawn to the measurement: langevin, or exact (linear operators)",
        },
        OptionDoc { key: "langevin", default: "100", doc: "Langevin steps, 1 to 10000" },
        OptionDoc { key: "lr", default: "1", doc: "their size at the first level, above 0 and below 2" },
        OptionDoc { key: "lr_min_ratio", default: "0.01", doc: "the share of it at the last level, 0 to 1" },
        OptionDoc {
            key: "tau",
            default: "auto",
            doc: "deviation of the measurement's noise in units of -1 to 1; auto: as stated",
        },
    ],
    cases: &["daps:langevin=5", "daps:inner=exact,ode=1"],
    candidates: &[
        "daps:langevin=30",
        "daps:langevin=30,ode=2",
        "daps:langevin=30,ode=1",
        "daps:inner=exact,ode=1",
    ],
    build: |options| {
        let tau = match options.text("tau") {
            "auto" => None,
            _ => Some(options.number("tau", 1e-6, 1e3)?),
        };
        Ok(Box::new(Daps {
            ode: whole(options, "ode", 1, 100)?,
            exact: choice(options, "inner", &["langevin", "exact"])? == 1,
            langevin: whole(options, "langevin", 1, 10_000)?,
            rate: options.number("lr", 1e-9, 2.0)?,
            least: options.number("lr_min_ratio", 0.0, 1.0)?,
            tau,
        }))
    },
};

#[derive(Debug)]
struct Daps {
    ode: usize,
    exact: bool,
    langevin: usize,
    rate: f64,
    least: f64,
    tau: Option<f64>,
}

/// The deviation that stands for none.
const NO_NOISE: f64 = 0.01;
/// The noise, over the signal, from which the flow goes to the clean end at once.
const LAST: f64 = 0.01;
/// How the levels of the flow crowd at its end.
const RHO: f64 = 7.0;

impl Daps {
    /// The levels of the flow from `from`, in images of full signal but for the first where that has none; `reach` is the
    /// noise of the first that has.
    fn flow(&self, from: Level, reach: f64) -> Vec<Level> {
        let noisy = |ratio: f64| Level { alpha: 1.0, sigma: ratio };
        let mut levels = Vec::new();
        let mut count = self.ode;
        if from.alpha == 0.0 {
            levels.push(from);
            count -= 1;
        }
        let least = LAST.min(0.1 * reach);
        let (first, last) = (reach.powf(1.0 / RHO), least.powf(1.0 / RHO));
        let part = |index: usize| index as f64 / (count - 1).max(1) as f64;
        levels.extend((0..count).map(|index| noisy((first + part(index) * (last - first)).powf(RHO))));
        levels.push(Level::CLEAN);
        levels
    }

    /// A draw from the guess and the measurement together; `part` of the way is done.
    fn drawn(
        &self,
        walk: &mut Walk<'_, '_, '_>,
        guess: &Tensor<4>,
        reach: f64,
        tau: f64,
        part: f64,
    ) -> Result<Tensor<4>> {
        let problem = walk.problem;
        if self.exact {
            // The least squares of a disturbed measurement and a disturbed guess is a draw.
            let y = problem.y() + walk.fresh_measured().mul_scalar(tau);
            let guess = guess.clone() + walk.fresh().mul_scalar(reach);
            let rho = tau * tau / (reach * reach);
            return Ok(problem.with_measurement(y).linear()?.prox(guess, rho));
        }
        let (pull, hold) = (1.0 / (tau * tau), 1.0 / (reach * reach));
        let size = self.rate * (1.0 + part * (self.least - 1.0)) / (pull + hold);
        let mut x = guess.clone();
        for _ in 0..self.langevin {
            let towards = problem.pull(x.clone(), problem.residual(x.clone()));
            let drift = towards.mul_scalar(size * pull) + (guess.clone() - x.clone()).mul_scalar(size * hold);
            x = x + drift + walk.fresh().mul_scalar((2.0 * size).sqrt());
        }
        Ok(x)
    }
}

impl Method for Daps {
    fn needs(&self) -> Needs {
        Needs { linear: self.exact, ..Needs::default() }
    }

    fn restore(
        &self,
        prior: Prior<'_>,
        problem: &Problem,
        path: &[Level],
        run: &mut Run<'_>,
    ) -> Result<Tensor<4>> {
        let count = path.len().saturating_sub(1);
        let mut walk = Walk::new(self.needs(), prior, problem, path, count, run)?;
        let tau = self.tau.unwrap_or(if problem.sigma() > 0.0 { problem.sigma() } else { NO_NOISE });
        let mut x = walk.begin(path[0]);
        for (index, pair) in path.windows(2).enumerate() {
            let (from, to) = (pair[0], pair[1]);
            let finite = |level: &Level| level.alpha > 0.0 && level.sigma > 0.0;
            let reach = [from, to].into_iter().find(finite).map_or(1.0, Level::ratio);
            let mut guess = if from.alpha > 0.0 { x.mul_scalar(1.0 / from.alpha) } else { x };
            for step in steps(&self.flow(from, reach))? {
                let denoised = walk.ask(&guess, step.from)?;
                guess = step.advance(guess, denoised);
            }
            let part = index as f64 / count as f64;
            let drawn = self.drawn(&mut walk, &guess, reach, tau, part)?;
            x = drawn.clone().mul_scalar(to.alpha);
            if !to.is_clean() {
                x = x + walk.fresh().mul_scalar(to.sigma);
            }
            walk.tell(to, &x, &drawn)?;
        }
        Ok(x)
    }

    fn calls(&self, path: &[Level]) -> usize {
        path.len().saturating_sub(1) * self.ode
    }

    fn samples(&self) -> bool {
        true
    }

    fn begins(&self) -> bool {
        true
    }
}
