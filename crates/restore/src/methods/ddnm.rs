//! DDNM (Wang, Yu and Zhang 2023, "Zero-Shot Image Restoration Using Denoising Diffusion Null-Space Model", arXiv 2212.00490,
//! Algorithm 1 and, with time travel, Algorithm 2): the model's clean image is made to agree with the measurement,
//! `x0' = A+ y + (I - A+ A) x0` (eq. 13), before every step.
//!
//! The step is the authors' own: `alpha' x0' + sigma' (sqrt(1 - eta^2) e + eta z)`, with `e` the noise seen beside `x0`, not
//! `x0'`. Time travel goes back `travel` steps through the forward process `repeat` times, as in RePaint.
//!
//! The end agrees with a measurement without noise exactly; with noise it would reproduce that too, which is why it is refused.

use burn::tensor::Tensor;
use langevin_core::registry::{Entry, OptionDoc};
use langevin_core::{Level, Result, Run};

use crate::method::{Method, Needs, Prior};
use crate::problem::Problem;
use crate::travel;
use crate::walk::{Walk, noise_in, whole};

pub(super) const ETA: OptionDoc =
    OptionDoc { key: "eta", default: "0.85", doc: "share of fresh noise in a step, 0 to 1" };
pub(super) const TRAVEL: OptionDoc = OptionDoc {
    key: "travel",
    default: "1",
    doc: "steps that are taken back at once (the paper's l), 1 to 1000",
};
pub(super) const REPEAT: OptionDoc = OptionDoc {
    key: "repeat",
    default: "1",
    doc: "how often those steps are walked in all (the paper's r), 1 (no travel) to 1000",
};

pub(super) const ENTRY: Entry<dyn Method> = Entry {
    name: "ddnm",
    aliases: &[],
    summary: "the model's image made to agree with an exact measurement before every step; fast, no derivative",
    source: "Wang, Yu and Zhang 2023, eq. 13, Algorithms 1 and 2 (arXiv 2212.00490)",
    options: &[ETA, TRAVEL, REPEAT],
    cases: &["ddnm", "ddnm:travel=2,repeat=2"],
    candidates: &["ddnm:eta=0", "ddnm:eta=0.85", "ddnm:eta=1", "ddnm:travel=2,repeat=3"],
    build: |options| {
        Ok(Box::new(Ddnm {
            eta: options.number("eta", 0.0, 1.0)?,
            travel: whole(options, "travel", 1, 1000)?,
            repeat: whole(options, "repeat", 1, 1000)?,
        }))
    },
};

#[derive(Debug)]
struct Ddnm {
    eta: f64,
    travel: usize,
    repeat: usize,
}

impl Method for Ddnm {
    fn needs(&self) -> Needs {
        Needs { linear: true, noiseless: true, ..Needs::default() }
    }

    fn restore(
        &self,
        prior: Prior<'_>,
        problem: &Problem,
        path: &[Level],
        run: &mut Run<'_>,
    ) -> Result<Tensor<4>> {
        let mut walk = Walk::new(self.needs(), prior, problem, path, self.calls(path), run)?;
        let linear = problem.linear()?;
        let x = walk.begin(path[0]);
        walk.travel(path, (self.travel, self.repeat), x, |walk, x, from, to| {
            let denoised = walk.ask(&x, from)?;
            let seen = noise_in(&x, &denoised, from);
            let consistent = linear.consistent(denoised);
            Ok((walk.renewed(to, &consistent, seen, self.eta), consistent))
        })
    }

    fn calls(&self, path: &[Level]) -> usize {
        travel::calls(path.len().saturating_sub(1), self.travel, self.repeat)
    }

    fn samples(&self) -> bool {
        true
    }

    fn begins(&self) -> bool {
        true
    }
}
