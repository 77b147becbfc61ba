//! Blur by an even disk: a lens out of focus.

use langevin_core::Result;
use langevin_core::registry::{Entry, OptionDoc};

use crate::blur::{BOUNDARY, Border, Kernel, THRESHOLD, check_size};
use crate::operator::{Degradation, Images, Operator, Shape};

pub(super) const ENTRY: Entry<dyn Degradation> = Entry {
    name: "disk_blur",
    aliases: &["defocus"],
    summary: "blurred by an even disk, as by a lens out of focus",
    source: "",
    options: &[OptionDoc { key: "radius", default: "3", doc: "radius in pixels" }, BOUNDARY, THRESHOLD],
    cases: &["disk_blur:radius=1.4", "disk_blur:radius=1.4,boundary=reflect"],
    build: |options| {
        let radius = options.number("radius", 0.1, 1000.0)?;
        Ok(Box::new(Disk { radius, border: Border::read(options)? }))
    },
    ..Entry::BLANK
};

#[derive(Debug)]
struct Disk {
    radius: f64,
    border: Border,
}

/// Points to a side of a pixel that decide how much of it the disk covers.
const POINTS: usize = 16;

impl Disk {
    /// How far the kernel reaches from its centre, in pixels.
    fn reach(&self) -> usize {
        (self.radius - 0.5).max(0.0).ceil() as usize
    }

    fn kernel(&self) -> Kernel {
        let reach = self.reach();
        let side = 2 * reach + 1;
        let covered = |at: usize| {
            let point =
                |k: usize, place: usize| place as f64 - reach as f64 + (k as f64 + 0.5) / POINTS as f64 - 0.5;
            let inside = |k: usize| {
                let (x, y) = (point(k % POINTS, at % side), point(k / POINTS, at / side));
                x * x + y * y <= self.radius * self.radius
            };
            (0..POINTS * POINTS).filter(|k| inside(*k)).count() as f64
        };
        Kernel::normalised(side, side, (0..side * side).map(covered).collect())
    }
}

/// The kernel of a disk.
pub(crate) fn kernel(radius: f64) -> Kernel {
    Disk { radius, border: Border::PLAIN }.kernel()
}

impl Degradation for Disk {
    fn on(&self, shape: Shape, _images: &dyn Images) -> Result<Box<dyn Operator>> {
        check_size([2 * self.reach() + 1; 2], shape)?;
        self.kernel().on(shape, self.border)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blur::Boundary;

    #[test]
    fn a_disk_is_round_and_even() {
        for radius in [0.4, 1.0, 3.0, 5.3] {
            let border = Border { boundary: Boundary::Circular, threshold: 0.0 };
            let kernel = Disk { radius, border }.kernel();
            let side = kernel.width;
            for at in 0..side * side {
                let turned = at % side * side + at / side;
                assert_eq!(kernel.weights[at], kernel.weights[turned]);
            }
            // A pixel within the disk has its share of the area.
            let centre = kernel.weights[side * side / 2];
            let area = std::f64::consts::PI * radius * radius;
            if radius >= 1.0 {
                assert!((centre * area - 1.0).abs() < 0.02, "{radius}: {}", centre * area);
            }
        }
    }
}
