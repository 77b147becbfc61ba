//! Mean and covariance of what each method draws, against matrices; and how far those are from the posterior.

use langevin_restore::Operator;

use crate::dense::{COUNT, Dense, Matrix, Vector};
use crate::oracle::{Inner, Setting, State, unit};
use crate::{RATIOS, abs, data, measurement, restored, vp};

const DRAWS: usize = 4096;

/// The moments of what `spec` draws are those of `wanted`, as near as so many draws can tell.
fn check(spec: &str, name: &str, setting: &Setting, wanted: &State) {
    let made =
        restored(spec, setting.operator.clone(), setting.y.as_slice(), setting.sigma, &vp(&RATIOS), DRAWS)
            .unwrap();
    let draws = DRAWS as f64;
    let mean =
        Vector::from_iterator(COUNT, (0..COUNT).map(|i| made.iter().map(|x| x[i]).sum::<f64>() / draws));
    let variance = |i: usize| wanted.covariance[(i, i)].max(0.0);
    for i in 0..COUNT {
        let off = (mean[i] - wanted.mean[i]).abs();
        let allowed = 5.0 * (variance(i) / draws).sqrt() + 2e-4;
        assert!(off < allowed, "{spec}, {name}: mean {i} is {} and not {}", mean[i], wanted.mean[i]);
        for j in 0..=i {
            let products = made.iter().map(|x| (x[i] - mean[i]) * (x[j] - mean[j]));
            let found = products.sum::<f64>() / draws;
            let expected = wanted.covariance[(i, j)];
            let spread = (variance(i) * variance(j) + expected * expected) / draws;
            let allowed = 5.5 * spread.sqrt() + 2e-4;
            assert!(
                (found - expected).abs() < allowed,
                "{spec}, {name}: covariance {i} {j} is {found} and not {expected}"
            );
        }
    }
}

/// The four problems with each of these noises.
fn settings(noises: &[f64]) -> Vec<(&'static str, Setting)> {
    let mut made = Vec::new();
    for (name, operator) in Dense::all() {
        for sigma in noises {
            let y = measurement(&operator, *sigma);
            made.push((name, Setting::new(&data(), operator.clone(), &y, *sigma)));
        }
    }
    made
}

/// Seven steps with jumps of two, walked twice: turns at the last noisy level, and two and four before it.
const JUMPS: [(usize, usize); 16] = [
    (0, 1),
    (1, 2),
    (2, 0),
    (0, 1),
    (1, 2),
    (2, 3),
    (3, 4),
    (4, 2),
    (2, 3),
    (3, 4),
    (4, 5),
    (5, 6),
    (6, 4),
    (4, 5),
    (5, 6),
    (6, 7),
];

fn straight() -> Vec<(usize, usize)> {
    (1..RATIOS.len()).map(|to| (to - 1, to)).collect()
}

#[test]
fn replacement_repaint_and_blended() {
    for (name, setting) in settings(&[0.0]) {
        check("blended:sampler=ddim", name, &setting, &setting.blended(&abs(&RATIOS)));
        check("replacement:corrector=0", name, &setting, &setting.replacement(&abs(&RATIOS)));
        let wanted = setting.repaint(&abs(&RATIOS), &JUMPS);
        check("repaint:jump=2,repeat=2", name, &setting, &wanted);
    }
}

#[test]
fn ddrm() {
    // 0.1 over the average's singular value is one of the ratios, where either side of the rule would do.
    for (name, setting) in settings(&[0.0, 0.11]) {
        check("ddrm", name, &setting, &setting.ddrm(&abs(&RATIOS), 0.85, 1.0));
        check("ddrm:eta=0.5,eta_b=0.6", name, &setting, &setting.ddrm(&abs(&RATIOS), 0.5, 0.6));
    }
}

#[test]
fn ddnm() {
    for (name, setting) in settings(&[0.0]) {
        check("ddnm", name, &setting, &setting.ddnm(&abs(&RATIOS), &straight(), 0.85));
        let wanted = setting.ddnm(&abs(&RATIOS), &JUMPS, 0.3);
        check("ddnm:travel=2,repeat=2,eta=0.3", name, &setting, &wanted);
        check("ddnm_plus", name, &setting, &setting.ddnm(&abs(&RATIOS), &straight(), 0.85));
    }
}

#[test]
fn ddnm_plus() {
    for (name, setting) in settings(&[0.11, 0.61]) {
        check("ddnm_plus", name, &setting, &setting.ddnm_plus(&abs(&RATIOS), 0.85));
        check("ddnm_plus:eta=0.4", name, &setting, &setting.ddnm_plus(&abs(&RATIOS), 0.4));
    }
}

#[test]
fn pigdm() {
    for (name, setting) in settings(&[0.0, 0.1]) {
        check("pigdm", name, &setting, &setting.pigdm(&abs(&RATIOS), 1.0, false, 1.0));
        let wanted = setting.pigdm(&abs(&RATIOS), 0.4, true, 0.5);
        check("pigdm:weight=score,data=0.5,eta=0.4", name, &setting, &wanted);
    }
}

#[test]
fn diffpir_and_consistency() {
    for (name, setting) in settings(&[0.0, 0.1]) {
        check("diffpir", name, &setting, &setting.diffpir(&abs(&RATIOS), 1.0, 0.3));
        check("diffpir:lambda=7,zeta=1", name, &setting, &setting.diffpir(&abs(&RATIOS), 7.0, 1.0));
        check("consistency:sampler=ddim", name, &setting, &setting.consistency(&abs(&RATIOS), 1.0));
    }
}

/// The levels of the flow of DAPS: Karras' with rho 7 to 0.01, and the clean end.
fn karras(from: f64, steps: usize) -> Vec<f64> {
    let (first, last) = (from.powf(1.0 / 7.0), 0.01_f64.min(0.1 * from).powf(1.0 / 7.0));
    let part = |i: usize| i as f64 / (steps - 1) as f64;
    (0..steps).map(|i| (first + part(i) * (last - first)).powi(7)).chain([0.0]).collect()
}

#[test]
fn daps() {
    let inner = Inner { tau: 0.1, langevin: None, rate: 1.0, least: 0.01 };
    for (name, setting) in settings(&[0.1]) {
        let wanted = setting.daps(&abs(&RATIOS), |from| karras(from, 5), &inner);
        check("daps:inner=exact", name, &setting, &wanted);
        let inner = Inner { langevin: Some(20), rate: 0.5, least: 0.1, ..inner };
        let wanted = setting.daps(&abs(&RATIOS), |from| karras(from, 3), &inner);
        check("daps:langevin=20,lr=0.5,lr_min_ratio=0.1,ode=3", name, &setting, &wanted);
    }
}

#[test]
fn sdedit() {
    let (name, setting) = settings(&[0.1]).swap_remove(0);
    let end = &abs(&RATIOS)[3..];
    check("sdedit:strength=0.57", name, &setting, &setting.sdedit(end, &setting.y));
}

#[test]
fn exact() {
    let (name, setting) = settings(&[0.4]).swap_remove(0);
    let posterior = setting.posterior();
    let mean = State { covariance: unit() * 0.0, ..posterior.clone() };
    check("exact", name, &setting, &mean);
}

/// How far `state` is from the posterior: its mean in units of the posterior's root mean variance (of the data's, where that has
/// none), and the ratio of the traces of the covariances.
fn distance(setting: &Setting, state: &State) -> (f64, f64) {
    let posterior = setting.posterior();
    let trace = posterior.covariance.trace();
    let unit = if trace > 1e-9 { trace } else { setting.covariance.trace() };
    ((&state.mean - &posterior.mean).norm() / unit.sqrt(), state.covariance.trace() / trace.max(1e-12))
}

/// A path of `steps` steps as Karras places them from 80 to 0.002.
fn long(steps: usize) -> Vec<f64> {
    let (first, last) = (80.0_f64.powf(1.0 / 7.0), 0.002_f64.powf(1.0 / 7.0));
    let part = |i: usize| i as f64 / (steps - 1) as f64;
    let ratios = (0..steps).map(|i| (first + part(i) * (last - first)).powi(7));
    ratios.map(|r: f64| 1.0 / (1.0 + r * r)).chain([1.0]).collect()
}

#[test]
fn what_is_measured_without_noise_comes_out_as_measured() {
    for (name, setting) in settings(&[0.0]) {
        let abs = long(50);
        let moves: Vec<_> = (1..abs.len()).map(|to| (to - 1, to)).collect();
        let methods = [
            setting.replacement(&abs),
            setting.ddnm(&abs, &moves, 0.85),
            setting.ddrm(&abs, 0.85, 1.0),
            setting.diffpir(&abs, 1.0, 0.3),
        ];
        for state in methods {
            let a = &setting.operator.matrix;
            assert!((a * &state.mean - &setting.y).norm() < 1e-6, "{name}");
            assert!((a * &state.covariance * a.transpose()).norm() < 1e-6, "{name}");
        }
    }
}

#[test]
fn guidance_with_the_true_variance_is_the_posterior() {
    for (name, mut setting) in settings(&[0.1]) {
        setting.covariance = unit() * 0.25;
        let coarse = distance(&setting, &setting.pigdm(&long(100), 1.0, true, 0.5));
        let fine = distance(&setting, &setting.pigdm(&long(400), 1.0, true, 0.5));
        // The mean at once, the covariance at the rate of the steps: these draw DDPM's smaller variance.
        assert!(fine.0 < 0.01 && (fine.1 - 1.0).abs() < 0.05, "{name}: {fine:?}");
        assert!(1.0 - fine.1 < 0.35 * (1.0 - coarse.1), "{name}: {coarse:?} {fine:?}");
    }
}

/// The table of docs/restoration.md: `cargo test -p langevin-restore --test methods distances -- --nocapture`.
#[test]
fn distances() {
    let rows = |setting: &Setting, steps: usize| -> Vec<(&'static str, State)> {
        let abs = long(steps);
        let moves: Vec<_> = (1..abs.len()).map(|to| (to - 1, to)).collect();
        let tau = if setting.sigma > 0.0 { setting.sigma } else { 0.01 };
        let inner = Inner { tau, langevin: None, rate: 1.0, least: 0.01 };
        let short = long(steps / 5);
        let mut rows = vec![
            ("ddrm", setting.ddrm(&abs, 0.85, 1.0)),
            ("pigdm", setting.pigdm(&abs, 1.0, false, 1.0)),
            ("pigdm:weight=score,data=0.55", setting.pigdm(&abs, 1.0, true, 0.3_f64.sqrt())),
            ("diffpir", setting.diffpir(&abs, 1.0, 0.3)),
            ("consistency:sampler=ddim", setting.consistency(&abs, 1.0)),
            ("daps:inner=exact", setting.daps(&short, |from| karras(from, 5), &inner)),
        ];
        if setting.sigma > 0.0 {
            rows.push(("ddnm_plus", setting.ddnm_plus(&abs, 0.85)));
        } else {
            rows.push(("replacement:corrector=0", setting.replacement(&abs)));
            rows.push(("ddnm", setting.ddnm(&abs, &moves, 0.85)));
        }
        rows
    };
    println!("| operator | noise | method | mean, 20 calls | spread | mean, 100 calls | spread |");
    println!("|---|---|---|---|---|---|---|");
    for (name, setting) in settings(&[0.0, 0.1]) {
        if setting.sigma == 0.0 && (name == "identity" || name == "blur") {
            continue;
        }
        assert!(setting.operator.output()[0] == 1);
        for ((method, few), (_, many)) in rows(&setting, 20).iter().zip(&rows(&setting, 100)) {
            let ((a, b), (c, d)) = (distance(&setting, few), distance(&setting, many));
            println!("| {name} | {} | {method} | {a:.2} | {b:.2} | {c:.2} | {d:.2} |", setting.sigma);
            assert!(a.is_finite() && c.is_finite() && c < 6.0, "{name} {method}: {c}");
        }
    }
}

#[test]
fn sdedit_ends_where_its_documentation_says() {
    let (_, setting) = settings(&[0.1]).swap_remove(0);
    let ratios: Vec<f64> = (0..=600).map(|i| 0.9 * (0.002_f64 / 0.9).powf(f64::from(i) / 600.0)).collect();
    let steps: Vec<f64> = abs(&ratios).into_iter().chain([1.0]).collect();
    let found = setting.sdedit(&steps, &setting.y);
    let c = &setting.covariance;
    let inverse = (c + unit() * 0.81).try_inverse().unwrap();
    let gain: Matrix = c * &inverse;
    let mean = &setting.mean + &gain * (&setting.y - &setting.mean);
    let covariance = &gain * 0.81 + &gain * 0.81 * gain.transpose();
    assert!((&found.mean - mean).norm() < 0.02, "{}", found.mean);
    assert!((&found.covariance - &covariance).norm() < 0.02 * covariance.norm());
}
