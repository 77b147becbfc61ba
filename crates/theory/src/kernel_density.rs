//! The density of points smoothed with a normal kernel: what explicit score matching takes for the unknown density (Chan 2024,
//! arXiv 2403.18103, section 3.4; Parzen 1962).

use langevin_core::closed_form::{Component, Mixture};

/// The mixture of one normal distribution of standard deviation `width` around each of `points`.
pub fn kernel_density(points: &[f64], width: f64) -> Mixture {
    let component = |x: &f64| Component { weight: 1.0, mean: vec![*x], variance: width * width };
    Mixture { components: points.iter().map(component).collect() }
}

/// Silverman's rule for the width of the kernel: `1.06 s n^(-1/5)` with the standard deviation `s` of the points.
pub fn silverman(points: &[f64]) -> f64 {
    let count = points.len() as f64;
    let mean = points.iter().sum::<f64>() / count;
    let variance = points.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (count - 1.0);
    1.06 * libm::sqrt(variance) * libm::pow(count, -0.2)
}

#[cfg(test)]
mod tests {
    use langevin_core::Level;
    use langevin_core::closed_form::ClosedForm;

    use super::*;

    #[test]
    fn it_is_the_mean_of_the_kernels() {
        let density = kernel_density(&[-1.0, 0.0, 3.0], 0.5);
        let kernel = |x: f64| libm::exp(-0.5 * (x / 0.5).powi(2)) / (0.5 * libm::sqrt(std::f64::consts::TAU));
        let wanted = (kernel(1.2) + kernel(0.2) + kernel(-2.8)) / 3.0;
        assert!((libm::exp(density.log_density(Level::CLEAN, &[0.2])) - wanted).abs() < 1e-12);
        assert!((silverman(&[0.0, 1.0, 2.0]) - 1.06 * 3.0_f64.powf(-0.2)).abs() < 1e-12);
    }
}
