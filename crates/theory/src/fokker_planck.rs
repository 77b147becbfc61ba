//! The Fokker-Planck equation of `dx = f(x, t) dt + g(t) dw` in one variable, `dp/dt = -d(f p)/dx + g^2/2 d^2p/dx^2`: finite volumes
//! with exponentially fitted fluxes (Scharfetter & Gummel 1969; Chang & Cooper 1970) and Crank-Nicolson steps. No probability is lost:
//! nothing flows through the ends.

use serde::Serialize;

/// Where the equation is solved.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FokkerPlanck {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// Cells between them, at least 8.
    pub cells: usize,
}

/// A density over time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evolution {
    /// The middle of each cell.
    pub x: Vec<f64>,
    /// The times, those that were asked for.
    pub times: Vec<f64>,
    /// The mean density of each cell at each time.
    pub density: Vec<Vec<f64>>,
    /// By how much the whole probability changed at most.
    pub mass_error: f64,
    /// The largest `|dp/dt + d(f p)/dx - g^2/2 d^2p/dx^2|` at the middle of a step, by differences of fourth order that the solver does
    /// not use, over the largest `|dp/dt|`.
    pub residual: f64,
}

impl FokkerPlanck {
    /// Solves the equation from `density` at `times[0]` to the other `times`, which rise, with `steps` steps between two of them.
    ///
    /// # Panics
    /// If there are fewer than 8 cells or fewer than two times.
    pub fn solve(
        &self,
        drift: impl Fn(f64, f64) -> f64,
        noise: impl Fn(f64) -> f64,
        density: impl Fn(f64) -> f64,
        times: &[f64],
        steps: usize,
    ) -> Evolution {
        assert!(self.cells >= 8 && times.len() >= 2, "too few cells or times");
        let h = (self.high - self.low) / self.cells as f64;
        let x: Vec<f64> = (0..self.cells).map(|k| self.low + (k as f64 + 0.5) * h).collect();
        // Simpson's rule over each cell.
        let cell = |x: &f64| (density(x - 0.5 * h) + 4.0 * density(*x) + density(x + 0.5 * h)) / 6.0;
        let mut p: Vec<f64> = x.iter().map(cell).collect();
        let mass = |p: &[f64]| p.iter().sum::<f64>() * h;
        let (begin, mut mass_error) = (mass(&p), 0.0_f64);
        let mut frames = vec![p.clone()];
        let (mut residual, mut fastest) = (0.0_f64, 0.0_f64);
        for pair in times.windows(2) {
            let dt = (pair[1] - pair[0]) / steps as f64;
            for step in 0..steps {
                let t = pair[0] + (step as f64 + 0.5) * dt;
                let rows = rows(&x, h, |x| drift(x, t), 0.5 * noise(t).powi(2));
                let next = crank_nicolson(&rows, &p, dt);
                let (off, rate) = defect(&x, h, &p, &next, dt, |x| drift(x, t), 0.5 * noise(t).powi(2));
                (residual, fastest) = (residual.max(off), fastest.max(rate));
                p = next;
            }
            mass_error = mass_error.max((mass(&p) - begin).abs());
            frames.push(p.clone());
        }
        let residual = if fastest > 0.0 { residual / fastest } else { 0.0 };
        Evolution { x, times: times.to_vec(), density: frames, mass_error, residual }
    }
}

/// The three diagonals of `dp/dt = A p`: what flows in from below, out of the cell itself, and in from above.
fn rows(x: &[f64], h: f64, drift: impl Fn(f64) -> f64, diffusion: f64) -> Vec<[f64; 3]> {
    let mut rows = vec![[0.0; 3]; x.len()];
    for k in 0..x.len() - 1 {
        // The flow through the face between k and k + 1 is up * p[k] - down * p[k + 1].
        let f = drift(x[k] + 0.5 * h);
        let (up, down) = if diffusion > 0.0 {
            let w = f * h / diffusion;
            (diffusion / h * bernoulli(-w), diffusion / h * bernoulli(w))
        } else {
            (f.max(0.0), (-f).max(0.0))
        };
        rows[k][1] -= up / h;
        rows[k][2] += down / h;
        rows[k + 1][0] += up / h;
        rows[k + 1][1] -= down / h;
    }
    rows
}

/// `w / (e^w - 1)`.
fn bernoulli(w: f64) -> f64 {
    if w.abs() < 1e-8 { 1.0 - 0.5 * w } else { w / libm::expm1(w) }
}

/// One step: `(1 - dt/2 A) next = (1 + dt/2 A) p`, by elimination.
fn crank_nicolson(rows: &[[f64; 3]], p: &[f64], dt: f64) -> Vec<f64> {
    let (count, half) = (p.len(), 0.5 * dt);
    let right = |k: usize| {
        let [below, own, above] = rows[k];
        let below = if k > 0 { below * p[k - 1] } else { 0.0 };
        let above = if k + 1 < count { above * p[k + 1] } else { 0.0 };
        p[k] + half * (below + own * p[k] + above)
    };
    let (mut upper, mut values) = (vec![0.0; count], vec![0.0; count]);
    for k in 0..count {
        let [below, own, above] = rows[k];
        let (last_upper, last_value) = if k > 0 { (upper[k - 1], values[k - 1]) } else { (0.0, 0.0) };
        let pivot = 1.0 - half * own + half * below * last_upper;
        upper[k] = -half * above / pivot;
        values[k] = (right(k) + half * below * last_value) / pivot;
    }
    for k in (0..count - 1).rev() {
        values[k] -= upper[k] * values[k + 1];
    }
    values
}

/// The largest defect of the equation between `p` and `next`, and the largest rate of change.
fn defect(
    x: &[f64],
    h: f64,
    p: &[f64],
    next: &[f64],
    dt: f64,
    drift: impl Fn(f64) -> f64,
    diffusion: f64,
) -> (f64, f64) {
    let middle: Vec<f64> = p.iter().zip(next).map(|(a, b)| 0.5 * (a + b)).collect();
    let flow: Vec<f64> = x.iter().zip(&middle).map(|(x, p)| drift(*x) * p).collect();
    let (mut worst, mut fastest) = (0.0_f64, 0.0_f64);
    for k in 2..x.len() - 2 {
        let rate = (next[k] - p[k]) / dt;
        let first = (flow[k - 2] - 8.0 * flow[k - 1] + 8.0 * flow[k + 1] - flow[k + 2]) / (12.0 * h);
        let second = (-middle[k - 2] + 16.0 * middle[k - 1] - 30.0 * middle[k] + 16.0 * middle[k + 1]
            - middle[k + 2])
            / (12.0 * h * h);
        worst = worst.max((rate + first - diffusion * second).abs());
        fastest = fastest.max(rate.abs());
    }
    (worst, fastest)
}

#[cfg(test)]
mod tests {
    use langevin_core::closed_form::ClosedForm;
    use langevin_core::process::{Diffusion, DiffusionSpec};

    use super::*;
    use crate::mixture_1d;

    fn normal(x: f64, mean: f64, variance: f64) -> f64 {
        libm::exp(-0.5 * (x - mean).powi(2) / variance) / libm::sqrt(std::f64::consts::TAU * variance)
    }

    /// The largest error of an Ornstein-Uhlenbeck process `dx = -b x dt + g dw` against its closed form.
    fn error(cells: usize, steps: usize) -> (f64, Evolution) {
        let (b, g, mean, variance) = (1.5, 0.8, 1.0, 0.09);
        let solver = FokkerPlanck { low: -3.0, high: 4.0, cells };
        let start = |x: f64| normal(x, mean, variance);
        let made = solver.solve(|x, _| -b * x, |_| g, start, &[0.0, 0.5, 1.0], steps);
        let decay = libm::exp(-b);
        let limit = g * g / (2.0 * b);
        let (mean, variance) = (mean * decay, limit + (variance - limit) * decay * decay);
        let off = made.x.iter().zip(&made.density[2]).map(|(x, p)| (p - normal(*x, mean, variance)).abs());
        (off.fold(0.0, f64::max), made)
    }

    #[test]
    fn it_is_of_second_order_and_loses_nothing() {
        let ((coarse, _), (fine, made)) = (error(100, 20), error(200, 40));
        assert!((coarse / fine).log2() > 1.8, "{coarse} {fine}");
        let (finest, best) = error(800, 160);
        assert!(finest < 1e-4 && made.mass_error < 1e-12, "{finest} {}", made.mass_error);
        assert!(best.residual < 1e-3 && best.residual < made.residual, "{} {}", best.residual, made.residual);
        assert!(made.density.iter().flatten().all(|p| *p > -1e-9));
    }

    #[test]
    fn the_forward_process_of_a_mixture_has_the_closed_form_as_its_solution() {
        // Chan 2024, figure 2.5: 0.3 N(-2, 0.2^2) + 0.7 N(2, 1).
        let data = mixture_1d(&[(0.3, -2.0, 0.2), (0.7, 2.0, 1.0)]);
        for (schedule, process) in [("linear:steps=0", "vp"), ("geometric:sigma_min=0.05,sigma_max=4", "ve")]
        {
            let (schedule, process) = (schedule.to_owned(), process.to_owned());
            let diffusion =
                Diffusion::new(&DiffusionSpec { schedule, process, ..Default::default() }).unwrap();
            let times = [0.05, 0.2, 0.4];
            let known = |x: f64, t: f64| libm::exp(data.log_density(diffusion.level(t), &[x]));
            let solver = FokkerPlanck { low: -12.0, high: 12.0, cells: 1200 };
            let made = solver.solve(
                |x, t| diffusion.sde(t).drift * x,
                |t| libm::sqrt(diffusion.sde(t).diffusion_squared),
                |x| known(x, times[0]),
                &times,
                150,
            );
            for (k, t) in times.iter().enumerate() {
                for (x, p) in made.x.iter().zip(&made.density[k]) {
                    let mean = (known(x - 0.01, *t) + 4.0 * known(*x, *t) + known(x + 0.01, *t)) / 6.0;
                    assert!((p - mean).abs() < 2e-4, "t = {t}, x = {x}: {p} {mean}");
                }
            }
            assert!(made.residual < 1e-2, "{}", made.residual);
        }
    }
}
