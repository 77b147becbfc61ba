//! What a method cannot do it refuses, with words.

use langevin_core::{Cond, NoiseStreams, Result, Run};
use langevin_restore::{Consistent, Correction, METHODS, Operator, Prior, Problem};

use crate::dense::{Clip, Dense, SHAPE};
use crate::{RATIOS, data, measurement, restored, vp};

/// What `spec` says of an operator that is not linear, with a noise of `sigma`.
fn on_clip(spec: &str, sigma: f64, derivative: bool) -> Result<()> {
    let problem = Problem::new(Box::new(Clip), crate::repeated(&[0.1; 16], SHAPE, 1), sigma)?;
    let model = data();
    let prior = if derivative { Prior::with_derivative(&model, &model) } else { Prior::new(&model) };
    let mut run = Run::new(Cond::none(), NoiseStreams::new(1, [0]));
    METHODS.build(spec)?.restore(prior, &problem, &vp(&RATIOS), &mut run).map(|_| ())
}

#[test]
fn an_operator_that_is_not_linear() {
    for spec in [
        "replacement",
        "repaint",
        "blended",
        "ddrm",
        "ddnm",
        "ddnm_plus",
        "pigdm",
        "diffpir",
        "consistency",
        "daps:inner=exact",
    ] {
        let error = on_clip(spec, 0.0, true).unwrap_err();
        assert!(error.to_string().contains("not linear") && error.exit_code() == 2, "{spec}: {error}");
    }
    for spec in ["dps", "reddiff", "daps:langevin=3", "sdedit"] {
        on_clip(spec, 0.1, true).unwrap();
    }
}

#[test]
fn a_model_without_derivative() {
    let error = on_clip("dps", 0.1, false).unwrap_err();
    assert!(error.to_string().contains("derivative") && error.exit_code() == 2, "{error}");
    on_clip("reddiff", 0.1, false).unwrap();
    on_clip("daps:langevin=3", 0.1, false).unwrap();
}

#[test]
fn noise_where_there_may_be_none_and_none_where_it_is_needed() {
    let refused = |spec: &str, operator: Dense, sigma: f64| {
        let y = measurement(&operator, sigma);
        restored(spec, operator, &y, sigma, &vp(&RATIOS), 1).unwrap_err()
    };
    for spec in ["replacement", "repaint", "blended", "ddnm"] {
        let error = refused(spec, Dense::mask(), 0.1);
        assert!(error.to_string().contains("noise") && error.exit_code() == 2, "{spec}: {error}");
    }
    assert_eq!(refused("exact", Dense::identity(), 0.0).exit_code(), 2);
    assert_eq!(refused("exact", Dense::mask(), 0.1).exit_code(), 2);
}

#[test]
fn an_unknown_decomposition() {
    for spec in ["ddrm", "ddnm_plus"] {
        let operator = Dense::blur().without_spectrum();
        let y = measurement(&operator, 0.1);
        let error = restored(spec, operator, &y, 0.1, &vp(&RATIOS), 1).unwrap_err();
        assert!(error.to_string().contains("singular values") && error.exit_code() == 2, "{spec}: {error}");
    }
}

#[test]
fn a_path_that_is_none() {
    for spec in ["ddnm", "ddrm", "reddiff", "daps", "sdedit", "consistency", "repaint"] {
        let operator = Dense::mask();
        let y = measurement(&operator, 0.0);
        let path = vp(&[1.0]);
        let error = restored(spec, operator, &y, 0.0, &path, 1).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{spec}: {error}");
    }
}

#[test]
fn options_out_of_range() {
    for spec in [
        "ddrm:eta=2",
        "repaint:jump=0",
        "ddnm:travel=1.5",
        "daps:inner=guess",
        "daps:tau=-1",
        "pigdm:weight=much",
        "sdedit:strength=0",
        "consistency:sampler=ddimm",
        "reddiff:lr=0",
    ] {
        assert_eq!(METHODS.build(spec).unwrap_err().exit_code(), 2, "{spec}");
    }
}

#[test]
fn another_number_of_images() {
    use langevin_core::{Denoiser, Level, Levels};
    let operator = Dense::mask();
    let y = measurement(&operator, 0.0);
    let output = operator.output();
    let problem = Problem::new(Box::new(operator), crate::repeated(&y, output, 2), 0.0).unwrap();
    let model = data();
    let consistent = Consistent::new(&model, &problem, Correction::PseudoInverse).unwrap();
    let x = crate::repeated(&[0.1; 16], SHAPE, 3);
    let at = Levels::all(Level { alpha: 0.6, sigma: 0.8 }, 3);
    assert!(consistent.denoise(x, &at, &Cond::none()).is_err());
    // Levels of their own, one for each image.
    let x = crate::repeated(&[0.1; 16], SHAPE, 2);
    let at = Levels(vec![Level { alpha: 0.6, sigma: 0.8 }, Level { alpha: 1.0, sigma: 0.1 }]);
    let prox = Consistent::new(&model, &problem, Correction::Prox { lambda: 1.0 }).unwrap();
    let made = prox.denoise(x, &at, &Cond::none()).unwrap();
    let values: Vec<f32> = made.into_data().try_to_vec().unwrap();
    for (a, b) in values[..16].iter().zip(&y).take(4) {
        assert!((f64::from(*a) - b).abs() < 1e-5);
    }
}
