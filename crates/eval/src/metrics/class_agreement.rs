//! Whether the images show what was asked for: the share whose class a classifier trained on real images reads as the
//! class they were drawn for (as in the classification accuracy of Shmelkov et al. 2018, "GAN-test"). For real images
//! it is the classifier's own accuracy.

use langevin_core::registry::Entry;
use langevin_core::{Error, Result};

use crate::metric::{Better, Case, Measured, Metric, Needs, Value};
use crate::statistics::share;

pub(super) const ENTRY: Entry<dyn Metric> = Entry {
    name: "class_agreement",
    aliases: &["gan_test"],
    summary: "share of images that are read as the class they were asked for",
    source: "Shmelkov et al. 2018, GAN-test (arXiv 1807.09499)",
    options: &[],
    build: |_| Ok(Box::new(ClassAgreement)),
    ..Entry::BLANK
};

#[derive(Debug)]
struct ClassAgreement;

impl Metric for ClassAgreement {
    fn values(&self) -> &'static [&'static str] {
        &["class_agreement"]
    }

    fn needs(&self) -> Needs {
        Needs { features: true, classes: true, labels: true, ..Needs::default() }
    }

    fn measure(&self, case: &Case<'_>) -> Result<Measured> {
        let (Some(labels), Some(read)) = (&case.judged.labels, &case.judged.read) else {
            return Err(Error::usage(format!(
                "class_agreement: the classes of {} are not known, or these features read none",
                case.judged.name
            ))
            .hint("it needs --features own, data with classes, and a class-conditional model or a folder with classes"));
        };
        let right = labels.iter().zip(read).filter(|(label, read)| label == read).count();
        let (value, error) = share(right, labels.len());
        let name = "class_agreement";
        let value = Value { name, value, error, count: labels.len(), better: Better::Higher };
        Ok(Measured { values: vec![value], nearest: Vec::new() })
    }
}
