//! Classification accuracy score (Ravuri and Vinyals 2019, arXiv 1905.10887): a classifier is trained on the judged
//! images with the classes they were asked for, and reads real images; the share it reads right. It falls when
//! images show the wrong thing, and when they lack variety.

use langevin_core::registry::Entry;
use langevin_core::{Error, Result};

use super::require;
use crate::metric::{Better, Case, Measured, Metric, Needs, Value};

pub(super) const ENTRY: Entry<dyn Metric> = Entry {
    name: "accuracy_score",
    aliases: &["cas"],
    summary: "accuracy on real images of a classifier trained on the judged ones; takes a training each",
    source: "Ravuri and Vinyals 2019 (arXiv 1905.10887)",
    options: &[],
    build: |_| Ok(Box::new(AccuracyScore)),
    ..Entry::BLANK
};

#[derive(Debug)]
struct AccuracyScore;

impl Metric for AccuracyScore {
    fn values(&self) -> &'static [&'static str] {
        &["accuracy_score"]
    }

    fn needs(&self) -> Needs {
        Needs { pixels: true, labels: true, trainer: true, ..Needs::default() }
    }

    fn measure(&self, case: &Case<'_>) -> Result<Measured> {
        require(case, 2)?;
        let Some(trainer) = case.trainer else {
            return Err(Error::usage("accuracy_score: needs data with classes"));
        };
        if case.judged.labels.is_none() {
            return Err(Error::usage(format!(
                "accuracy_score: the classes of {} are not known",
                case.judged.name
            ))
            .hint("it needs a class-conditional model, or a folder with the classes of the data"));
        }
        let value = trainer.accuracy(case.judged, case.reference)?;
        let tested = case.reference.len() as f64;
        let (name, count) = ("accuracy_score", case.judged.len());
        let error = Some((value * (1.0 - value) / tested).sqrt());
        let value = Value { name, value, error, count, better: Better::Higher };
        Ok(Measured { values: vec![value], nearest: Vec::new() })
    }
}
