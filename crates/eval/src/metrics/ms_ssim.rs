//! Multi-scale structural similarity (Wang, Simoncelli and Bovik 2003, eq. 7): contrast and structure at five sizes, each
//! half of the one before, and luminance at the smallest, to their published powers. As pytorch-msssim computes it.

use langevin_core::registry::Entry;
use langevin_core::{Error, Image, Result};

use crate::metric::{Case, Measured, Metric, Needs};
use crate::similarity::{Plane, WINDOW, halved, over_pairs, planes, ssim};

pub(super) const ENTRY: Entry<dyn Metric> = Entry {
    name: "ms_ssim",
    aliases: &[],
    summary: "structural similarity at five sizes, for pairs of images of more than 160 pixels a side",
    source: "Wang et al. 2003, eq. 7 (Asilomar)",
    options: &[],
    build: |_| Ok(Box::new(MsSsim)),
    ..Entry::BLANK
};

const POWERS: [f64; 5] = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333];

#[derive(Debug)]
struct MsSsim;

impl Metric for MsSsim {
    fn values(&self) -> &'static [&'static str] {
        &["ms_ssim"]
    }

    fn needs(&self) -> Needs {
        Needs { pixels: true, pairs: true, ..Needs::default() }
    }

    fn measure(&self, case: &Case<'_>) -> Result<Measured> {
        over_pairs("ms_ssim", case, similarity)
    }
}

fn similarity(a: &Image, b: &Image) -> Result<f64> {
    let least = (WINDOW - 1) << (POWERS.len() - 1);
    if a.width.min(a.height) <= least {
        return Err(Error::usage(format!(
            "{}x{} pixels are too few for the five sizes of ms_ssim",
            a.width, a.height
        ))
        .hint(format!("it needs more than {least} pixels a side; ssim needs 11")));
    }
    let (a, b) = (planes(a), planes(b));
    let total: f64 = a.iter().zip(&b).map(|(a, b)| of_planes(a.clone(), b.clone())).sum();
    Ok(total / a.len() as f64)
}

fn of_planes(mut a: Plane, mut b: Plane) -> f64 {
    let mut product = 1.0;
    for (level, power) in POWERS.iter().enumerate() {
        let (whole, contrast) = ssim(&a, &b);
        let last = level + 1 == POWERS.len();
        product *= if last { whole } else { contrast }.max(0.0).powf(*power);
        if !last {
            (a, b) = (halved(&a), halved(&b));
        }
    }
    product
}
