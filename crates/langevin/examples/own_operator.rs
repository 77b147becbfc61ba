//! Restores an image that an operator of one's own degraded: every two rows were averaged into one.
//!
//! Run `cargo run --release -p langevin --example own_operator`. Expect nothing left of the measurement, and a restored image
//! that is nearer to the true one than the classical restoration.

use langevin::data::{OpenOptions, open};
use langevin::restoration::{Degraded, RestorePlan, restore};
use langevin::restore::{Linear, Operator, Shape, noises};
use langevin::{Device, Model, Result};

/// Rows `2 k` and `2 k + 1` become their mean.
#[derive(Debug)]
struct PairsOfRows([usize; 3]);

impl Operator for PairsOfRows {
    fn input(&self) -> Shape {
        self.0
    }

    fn output(&self) -> Shape {
        [self.0[0], self.0[1] / 2, self.0[2]]
    }

    fn apply(&self, x: &[f64]) -> Vec<f64> {
        let width = self.0[2];
        let mean =
            |pair: &[f64]| (0..width).map(|at| (pair[at] + pair[width + at]) / 2.0).collect::<Vec<_>>();
        x.chunks_exact(2 * width).flat_map(mean).collect()
    }

    fn pull(&self, _x: &[f64], v: &[f64]) -> Vec<f64> {
        self.adjoint(v)
    }

    fn linear(&self) -> Option<&dyn Linear> {
        Some(self)
    }
}

impl Linear for PairsOfRows {
    fn adjoint(&self, y: &[f64]) -> Vec<f64> {
        let halves = |row: &[f64]| row.iter().chain(row).map(|value| value / 2.0).collect::<Vec<_>>();
        y.chunks_exact(self.0[2]).flat_map(halves).collect()
    }
}

fn main() -> Result<()> {
    let device = Device::flex();
    let model = Model::open("builtin:shapes", &device)?;
    let image = open("builtin:shapes", &OpenOptions::default())?.item(5)?.image;
    let operator = Box::new(PairsOfRows([3, 32, 32]));
    let degraded = Degraded::simulated(&image, operator, noises::build("0")?.as_ref(), 0, 0, &device)?;
    let restored = restore(&model, degraded, &RestorePlan::of(&model), &device, |_| {})?;
    println!("left of the measurement: {:.2} of 255", restored.report.drawn.residual);
    for score in &restored.report.scores {
        println!("{}: {:.2} dB", score.name, score.psnr.unwrap_or(f64::INFINITY));
    }
    Ok(())
}
