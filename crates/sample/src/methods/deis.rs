//! DEIS (Zhang and Chen 2023, "Fast Sampling of Diffusion Models with Exponential Integrator", arXiv 2204.13902), the
//! log-rho Adams-Bashforth form (tAB-DEIS over `ln(sigma / alpha)`, eq. 15): a polynomial in the log-SNR through the noise of
//! the last answers, integrated exactly over `sigma / alpha`.
//!
//! diffusers' `DEISMultistepScheduler` with `solver_order` = `order`. The step to `sigma = 0`, where the log-SNR is
//! infinite, is of first order.

use burn::tensor::Tensor;
use langevin_core::registry::{Entry, OptionDoc};
use langevin_core::{Denoiser, Level, Result, Run};

use crate::multistep::{LOWER_ORDER_FINAL, highest_order};
use crate::noise_history::walk;
use crate::quadrature::{exponential_moments, lagrange_integrals};
use crate::sampler::Sampler;
use crate::walk::whole;

pub(super) const ENTRY: Entry<dyn Sampler> = Entry {
    name: "deis",
    aliases: &["deis_multistep"],
    summary: "exponential multistep in the noise over log-SNR, one model call a step",
    source: "Zhang and Chen 2023, eq. 15 (arXiv 2204.13902)",
    options: &[
        OptionDoc { key: "order", default: "2", doc: "how many denoiser outputs a step uses, 1 to 4" },
        LOWER_ORDER_FINAL,
    ],
    cases: &["deis", "deis:order=3", "deis:order=4"],
    build: |options| {
        Ok(Box::new(Deis {
            order: whole(options, "order", 1, 4)?,
            lower_order_final: options.get("lower_order_final")?,
        }))
    },
    ..Entry::BLANK
};

#[derive(Debug)]
struct Deis {
    order: usize,
    lower_order_final: bool,
}

impl Sampler for Deis {
    fn sample(
        &self,
        model: &dyn Denoiser,
        x: Tensor<4>,
        path: &[Level],
        run: &mut Run<'_>,
    ) -> Result<Tensor<4>> {
        walk(model, x, path, run, self.order, |nodes, step| {
            if step.to.sigma == 0.0 {
                return vec![1.0];
            }
            let order = highest_order(step, self.order, self.lower_order_final).min(nodes.len());
            // u = ln(from / ratio) runs from 0 to h over the step, and d(ratio) is -from * exp(-u) du.
            let from = step.from.ratio();
            let nodes: Vec<f64> = nodes[..order].iter().map(|node| (from / node.ratio).ln()).collect();
            let moments = exponential_moments(1.0, step.length(), order);
            lagrange_integrals(&nodes, &moments).iter().map(|weight| weight / moments[0]).collect()
        })
    }

    fn calls(&self, path: &[Level]) -> usize {
        path.len() - 1
    }

    fn order(&self) -> Option<usize> {
        Some(self.order)
    }
}
