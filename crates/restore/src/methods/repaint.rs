//! RePaint (Lugmayr et al. 2022, "RePaint: Inpainting using Denoising Diffusion Probabilistic Models", arXiv 2201.09865,
//! Algorithm 1): replacement, and every few steps a jump back: true noise of the forward process is added, and the steps are
//! walked again, so that what is drawn and what is known come to agree.
//!
//! Eq. 8a is the measurement under noise, eq. 8b the ancestral step, eq. 8c their sum. For a mask those are pixels; any other
//! linear operator has the range of `A+` in place of the known pixels. A jump of several levels draws its noise at once,
//! which is the same distribution. The paper's 250 steps with `jump=10,repeat=10` are 2410 calls.

use burn::tensor::Tensor;
use langevin_core::registry::{Entry, OptionDoc};
use langevin_core::{Level, Result, Run};

use super::replacement::replaced;
use crate::method::{Method, Needs, Prior};
use crate::problem::Problem;
use crate::travel;
use crate::walk::{Walk, whole};

pub(super) const ENTRY: Entry<dyn Method> = Entry {
    name: "repaint",
    aliases: &[],
    summary: "replacement that goes back and forth until both parts agree; many calls",
    source: "Lugmayr et al. 2022, Algorithm 1 (arXiv 2201.09865)",
    options: &[
        OptionDoc {
            key: "jump",
            default: "10",
            doc: "steps that are taken back at once (the paper's j), 1 to 1000",
        },
        OptionDoc {
            key: "repeat",
            default: "10",
            doc: "how often those steps are walked in all (the paper's r), 1 to 1000",
        },
        OptionDoc { key: "eta", default: "1", doc: "share of fresh noise in a step, 0 to 1; 1 is ddpm's" },
    ],
    cases: &["repaint:jump=2,repeat=3"],
    candidates: &[
        "repaint:jump=1,repeat=2",
        "repaint:jump=1,repeat=4",
        "repaint:jump=2,repeat=3",
        "repaint:jump=5,repeat=3",
    ],
    build: |options| {
        Ok(Box::new(RePaint {
            jump: whole(options, "jump", 1, 1000)?,
            repeat: whole(options, "repeat", 1, 1000)?,
            eta: options.number("eta", 0.0, 1.0)?,
        }))
    },
};

#[derive(Debug)]
struct RePaint {
    jump: usize,
    repeat: usize,
    eta: f64,
}

impl Method for RePaint {
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
        let x = walk.begin(path[0]);
        walk.travel(path, (self.jump, self.repeat), x, |walk, x, from, to| {
            let denoised = walk.ask(&x, from)?;
            let parts = from.ancestral(to, self.eta);
            let mut x = x.mul_scalar(parts.x) + denoised.clone().mul_scalar(parts.x0);
            if parts.noise > 0.0 {
                x = x + walk.fresh().mul_scalar(parts.noise);
            }
            Ok((replaced(walk, x, to)?, denoised))
        })
    }

    fn calls(&self, path: &[Level]) -> usize {
        travel::calls(path.len().saturating_sub(1), self.jump, self.repeat)
    }

    fn samples(&self) -> bool {
        true
    }

    fn begins(&self) -> bool {
        true
    }
}
