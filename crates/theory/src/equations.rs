//! Ordinary and stochastic differential equations of one variable, step by step: Euler, the predictor-corrector (Heun), classical
//! Runge-Kutta, and Euler-Maruyama.

use langevin_core::Stream;

/// The values at `times` of `dx/dt = slope(x, t)` from `start` at the first, by Euler's steps. First order.
pub fn euler(slope: impl Fn(f64, f64) -> f64, start: f64, times: &[f64]) -> Vec<f64> {
    along(start, times, |x, t, h| x + h * slope(x, t))
}

/// The same by a predicted Euler step and the mean of the slopes at both of its ends. Second order.
pub fn predictor_corrector(slope: impl Fn(f64, f64) -> f64, start: f64, times: &[f64]) -> Vec<f64> {
    along(start, times, |x, t, h| {
        let first = slope(x, t);
        x + 0.5 * h * (first + slope(x + h * first, t + h))
    })
}

/// The same by classical Runge-Kutta steps of four slopes. Fourth order.
pub fn rk4(slope: impl Fn(f64, f64) -> f64, start: f64, times: &[f64]) -> Vec<f64> {
    along(start, times, |x, t, h| {
        let k1 = slope(x, t);
        let k2 = slope(x + 0.5 * h * k1, t + 0.5 * h);
        let k3 = slope(x + 0.5 * h * k2, t + 0.5 * h);
        let k4 = slope(x + h * k3, t + h);
        x + h / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
    })
}

/// The values at `times` of `dx = drift(x, t) dt + noise(t) dw` from `start` at the first, forwards or backwards in time, by the
/// Euler-Maruyama method with the normal numbers of `stream`.
pub fn euler_maruyama(
    drift: impl Fn(f64, f64) -> f64,
    noise: impl Fn(f64) -> f64,
    start: f64,
    times: &[f64],
    stream: &mut Stream,
) -> Vec<f64> {
    let mut z = vec![0.0_f32; times.len().saturating_sub(1)];
    stream.fill_normal(&mut z);
    let mut z = z.into_iter();
    along(start, times, |x, t, h| {
        let z = f64::from(z.next().unwrap_or_default());
        x + h * drift(x, t) + noise(t) * libm::sqrt(h.abs()) * z
    })
}

fn along(start: f64, times: &[f64], mut step: impl FnMut(f64, f64, f64) -> f64) -> Vec<f64> {
    let mut values = vec![start];
    values.truncate(times.len());
    for pair in times.windows(2) {
        let last = *values.last().unwrap_or(&start);
        values.push(step(last, pair[0], pair[1] - pair[0]));
    }
    values
}

#[cfg(test)]
mod tests {
    use langevin_core::Purpose;

    use super::*;

    fn times(steps: usize) -> Vec<f64> {
        (0..=steps).map(|i| i as f64 / steps as f64).collect()
    }

    #[test]
    fn errors_shrink_at_the_order_of_each_method() {
        // Chan 2024, figure 4.8: dx/dt = (x + t^2 - 2) / (t + 1), x(0) = 2, is solved by t^2 + 2 t + 2 - 2 (t + 1) ln(t + 1).
        let slope = |x: f64, t: f64| (x + t * t - 2.0) / (t + 1.0);
        let exact = 1.0 + 2.0 + 2.0 - 4.0 * 2.0_f64.ln();
        type Method = fn(&dyn Fn(f64, f64) -> f64, f64, &[f64]) -> Vec<f64>;
        let methods: [(Method, i32); 3] = [
            (|slope, start, times| euler(slope, start, times), 1),
            (|slope, start, times| predictor_corrector(slope, start, times), 2),
            (|slope, start, times| rk4(slope, start, times), 4),
        ];
        for (method, order) in methods {
            let error = |steps: usize| (method(&slope, 2.0, &times(steps))[steps] - exact).abs();
            let measured = (error(20) / error(40)).log2();
            assert!(measured > f64::from(order) - 0.15, "order {measured}, not {order}");
        }
    }

    #[test]
    fn the_variance_of_a_wiener_process_is_its_time() {
        let last = |particle: u64| {
            let mut stream = Stream::new(1, Purpose::Sampler, particle, 0);
            euler_maruyama(|_, _| 0.0, |_| 1.5, 0.0, &times(16), &mut stream)[16]
        };
        let count = 20_000;
        let variance = (0..count).map(|k| last(k).powi(2)).sum::<f64>() / count as f64;
        assert!((variance / 2.25 - 1.0).abs() < 0.04, "{variance}");
        assert_eq!(euler(|_, _| 1.0, 3.0, &[0.0]), [3.0]);
        assert!(euler(|_, _| 1.0, 3.0, &[]).is_empty());
    }
}
