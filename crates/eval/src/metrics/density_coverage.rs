//! Density and coverage (Naeem et al. 2020, arXiv 2002.09797, eq. 2 and 3): density counts in how many real balls a judged
//! image lies, on average and over `k`, so that one outlying real image does not decide; coverage is the share of
//! real images with a judged image in their ball.

use langevin_core::Result;
use langevin_core::registry::{Entry, OptionDoc};

use super::require;
use crate::metric::{Better, Case, Measured, Metric, Needs, Value};
use crate::products::{distances_by_row, radii};
use crate::statistics::{Mean, share};

pub(super) const ENTRY: Entry<dyn Metric> = Entry {
    name: "density_coverage",
    aliases: &["density", "coverage", "dc"],
    summary: "as precision_recall, but not swayed by outlying real images",
    source: "Naeem et al. 2020, eq. 2 and 3 (arXiv 2002.09797)",
    options: &[OptionDoc { key: "k", default: "5", doc: "the neighbour that sets a ball's radius" }],
    build: |options| Ok(Box::new(DensityCoverage { k: options.number("k", 1.0, 1000.0)? as usize })),
    ..Entry::BLANK
};

#[derive(Debug)]
struct DensityCoverage {
    k: usize,
}

impl Metric for DensityCoverage {
    fn values(&self) -> &'static [&'static str] {
        &["density", "coverage"]
    }

    fn needs(&self) -> Needs {
        Needs { features: true, ..Needs::default() }
    }

    fn measure(&self, case: &Case<'_>) -> Result<Measured> {
        require(case, self.k + 1)?;
        let (judged, reference) = (&case.judged.rows, &case.reference.rows);
        let radii = radii(reference, self.k);
        let balls = distances_by_row(judged, reference, |_, distances| {
            let inside = distances.iter().zip(&radii).filter(|(distance, radius)| distance < radius);
            inside.count() as f64 / self.k as f64
        });
        let reached = distances_by_row(reference, judged, |index, distances| {
            distances.iter().any(|distance| *distance < radii[index])
        });
        let Mean { mean: density, error: density_error } = Mean::of(&balls);
        let (coverage, coverage_error) = share(reached.iter().filter(|r| **r).count(), reached.len());
        let value =
            |name, value, error| Value { name, value, error, count: judged.len(), better: Better::Higher };
        let values =
            vec![value("density", density, density_error), value("coverage", coverage, coverage_error)];
        Ok(Measured { values, nearest: Vec::new() })
    }
}
