//! Blur by a straight motion of even speed.

use langevin_core::Result;
use langevin_core::registry::{Entry, OptionDoc};

use crate::blur::{BOUNDARY, Border, Kernel, THRESHOLD, check_size};
use crate::operator::{Degradation, Images, Operator, Shape};

pub(super) const ENTRY: Entry<dyn Degradation> = Entry {
    name: "motion_blur",
    aliases: &[],
    summary: "blurred by a straight motion",
    source: "",
    options: &[
        OptionDoc { key: "length", default: "9", doc: "pixels that were passed over" },
        OptionDoc { key: "angle", default: "0", doc: "degrees from the right, counter-clockwise" },
        BOUNDARY,
        THRESHOLD,
    ],
    cases: &["motion_blur:length=5,angle=30,threshold=0", "motion_blur:length=4,angle=75,boundary=reflect"],
    build: |options| {
        Ok(Box::new(Motion {
            length: options.number("length", 1.0, 10_000.0)?,
            angle: options.number("angle", -360.0, 360.0)?,
            border: Border::read(options)?,
        }))
    },
    ..Entry::BLANK
};

#[derive(Debug)]
struct Motion {
    length: f64,
    angle: f64,
    border: Border,
}

/// Points a pixel of the way.
const POINTS: f64 = 64.0;

impl Motion {
    /// How far the kernel reaches from its centre in pixels, across and along the rows.
    fn reach(&self) -> [usize; 2] {
        let (sin, cos) = libm::sincos(self.angle.to_radians());
        // A point still covers one pixel, so a motion of one pixel is none.
        let half = 0.5 * (self.length - 1.0);
        [sin, cos].map(|part| (half * part.abs() - 1e-9).max(0.0).ceil() as usize)
    }

    /// Points along the way, each shared among the four pixels around it.
    fn kernel(&self) -> Kernel {
        let (sin, cos) = libm::sincos(self.angle.to_radians());
        let half = 0.5 * (self.length - 1.0);
        let [ry, rx] = self.reach();
        let (width, height) = (2 * rx + 1, 2 * ry + 1);
        let mut weights = vec![0.0; width * height];
        let count = (POINTS * self.length).ceil() as usize;
        for k in 0..count {
            let along = half * ((2 * k + 1) as f64 / count as f64 - 1.0);
            let (x, y) = (rx as f64 + along * cos, ry as f64 - along * sin);
            for (row, wy) in shares(y, height) {
                for (column, wx) in shares(x, width) {
                    weights[row * width + column] += wx * wy;
                }
            }
        }
        Kernel::normalised(height, width, weights)
    }
}

/// The two whole positions around `at` within `length` and their shares of it.
fn shares(at: f64, length: usize) -> [(usize, f64); 2] {
    let last = (length - 1) as f64;
    let at = at.clamp(0.0, last);
    let first = at.floor();
    [(first as usize, 1.0 - (at - first)), ((first + 1.0).min(last) as usize, at - first)]
}

/// The kernel of a straight motion.
pub(crate) fn kernel(length: f64, angle: f64) -> Kernel {
    Motion { length, angle, border: Border::PLAIN }.kernel()
}

impl Degradation for Motion {
    fn on(&self, shape: Shape, _images: &dyn Images) -> Result<Box<dyn Operator>> {
        check_size(self.reach().map(|reach| 2 * reach + 1), shape)?;
        self.kernel().on(shape, self.border)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blur::Boundary;

    fn kernel(length: f64, angle: f64) -> Kernel {
        Motion { length, angle, border: Border { boundary: Boundary::Circular, threshold: 0.0 } }.kernel()
    }

    #[test]
    fn a_motion_is_a_line_of_its_length_and_angle() {
        let level = kernel(9.0, 0.0);
        assert_eq!((level.height, level.width), (1, 9));
        // The share of the inner pixels is even; the two at the ends have half of theirs.
        assert!(level.weights[1..8].iter().all(|w| (w - 0.125).abs() < 1e-3), "{:?}", level.weights);
        assert!((level.weights[0] - 0.0625).abs() < 1e-3 && (level.weights[8] - 0.0625).abs() < 1e-3);
        let upright = kernel(9.0, 90.0);
        assert_eq!((upright.height, upright.width), (9, 1));
        let slanted = kernel(9.0, 45.0);
        // Counter-clockwise from the right: the upper right corner is dark, the upper left one empty.
        assert!(slanted.weights[slanted.width - 1] > 0.0 && slanted.weights[0] == 0.0);
        assert_eq!(kernel(1.0, 30.0).weights, [1.0]);
    }

    #[test]
    fn a_motion_is_the_same_both_ways() {
        for angle in [0.0, 17.0, 45.0, 121.0] {
            let kernel = kernel(7.5, angle);
            let back: Vec<f64> = kernel.weights.iter().rev().copied().collect();
            assert!(kernel.weights.iter().zip(&back).all(|(a, b)| (a - b).abs() < 1e-12), "{angle}");
            assert!((kernel.weights.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        }
    }
}
