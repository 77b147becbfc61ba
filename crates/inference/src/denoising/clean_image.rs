//! An image in which no noise is found: it is written as it is.

use std::time::Instant;

use langevin_core::{Image, Planes, Result};

use super::Request;
use super::job::{DenoisedImage, Work};
use crate::job::{Context, Event};

impl Work<'_> {
    /// Writes `noisy`, in which noise of no more than `sigma` was found, as the result and as every sample of it.
    pub(super) fn unchanged(
        &self,
        noisy: &Planes,
        sigma: f64,
        start: Instant,
        context: &mut Context<'_>,
    ) -> Result<DenoisedImage> {
        let Self { request, task, .. } = *self;
        let name = task.image.display().to_string();
        context.observer.event(Event::note(format!(
            "{name}: no noise is found in it, so it is written unchanged; --sigma says that there is some"
        )));
        let how = Request {
            sigma,
            draws: self.draws,
            ensemble: request.ensemble,
            sampler: request.sampler.clone(),
            steps: request.steps,
            seed: request.seed,
            image: self.index,
        };
        let text = self.text(&how, "unchanged", None);
        let image: Image = noisy.to_image();
        let mut files = Vec::new();
        for file in task.samples.iter().chain([&task.result]) {
            context.write_image(file, &image, &text, request.quality)?;
            files.push(file.clone());
        }
        files.extend(self.compare(noisy, &image, None, &how, context)?);
        if let Some(file) = &task.deviation {
            let none = noisy.with_values(vec![0.0; noisy.values.len()]).deviations_to_image(1.0);
            context.write_image(file, &none, &self.text(&how, "std", None), request.quality)?;
            files.push(file.clone());
        }
        Ok(DenoisedImage {
            image: name,
            model: self.model.name.clone(),
            files,
            sigma,
            estimated: true,
            simulated: request.simulate,
            residual: 0.0,
            residual_error: 0.0,
            std: task.deviation.as_ref().map(|_| 0.0),
            input: None,
            result: None,
            non_local_means: None,
            seconds: start.elapsed().as_secs_f64(),
        })
    }
}
