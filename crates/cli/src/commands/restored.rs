//! How the results of `restore`, `inpaint`, `upscale`, `deblur` and `edit` are written and shown.

use std::path::PathBuf;

use langevin::core::spelled;
use langevin::job::check_failed;
use langevin::restoration::{
    CalibrateOutcome, Calibrated, RestoreOutcome, RestoreRequest, RestoredImage, job,
};
use langevin::{Error, Result};
use serde_json::{Value, json};

use crate::outputs;
use crate::shell::Shell;

/// How results are written and shown.
#[derive(Debug, Clone, Copy)]
pub struct Showing {
    pub force: bool,
    pub json: bool,
}

impl Showing {
    /// Restores, and shows the result.
    pub fn restore(self, request: &RestoreRequest, shell: &Shell) -> Result<()> {
        let outcome = shell.run(self.force, |context| job::run(request, context))?;
        let RestoreOutcome { models, plan, images, skipped, failed } = &outcome;
        let count = images.len() + failed.len();
        if self.json {
            let images: Vec<Value> = images.iter().map(result).collect();
            let result = json!({
                "images": images, "failed": failures(failed), "seed": plan.seed, "skipped": skipped,
                "model_hash": models.first().map(|model| model.hash()),
            });
            outputs::result(&result.to_string())?;
        } else {
            let mut files = images.iter().flat_map(|image| &image.files);
            files.try_for_each(|file| outputs::path(file))?;
        }
        check_failed(failed, count)
    }

    /// Calibrates methods, and shows what was found.
    pub fn calibrate(self, request: &RestoreRequest, shell: &Shell) -> Result<()> {
        let outcome = shell.run(self.force, |context| job::calibrate(request, context))?;
        let CalibrateOutcome { model, plan, methods, left_out } = &outcome;
        for (method, why) in left_out {
            shell.say(&format!("left out: {method}: {why}"));
        }
        if self.json {
            let left_out: Vec<_> =
                left_out.iter().map(|(name, why)| json!({"method": name, "why": why})).collect();
            let result = json!({
                "model_hash": model.hash(), "seed": plan.seed, "steps": plan.steps, "methods": methods,
                "best": outcome.best(), "left_out": left_out,
            });
            return outputs::result(&result.to_string());
        }
        outputs::result(Calibrated::table(methods).trim_end())?;
        if let Some(best) = outcome.best() {
            shell.say(&format!("the lowest score: --method {best} --steps {}", plan.steps));
        }
        Ok(())
    }
}

/// The images of a batch that failed, as the JSON of a result has them.
pub fn failures(failed: &[(PathBuf, Error)]) -> Vec<Value> {
    let one = |(file, error): &(PathBuf, Error)| json!({"input": file.display().to_string(), "error": error.to_string()});
    failed.iter().map(one).collect()
}

fn result(image: &RestoredImage) -> Value {
    let RestoredImage { input, model, restored, files, seconds } = image;
    let deviation = restored.deviation.as_ref();
    json!({
        "input": spelled(input), "files": files.iter().map(spelled).collect::<Vec<_>>(), "method": restored.method, "seconds": seconds,
        "report": restored.report, "model": model,
        "deviation": deviation.map(|deviation| json!({"mean": deviation.mean, "white": deviation.white})),
    })
}
