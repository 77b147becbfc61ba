//! DDIM (Song, Meng and Ermon 2021, "Denoising Diffusion Implicit Models", arXiv 2010.02502), eq. 12 with the noise of
//! eq. 16: `x' = alpha' x0 + sqrt(sigma'^2 - s^2) n + s z`, where `n` is the noise the model sees in `x` and `z` is new.
//!
//! Eq. 16 is `s = eta * sigma' * sqrt(1 - SNR / SNR')` in any process ([`Level::ancestral`]). `eta = 0` is
//! deterministic and first order in the step; `eta = 1` is ancestral sampling with the small variance.

use burn::tensor::Tensor;
use langevin_core::registry::{Entry, OptionDoc};
use langevin_core::{Denoiser, Level, Levels, Progress, Purpose, Result, Run};

use crate::path::steps;
use crate::sampler::Sampler;

pub(super) const ENTRY: Entry<dyn Sampler> = Entry {
    name: "ddim",
    aliases: &[],
    summary: "deterministic first-order steps; eta > 0 adds noise",
    source: "Song et al. 2021, eq. 12 and 16 (arXiv 2010.02502)",
    options: &[
        OptionDoc { key: "eta", default: "0", doc: "share of fresh noise, 0 (none) to 1 (as much as ddpm)" },
        OptionDoc {
            key: "clip",
            default: "none",
            doc: "clamp x0 to plus and minus this while n stays what the model saw (diffusers' clip_sample)",
        },
    ],
    cases: &["ddim", "ddim:eta=0.5", "ddim:eta=1"],
    build: |options| {
        let clip = match options.text("clip") {
            "none" => None,
            _ => Some(options.number("clip", 1e-6, 1e6)?),
        };
        Ok(Box::new(Ddim { eta: options.number("eta", 0.0, 1.0)?, clip }))
    },
    ..Entry::BLANK
};

#[derive(Debug)]
struct Ddim {
    eta: f64,
    clip: Option<f64>,
}

impl Sampler for Ddim {
    fn sample(
        &self,
        model: &dyn Denoiser,
        mut x: Tensor<4>,
        path: &[Level],
        run: &mut Run<'_>,
    ) -> Result<Tensor<4>> {
        let [batch, c, h, w] = x.dims();
        for step in steps(path)? {
            let denoised = model.denoise(x.clone(), &Levels::all(step.from, batch), &run.cond)?;
            let parts = step.from.ancestral(step.to, self.eta);
            x = x.mul_scalar(parts.x) + denoised.clone().mul_scalar(parts.x0);
            if let Some(range) = self.clip {
                let beyond = denoised.clone().clamp(-range, range) - denoised.clone();
                x = x + beyond.mul_scalar(step.to.alpha);
            }
            if parts.noise > 0.0 {
                let noise = run.noise.normal(Purpose::Sampler, step.index as u64, [c, h, w], &x.device());
                x = x + noise.mul_scalar(parts.noise);
            }
            let (level, steps) = (step.to, step.count);
            run.report(&Progress { step: step.index + 1, steps, level, x: &x, denoised: &denoised })?;
        }
        Ok(x)
    }

    fn calls(&self, path: &[Level]) -> usize {
        path.len() - 1
    }

    fn order(&self) -> Option<usize> {
        (self.eta == 0.0).then_some(1)
    }
}
