//! Langevin dynamics at a fixed step, `x' = x + tau score(x) + sqrt(2 tau) z`: Chan 2024 (arXiv 2403.18103), section 3.1; Roberts &
//! Tweedie 1996 for what it converges to.

use langevin_core::Stream;

/// Langevin dynamics of a fixed step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Langevin {
    /// The step tau, greater than 0.
    pub step: f64,
    /// Whether noise is added; without it this is gradient ascent of the log-density.
    pub noise: bool,
}

impl Langevin {
    /// The positions of one particle, its start and those after each of `steps` steps.
    pub fn walk(
        &self,
        score: impl Fn(&[f64]) -> Vec<f64>,
        start: &[f64],
        steps: usize,
        stream: &mut Stream,
    ) -> Vec<Vec<f64>> {
        let mut positions = vec![start.to_vec()];
        let mut noise = vec![0.0_f32; start.len()];
        let scale = libm::sqrt(2.0 * self.step);
        for step in 0..steps {
            let at = &positions[step];
            let mut next: Vec<f64> = at.iter().zip(score(at)).map(|(x, s)| x + self.step * s).collect();
            if self.noise {
                stream.fill_normal(&mut noise);
                next.iter_mut().zip(&noise).for_each(|(x, z)| *x += scale * f64::from(*z));
            }
            positions.push(next);
        }
        positions
    }

    /// The variance that the dynamics reach on a normal distribution of this `variance`: `variance / (1 - tau / (2 variance))`, too
    /// large by the error of the step. Infinite or negative from `tau = 2 variance` up, where they diverge.
    pub fn stationary_variance(&self, variance: f64) -> f64 {
        variance / (1.0 - self.step / (2.0 * variance))
    }
}

#[cfg(test)]
mod tests {
    use langevin_core::{Level, Purpose};

    use langevin_core::closed_form::ClosedForm;

    use super::*;
    use crate::mixture_1d;

    #[test]
    fn without_noise_it_climbs_to_a_mode() {
        let data = mixture_1d(&[(0.6, 2.0, 0.5), (0.4, -2.0, 0.2)]);
        let score = |x: &[f64]| data.score(Level::CLEAN, x);
        let walk = |start: f64| {
            let mut stream = Stream::new(0, Purpose::Sampler, 0, 0);
            Langevin { step: 0.01, noise: false }.walk(score, &[start], 500, &mut stream)
        };
        let [up, down] = [walk(1.0), walk(-1.5)];
        assert_eq!(up.len(), 501);
        assert!((up[500][0] - 2.0).abs() < 1e-3 && (down[500][0] + 2.0).abs() < 1e-3);
    }

    #[test]
    fn on_a_gaussian_it_reaches_the_variance_of_its_step() {
        let variance = 0.5;
        let dynamics = Langevin { step: 0.2, noise: true };
        let (mut sum, mut count) = (0.0, 0.0);
        for particle in 0..400 {
            let mut stream = Stream::new(3, Purpose::Sampler, particle, 0);
            let walk = dynamics.walk(|x| vec![-x[0] / variance], &[0.0], 300, &mut stream);
            sum += walk[100..].iter().map(|x| x[0] * x[0]).sum::<f64>();
            count += 201.0;
        }
        let wanted = dynamics.stationary_variance(variance);
        assert!((wanted - 0.625).abs() < 1e-12);
        // 80,000 positions that are correlated over about 4 steps.
        assert!((sum / count / wanted - 1.0).abs() < 0.03, "{} {wanted}", sum / count);
    }
}
