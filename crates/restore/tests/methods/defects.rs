//! Defects of other programs that would show in a method here (`docs/defects.md`).

use std::sync::Mutex;

use burn::tensor::{Device, Tensor, TensorData};
use langevin_core::{Cond, Denoiser, Level, Levels, NoiseStreams, Result, Run};
use langevin_restore::{METHODS, Operator, Prior, Problem};

use crate::dense::{COUNT, Dense, SHAPE};
use crate::{RATIOS, ve, vp};

/// Images for each walk: 800 hidden numbers.
const IMAGES: usize = 200;

/// A model that answers its `n`-th call with images of the value `values(n)`, and keeps what it was asked.
struct Recorder {
    answer: fn(usize) -> f32,
    asked: Mutex<Vec<(Level, Vec<f64>)>>,
}

impl Denoiser for Recorder {
    fn denoise(&self, x: Tensor<4>, at: &Levels, _cond: &Cond) -> Result<Tensor<4>> {
        let mut asked = self.asked.lock().unwrap();
        let answer = x.clone().zeros_like().add_scalar((self.answer)(asked.len()));
        asked.push((at.0[0], hidden(x)));
        Ok(answer)
    }
}

/// The numbers of images that the mask hides.
fn hidden(x: Tensor<4>) -> Vec<f64> {
    let values: Vec<f64> = x.into_data().convert::<f64>().try_to_vec().unwrap();
    let mask = Dense::mask();
    let measured = mask.measured().unwrap();
    values.iter().enumerate().filter(|(i, _)| !measured[i % COUNT]).map(|(_, v)| *v).collect()
}

/// What the model was asked while `spec` restored black around a hidden middle, and what came out in the middle.
fn walked(spec: &str, path: &[Level], answer: fn(usize) -> f32) -> (Vec<(Level, Vec<f64>)>, Vec<f64>) {
    let [c, h, w] = SHAPE;
    let zeros = TensorData::zeros::<f32, _>([IMAGES, c, h, w]);
    let y = Tensor::from_data(zeros, &Device::flex());
    let problem = Problem::new(Box::new(Dense::mask()), y, 0.0).unwrap();
    let model = Recorder { answer, asked: Mutex::default() };
    let mut run = Run::new(Cond::none(), NoiseStreams::new(5, 0..IMAGES as u64));
    let made = METHODS.build(spec).unwrap().restore(Prior::new(&model), &problem, path, &mut run).unwrap();
    (model.asked.into_inner().unwrap(), hidden(made))
}

fn rms(values: &[f64]) -> f64 {
    (values.iter().map(|v| v * v).sum::<f64>() / values.len() as f64).sqrt()
}

/// lucidrains' `repaint.py` tells the model one level for as long as it resamples; deepinv's DDRM divides its noise by the
/// root of 2. Where the model answers with nothing, an image is its noise, whose size must be that of the level.
#[test]
fn the_noise_in_an_image_is_what_the_model_is_told() {
    for spec in [
        "repaint:jump=2,repeat=3",
        "repaint:jump=1,repeat=4,eta=0.5",
        "replacement:corrector=0",
        "ddrm:eta=1",
        "ddrm:eta=0.85",
        "ddnm",
        "ddnm:travel=2,repeat=3",
        "ddnm_plus",
        "diffpir:zeta=0.3",
        "diffpir:zeta=1",
    ] {
        for path in [vp(&RATIOS), ve(&RATIOS)] {
            let (asked, _) = walked(spec, &path, |_| 0.0);
            assert!(asked.len() >= RATIOS.len() - 1, "{spec}");
            for (level, x) in &asked {
                let ratio = rms(x) / level.sigma;
                assert!((ratio - 1.0).abs() < 0.12, "{spec} at {level:?}: {ratio} times its noise");
            }
        }
    }
}

/// The levels of a jump back are asked for again, each one.
#[test]
fn resampling_goes_through_the_levels_again() {
    let path = ve(&[8.0, 4.0, 2.0, 1.0, 0.0]);
    let (asked, _) = walked("repaint:jump=2,repeat=2", &path, |_| 0.0);
    let levels: Vec<f64> = asked.iter().map(|(level, _)| level.sigma).collect();
    let again = levels.windows(2).filter(|pair| pair[1] > pair[0]).count();
    assert!(again >= 1, "{levels:?}");
    for pair in levels.windows(2) {
        let place = |sigma: f64| path.iter().position(|level| level.sigma == sigma).unwrap();
        let (from, to) = (place(pair[0]), place(pair[1]));
        assert!(to == from + 1 || to + 1 == from, "{levels:?}");
    }
}

/// `score_sde`'s inpainting takes the hidden pixels of its last mean from the noisy image, and deepinv's DiffPIR computes a
/// last clean image and returns the one before.
#[test]
fn what_is_hidden_ends_as_the_last_answer() {
    for spec in
        ["replacement:corrector=0", "replacement", "repaint:jump=2,repeat=2", "ddrm", "ddnm", "diffpir"]
    {
        let (asked, made) = walked(spec, &vp(&RATIOS), |call| 0.01 * call as f32);
        let last = 0.01 * (asked.len() - 1) as f64;
        assert!(made.iter().all(|v| (v - last).abs() < 1e-6), "{spec}: {} and not {last}", made[0]);
    }
}
