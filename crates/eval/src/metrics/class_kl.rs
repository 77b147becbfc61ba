//! How far the classes of the judged images are from their share in the real ones: the Kullback-Leibler divergence
//! `sum p ln(p / q)` in nats of the class histograms, `p` judged and `q` real, both as a classifier reads them. It counts
//! modes that are lost or preferred (Srivastava et al. 2017 and the Stacked-MNIST tables use it so).

use langevin_core::registry::Entry;
use langevin_core::{Error, Result};

use super::require;
use crate::metric::{Better, Case, Measured, Metric, Needs, Value};
use crate::statistics::bootstrap;

pub(super) const ENTRY: Entry<dyn Metric> = Entry {
    name: "class_kl",
    aliases: &["kl"],
    summary: "divergence of the class histogram from the real one, in nats; and the classes that occur",
    source: "Srivastava et al. 2017 (arXiv 1705.07761), section 4",
    options: &[],
    build: |_| Ok(Box::new(ClassKl)),
    ..Entry::BLANK
};

#[derive(Debug)]
struct ClassKl;

impl Metric for ClassKl {
    fn values(&self) -> &'static [&'static str] {
        &["class_kl", "classes"]
    }

    fn needs(&self) -> Needs {
        Needs { features: true, classes: true, ..Needs::default() }
    }

    fn measure(&self, case: &Case<'_>) -> Result<Measured> {
        require(case, 1)?;
        let (Some(judged), Some(reference)) = (&case.judged.read, &case.reference.read) else {
            return Err(Error::usage("class_kl: these features read no classes")
                .hint("use --features own on data with classes"));
        };
        let count = 1 + judged.iter().chain(reference).max().map_or(0, |most| *most as usize);
        let real = histogram(reference, count);
        let of = |labels: &[u32]| divergence(&histogram(labels, count), &real);
        let seen =
            |labels: &[u32]| histogram(labels, count).iter().filter(|share| **share > 0.0).count() as f64;
        let value = |name, value, error, better| Value { name, value, error, count: judged.len(), better };
        let values = vec![
            value("class_kl", of(judged), Some(bootstrap(judged, case.seed, of)), Better::Lower),
            value("classes", seen(judged), Some(bootstrap(judged, case.seed, seen)), Better::Higher),
        ];
        Ok(Measured { values, nearest: Vec::new() })
    }
}

fn histogram(labels: &[u32], count: usize) -> Vec<f64> {
    let mut shares = vec![0.0; count];
    labels.iter().for_each(|label| shares[*label as usize] += 1.0 / labels.len() as f64);
    shares
}

/// Infinite where a judged class does not occur in the real images.
fn divergence(judged: &[f64], real: &[f64]) -> f64 {
    let present = judged.iter().zip(real).filter(|(p, _)| **p > 0.0);
    present.map(|(p, q)| p * (p / q).ln()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Sample;

    #[test]
    fn the_divergence_is_the_closed_form() {
        let sample = |read: Vec<u32>| Sample {
            rows: crate::Rows::new(1, vec![0.0; read.len()]).unwrap(),
            read: Some(read),
            ..Sample::default()
        };
        let (judged, reference) = (sample(vec![0, 0, 0, 1]), sample(vec![0, 0, 1, 1, 0, 1]));
        let case = Case { judged: &judged, reference: &reference, gallery: None, trainer: None, seed: 0 };
        let found = ClassKl.measure(&case).unwrap().values;
        let expected = 0.75 * (0.75_f64 / 0.5).ln() + 0.25 * (0.25_f64 / 0.5).ln();
        assert!((found[0].value - expected).abs() < 1e-12);
        assert_eq!(found[1].value, 2.0);
        assert_eq!(divergence(&[0.5, 0.5], &[1.0, 0.0]), f64::INFINITY);
    }
}
