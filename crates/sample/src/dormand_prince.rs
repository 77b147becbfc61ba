//! The Runge-Kutta pair of Dormand and Prince, order 5 with an error estimate of order 4, and steps of adapted length: for
//! many independent systems at once, each with steps of its own, so that what becomes of one does not depend on the others.
//!
//! Dormand & Prince 1980; Hairer, Norsett & Wanner 1993, "Solving Ordinary Differential Equations I", II.4 for the choice of
//! steps. It takes the same steps as SciPy's `solve_ivp(method="RK45")`, which Song et al. 2021 (2011.13456) used.

use langevin_core::{Error, Result};

/// When a step is good enough.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tolerance {
    /// What is allowed of every value, whatever its size.
    pub absolute: f64,
    /// What is allowed of every value as a part of its size.
    pub relative: f64,
    /// How many values at the end of a state must each meet the absolute tolerance; of the others the root mean square meets
    /// both.
    pub apart: usize,
    /// Steps of one system, tried or taken, after which it is given up.
    pub steps: usize,
}

/// One system that is asked for its slope.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The number of the system.
    pub system: usize,
    /// Where.
    pub at: f64,
    /// Its state there.
    pub state: &'a [f64],
}

/// Where a system arrived.
#[derive(Debug, Clone, PartialEq)]
pub struct Arrived {
    /// Its state at the end.
    pub state: Vec<f64>,
    /// How often its slope was asked for.
    pub calls: usize,
    /// Steps taken.
    pub steps: usize,
}

/// Where each stage after the first stands, as a part of the step, and the weights of the slopes before it. The last is the
/// step itself, in the fifth order, and its slope is the first of the next step.
pub(crate) const STAGES: [(f64, &[f64]); 6] = [
    (1.0 / 5.0, &[1.0 / 5.0]),
    (3.0 / 10.0, &[3.0 / 40.0, 9.0 / 40.0]),
    (4.0 / 5.0, &[44.0 / 45.0, -56.0 / 15.0, 32.0 / 9.0]),
    (8.0 / 9.0, &[19372.0 / 6561.0, -25360.0 / 2187.0, 64448.0 / 6561.0, -212.0 / 729.0]),
    (1.0, &[9017.0 / 3168.0, -355.0 / 33.0, 46732.0 / 5247.0, 49.0 / 176.0, -5103.0 / 18656.0]),
    (1.0, &[35.0 / 384.0, 0.0, 500.0 / 1113.0, 125.0 / 192.0, -2187.0 / 6784.0, 11.0 / 84.0]),
];

/// The fourth order less the fifth.
pub(crate) const ERROR: [f64; 7] =
    [-71.0 / 57600.0, 0.0, 71.0 / 16695.0, -71.0 / 1920.0, 17253.0 / 339_200.0, -22.0 / 525.0, 1.0 / 40.0];

/// Whether a step with this error, in units of what is allowed, is taken, and the factor on the length of the next.
pub(crate) fn judge(error: f64) -> (bool, f64) {
    let factor = if error == 0.0 { f64::INFINITY } else { 0.9 * error.powf(-0.2) };
    (error < 1.0, factor.clamp(0.2, 10.0))
}

/// A system on its way.
struct System {
    at: f64,
    step: f64,
    /// Where the present step leads, which is the end itself at last, not what rounding makes of `at + step`.
    to: f64,
    state: Vec<f64>,
    /// The slopes of the present step, the first one known.
    slopes: Vec<Vec<f64>>,
    calls: usize,
    taken: usize,
    tried: usize,
    refused: bool,
    trial: Vec<f64>,
}

/// Takes every one of `states` from `start` to `end` (either way round); `slope` gives the slopes of those it is asked for, in
/// their order.
///
/// # Errors
/// What `slope` fails with. Failed, when a system needs more steps than allowed, or steps too short for f64, or leaves the
/// finite numbers.
pub fn integrate(
    states: Vec<Vec<f64>>,
    start: f64,
    end: f64,
    tolerance: &Tolerance,
    mut slope: impl FnMut(&[Asked<'_>]) -> Result<Vec<Vec<f64>>>,
) -> Result<Vec<Arrived>> {
    let mut systems = begin(states, start, end, tolerance, &mut slope)?;
    loop {
        let active: Vec<usize> = (0..systems.len()).filter(|index| systems[*index].at != end).collect();
        if active.is_empty() {
            let arrived = |s: System| Arrived { state: s.state, calls: s.calls, steps: s.taken };
            return Ok(systems.into_iter().map(arrived).collect());
        }
        for index in &active {
            systems[*index].prepare(end, tolerance)?;
        }
        for stage in 0..STAGES.len() {
            let evaluate: Vec<(f64, Vec<f64>)> = active.iter().map(|i| systems[*i].stage(stage)).collect();
            let asked: Vec<Asked<'_>> = active
                .iter()
                .zip(&evaluate)
                .map(|(system, (at, state))| Asked { system: *system, at: *at, state })
                .collect();
            let answers = slope(&asked)?;
            for ((index, answer), (_, state)) in active.iter().zip(answers).zip(evaluate) {
                let system = &mut systems[*index];
                system.slopes.push(answer);
                system.calls += 1;
                system.trial = state;
            }
        }
        for index in active {
            systems[index].decide(tolerance)?;
        }
    }
}

/// The systems with their first slopes and steps (Hairer et al., II.4, "starting step size").
fn begin(
    states: Vec<Vec<f64>>,
    start: f64,
    end: f64,
    tolerance: &Tolerance,
    slope: &mut impl FnMut(&[Asked<'_>]) -> Result<Vec<Vec<f64>>>,
) -> Result<Vec<System>> {
    let mut evaluate = |at: &[f64], states: &[Vec<f64>]| {
        let each = states.iter().zip(at).enumerate();
        let asked: Vec<Asked<'_>> =
            each.map(|(system, (state, at))| Asked { system, at: *at, state }).collect();
        slope(&asked)
    };
    let first = evaluate(&vec![start; states.len()], &states)?;
    let (way, length) = ((end - start).signum(), (end - start).abs());
    let mut tries = Vec::new();
    for (state, slope) in states.iter().zip(&first) {
        let size = tolerance.norm(state, state, state);
        let speed = tolerance.norm(slope, state, state);
        let h = if size < 1e-5 || speed < 1e-5 { 1e-6 } else { 0.01 * size / speed };
        tries.push((h.min(length), speed));
    }
    let moved = |((state, slope), (h, _)): ((&Vec<f64>, &Vec<f64>), &(f64, f64))| -> Vec<f64> {
        state.iter().zip(slope).map(|(y, k)| y + h * way * k).collect()
    };
    let ahead: Vec<Vec<f64>> = states.iter().zip(&first).zip(&tries).map(moved).collect();
    let places: Vec<f64> = tries.iter().map(|(h, _)| start + h * way).collect();
    let second = evaluate(&places, &ahead)?;
    let made = states.into_iter().zip(first).zip(second).zip(tries);
    Ok(made
        .map(|(((state, k), k2), (h, speed))| {
            let change: Vec<f64> = k2.iter().zip(&k).map(|(b, a)| b - a).collect();
            let bend = tolerance.norm(&change, &state, &state) / h;
            let most = speed.max(bend);
            let other = if most <= 1e-15 { (h * 1e-3).max(1e-6) } else { (0.01 / most).powf(0.2) };
            let step = (100.0 * h).min(other).min(length) * way;
            let trial = Vec::new();
            System {
                at: start,
                step,
                to: start,
                state,
                slopes: vec![k],
                calls: 2,
                taken: 0,
                tried: 0,
                refused: false,
                trial,
            }
        })
        .collect())
}

impl System {
    /// Shortens the step to the end, and gives up where it is hopeless.
    fn prepare(&mut self, end: f64, tolerance: &Tolerance) -> Result<()> {
        self.tried += 1;
        let least = 10.0 * f64::EPSILON * self.at.abs().max(f64::MIN_POSITIVE);
        if self.step.abs() < least || self.step.is_nan() || self.tried > tolerance.steps {
            return Err(Error::failed(format!(
                "the equation cannot be followed beyond {:.6}: after {} steps the next is {:.2e}",
                self.at, self.taken, self.step
            ))
            .hint("allow a larger tolerance"));
        }
        self.to = self.at + self.step;
        if (self.to - end) * self.step.signum() > 0.0 {
            (self.to, self.step) = (end, end - self.at);
        }
        self.slopes.truncate(1);
        Ok(())
    }

    /// Where stage number `stage` (from 0) beyond the first asks for the slope.
    fn stage(&self, stage: usize) -> (f64, Vec<f64>) {
        let (node, weights) = STAGES[stage];
        (self.at + node * self.step, self.moved(weights))
    }

    fn moved(&self, weights: &[f64]) -> Vec<f64> {
        let sum = |i: usize| self.slopes.iter().zip(weights).map(|(k, w)| k[i] * w).sum::<f64>();
        self.state.iter().enumerate().map(|(i, y)| y + self.step * sum(i)).collect()
    }

    /// Takes the step, or makes it shorter.
    fn decide(&mut self, tolerance: &Tolerance) -> Result<()> {
        let error = |i: usize| self.step * self.slopes.iter().zip(&ERROR).map(|(k, e)| k[i] * e).sum::<f64>();
        let errors: Vec<f64> = (0..self.state.len()).map(error).collect();
        let norm = tolerance.norm(&errors, &self.state, &self.trial);
        if norm.is_nan() {
            return Err(Error::failed(format!("the equation leaves the finite numbers near {:.6}", self.at)));
        }
        let (taken, factor) = judge(norm);
        if !taken {
            self.refused = true;
            self.step *= factor;
            return Ok(());
        }
        self.at = self.to;
        // Right after a refusal a step does not grow.
        self.step *= if self.refused { factor.min(1.0) } else { factor };
        self.state = std::mem::take(&mut self.trial);
        let last = self.slopes.swap_remove(6);
        self.slopes = vec![last];
        self.taken += 1;
        self.refused = false;
        Ok(())
    }
}

impl Tolerance {
    /// The size of `values` in units of what is allowed of a state that goes from `before` to `after`.
    fn norm(&self, values: &[f64], before: &[f64], after: &[f64]) -> f64 {
        let scaled =
            |i: usize| values[i] / (self.absolute + self.relative * before[i].abs().max(after[i].abs()));
        let together = values.len().saturating_sub(self.apart);
        let mean = (0..together).map(|i| scaled(i).powi(2)).sum::<f64>() / together.max(1) as f64;
        let alone = values[together..].iter().map(|value| (value / self.absolute).abs());
        let larger = |a: f64, b: f64| if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) };
        alone.fold(mean.sqrt(), larger)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIGHT: Tolerance = Tolerance { absolute: 1e-10, relative: 1e-10, apart: 0, steps: 100_000 };

    #[test]
    fn known_solutions_are_met_both_ways() {
        // y' = -2 t y: y = exp(-t^2).
        let slope = |asked: &[Asked<'_>]| Ok(asked.iter().map(|a| vec![-2.0 * a.at * a.state[0]]).collect());
        let there = integrate(vec![vec![1.0]], 0.0, 2.0, &TIGHT, slope).unwrap();
        assert!((there[0].state[0] - (-4.0_f64).exp()).abs() < 1e-9);
        let back = integrate(vec![there[0].state.clone()], 2.0, 0.0, &TIGHT, slope).unwrap();
        assert!((back[0].state[0] - 1.0).abs() < 1e-6);
    }

    /// SciPy's steps, state and calls (`references/golden/solve_ivp.py`).
    #[test]
    fn steps_are_those_of_scipy() {
        let golden = include_str!("../../../references/golden/solve_ivp.json");
        let golden: serde_json::Value = serde_json::from_str(golden).unwrap();
        let number = |value: &serde_json::Value| value.as_f64().unwrap();
        let slope = |asked: &[Asked<'_>]| -> Result<Vec<Vec<f64>>> {
            let of = |y: &[f64]| vec![1.5 * y[0] - y[0] * y[1], -3.0 * y[1] + y[0] * y[1]];
            Ok(asked.iter().map(|a| of(a.state)).collect())
        };
        for row in golden["rows"].as_array().unwrap() {
            let allowed = number(&row["tolerance"]);
            let tolerance = Tolerance { absolute: allowed, relative: allowed, apart: 0, steps: 10_000 };
            let (start, end) = (number(&row["start"]), number(&row["end"]));
            let made = integrate(vec![vec![10.0, 5.0]], start, end, &tolerance, slope).unwrap().remove(0);
            assert_eq!(made.calls as u64, row["calls"].as_u64().unwrap());
            assert_eq!(made.steps as u64, row["steps"].as_u64().unwrap());
            for (made, golden) in made.state.iter().zip(row["state"].as_array().unwrap()) {
                assert!((made / number(golden) - 1.0).abs() < 1e-9, "{made} and {golden}");
            }
        }
    }

    #[test]
    fn a_system_is_the_same_alone_and_among_others() {
        let slope = |asked: &[Asked<'_>]| -> Result<Vec<Vec<f64>>> {
            Ok(asked.iter().map(|a| vec![a.state[1], -a.state[0].sin()]).collect())
        };
        let states = vec![vec![0.1, 0.0], vec![3.0, 0.0], vec![0.0, 5.0]];
        let together = integrate(states.clone(), 0.0, 10.0, &TIGHT, slope).unwrap();
        for (state, together) in states.into_iter().zip(together) {
            assert_eq!(integrate(vec![state], 0.0, 10.0, &TIGHT, slope).unwrap()[0], together);
        }
    }

    #[test]
    fn hopeless_systems_are_given_up() {
        let tolerance = Tolerance { steps: 50, ..TIGHT };
        let blow_up = |asked: &[Asked<'_>]| Ok(asked.iter().map(|a| vec![a.state[0].powi(2)]).collect());
        let error = integrate(vec![vec![1.0]], 0.0, 2.0, &tolerance, blow_up).unwrap_err();
        assert!(error.to_string().contains("cannot be followed"), "{error}");
    }
}
