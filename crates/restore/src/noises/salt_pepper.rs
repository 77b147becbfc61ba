//! Some values are lost, and become white or black.

use langevin_core::Stream;
use langevin_core::registry::{Entry, OptionDoc};

use super::Noise;

pub(super) const ENTRY: Entry<dyn Noise> = Entry {
    name: "salt_pepper",
    aliases: &["impulse", "salt_and_pepper"],
    summary: "some values become white or black",
    source: "",
    options: &[
        OptionDoc { key: "amount", default: "0.1", doc: "share of values, 0 to 1" },
        OptionDoc { key: "salt", default: "0.5", doc: "share of those that become white, 0 to 1" },
    ],
    build: |options| {
        let (amount, salt) = (options.number("amount", 0.0, 1.0)?, options.number("salt", 0.0, 1.0)?);
        Ok(Box::new(SaltPepper { amount, salt }))
    },
    ..Entry::BLANK
};

#[derive(Debug)]
struct SaltPepper {
    amount: f64,
    salt: f64,
}

impl Noise for SaltPepper {
    fn add(&self, y: &mut [f64], stream: &mut Stream) {
        for y in y {
            // Two numbers for each value, so that a value's fate does not depend on the others'.
            let (lost, kind) = (stream.uniform(), stream.uniform());
            if lost < self.amount {
                *y = if kind < self.salt { 1.0 } else { -1.0 };
            }
        }
    }

    fn sigma(&self, y: &[f64]) -> f64 {
        let error = |y: &f64| self.salt * (1.0 - y).powi(2) + (1.0 - self.salt) * (1.0 + y).powi(2);
        (self.amount * y.iter().map(error).sum::<f64>() / y.len().max(1) as f64).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use langevin_core::Purpose;

    use super::*;

    #[test]
    fn as_many_values_are_lost_as_asked_for() {
        let noise = SaltPepper { amount: 0.2, salt: 0.75 };
        let mut y = vec![0.25; 100_000];
        noise.add(&mut y, &mut Stream::new(0, Purpose::Measurement, 0, 0));
        let share = |value: f64| y.iter().filter(|y| **y == value).count() as f64 / y.len() as f64;
        assert!((share(1.0) - 0.15).abs() < 0.005 && (share(-1.0) - 0.05).abs() < 0.005);
        assert_eq!(share(0.25) + share(1.0) + share(-1.0), 1.0);
        let spread = (y.iter().map(|y| (y - 0.25).powi(2)).sum::<f64>() / y.len() as f64).sqrt();
        assert!((noise.sigma(&[0.25; 4]) - spread).abs() < 0.01);
    }
}
