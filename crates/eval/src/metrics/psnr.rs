//! Peak signal-to-noise ratio: `10 log10(255^2 / MSE)` over all pixels and channels of a pair of pictures, in decibels,
//! averaged over the pairs. Equal pictures give infinity.

use langevin_core::Result;
use langevin_core::registry::Entry;

use crate::metric::{Case, Measured, Metric, Needs};
use crate::similarity::{over_pairs, planes};

pub(super) const ENTRY: Entry<dyn Metric> = Entry {
    name: "psnr",
    aliases: &[],
    summary: "peak signal-to-noise ratio of pairs of pictures, in decibels",
    source: "Huynh-Thu and Ghanbari 2008",
    options: &[],
    build: |_| Ok(Box::new(Psnr)),
};

#[derive(Debug)]
struct Psnr;

impl Metric for Psnr {
    fn values(&self) -> &'static [&'static str] {
        &["psnr"]
    }

    fn needs(&self) -> Needs {
        Needs { pixels: true, pairs: true, ..Needs::default() }
    }

    fn measure(&self, case: &Case<'_>) -> Result<Measured> {
        over_pairs("psnr", case, |a, b| {
            let (a, b) = (planes(a), planes(b));
            let values = |planes: &[crate::similarity::Plane]| {
                planes.iter().flat_map(|plane| plane.values.clone()).collect::<Vec<f64>>()
            };
            let (a, b) = (values(&a), values(&b));
            let error = a.iter().zip(&b).map(|(a, b)| (a - b).powi(2)).sum::<f64>() / a.len() as f64;
            Ok(10.0 * (255.0 * 255.0 / error).log10())
        })
    }
}
