//! `langevin restore --calibrate`: whether the draws of a method can be trusted, and which constants serve it.

use std::path::PathBuf;

use langevin::restoration::{Calibrated, Calibration, RestorePlan, calibrate};
use langevin::restore::{Noise, Operator, Shape};
use langevin::{Device, Error, ErrorKind, Model, Result, data};
use serde_json::json;

use crate::outputs;
use crate::shell::{self, Shell, Stages};

/// What to calibrate.
pub struct Calibrating<'a> {
    /// The model.
    pub model: &'a Model,
    /// Files of clean images.
    pub images: &'a [PathBuf],
    /// The operator for a clean image of a shape.
    pub operator: &'a dyn Fn(Shape) -> Result<Box<dyn Operator>>,
    /// The noise.
    pub noise: &'a dyn Noise,
    /// The method, if one is named.
    pub method: Option<&'a str>,
    /// How to restore.
    pub restoring: RestorePlan,
    /// Whether to print JSON.
    pub json: bool,
}

impl Calibrating<'_> {
    /// Does it, and prints a table.
    pub fn run(self, shell: &Shell, device: &Device) -> Result<()> {
        let images = self.images.iter().map(data::read_image).collect::<Result<Vec<_>>>()?;
        let signal = shell::signals()?;
        let mut stages = Stages::new(shell);
        let (seed, steps) = (self.restoring.seed, self.restoring.steps);
        let calibration = Calibration {
            operator: self.operator,
            noise: self.noise,
            methods: self.method.map(str::to_owned).into_iter().collect(),
            restoring: self.restoring,
        };
        let found = calibrate(self.model, &images, &calibration, device, &mut |what, share| {
            stages.at(what, share);
            match signal.signal() {
                None => Ok(()),
                Some(signal) => {
                    Err(Error::new(ErrorKind::Interrupted(signal), "the calibration was interrupted"))
                }
            }
        });
        stages.finish();
        let (found, left_out) = found?;
        for (method, why) in &left_out {
            shell.say(&format!("left out: {method}: {why}"));
        }
        let best = found.iter().min_by(|a, b| a.score.total_cmp(&b.score)).map(|one| one.method.clone());
        if self.json {
            let left_out: Vec<_> =
                left_out.iter().map(|(name, why)| json!({"method": name, "why": why})).collect();
            let result = json!({
                "model_hash": self.model.hash(), "seed": seed, "steps": steps, "methods": found, "best": best,
                "left_out": left_out,
            });
            return outputs::result(&result.to_string());
        }
        outputs::result(Calibrated::table(&found).trim_end())?;
        if let Some(best) = best {
            shell.say(&format!("the least score: --method {best} --steps {steps}"));
        }
        Ok(())
    }
}
