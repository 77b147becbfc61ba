//! Adaptive projected guidance (Sadat et al. 2024, "Eliminating oversaturation and artifacts of high guidance scales in
//! diffusion models", arXiv 2410.02416, section 4 and algorithm 1).
//!
//! The difference `d = D(x | class) - D(x | nothing)` of clean images gains a (negative) `momentum` of the differences of
//! earlier calls, is cut to the length `norm`, and of its part along `D(x | class)`, which makes images saturated, only
//! the share `eta` is kept: `D = D(x | class) + (w - 1) (d_orthogonal + eta d_parallel)`.

use std::sync::{Mutex, PoisonError};

use burn::tensor::Tensor;
use langevin_process::registry::{Entry, OptionDoc};
use langevin_process::{Error, Result};

use super::guided::{Compared, Guidance};
use super::host;
use crate::denoiser::Levels;

pub(super) const ENTRY: Entry<dyn Guidance> = Entry {
    name: "apg",
    aliases: &[],
    summary: "adaptive projected guidance: of cfg only what does not saturate, for high strengths",
    source: "Sadat et al. 2024, 2410.02416, algorithm 1",
    options: &[
        OptionDoc {
            key: "momentum",
            default: "0",
            doc: "what earlier differences add, in (-1, 1); the paper has -0.5; not for adaptive samplers",
        },
        OptionDoc {
            key: "norm",
            default: "15",
            doc: "the longest difference of an image, from 0; 0 for any",
        },
        OptionDoc { key: "eta", default: "0", doc: "the share of the part along the answer, in [0, 1]" },
    ],
    build: |options| {
        let momentum = options.number("momentum", -1.0, 1.0)?;
        if momentum.abs() == 1.0 {
            return Err(Error::usage("apg: option momentum must lie between -1 and 1"));
        }
        let (norm, eta) = (options.number("norm", 0.0, 1e9)?, options.number("eta", 0.0, 1.0)?);
        Ok(Box::new(Apg::new(momentum, norm, eta)))
    },
    ..Entry::BLANK
};

/// Adaptive projected guidance of one batch after the other.
#[derive(Debug)]
pub struct Apg {
    momentum: f64,
    norm: f64,
    eta: f64,
    /// The running sum of differences, of the images of the current batch.
    sum: Mutex<Option<Vec<f64>>>,
}

impl Apg {
    /// With `momentum` in (-1, 1), the longest difference `norm` (0: any), and the share `eta` of the parallel part.
    pub fn new(momentum: f64, norm: f64, eta: f64) -> Self {
        Self { momentum, norm, eta, sum: Mutex::new(None) }
    }

    /// Adds the momentum of earlier calls to the difference.
    fn carry(&self, difference: &mut [f64], at: &Levels) -> Result<()> {
        let mut sum = self.sum.lock().unwrap_or_else(PoisonError::into_inner);
        let other = sum.as_ref().is_some_and(|sum| sum.len() != difference.len());
        if other || at.0.iter().any(|level| *level != at.0[0]) {
            return Err(Error::usage(
                "apg follows all images of a batch from step to step, and this sampler asks for some at a time",
            )
            .hint("use apg:momentum=0, or a sampler whose steps are not adaptive"));
        }
        if let Some(sum) = sum.as_ref() {
            difference.iter_mut().zip(sum).for_each(|(new, sum)| *new += self.momentum * sum);
        }
        *sum = Some(difference.to_vec());
        Ok(())
    }

    /// What is left of the difference of one image: not too long, and less of what lies along the answer.
    fn project(&self, difference: &mut [f64], conditional: &[f64]) {
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let length = dot(difference, difference).sqrt();
        let cut = if self.norm > 0.0 && length > self.norm { self.norm / length } else { 1.0 };
        let square = dot(conditional, conditional);
        let along = if square > 0.0 { dot(difference, conditional) / square } else { 0.0 };
        for (difference, conditional) in difference.iter_mut().zip(conditional) {
            *difference = cut * (*difference - (1.0 - self.eta) * along * conditional);
        }
    }
}

impl Guidance for Apg {
    fn guide(&self, Compared { conditional, free, at, scale, .. }: Compared<'_>) -> Result<Tensor<4>> {
        let size = host::image(&conditional);
        let better = host::values(&conditional);
        let mut difference: Vec<f64> =
            better.iter().zip(host::values(&free)).map(|(conditional, free)| conditional - free).collect();
        if self.momentum != 0.0 {
            self.carry(&mut difference, at)?;
        }
        for (difference, conditional) in difference.chunks_mut(size).zip(better.chunks(size)) {
            self.project(difference, conditional);
        }
        let guided: Vec<f64> = better
            .iter()
            .zip(&difference)
            .map(|(conditional, update)| conditional + (scale - 1.0) * update)
            .collect();
        Ok(host::images(&guided, &conditional))
    }

    fn begin(&self) {
        *self.sum.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

#[cfg(test)]
pub(super) mod tests {
    use burn::tensor::{Device, TensorData};
    use langevin_process::Level;
    use serde_json::Value;

    use super::super::guided::tests::{check_near, points};
    use super::*;
    use crate::guidance::{ClassifierFree, GUIDANCES};

    pub(in crate::guidance) fn golden() -> Value {
        let golden = include_str!("../../../../references/golden/guidance.json");
        serde_json::from_str(golden).unwrap()
    }

    pub(in crate::guidance) fn numbers(list: &Value) -> Vec<f64> {
        list.as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect()
    }

    /// Recorded images: two, of 2 x 3 x 3 values.
    pub(in crate::guidance) fn tensor(list: &Value) -> Tensor<4> {
        let values: Vec<f32> = numbers(list).into_iter().map(|value| value as f32).collect();
        Tensor::from_data(TensorData::new(values, [2, 2, 3, 3]), &Device::flex())
    }

    pub(in crate::guidance) fn near(made: &Tensor<4>, wanted: &[f64], what: &str) {
        let made = host::values(made);
        assert_eq!(made.len(), wanted.len());
        let far = made.iter().zip(wanted).map(|(a, b)| (a - b).abs() / (1.0 + b.abs())).fold(0.0, f64::max);
        assert!(far < 2e-6, "{what}: {far}");
    }

    const AT: Level = Level { alpha: 1.0, sigma: 0.7 };

    fn compared<'a>(conditional: &Tensor<4>, free: &Tensor<4>, scale: f64, at: &'a Levels) -> Compared<'a> {
        Compared { x: conditional.clone(), conditional: conditional.clone(), free: free.clone(), at, scale }
    }

    #[test]
    fn recorded_answers_of_diffusers_come_out() {
        // Each row is a run of three calls, for the momentum.
        for row in golden()["apg"].as_array().unwrap() {
            let number = |key: &str| row[key].as_f64().unwrap();
            let (momentum, norm, eta) = (number("momentum"), number("norm"), number("eta"));
            let spec = format!("apg:momentum={momentum},norm={norm},eta={eta}");
            let (rule, at) = (GUIDANCES.build(&spec).unwrap(), Levels::all(AT, 2));
            // Twice: the second batch begins as if it were the first.
            for _ in 0..2 {
                rule.begin();
                for call in row["calls"].as_array().unwrap() {
                    let (conditional, free) = (tensor(&call["told"]), tensor(&call["free"]));
                    let asked = compared(&conditional, &free, number("scale"), &at);
                    near(&rule.guide(asked).unwrap(), &numbers(&call["guided"]), &spec);
                }
            }
        }
    }

    #[test]
    fn without_limits_it_is_classifier_free_and_else_keeps_the_length() {
        let (conditional, free) = (points(&[[0.3, 0.4], [0.0, 0.0]]), points(&[[-0.5, 0.1], [0.2, -0.6]]));
        let at = Levels::all(AT, 2);
        let made = Apg::new(0.0, 0.0, 1.0).guide(compared(&conditional, &free, 4.0, &at)).unwrap();
        let plain = ClassifierFree.guide(compared(&conditional, &free, 4.0, &at)).unwrap();
        check_near(&made, &plain, 2e-6);
        // By hand: the difference (0.8, 0.3) has along (0.6, 0.8) the part 0.72 and across, along (0.8, -0.6), 0.46. The
        // second image has no direction, so all of its difference (-0.2, 0.6) counts.
        let made = Apg::new(0.0, 0.0, 0.0).guide(compared(&conditional, &free, 3.0, &at)).unwrap();
        let across = 2.0 * 0.46;
        check_near(&made, &points(&[[0.3 + 0.8 * across, 0.4 - 0.6 * across], [-0.4, 1.2]]), 2e-6);
        // Cut to a tenth of its length.
        let norm = 0.1 * (0.8_f64 * 0.8 + 0.3 * 0.3).sqrt();
        let made = Apg::new(0.0, norm, 1.0).guide(compared(&conditional, &free, 2.0, &at)).unwrap();
        check_near(&made.narrow(0, 0, 1), &points(&[[0.38, 0.43]]), 2e-6);
    }

    #[test]
    fn part_of_a_batch_is_refused() {
        let (conditional, free) = (points(&[[0.3, 0.4], [0.0, 0.1]]), points(&[[-0.5, 0.1], [0.2, -0.6]]));
        let first = |of: &Tensor<4>| of.clone().narrow(0, 0, 1);
        let uneven = Levels(vec![AT, Level { alpha: 1.0, sigma: 0.6 }]);
        let rule = Apg::new(-0.5, 0.0, 0.0);
        rule.guide(compared(&conditional, &free, 2.0, &Levels::all(AT, 2))).unwrap();
        for asked in [
            compared(&conditional, &free, 2.0, &uneven),
            compared(&first(&conditional), &first(&free), 2.0, &Levels::all(AT, 1)),
        ] {
            let error = rule.guide(asked.clone()).unwrap_err().to_string();
            assert!(error.contains("momentum=0"), "{error}");
            Apg::new(0.0, 0.0, 0.0).guide(asked).unwrap();
        }
        assert!(GUIDANCES.build("apg:momentum=-1").is_err());
    }
}
