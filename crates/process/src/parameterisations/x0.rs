//! `x0`: the network predicts the clean image.
//!
//! Ho et al. 2020 (2006.11239), section 3.2; Salimans & Ho 2022 (2202.00512), section 4. The input is divided
//! by `sqrt(alpha^2 + sigma^2)`.

use super::{Coefficients, Parameterisation};
use crate::error::Result;
use crate::level::Level;
use crate::registry::Entry;

pub(super) const ENTRY: Entry<dyn Parameterisation> = Entry {
    name: "x0",
    aliases: &["sample", "x_prediction"],
    summary: "the network predicts the clean image",
    source: "Salimans & Ho 2022, arXiv:2202.00512, section 4",
    options: &[],
    build: |_| Ok(Box::new(X0)),
    ..Entry::BLANK
};

#[derive(Debug)]
struct X0;

impl Parameterisation for X0 {
    fn coefficients(&self, at: Level, _sigma_data: f64) -> Result<Coefficients> {
        Ok(Coefficients {
            skip: 0.0,
            out: 1.0,
            input: 1.0 / at.magnitude(),
            target_x0: 1.0,
            target_noise: 0.0,
        })
    }
}
