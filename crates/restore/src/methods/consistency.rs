//! Data consistency with any sampler: the model's clean images are corrected by the measurement wherever it is asked ([`Consistent`]),
//! and a sampler of `langevin sample` walks as if that were a model of the measured images.
//!
//! With `correction=pinv` and `sampler=ddim` it is DDNM with `eta = 0` but for the noise, which is seen beside the corrected image; with
//! `correction=prox` it is DiffPIR with `zeta = 0`. Higher-order samplers make of it what few calls allow.

use burn::tensor::Tensor;
use langevin_core::registry::{Entry, OptionDoc};
use langevin_core::{Level, Result, Run};
use langevin_sample::{SAMPLERS, Sampler};

use super::diffpir::LAMBDA;
use crate::consistent::{Consistent, Correction};
use crate::method::{Method, Needs, Prior};
use crate::problem::Problem;
use crate::walk::{Walk, choice};

pub(super) const ENTRY: Entry<dyn Method> = Entry {
    name: "consistency",
    aliases: &["consistent"],
    summary: "any sampler, with the model's images corrected by the measurement",
    source: "Wang, Yu and Zhang 2023, eq. 13 (arXiv 2212.00490); Zhu et al. 2023, eq. 13 (arXiv 2305.08995)",
    options: &[
        OptionDoc {
            key: "sampler",
            default: "dpmpp_2m",
            doc: "a sampler, with at most one option: ddim:eta=1",
        },
        OptionDoc {
            key: "correction",
            default: "auto",
            doc: "pinv: exact agreement; prox: as far as the noise allows; auto: by whether there is noise",
        },
        LAMBDA,
    ],
    cases: &["consistency", "consistency:sampler=heun,correction=pinv"],
    candidates: &[
        "consistency",
        "consistency:sampler=ddim",
        "consistency:sampler=ddim:eta=1",
        "consistency:lambda=0.3",
    ],
    build: |options| {
        Ok(Box::new(Consistency {
            sampler: SAMPLERS.build(options.text("sampler"))?,
            exact: [None, Some(true), Some(false)][choice(options, "correction", &["auto", "pinv", "prox"])?],
            lambda: options.number("lambda", 1e-6, 1e6)?,
        }))
    },
};

#[derive(Debug)]
struct Consistency {
    sampler: Box<dyn Sampler>,
    exact: Option<bool>,
    lambda: f64,
}

impl Method for Consistency {
    fn needs(&self) -> Needs {
        Needs { linear: true, ..Needs::default() }
    }

    fn restore(
        &self,
        prior: Prior<'_>,
        problem: &Problem,
        path: &[Level],
        run: &mut Run<'_>,
    ) -> Result<Tensor<4>> {
        let x = Walk::new(self.needs(), prior, problem, path, 0, run)?.start(path[0]);
        let correction = match self.exact {
            Some(true) => Correction::PseudoInverse,
            _ => Correction::Prox { lambda: self.lambda },
        };
        let model = Consistent::new(prior.denoiser, problem, correction)?;
        self.sampler.sample(&model, x, path, run)
    }

    fn calls(&self, path: &[Level]) -> usize {
        self.sampler.calls(path)
    }

    fn samples(&self) -> bool {
        true
    }
}
