//! Classifier-free guidance (Ho and Salimans 2022, arXiv 2207.12598, eq. 6), in the coordinate of denoised images:
//! `D = D(x | nothing) + w (D(x | class) - D(x | nothing))`.

use burn::tensor::Tensor;
use langevin_process::Result;
use langevin_process::registry::Entry;

use super::guided::{Compared, Guidance};

pub(super) const ENTRY: Entry<dyn Guidance> = Entry {
    name: "cfg",
    aliases: &["classifier_free"],
    summary: "classifier-free: on from the answer without the class to the answer with it",
    source: "Ho and Salimans 2022, 2207.12598, eq. 6",
    options: &[],
    build: |_| Ok(Box::new(ClassifierFree)),
    ..Entry::BLANK
};

/// On along the straight line from the worse answer to the better.
#[derive(Debug, Clone, Copy, Default)]
pub struct ClassifierFree;

impl Guidance for ClassifierFree {
    fn guide(&self, Compared { conditional, free, scale, .. }: Compared<'_>) -> Result<Tensor<4>> {
        Ok(free.clone() + (conditional - free).mul_scalar(scale))
    }
}

#[cfg(test)]
mod tests {
    use super::super::guided::tests::{Classed, LEVELS, check_near, points};
    use super::*;
    use crate::cond::Cond;
    use crate::denoiser::{Denoiser, Levels};
    use crate::guidance::Guided;

    #[test]
    fn classes_of_one_width_are_extrapolated() {
        let model = Classed::two();
        let x = points(&[[0.3, 0.2], [-0.5, 0.1]]);
        for (at, scale) in LEVELS.into_iter().flat_map(|at| [0.0, 1.5, 4.0, -1.0].map(|scale| (at, scale))) {
            let guided = Guided::new(&model, Box::new(ClassifierFree), scale, None).unwrap();
            let cond = Cond::classes([Some(0), Some(1)]);
            let made = guided.denoise(x.clone(), &Levels::all(at, 2), &cond).unwrap();
            let one = |class: usize| {
                let x = x.clone().narrow(0, class, 1);
                model.extrapolated(class, scale).denoise(x, &Levels::all(at, 1), &Cond::none()).unwrap()
            };
            check_near(&made, &Tensor::cat(vec![one(0), one(1)], 0), 2e-6);
        }
    }
}
