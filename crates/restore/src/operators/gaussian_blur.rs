//! Blur by a Gaussian.

use langevin_core::registry::{Entry, OptionDoc};
use langevin_core::{Error, Result};

use super::whole;
use crate::blur::{BOUNDARY, Border, Kernel, THRESHOLD, check_size, product};
use crate::operator::{Degradation, Images, Operator, Shape};

pub(super) const ENTRY: Entry<dyn Degradation> = Entry {
    name: "gaussian_blur",
    aliases: &["blur"],
    summary: "blurred by a Gaussian",
    source: "",
    options: &[
        OptionDoc { key: "sigma", default: "2", doc: "standard deviation in pixels" },
        OptionDoc {
            key: "size",
            default: "0",
            doc: "width of the kernel, an odd number; 0: 2 r + 1 with r = 4 sigma rounded, as scipy's gaussian_filter",
        },
        BOUNDARY,
        THRESHOLD,
    ],
    cases: &[
        "gaussian_blur:sigma=0.8,size=5,threshold=0",
        "gaussian_blur:sigma=0.8,size=5,threshold=0,boundary=reflect",
        "gaussian_blur:sigma=1.5,size=7",
        "gaussian_blur:sigma=1.5,size=7,boundary=reflect",
    ],
    build: |options| {
        let sigma = options.number("sigma", 0.05, 1000.0)?;
        let size = whole(options, "size", 0, 100_001)?;
        if size > 0 && size % 2 == 0 {
            return Err(Error::usage(format!("gaussian_blur: option size={size} must be odd")));
        }
        let radius = if size > 0 { size / 2 } else { reach(sigma) };
        Ok(Box::new(Gaussian { sigma, radius, border: Border::read(options)? }))
    },
    ..Entry::BLANK
};

#[derive(Debug)]
struct Gaussian {
    sigma: f64,
    radius: usize,
    border: Border,
}

impl Degradation for Gaussian {
    fn on(&self, shape: Shape, _images: &dyn Images) -> Result<Box<dyn Operator>> {
        check_size([2 * self.radius + 1; 2], shape)?;
        product(&line(self.sigma, self.radius), shape, self.border)
    }
}

/// A Gaussian up to `radius` pixels from its middle.
fn line(sigma: f64, radius: usize) -> Vec<f64> {
    let weight = |k: usize| {
        let off = (k as f64 - radius as f64) / sigma;
        libm::exp(-0.5 * off * off)
    };
    (0..=2 * radius).map(weight).collect()
}

/// How far a Gaussian reaches where nothing is said: as far as scipy's.
fn reach(sigma: f64) -> usize {
    (4.0 * sigma + 0.5) as usize
}

/// The kernel of a Gaussian.
pub(crate) fn kernel(sigma: f64) -> Kernel {
    let line = line(sigma, reach(sigma));
    let weights = line.iter().flat_map(|a| line.iter().map(move |b| a * b)).collect();
    Kernel::normalised(line.len(), line.len(), weights)
}
