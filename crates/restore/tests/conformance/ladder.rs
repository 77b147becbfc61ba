//! The ladder: adjoint, pseudo-inverse, decomposition, closed form, derivative.

use burn::tensor::{Device, Tensor, TensorData};
use langevin_core::NoiseStreams;
use langevin_restore::{Linear, OPERATORS, Operator, Problem, noises, simulate};
use nalgebra::{DMatrix, DVector};

use super::{SHAPE, SPECS, build, distance, dot, norm, normals, size};

/// The operator's matrix, column by column.
fn dense(operator: &dyn Operator) -> DMatrix<f64> {
    let (n, m) = (size(operator.input()), size(operator.output()));
    let unit = |at: usize| (0..n).map(|i| f64::from(u8::from(i == at))).collect::<Vec<_>>();
    DMatrix::from_vec(m, n, (0..n).flat_map(|at| operator.apply(&unit(at))).collect())
}

/// Runs `check` on the operator of every spec, and fails with all that went wrong.
fn for_each(check: impl Fn(&dyn Operator) -> Result<(), String>) {
    let failed: Vec<String> = SPECS
        .iter()
        .filter_map(|spec| check(build(spec).as_ref()).err().map(|what| format!("{spec}: {what}")))
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

fn for_each_linear(check: impl Fn(&dyn Linear) -> Result<(), String>) {
    for_each(|operator| operator.linear().map_or(Ok(()), &check));
}

fn near(what: &str, error: f64, most: f64) -> Result<(), String> {
    if error <= most { Ok(()) } else { Err(format!("{what}: {error:.3e} is above {most:.1e}")) }
}

#[test]
fn every_entry_names_cases_of_its_own() {
    for entry in OPERATORS.entries {
        assert!(!entry.cases.is_empty(), "{} has no case", entry.name);
        for case in entry.cases {
            assert_eq!(case.split(':').next(), Some(entry.name), "{case}");
        }
    }
}

#[test]
fn shapes_are_what_is_said_and_what_is_hidden_is_zero() {
    for_each(|operator| {
        if operator.input() != SHAPE {
            return Err(format!("takes {:?}", operator.input()));
        }
        let x = normals(size(SHAPE), 0);
        let y = operator.apply(&x);
        if y.len() != size(operator.output()) {
            return Err(format!("gives {} values, not {:?}", y.len(), operator.output()));
        }
        if let Some(measured) = operator.measured() {
            let hidden = y.iter().zip(measured).filter(|(_, m)| !**m).map(|(y, _)| *y);
            if measured.len() != y.len() || hidden.into_iter().any(|y| y != 0.0) {
                return Err("what is hidden is not 0".into());
            }
        }
        if operator.pull(&x, &y).len() != x.len() {
            return Err("pulls to another shape".into());
        }
        Ok(())
    });
}

#[test]
fn adjoints_are_adjoint() {
    for_each_linear(|a| {
        let (x, y) = (normals(size(a.input()), 1), normals(size(a.output()), 2));
        let forth = dot(&a.apply(&x), &y);
        let back = dot(&x, &a.adjoint(&y));
        near("adjoint", (forth - back).abs(), 1e-12 * norm(&x) * norm(&y))?;
        near("pull", distance(&a.pull(&x, &y), &a.adjoint(&y)), 1e-12 * norm(&y))
    });
}

#[test]
fn operators_that_say_so_are_linear() {
    for_each_linear(|a| {
        let (x, z) = (normals(size(a.input()), 3), normals(size(a.input()), 4));
        let mixed: Vec<f64> = x.iter().zip(&z).map(|(x, z)| 0.3 * x - 2.0 * z).collect();
        let parts = a.apply(&x).into_iter().zip(a.apply(&z)).map(|(x, z)| 0.3 * x - 2.0 * z);
        near("linear", distance(&a.apply(&mixed), &parts.collect::<Vec<_>>()), 1e-12 * norm(&x))
    });
}

#[test]
fn pseudo_inverses_agree_with_what_was_measured() {
    for_each_linear(|a| {
        let x = normals(size(a.input()), 5);
        let y = a.apply(&x);
        let inverse = a.pseudo_inverse(&y);
        // What the decomposition leaves out is at most its cutoff; conjugate gradients stop at their tolerance, and lose their
        // way among rounding errors where a kernel all but wipes out some frequencies.
        let (agrees, grows, stays) = match a.spectral() {
            Some(spectral) => ((1e-7 + spectral.cutoff()) * norm(&x), 1e-9, 1e-7),
            None => (1e-3 * norm(&y), 0.02, 0.02),
        };
        near("A A+ A - A", distance(&a.apply(&inverse), &y), agrees)?;
        // A+ A is a projection along the null space, so it makes nothing larger, and a second one changes nothing.
        near("norm", norm(&inverse), norm(&x) * (1.0 + grows))?;
        let again = a.pseudo_inverse(&a.apply(&inverse));
        near("A+ A A+ - A+", distance(&again, &inverse), stays * norm(&inverse))
    });
}

#[test]
fn pseudo_inverses_are_those_of_dense_matrices() {
    for spec in
        ["average:scale=2", "bicubic:scale=2", "bicubic:weights=pil", "gray", "mask", "gray+average:scale=2"]
    {
        let operator = build(spec);
        let a = operator.linear().expect("linear");
        let y = normals(size(a.output()), 6);
        let inverse = dense(operator.as_ref()).pseudo_inverse(1e-9).expect("a tolerance above 0");
        let wanted = inverse * DVector::from_vec(y.clone());
        assert!(
            distance(&a.pseudo_inverse(&y), wanted.as_slice()) < 1e-7 * norm(wanted.as_slice()),
            "{spec}"
        );
    }
}

#[test]
fn closed_forms_are_those_of_dense_solves() {
    for_each_linear(|a| {
        let matrix = dense(build_again(a).as_ref());
        let (y, z) = (normals(size(a.output()), 7), normals(size(a.input()), 8));
        for rho in [1e-3, 0.3, 50.0] {
            let normal = matrix.tr_mul(&matrix) + DMatrix::identity(z.len(), z.len()) * rho;
            let right = matrix.tr_mul(&DVector::from_vec(y.clone())) + DVector::from_vec(z.clone()) * rho;
            let wanted = normal.cholesky().expect("positive").solve(&right);
            let found = a.prox(&y, &z, rho);
            near(&format!("rho {rho}"), distance(&found, wanted.as_slice()), 1e-7 * norm(wanted.as_slice()))?;
        }
        Ok(())
    });
}

/// The same operator as a plain [`Operator`].
fn build_again(a: &dyn Linear) -> Box<dyn Operator> {
    let same = |spec: &&&str| {
        let other = build(spec);
        let x = normals(size(a.input()), 9);
        other.output() == a.output() && distance(&other.apply(&x), &a.apply(&x)) == 0.0
    };
    build(SPECS.iter().find(same).expect("it came from there"))
}

#[test]
fn decompositions_are_those_of_dense_matrices() {
    for_each_linear(|a| {
        let Some(spectral) = a.spectral() else { return Ok(()) };
        let (x, y) = (normals(size(a.input()), 10), normals(size(a.output()), 11));
        let coefficients = spectral.analyse(&x);
        near("V orthonormal", (norm(&coefficients) - norm(&x)).abs(), 1e-9 * norm(&x))?;
        near("V V^T", distance(&spectral.synthesise(&coefficients), &x), 1e-9 * norm(&x))?;
        let scaled =
            |c: &[f64]| -> Vec<f64> { c.iter().zip(spectral.values()).map(|(c, s)| c * s).collect() };
        near(
            "U^T A = S V^T",
            distance(&spectral.measure(&a.apply(&x)), &scaled(&coefficients)),
            1e-6 * norm(&x),
        )?;
        let measured = spectral.measure(&y);
        near(
            "A^T = V S U^T",
            distance(&spectral.synthesise(&scaled(&measured)), &a.adjoint(&y)),
            1e-6 * norm(&y),
        )?;
        let mut found = spectral.values().to_vec();
        let mut wanted = dense(build_again(a).as_ref()).singular_values().as_slice().to_vec();
        wanted.resize(found.len(), 0.0);
        found.sort_by(f64::total_cmp);
        wanted.sort_by(f64::total_cmp);
        near("singular values", distance(&found, &wanted), 1e-6)
    });
}

#[test]
fn derivatives_are_differences() {
    for spec in ["clip", "clip:gain=1,low=60,high=200", "average:scale=2+clip:gain=1.5"] {
        let a = build(spec);
        let x: Vec<f64> = normals(size(SHAPE), 12).iter().map(|x| 0.4 * x).collect();
        let (v, d) = (normals(size(a.output()), 13), normals(size(SHAPE), 14));
        let h = 1e-6;
        let moved = |by: f64| -> Vec<f64> { x.iter().zip(&d).map(|(x, d)| x + by * d).collect() };
        let slope = (dot(&a.apply(&moved(h)), &v) - dot(&a.apply(&moved(-h)), &v)) / (2.0 * h);
        let pulled = dot(&a.pull(&x, &v), &d);
        assert!((slope - pulled).abs() < 1e-5 * (1.0 + slope.abs()), "{spec}: {slope} and {pulled}");
    }
}

#[test]
fn the_surrogate_of_jpeg_leads_towards_the_measurement() {
    for spec in ["jpeg", "jpeg:quality=60", "gray+jpeg:quality=30"] {
        let a = build(spec);
        let smooth = |phase: f64| -> Vec<f64> {
            (0..size(SHAPE)).map(|at| 0.8 * (at as f64 * 0.13 + phase).sin()).collect()
        };
        let y = a.apply(&smooth(0.0));
        let mut x = smooth(1.0);
        let off = |x: &[f64]| distance(&y, &a.apply(x));
        let before = off(&x);
        for _ in 0..20 {
            let residual: Vec<f64> = y.iter().zip(a.apply(&x)).map(|(y, a)| y - a).collect();
            let pulled = a.pull(&x, &residual);
            x.iter_mut().zip(pulled).for_each(|(x, pulled)| *x += 0.5 * pulled);
        }
        assert!(off(&x) < 0.3 * before, "{spec}: from {before} to {}", off(&x));
    }
}

#[test]
fn generalised_inverses_agree_with_what_was_measured() {
    for_each(|a| {
        if a.linear().is_some() {
            return Ok(());
        }
        let x: Vec<f64> = (0..size(SHAPE)).map(|at| 0.7 * (at as f64 * 0.05).sin()).collect();
        let y = a.apply(&x);
        let inverse = a.generalised_inverse(&y).ok_or("there is none")?;
        // A JPEG of a JPEG differs by roundings here and there.
        near("A G A - A", distance(&a.apply(&inverse), &y), 0.05 * norm(&y))
    });
}

#[test]
fn tensors_are_worked_on_image_by_image() {
    let device = Device::flex();
    let [c, h, w] = SHAPE;
    for spec in ["average:scale=2", "gaussian_blur:sigma=1,size=5", "mask"] {
        let values: Vec<f64> = normals(3 * size(SHAPE), 15).iter().map(|x| f64::from(*x as f32)).collect();
        let single = |x: &[f64]| x.iter().map(|x| *x as f32).collect::<Vec<_>>();
        let x = Tensor::<4>::from_data(TensorData::new(single(&values), [3, c, h, w]), &device);
        let operator = build(spec);
        let noise = noises::build("0").unwrap();
        let y = simulate(operator.as_ref(), noise.as_ref(), &x, &NoiseStreams::new(0, 0..3));
        let wanted: Vec<f64> = values.chunks(size(SHAPE)).flat_map(|x| operator.apply(x)).collect();
        let off = |found: Tensor<4>, wanted: &[f64]| {
            let found: Vec<f64> = found.into_data().convert::<f64>().try_to_vec().unwrap();
            distance(&found, wanted)
        };
        assert!(off(y.clone(), &wanted) < 1e-5, "{spec}");
        let problem = Problem::new(build(spec), y.clone(), 0.0).unwrap();
        assert!(off(problem.apply(x.clone()), &wanted) < 1e-5);
        assert!(off(problem.residual(x.clone()), &vec![0.0; wanted.len()]) < 1e-5);
        let linear = problem.linear().unwrap();
        let start = linear.start();
        assert_eq!(start.dims(), [3, c, h, w]);
        // What the decomposition leaves out of A x is at most its cutoff times x.
        let left_out = operator.linear().and_then(|a| a.spectral()).map_or(0.0, |spectral| spectral.cutoff());
        let left = off(problem.residual(linear.consistent(x.zeros_like())), &vec![0.0; wanted.len()]);
        assert!(left < 1e-4 + left_out * norm(&values), "{spec}: {left}");
        let spectrum = problem.spectrum().unwrap();
        let scaled = spectrum.analyse(x.clone()) * spectrum.map(|s| s);
        let measured: Vec<f64> = spectrum.measured().into_data().convert::<f64>().try_to_vec().unwrap();
        assert!(off(scaled, &measured) < 1e-4, "{spec}");
        // One measurement serves a batch.
        let one = Problem::new(build(spec), y.narrow(0, 0, 1), 0.0).unwrap();
        assert_eq!(one.residual(x).dims()[0], 3);
    }
}
