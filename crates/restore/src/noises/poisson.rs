//! Photons: each value is a number of them, which has the Poisson distribution.

use langevin_core::Stream;
use langevin_core::registry::{Entry, OptionDoc};

use super::Noise;

pub(super) const ENTRY: Entry<dyn Noise> = Entry {
    name: "poisson",
    aliases: &["shot"],
    summary: "photons: darker values have less noise",
    source: "",
    options: &[OptionDoc { key: "peak", default: "30", doc: "photons of white, above 0" }],
    build: |options| Ok(Box::new(Poisson { peak: options.number("peak", 1e-3, 1e9)? })),
    ..Entry::BLANK
};

#[derive(Debug)]
struct Poisson {
    peak: f64,
}

impl Noise for Poisson {
    fn add(&self, y: &mut [f64], stream: &mut Stream) {
        for y in y {
            let light = ((*y + 1.0) / 2.0).max(0.0);
            *y = 2.0 * count(self.peak * light, stream) / self.peak - 1.0;
        }
    }

    /// The variance of a value in [0, 1] is that value over the peak.
    fn sigma(&self, y: &[f64]) -> f64 {
        let mean = y.iter().map(|y| ((y + 1.0) / 2.0).max(0.0)).sum::<f64>() / y.len().max(1) as f64;
        2.0 * (mean / self.peak).sqrt()
    }
}

/// A number with the Poisson distribution of mean `mean`: by inversion below 10, from there by transformed rejection (Hormann
/// 1993, "The transformed rejection method for generating Poisson random variables", algorithm PTRS).
fn count(mean: f64, stream: &mut Stream) -> f64 {
    if mean < 10.0 {
        let mut left = stream.uniform();
        let mut share = libm::exp(-mean);
        let mut k = 0.0;
        // The shares of numbers above 100 are less than the smallest step of the uniform number.
        while left > share && k < 100.0 {
            left -= share;
            k += 1.0;
            share *= mean / k;
        }
        return k;
    }
    let (root, log_mean) = (mean.sqrt(), libm::log(mean));
    let b = 0.931 + 2.53 * root;
    let a = -0.059 + 0.02483 * b;
    let inverse_alpha = 1.1239 + 1.1328 / (b - 3.4);
    let v_r = 0.9277 - 3.6224 / (b - 2.0);
    loop {
        let u = stream.uniform() - 0.5;
        let v = stream.uniform();
        let us = 0.5 - u.abs();
        let k = ((2.0 * a / us + b) * u + mean + 0.43).floor();
        if us >= 0.07 && v <= v_r {
            return k;
        }
        if k < 0.0 || (us < 0.013 && v > us) {
            continue;
        }
        let bound = k * log_mean - mean - libm::lgamma(k + 1.0);
        if libm::log(v * inverse_alpha / (a / (us * us) + b)) <= bound {
            return k;
        }
    }
}

#[cfg(test)]
mod tests {
    use langevin_core::Purpose;

    use super::*;

    #[test]
    fn mean_variance_and_skewness_are_those_of_the_distribution() {
        for mean in [0.2, 3.0, 9.9, 10.1, 50.0, 4000.0] {
            let mut stream = Stream::new(3, Purpose::Measurement, 0, 0);
            let n = 200_000;
            let drawn: Vec<f64> = (0..n).map(|_| count(mean, &mut stream)).collect();
            let moment = |k: i32| drawn.iter().map(|d| (d - mean).powi(k)).sum::<f64>() / f64::from(n);
            let off = moment(1) / (mean / f64::from(n)).sqrt();
            assert!(off.abs() < 4.0, "{mean}: the mean is {off} errors off");
            assert!((moment(2) / mean - 1.0).abs() < 0.02, "{mean}: variance {}", moment(2));
            // The third central moment is the mean; its error is about sqrt(15 mean^3 / n) for large means.
            let error = (15.0 * mean.powi(3) / f64::from(n)).sqrt() + 0.02 * mean;
            assert!((moment(3) - mean).abs() < 4.0 * error, "{mean}: third moment {}", moment(3));
        }
    }

    #[test]
    fn without_light_there_is_no_noise() {
        let mut y = [-1.0, -1.5];
        Poisson { peak: 30.0 }.add(&mut y, &mut Stream::new(0, Purpose::Measurement, 0, 0));
        assert_eq!(y, [-1.0, -1.0]);
    }
}
