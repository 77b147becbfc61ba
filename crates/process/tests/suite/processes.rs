//! Processes keep their constraint and the log-SNR, and the derived SDE is the published one.

use langevin_process::{PROCESSES, Process, SCHEDULES, sde::Sde};

use crate::{close, diffusion, schedules};

fn process(name: &str) -> Box<dyn Process> {
    PROCESSES.build(name).unwrap()
}

#[test]
fn every_process_keeps_the_log_snr_and_is_finite_at_both_ends() {
    for name in PROCESSES.names() {
        let process = process(name);
        assert_eq!(process.name(), name);
        for i in -150..=300 {
            let log_snr = f64::from(i) / 10.0;
            let level = process.level(log_snr);
            assert!(close(level.log_snr(), log_snr, 1e-12), "{name} {log_snr} {level:?}");
        }
        let clean = process.level(f64::INFINITY);
        assert_eq!((clean.alpha, clean.sigma), (1.0, 0.0), "{name}");
        for log_snr in [f64::NEG_INFINITY, -1e4, -800.0, -300.0, 300.0, 800.0, 1e4] {
            let level = process.level(log_snr);
            assert!(level.alpha.is_finite() && level.sigma.is_finite(), "{name} {log_snr} {level:?}");
            assert!(level.alpha >= 0.0 && level.sigma >= 0.0 && level.magnitude() > 0.4, "{name} {level:?}");
            assert!((0.0..=0.5).contains(&process.log_alpha_slope(log_snr)), "{name} {log_snr}");
        }
    }
}

#[test]
fn every_process_keeps_its_constraint() {
    for i in -100..=100 {
        let level = |name: &str| process(name).level(f64::from(i) / 5.0);
        let vp = level("vp");
        assert!(close(vp.alpha * vp.alpha + vp.sigma * vp.sigma, 1.0, 1e-15));
        let sub_vp = level("sub_vp");
        assert!((sub_vp.sigma - (1.0 - sub_vp.alpha * sub_vp.alpha)).abs() < 1e-15);
        let flow = level("flow");
        assert!(close(flow.alpha + flow.sigma, 1.0, 1e-15));
        assert_eq!(level("ve").alpha, 1.0);
        assert_eq!(level("edm"), level("ve"));
    }
}

#[test]
fn log_alpha_slopes_are_derivatives() {
    for name in PROCESSES.names() {
        let process = process(name);
        for log_snr in [-12.0, -3.0, -0.1, 0.0, 0.1, 3.0, 12.0] {
            let h = 1e-5;
            let log_alpha = |log_snr: f64| process.level(log_snr).alpha.ln();
            let numeric = (log_alpha(log_snr + h) - log_alpha(log_snr - h)) / (2.0 * h);
            assert!((process.log_alpha_slope(log_snr) - numeric).abs() < 1e-9, "{name} {log_snr}");
        }
    }
}

/// Compares the SDE of a schedule and process with published drift and squared diffusion.
fn matches(schedule: &str, process_name: &str, drift: impl Fn(f64) -> f64, diffusion: impl Fn(f64) -> f64) {
    let (schedule_of, process_of) = (SCHEDULES.build(schedule).unwrap(), process(process_name));
    for t in [0.01, 0.1, 0.35, 0.5, 0.77, 0.9, 0.99] {
        let sde = Sde::at(&*schedule_of, &*process_of, t);
        assert!(close(sde.drift, drift(t), 1e-8), "{schedule} {process_name} {t}: f {}", sde.drift);
        let want = diffusion(t);
        assert!(close(sde.diffusion_squared, want, 1e-8), "{schedule} {process_name} {t}: {sde:?}, {want}");
    }
}

#[test]
fn published_drift_and_diffusion() {
    let beta = |t: f64| 0.1 + 19.9 * t;
    let integral = |t: f64| 0.1 * t + 9.95 * t * t;
    // Song et al. 2021, eq. 11 (VP): f = -beta / 2, g^2 = beta.
    matches("linear:steps=0", "vp", |t| -0.5 * beta(t), beta);
    // Song et al. 2021, eq. 12 (sub-VP): g^2 = beta (1 - exp(-2 B)).
    let sub_vp = |t: f64| beta(t) * (1.0 - (-2.0 * integral(t)).exp());
    matches("sub_vp_linear", "sub_vp", |t| -0.5 * beta(t), sub_vp);
    // Song et al. 2021, eq. 30 (VE): g = sigma_min (sigma_max / sigma_min)^t sqrt(2 ln(sigma_max /
    // sigma_min)).
    let ve = |t: f64| (0.01 * 5000_f64.powf(t)).powi(2) * 2.0 * 5000_f64.ln();
    matches("geometric", "ve", |_| 0.0, ve);
    // alpha = 1 - t, sigma = t: f = -1 / (1 - t), g^2 = 2 t / (1 - t) (Albergo et al. 2023, 2303.08797).
    matches("flow", "flow", |t| -1.0 / (1.0 - t), |t| 2.0 * t / (1.0 - t));
    // EDM's sigma(t), alpha = 1: g^2 = d sigma^2 / dt (Karras et al. 2022, eq. 1 and appendix B).
    let root = |sigma: f64| sigma.powf(1.0 / 7.0);
    let base = |t: f64| root(0.002) + t * (root(80.0) - root(0.002));
    matches("edm", "edm", |_| 0.0, |t| 14.0 * base(t).powi(13) * (root(80.0) - root(0.002)));
}

#[test]
fn the_sde_has_its_limit_at_the_clean_end() {
    let sde = diffusion("linear:steps=0", "vp", "v").sde(0.0);
    assert!((sde.drift + 0.05).abs() < 1e-6 && (sde.diffusion_squared - 0.1).abs() < 1e-6, "{sde:?}");
}

/// Integrates the two moment equations of the SDE and must arrive at the level.
#[test]
fn the_moments_of_the_sde_are_the_levels() {
    for schedule in schedules() {
        for name in PROCESSES.names() {
            let model = diffusion(&schedule, name, "v");
            let (from, to, steps) = (0.3, 0.8, 4000);
            if SCHEDULES.build(&schedule).unwrap().timesteps().is_some_and(|n| n < 10) {
                continue; // Too few, too bent intervals for this integration to be exact.
            }
            let start = model.level(from);
            let (mut log_alpha, mut variance) = (start.alpha.ln(), start.sigma * start.sigma);
            let h = (to - from) / f64::from(steps);
            for i in 0..steps {
                // The midpoint rule, with the variance's linear part integrated exactly.
                let sde = model.sde(from + (f64::from(i) + 0.5) * h);
                let growth = (sde.drift * h).exp();
                log_alpha += sde.drift * h;
                variance = (variance * growth + sde.diffusion_squared * h) * growth;
            }
            let end = model.level(to);
            assert!(close(log_alpha, end.alpha.ln(), 1e-3), "{schedule} {name}: {log_alpha} {end:?}");
            let relative = variance.sqrt() / end.sigma - 1.0;
            assert!(relative.abs() < 1e-3, "{schedule} {name}: {relative}");
        }
    }
}
