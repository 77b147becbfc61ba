//! `simple`: the plain squared error of the network's own target.
//!
//! Ho et al. 2020 (2006.11239), eq. 14. What it stresses depends on the parameterisation: for `epsilon` it is
//! `snr`, for `edm` it is `edm`.

use super::Weighting;
use crate::level::Level;
use crate::parameterisations::Coefficients;
use crate::registry::Entry;

pub(super) const ENTRY: Entry<dyn Weighting> = Entry {
    name: "simple",
    aliases: &["uniform", "none"],
    summary: "the plain squared error of the network's own target",
    source: "Ho et al. 2020, arXiv:2006.11239, eq. 14",
    options: &[],
    build: |_| Ok(Box::new(Simple)),
    ..Entry::BLANK
};

#[derive(Debug)]
struct Simple;

impl Weighting for Simple {
    fn weight(&self, _at: Level, _coefficients: &Coefficients, _sigma_data: f64) -> f64 {
        1.0
    }
}
