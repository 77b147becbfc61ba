//! The variational autoencoder of a normal distribution with an affine encoder and decoder, whose evidence lower bound (ELBO) has
//! a closed form: Chan 2024, "Tutorial on Diffusion Models for Imaging and Vision" (arXiv 2403.18103), section 1.

use std::f64::consts::{E, TAU};

/// `z | x ~ N(a x + b, t^2)` and `x | z ~ N(c z + v, s^2)` with the prior `z ~ N(0, 1)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AffineVae {
    /// Slope of the encoder.
    pub a: f64,
    /// Offset of the encoder.
    pub b: f64,
    /// Standard deviation of the encoder, greater than 0.
    pub t: f64,
    /// Slope of the decoder.
    pub c: f64,
    /// Offset of the decoder.
    pub v: f64,
    /// Standard deviation of the decoder, greater than 0.
    pub s: f64,
}

impl AffineVae {
    /// An optimum for data of `N(mean, sigma^2)`: the decoder with the slope `c`, of magnitude below `sigma`, that makes the data's
    /// distribution, and the encoder that is its exact posterior. With `c = 0` the code says nothing: `t = 1` and `s = sigma`.
    pub fn optimum(mean: f64, sigma: f64, c: f64) -> Self {
        let s = libm::sqrt(sigma * sigma - c * c);
        let a = c / (sigma * sigma);
        Self { a, b: -a * mean, t: s / sigma, c, v: mean, s }
    }

    /// The mean over data of `N(mean, sigma^2)` of the reconstruction term `E_q log p(x | z)` and of the Kullback-Leibler divergence
    /// of the code from its prior, in nats. Their difference is the ELBO.
    pub fn terms(&self, mean: f64, sigma: f64) -> (f64, f64) {
        let Self { a, b, t, c, v, s } = *self;
        // x - c (a x + b) - v has this mean and this variance.
        let off = mean - c * (a * mean + b) - v;
        let spread = (1.0 - c * a) * sigma;
        let squares = off * off + spread * spread + c * c * t * t;
        let reconstruction = -0.5 * libm::log(TAU * s * s) - squares / (2.0 * s * s);
        let code = (a * mean + b).powi(2) + (a * sigma).powi(2);
        (reconstruction, 0.5 * (t * t + code - 1.0 - 2.0 * libm::log(t)))
    }

    /// The ELBO over data of `N(mean, sigma^2)` in nats.
    pub fn elbo(&self, mean: f64, sigma: f64) -> f64 {
        let (reconstruction, divergence) = self.terms(mean, sigma);
        reconstruction - divergence
    }

    /// What no ELBO exceeds: the mean log-density of the data, minus the entropy of `N(., sigma^2)`.
    pub fn bound(sigma: f64) -> f64 {
        -0.5 * libm::log(TAU * E * sigma * sigma)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEAN: f64 = 1.5;
    const SIGMA: f64 = 0.7;

    #[test]
    fn optima_reach_the_bound_and_nothing_else_does() {
        for c in [0.0, 0.3, -0.6] {
            let best = AffineVae::optimum(MEAN, SIGMA, c);
            assert!((best.elbo(MEAN, SIGMA) - AffineVae::bound(SIGMA)).abs() < 1e-12, "c = {c}");
            let h = 1e-3;
            for moved in [
                AffineVae { a: best.a + h, ..best },
                AffineVae { b: best.b - h, ..best },
                AffineVae { t: best.t + h, ..best },
                AffineVae { v: best.v + h, ..best },
                AffineVae { s: best.s - h, ..best },
            ] {
                assert!(moved.elbo(MEAN, SIGMA) < best.elbo(MEAN, SIGMA), "{moved:?}");
            }
        }
        let collapsed = AffineVae::optimum(MEAN, SIGMA, 0.0);
        assert_eq!((collapsed.t, collapsed.a), (1.0, 0.0));
        assert!((collapsed.s - SIGMA).abs() < 1e-15);
    }

    #[test]
    fn the_closed_form_is_the_integral() {
        // Trapezoid sums over x and z.
        let vae = AffineVae { a: 0.8, b: -0.4, t: 0.5, c: 0.9, v: 0.2, s: 0.6 };
        let normal =
            |x: f64, mean: f64, s: f64| libm::exp(-0.5 * ((x - mean) / s).powi(2)) / (s * libm::sqrt(TAU));
        let log_normal =
            |x: f64, mean: f64, s: f64| -0.5 * libm::log(TAU * s * s) - 0.5 * ((x - mean) / s).powi(2);
        let (mut sum, step) = (0.0, 0.04);
        for i in -200..=200 {
            let x = MEAN + SIGMA * step * f64::from(i);
            for j in -200..=200 {
                let code = vae.a * x + vae.b;
                let z = code + vae.t * step * f64::from(j);
                let inside = log_normal(x, vae.c * z + vae.v, vae.s) + log_normal(z, 0.0, 1.0)
                    - log_normal(z, code, vae.t);
                sum += normal(x, MEAN, SIGMA) * SIGMA * step * normal(z, code, vae.t) * vae.t * step * inside;
            }
        }
        assert!((sum - vae.elbo(MEAN, SIGMA)).abs() < 1e-9, "{sum} {}", vae.elbo(MEAN, SIGMA));
    }
}
