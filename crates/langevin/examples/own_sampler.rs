//! Samples with a sampler of one's own, guided by class and clipped as with any other, and by name.
//!
//! Run `cargo run --release -p langevin --example own_sampler`. Expect the distance of 20 steps from 60 to the same two hearts:
//! less than that of `ddim`, which does not look back at the step before.

use langevin::core::{Progress, Run};
use langevin::process::Entry;
use langevin::sample::{SAMPLERS, Sampler, steps};
use langevin::sampling::{SamplePlan, sample_along, sample_tensor};
use langevin::{Denoiser, Device, Level, Levels, Model, Result, Tensor};

/// Each step takes the clean estimate of its middle: half a step further on the line from the last estimate to this.
#[derive(Debug)]
struct Ahead;

impl Sampler for Ahead {
    fn sample(
        &self,
        model: &dyn Denoiser,
        mut x: Tensor<4>,
        path: &[Level],
        run: &mut Run<'_>,
    ) -> Result<Tensor<4>> {
        let mut last: Option<Tensor<4>> = None;
        for step in steps(path)? {
            let denoised = model.denoise(x.clone(), &Levels::all(step.from, x.dims()[0]), &run.cond)?;
            let further = last.filter(|_| step.to.sigma > 0.0).map(|last| (denoised.clone() - last) / 2.0);
            x = step.advance(x, further.map_or(denoised.clone(), |further| denoised.clone() + further));
            let (done, steps, level) = (step.index + 1, step.count, step.to);
            run.report(&Progress { step: done, steps, level, x: &x, denoised: &denoised })?;
            last = Some(denoised);
        }
        Ok(x)
    }

    fn calls(&self, path: &[Level]) -> usize {
        path.len() - 1
    }

    fn order(&self) -> Option<usize> {
        Some(1)
    }
}

fn main() -> Result<()> {
    let device = Device::flex();
    let model = Model::open("builtin:shapes", &device)?;
    let labels = Some(vec![Some(model.class("heart")?); 2]);
    let plan = SamplePlan { labels, cfg_scale: 2.0, ..SamplePlan::of(&model, 2, 1) };
    let fine = sample_tensor(&model, &SamplePlan { steps: 60, ..plan.clone() }, &device, |_| {})?;
    // A name like the others in this registry alone.
    let own: [Entry<dyn Sampler>; 1] =
        [Entry { name: "ahead", build: |_| Ok(Box::new(Ahead)), ..Entry::BLANK }];
    for spec in ["ahead", "ddim"] {
        let sampler = SAMPLERS.with(&own).build(spec)?;
        let x = sample_along(&model, &plan, sampler.as_ref(), &plan.path(&model)?, &device, |_| {})?;
        println!("{:.4} {spec}", (x - fine.clone()).powi_scalar(2).mean().sqrt().into_scalar::<f32>());
    }
    Ok(())
}
