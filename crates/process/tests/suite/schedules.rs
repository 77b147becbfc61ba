//! Schedules fall, invert, have the slope they say, and match their published closed forms.

use langevin_process::{SCHEDULES, Schedule};

use crate::{close, schedules};

/// Times across `[0, 1]`, dense at both ends.
fn times() -> Vec<f64> {
    let ends = [1e-6, 1e-5, 1e-4, 1e-3];
    let middle = (1..200).map(|i| f64::from(i) / 200.0);
    let mut times: Vec<f64> = ends.iter().copied().chain(middle).chain(ends.map(|t| 1.0 - t)).collect();
    times.sort_by(f64::total_cmp);
    times.insert(0, 0.0);
    times.push(1.0);
    times
}

#[test]
fn every_schedule_falls_strictly_and_clamps_its_time() {
    for spec in schedules() {
        let schedule = SCHEDULES.build(&spec).unwrap();
        let values: Vec<f64> = times().into_iter().map(|t| schedule.log_snr(t)).collect();
        assert!(values.windows(2).all(|pair| pair[0] > pair[1]), "{spec}: {values:?}");
        assert!(values[1..values.len() - 1].iter().all(|value| value.is_finite()), "{spec}");
        assert_eq!(schedule.log_snr(-1.0), schedule.log_snr(0.0), "{spec}");
        assert_eq!(schedule.log_snr(2.0), schedule.log_snr(1.0), "{spec}");
    }
}

#[test]
fn every_schedule_inverts() {
    for spec in schedules() {
        let schedule = SCHEDULES.build(&spec).unwrap();
        for t in times() {
            let back = schedule.time(schedule.log_snr(t));
            assert!((back - t).abs() < 1e-9, "{spec}: {t} came back as {back}");
        }
        assert_eq!(schedule.time(f64::INFINITY), 0.0, "{spec}");
        assert_eq!(schedule.time(f64::NEG_INFINITY), 1.0, "{spec}");
    }
}

#[test]
fn every_slope_is_the_derivative() {
    for spec in schedules() {
        let schedule = SCHEDULES.build(&spec).unwrap();
        // Not at the kinks of a table, nor at that of laplace in the middle.
        for t in [0.013_377, 0.1234, 0.377_7, 0.623_7, 0.9117, 0.98765] {
            let h = 1e-7;
            let numeric = (schedule.log_snr(t + h) - schedule.log_snr(t - h)) / (2.0 * h);
            assert!(
                close(schedule.slope(t), numeric, 1e-5),
                "{spec} at {t}: {} {numeric}",
                schedule.slope(t)
            );
        }
        for t in times() {
            assert!(schedule.slope(t) < 0.0, "{spec} at {t}: {}", schedule.slope(t));
        }
    }
}

/// Compares a schedule with `snr(t)`.
fn matches(spec: &str, snr: impl Fn(f64) -> f64) {
    let schedule = SCHEDULES.build(spec).unwrap();
    for t in times().into_iter().filter(|t| (0.01..=0.99).contains(t)) {
        let (got, want) = (schedule.log_snr(t), snr(t).ln());
        assert!(close(got, want, 1e-9), "{spec} at {t}: {got}, published {want}");
    }
}

#[test]
fn published_closed_forms() {
    let of_signal = |signal: f64| signal / (1.0 - signal);
    // Song et al. 2021, eq. 32-33: alpha^2 = exp(-t^2 (beta_max - beta_min) / 2 - t beta_min).
    matches("linear:steps=0", |t| of_signal((-0.5 * t * t * 19.9 - 0.1 * t).exp()));
    // Nichol & Dhariwal 2021, eq. 17.
    let f = |t: f64| ((t + 0.008) / 1.008 * std::f64::consts::FRAC_PI_2).cos().powi(2);
    matches("cosine:steps=0", |t| of_signal(f(t) / f(0.0)));
    // Song et al. 2021, eq. 30.
    matches("geometric", |t| (0.01 * 5000_f64.powf(t)).powi(-2));
    matches("edm:rho=0", |t| (0.002 * 40_000_f64.powf(t)).powi(-2));
    // Karras et al. 2022, eq. 5.
    let root = |sigma: f64| sigma.powf(1.0 / 7.0);
    matches("edm", |t| (root(0.002) + t * (root(80.0) - root(0.002))).powi(7).powi(-2));
    matches("flow", |t| ((1.0 - t) / t).powi(2));
    // Hang & Gu 2024, table 1.
    matches("laplace:mean=2,scale=0.7", |t| {
        (2.0 - 0.7 * (0.5_f64 - t).signum() * (1.0 - 2.0 * (t - 0.5).abs()).ln()).exp()
    });
    // Esser et al. 2024, eq. 23, in the flow's own time.
    matches("shifted:base=flow,shift=3", |t| {
        let shifted = 3.0 * t / (1.0 + 2.0 * t);
        ((1.0 - shifted) / shifted).powi(2)
    });
    // Hoogeboom et al. 2023: log_snr + 2 ln(64 / side), here with a side of 256.
    matches("shifted:base=cosine:steps=0,shift=4", |t| of_signal(f(t) / f(0.0)) * (64.0_f64 / 256.0).powi(2));
    // Song et al. 2021, eq. 29.
    matches("sub_vp_linear", |t| {
        let signal = (-0.5 * t * t * 19.9 - 0.1 * t).exp();
        signal / (1.0 - signal).powi(2)
    });
    // Lin et al. 2024, algorithm 1.
    matches("rescaled:base=linear:steps=0", |t| {
        let root = |t: f64| (-0.25 * t * t * 19.9 - 0.05 * t).exp();
        of_signal(((root(t) - root(1.0)) / (1.0 - root(1.0))).powi(2))
    });
}

#[test]
fn a_continuous_form_is_the_limit_of_its_table() {
    for name in ["linear", "scaled_linear", "sigmoid", "cosine"] {
        let continuous = SCHEDULES.build(&format!("{name}:steps=0")).unwrap();
        let table = SCHEDULES.build(name).unwrap();
        for t in [0.05, 0.2, 0.5, 0.8, 0.95] {
            // Entry i of the table stands at the end of step i.
            let index = (t * 1000.0_f64).round() - 1.0;
            let (a, b) = (continuous.log_snr(t), table.log_snr(index / 999.0));
            assert!((a - b).abs() < 0.1, "{name} at {t}: {a} {b}");
        }
    }
}

#[test]
fn zero_terminal_snr_ends_without_signal_and_keeps_its_clean_end() {
    for base in ["linear", "cosine", "linear:steps=0"] {
        let rescaled = SCHEDULES.build(&format!("rescaled:base={base}")).unwrap();
        let base = SCHEDULES.build(base).unwrap();
        assert_eq!(rescaled.log_snr(1.0), f64::NEG_INFINITY);
        assert!(close(rescaled.log_snr(0.0), base.log_snr(0.0), 1e-9));
        assert_eq!(rescaled.timesteps(), base.timesteps());
    }
}

#[test]
fn bad_options_are_refused() {
    for spec in [
        "linear:start=0",
        "linear:start=0.5,end=0.1",
        "linear:steps=1",
        "linear:steps=-3",
        "cosine:max_beta=1",
        "geometric:sigma_min=2,sigma_max=1",
        "edm:rho=0.5",
        "table:betas=",
        "table:betas=0.1;x",
        "table:betas=0.1;2",
        "table:betas=0.1;nan",
        "shifted:base=nothing",
        "shifted:shift=0",
        "rescaled:base=linear:steps=1",
        "laplace:scale=inf",
    ] {
        assert!(SCHEDULES.build(spec).is_err(), "{spec}");
    }
    let error = SCHEDULES.build("shifted:base=cosin").unwrap_err().to_string();
    assert!(error.contains("shifted: base") && error.contains("\"cosine\""), "{error}");
}

#[test]
fn the_default_inverse_and_slope_serve_a_schedule_that_gives_only_its_log_snr() {
    #[derive(Debug)]
    struct Bare;
    impl Schedule for Bare {
        fn log_snr(&self, t: f64) -> f64 {
            2.0 * ((1.0 - t) / t).ln()
        }
    }
    for t in [0.0, 1e-6, 0.3, 0.9, 1.0] {
        assert!((Bare.time(Bare.log_snr(t)) - t).abs() < 1e-12);
    }
    for t in [1e-3, 0.3, 0.9] {
        assert!(close(Bare.slope(t), -2.0 / (t * (1.0 - t)), 1e-3));
    }
    assert_eq!(Bare.slope(0.0), f64::NEG_INFINITY);
}
