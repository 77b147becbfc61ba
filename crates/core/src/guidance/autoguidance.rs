//! Autoguidance (Karras et al. 2024, "Guiding a diffusion model with a bad version of itself", arXiv 2406.02507, eq. 3):
//! `D = D_guide(x | class) + w (D(x | class) - D_guide(x | class))`, the guide being a smaller or less trained version of
//! the model. It needs no classes.

use burn::tensor::Tensor;
use langevin_process::Result;
use langevin_process::registry::Entry;

use super::classifier_free::ClassifierFree;
use super::guided::{Compared, Guidance};

pub(super) const ENTRY: Entry<dyn Guidance> = Entry {
    name: "autoguidance",
    aliases: &["auto"],
    summary: "on from the answer of a worse model (--guide) to that of the model, with or without classes",
    source: "Karras et al. 2024, 2406.02507, eq. 3",
    options: &[],
    build: |_| Ok(Box::new(Autoguidance)),
    ..Entry::BLANK
};

/// On along the straight line from the guide's answer to the model's.
#[derive(Debug, Clone, Copy, Default)]
pub struct Autoguidance;

impl Guidance for Autoguidance {
    fn guide(&self, compared: Compared<'_>) -> Result<Tensor<4>> {
        ClassifierFree.guide(compared)
    }

    fn needs_guide(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::guided::tests::{LEVELS, check_near, gaussian, points};
    use super::*;
    use crate::cond::Cond;
    use crate::denoiser::{Denoiser, Levels};
    use crate::guidance::Guided;

    #[test]
    fn a_wider_guide_makes_a_narrower_gaussian() {
        // Precisions extrapolate: 1 / T = w / T_model + (1 - w) / T_guide at every level, T = alpha^2 variance + sigma^2.
        let (mean, wide, narrow, scale) = ([0.2, -0.3], 0.3, 0.1, 1.7);
        let (model, guide) = (gaussian(mean, narrow), gaussian(mean, wide));
        let x = [0.5, 0.4];
        for at in LEVELS {
            let total = |variance: f64| at.alpha * at.alpha * variance + at.sigma * at.sigma;
            let precision = scale / total(narrow) + (1.0 - scale) / total(wide);
            let score = |i: usize| -(x[i] - at.alpha * mean[i]) * precision;
            let wanted = [0, 1].map(|i| (x[i] + at.sigma * at.sigma * score(i)) / at.alpha);
            let guided = Guided::new(&model, Box::new(Autoguidance), scale, Some(Box::new(&guide))).unwrap();
            let made = guided.denoise(points(&[x]), &Levels::all(at, 1), &Cond::none()).unwrap();
            check_near(&made, &points(&[wanted]), 1e-5);
        }
    }
}
