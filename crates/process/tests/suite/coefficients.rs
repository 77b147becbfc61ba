//! Parameterisations agree with themselves and each other; weightings mean the same whatever the network
//! predicts.

use langevin_process::{Level, PARAMETERISATIONS, PROCESSES, WEIGHTINGS};

use crate::close;

const SIGMA_DATA: f64 = 0.5;

/// Levels of every process from pure noise to clean.
fn levels() -> Vec<Level> {
    let log_snrs = [f64::NEG_INFINITY, -30.0, -9.0, -2.0, 0.0, 1.5, 7.0, 20.0, 30.0, f64::INFINITY];
    let of = |name: &str| {
        let process = PROCESSES.build(name).unwrap();
        log_snrs.map(|log_snr| process.level(log_snr))
    };
    PROCESSES.names().flat_map(of).collect()
}

#[test]
fn a_perfect_network_gives_the_image_back() {
    for name in PARAMETERISATIONS.names() {
        let parameterisation = PARAMETERISATIONS.build(name).unwrap();
        for at in levels() {
            let Ok(c) = parameterisation.coefficients(at, SIGMA_DATA) else {
                assert!(at.alpha == 0.0 && matches!(name, "epsilon" | "score"), "{name} at {at:?}");
                continue;
            };
            let (x0, n) = (0.37, -1.21);
            let denoised =
                c.skip * (at.alpha * x0 + at.sigma * n) + c.out * (c.target_x0 * x0 + c.target_noise * n);
            // A network that predicts noise loses digits when there is little signal.
            let tolerance = 1e-13 * (1.0 + at.ratio().min(1e9));
            assert!((denoised - x0).abs() < tolerance, "{name} at {at:?}: {denoised}");
        }
    }
}

#[test]
fn noise_and_score_have_no_answer_at_pure_noise() {
    let pure = Level { alpha: 0.0, sigma: 1.0 };
    for name in ["epsilon", "score"] {
        let error =
            PARAMETERISATIONS.build(name).unwrap().coefficients(pure, SIGMA_DATA).unwrap_err().to_string();
        for word in ["alpha = 0", "v, x0, velocity or edm"] {
            assert!(error.contains(word), "{error}");
        }
    }
}

#[test]
fn published_coefficients() {
    let at = |name: &str, alpha: f64, sigma: f64| {
        PARAMETERISATIONS.build(name).unwrap().coefficients(Level { alpha, sigma }, SIGMA_DATA).unwrap()
    };
    // Salimans & Ho 2022, appendix D, on a variance-preserving level.
    let v = at("v", 0.6, 0.8);
    for (got, want) in
        [(v.skip, 0.6), (v.out, -0.8), (v.input, 1.0), (v.target_x0, -0.8), (v.target_noise, 0.6)]
    {
        assert!(close(got, want, 1e-15));
    }
    // Karras et al. 2022, table 1, with sigma = 3; also at any other scale of x.
    let (s, d) = (3.0_f64, SIGMA_DATA);
    let root = (s * s + d * d).sqrt();
    for alpha in [1.0, 0.25] {
        let edm = at("edm", alpha, s * alpha);
        assert!(close(edm.skip * alpha, d * d / (root * root), 1e-15));
        assert!(close(edm.out, s * d / root, 1e-15));
        assert!(close(edm.input * alpha, 1.0 / root, 1e-15));
    }
    // The target of EDM's F has unit variance, and so has its input.
    for sigma in [0.002, 0.5, 80.0] {
        let edm = at("edm", 1.0, sigma);
        assert!(close((edm.target_x0 * d).powi(2) + edm.target_noise.powi(2), 1.0, 1e-14));
        assert!(close(edm.input.powi(2) * (sigma * sigma + d * d), 1.0, 1e-14));
    }
    // Lipman et al. 2023, eq. 20-23, on the flow's straight line.
    let flow = at("velocity", 0.7, 0.3);
    assert!(close(flow.skip, 1.0, 1e-15) && close(flow.out, -0.3, 1e-15) && close(flow.input, 1.0, 1e-15));
}

#[test]
fn every_weighting_is_finite_everywhere() {
    for weighting in WEIGHTINGS.names().map(str::to_owned).chain(
        ["p2:gamma=0", "p2:gamma=0.5,k=0.1", "p2:gamma=2", "sigmoid:bias=-3", "min_snr:gamma=1"]
            .map(str::to_owned),
    ) {
        let built = WEIGHTINGS.build(&weighting).unwrap();
        for name in PARAMETERISATIONS.names() {
            let parameterisation = PARAMETERISATIONS.build(name).unwrap();
            for at in levels() {
                let Ok(c) = parameterisation.coefficients(at, SIGMA_DATA) else { continue };
                let weight = built.weight(at, &c, SIGMA_DATA);
                assert!((0.0..=1e6).contains(&weight), "{weighting} {name} {at:?}: {weight}");
            }
        }
    }
}

/// A weighting other than `simple` weighs the error of the image, so it must not depend on what the network
/// predicts.
#[test]
fn a_weighting_means_the_same_for_every_parameterisation() {
    for weighting in WEIGHTINGS.names().filter(|name| *name != "simple") {
        let built = WEIGHTINGS.build(weighting).unwrap();
        for at in levels().into_iter().filter(|at| at.log_snr().abs() < 10.0) {
            let on_image = |name: &str| {
                let c = PARAMETERISATIONS.build(name).unwrap().coefficients(at, SIGMA_DATA).unwrap();
                built.weight(at, &c, SIGMA_DATA) / (c.out * c.out)
            };
            let want = on_image("x0");
            for name in PARAMETERISATIONS.names() {
                let got = on_image(name);
                assert!((got / want - 1.0).abs() < 1e-9, "{weighting} {name} {at:?}: {got} {want}");
            }
        }
    }
}

#[test]
fn published_weights_of_the_image() {
    let x0 = PARAMETERISATIONS.build("x0").unwrap();
    let snr_at = |at: Level| at.alpha * at.alpha / (at.sigma * at.sigma);
    let matches = |weighting: &str, want: &dyn Fn(Level) -> f64| {
        let built = WEIGHTINGS.build(weighting).unwrap();
        for at in levels().into_iter().filter(|at| at.log_snr().abs() < 10.0) {
            let weight = built.weight(at, &x0.coefficients(at, SIGMA_DATA).unwrap(), SIGMA_DATA);
            assert!((weight / want(at) - 1.0).abs() < 1e-12, "{weighting} {at:?}: {weight} {}", want(at));
        }
    };
    matches("snr", &snr_at);
    matches("min_snr:gamma=5", &|at| snr_at(at).min(5.0));
    // HDiT: 1 / (s^2 + sigma_data^2).
    matches("soft_min_snr", &|at| 1.0 / (at.ratio().powi(2) + 0.25));
    matches("soft_min_snr:gamma=5", &|at| 1.0 / (at.ratio().powi(2) + 0.2));
    matches("edm", &|at| (at.ratio().powi(2) + 0.25) / (0.5 * at.ratio()).powi(2));
    matches("p2:gamma=0.5,k=2", &|at| snr_at(at) / (2.0 + snr_at(at)).sqrt());
    // Simpler diffusion: e^bias sigmoid(log_snr - bias).
    matches("sigmoid:bias=-1", &|at| (-1_f64).exp() / (1.0 + (-1.0 - at.log_snr()).exp()));
}

#[test]
fn weights_that_are_one() {
    let weight = |weighting: &str, name: &str, at: Level| {
        let c = PARAMETERISATIONS.build(name).unwrap().coefficients(at, SIGMA_DATA).unwrap();
        WEIGHTINGS.build(weighting).unwrap().weight(at, &c, SIGMA_DATA)
    };
    for at in levels() {
        assert!(close(weight("edm", "edm", at), 1.0, 1e-12), "{at:?}");
        if at.alpha > 0.0 {
            assert!(close(weight("snr", "epsilon", at), 1.0, 1e-12), "{at:?}");
        }
    }
}
