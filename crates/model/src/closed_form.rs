//! Closed-form (analytic) models: the exact denoiser of a distribution of points, under the name of the data set that is
//! drawn from it.

use langevin_core::Size;
use langevin_core::closed_form::Mixture;
use langevin_process::DiffusionSpec;

use crate::defaults::SampleSettings;
use crate::description::ModelInfo;

/// A closed-form model.
#[derive(Debug, Clone, Copy)]
pub struct ClosedFormModel {
    /// `builtin:NAME` without the `builtin:`.
    pub name: &'static str,
    /// What it draws.
    pub summary: &'static str,
    /// The distribution of its points.
    pub distribution: fn() -> Mixture,
}

/// The closed-form models.
pub const CLOSED_FORM: &[ClosedFormModel] = &[
    ClosedFormModel {
        name: "gaussian",
        summary: "the exact denoiser of a Gaussian of points, the data set of this name",
        distribution: Mixture::gaussian,
    },
    ClosedFormModel {
        name: "ring8",
        summary: "the exact denoiser of eight clusters of points on a circle, the data set of this name",
        distribution: Mixture::ring8,
    },
    ClosedFormModel {
        name: "grid25",
        summary: "the exact denoiser of 25 clusters of points on a grid, the data set of this name",
        distribution: Mixture::grid25,
    },
];

impl ClosedFormModel {
    /// What the model says of itself: points as images of one pixel with two channels, with EDM's noise.
    pub fn info(&self) -> ModelInfo {
        let diffusion = DiffusionSpec {
            schedule: "edm".into(),
            process: "edm".into(),
            parameterisation: "edm".into(),
            time_input: "log_sigma".into(),
            sigma_data: 0.5,
        };
        ModelInfo {
            sample: SampleSettings { sampler: "heun".into(), clip: false, ..SampleSettings::default() },
            data: format!("builtin:{}", self.name),
            ..ModelInfo::plain(Size::square(1), 2, diffusion)
        }
    }
}
