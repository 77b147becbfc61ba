//! Improved precision and recall (Kynkaanniemi et al. 2019, arXiv 1904.06991, eq. 1 and 2): precision is the share of
//! judged images that lie within the real manifold, recall the share of real images within the judged one. A manifold
//! is the union of balls around its images, each reaching to the `k`-th nearest other one.

use langevin_core::Result;
use langevin_core::registry::{Entry, OptionDoc};

use super::require;
use crate::metric::{Better, Case, Measured, Metric, Needs, Value};
use crate::products::{distances_by_row, radii};
use crate::rows::Rows;
use crate::statistics::share;

pub(super) const ENTRY: Entry<dyn Metric> = Entry {
    name: "precision_recall",
    aliases: &["precision", "recall", "pr"],
    summary: "share of judged images among real ones (quality), and of real among judged (variety)",
    source: "Kynkaanniemi et al. 2019, eq. 1 and 2 (arXiv 1904.06991)",
    options: &[OptionDoc { key: "k", default: "3", doc: "the neighbour that sets a ball's radius" }],
    build: |options| Ok(Box::new(PrecisionRecall { k: options.number("k", 1.0, 1000.0)? as usize })),
    ..Entry::BLANK
};

#[derive(Debug)]
struct PrecisionRecall {
    k: usize,
}

impl Metric for PrecisionRecall {
    fn values(&self) -> &'static [&'static str] {
        &["precision", "recall"]
    }

    fn needs(&self) -> Needs {
        Needs { features: true, ..Needs::default() }
    }

    fn measure(&self, case: &Case<'_>) -> Result<Measured> {
        require(case, self.k + 1)?;
        let (judged, reference) = (&case.judged.rows, &case.reference.rows);
        let precision = covered(judged, reference, self.k);
        let recall = covered(reference, judged, self.k);
        let values = [("precision", precision, judged.len()), ("recall", recall, reference.len())];
        let value = |(name, hits, of): (&'static str, usize, usize)| {
            let (value, error) = share(hits, of);
            Value { name, value, error, count: judged.len(), better: Better::Higher }
        };
        Ok(Measured { values: values.into_iter().map(value).collect(), nearest: Vec::new() })
    }
}

/// How many of `points` lie within the manifold of `manifold`.
fn covered(points: &Rows, manifold: &Rows, k: usize) -> usize {
    let radii = radii(manifold, k);
    let inside = distances_by_row(points, manifold, |_, distances| {
        distances.iter().zip(&radii).any(|(distance, radius)| distance <= radius)
    });
    inside.into_iter().filter(|inside| *inside).count()
}
