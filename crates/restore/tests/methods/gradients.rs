//! The methods whose steps are not affine, DPS and RED-diff, against their papers' formulas step by step on the same noise, and
//! RED-diff against where its loss is least.

use langevin_core::{NoiseStreams, Purpose};

use crate::dense::{COUNT, Dense, SHAPE, Vector};
use crate::oracle::{Setting, unit};
use crate::{RATIOS, abs, data, measurement, restored, vp};

/// Noise number `step` of image 0.
fn noise(purpose: Purpose, step: u64) -> Vector {
    let drawn = NoiseStreams::new(3, [0]).normal(purpose, step, SHAPE, &burn::tensor::Device::flex());
    let values: Vec<f64> = drawn.into_data().convert::<f64>().try_to_vec().unwrap();
    Vector::from_vec(values)
}

fn near(what: &str, made: &[f64], wanted: &Vector) {
    for (a, b) in made.iter().zip(wanted.iter()) {
        assert!((a - b).abs() < 2e-3 * (1.0 + b.abs()), "{what}: {a} and {b}");
    }
}

#[test]
fn dps_is_algorithm_1_with_the_gradient_of_the_norm() {
    for (name, operator) in Dense::all() {
        let y = measurement(&operator, 0.1);
        let setting = Setting::new(&data(), operator.clone(), &y, 0.1);
        let made = restored("dps:zeta=0.4", operator, &y, 0.1, &vp(&RATIOS), 1).unwrap();
        let abs = abs(&RATIOS);
        let mut x = noise(Purpose::Start, 0) * (1.0 - abs[0]).sqrt();
        for (index, pair) in abs.windows(2).enumerate() {
            let (ab, next) = (pair[0], pair[1]);
            let (k, rest) = setting.denoiser(ab);
            let clean = &k * &x + rest;
            let residual = &setting.y - &setting.operator.matrix * &clean;
            let gradient = -k.transpose() * setting.operator.matrix.transpose() * &residual / residual.norm();
            let beta = 1.0 - ab / next;
            let mean = &x * ((1.0 - beta).sqrt() * (1.0 - next) / (1.0 - ab))
                + clean * (next.sqrt() * beta / (1.0 - ab));
            x = mean - gradient * 0.4;
            if next < 1.0 {
                x += noise(Purpose::Sampler, index as u64) * (beta * (1.0 - next) / (1.0 - ab)).sqrt();
            }
        }
        near(name, &made[0], &x);
    }
}

#[test]
fn reddiff_is_adam_on_the_papers_loss() {
    for (name, operator) in Dense::all() {
        let y = measurement(&operator, 0.1);
        let setting = Setting::new(&data(), operator.clone(), &y, 0.1);
        let made = restored("reddiff:lr=0.05", operator, &y, 0.1, &vp(&RATIOS), 1).unwrap();
        let a = &setting.operator.matrix;
        let start = (a.transpose() * a + unit() * 0.01).try_inverse().unwrap();
        let mut mu = start * a.transpose() * &setting.y;
        let (mut first, mut second) = (Vector::zeros(COUNT), Vector::zeros(COUNT));
        for (index, ab) in abs(&RATIOS)[..7].iter().enumerate() {
            let fresh = noise(Purpose::Sampler, index as u64);
            let x = &mu * ab.sqrt() + &fresh * (1.0 - ab).sqrt();
            let (k, rest) = setting.denoiser(*ab);
            let clean = k * &x + rest;
            let seen = (x - clean * ab.sqrt()) / (1.0 - ab).sqrt();
            // The gradient of the paper's loss, both parts means over their own values.
            let weight = 0.25 * ((1.0 - ab) / ab).sqrt();
            let residual = &setting.y - a * &mu;
            let gradient =
                (seen - fresh) * (weight / COUNT as f64) - a.transpose() * &residual / residual.len() as f64;
            first = first * 0.9 + &gradient * 0.1;
            second = second * 0.99 + gradient.component_mul(&gradient) * 0.01;
            let step = index as i32 + 1;
            let mean = &first / (1.0 - 0.9_f64.powi(step));
            let size = (&second / (1.0 - 0.99_f64.powi(step))).map(f64::sqrt);
            mu -= mean.component_div(&size.map(|s| s + 1e-12)) * 0.05;
        }
        near(name, &made[0], &mu);
    }
}

#[test]
fn reddiff_comes_to_rest_where_its_loss_is_least() {
    // Many short steps near one level, s = 0.4.
    let ratios: Vec<f64> = (0..2000).map(|i| 0.401 - 2e-6 * f64::from(i)).chain([0.0]).collect();
    for (name, operator) in Dense::all() {
        let y = measurement(&operator, 0.1);
        let setting = Setting::new(&data(), operator.clone(), &y, 0.1);
        let made = restored("reddiff:lr=0.002,lambda=0.5", operator, &y, 0.1, &vp(&ratios), 16).unwrap();
        let (a, s2) = (&setting.operator.matrix, 0.399_f64 * 0.399);
        let share = COUNT as f64 / setting.y.len() as f64;
        let hold = (&setting.covariance + unit() * s2).try_inverse().unwrap() * (0.5 * s2);
        let least = (a.transpose() * a * share + hold).try_inverse().unwrap();
        let wanted = &setting.mean + least * a.transpose() * (&setting.y - a * &setting.mean) * share;
        let mean =
            Vector::from_iterator(COUNT, (0..COUNT).map(|i| made.iter().map(|x| x[i]).sum::<f64>() / 16.0));
        assert!((&mean - &wanted).amax() < 0.04, "{name}: {mean} and {wanted}");
    }
}
