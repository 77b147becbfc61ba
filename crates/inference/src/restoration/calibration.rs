//! Whether the draws of a method can be trusted: clean images are degraded and restored, and where the truth lies among the draws
//! is counted.
//!
//! Of `K` draws from the posterior and the true value, each is equally likely to be the least, the next, and so on. The interval
//! from the `j`-th least to the `j`-th largest draw therefore holds the truth with probability `(K + 1 - 2 j) / (K + 1)`, whatever
//! the distribution (rank histograms: Talagrand et al. 1997; Hamill 2001). A method's constants are chosen on images of their
//! own by the continuous ranked probability score, which is least on average for the true posterior (Gneiting and Raftery 2007).

use burn::tensor::Device;
use langevin_core::{Error, ErrorKind, Image, Result};
use langevin_model::Model;
use langevin_restore::units::sigma_to_pixels;
use langevin_restore::{METHODS, Noise, Operator, Shape, candidates, compared};
use serde::Serialize;

use super::degraded::{Degraded, check_shape, shape_of};
use super::plan::RestorePlan;
use super::solver::Begun;

/// What to calibrate.
pub struct Calibration<'a> {
    /// The operator for a clean image of this shape.
    pub operator: &'a dyn Fn(Shape) -> Result<Box<dyn Operator>>,
    /// The noise.
    pub noise: &'a dyn Noise,
    /// The methods: a name tries several constants, a name with options is taken as it is. Empty for all that go with the operator.
    pub methods: Vec<String>,
    /// How to restore; `samples` draws for each image, at least two.
    pub restoring: RestorePlan,
}

/// What was found of one method.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Calibrated {
    /// The method with the constants that were best.
    pub method: String,
    /// Constants that were tried on other images, with their score there (the less the better).
    pub tried: Vec<(String, f64)>,
    /// Images judged, none of which constants were chosen on.
    pub images: usize,
    /// Draws for each.
    pub draws: usize,
    /// Calls of the model for a draw.
    pub calls: usize,
    /// How often the truth lies in intervals of the draws.
    pub coverage: Vec<Coverage>,
    /// The root mean square error of the mean over what the spread of the draws predicts: 1 for the true posterior, more when the method
    /// is too sure of itself.
    pub error_over_spread: f64,
    /// The continuous ranked probability score in units of 0 to 255.
    pub score: f64,
    /// The PSNR of a draw, in decibels, from the mean square error over all draws.
    pub psnr_draw: f64,
    /// The PSNR of the mean of the draws.
    pub psnr_mean: f64,
}

/// How often the truth lies in an interval of the draws.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Coverage {
    /// How often it should.
    pub nominal: f64,
    /// How often it does: the share of the values that are not known exactly.
    pub found: f64,
    /// The standard error over images, whose values are not independent; 0 of a single image.
    pub error: f64,
}

/// What is left out, and why.
pub type LeftOut = (String, String);

/// Degrades `images`, chooses constants on the first half of them and judges the draws on the others. `progress` gets what is
/// being done and the share that is; its error ends the work.
///
/// # Errors
/// Usage: fewer than two images or draws, an unknown method, an operator that does not go with an image, a model of other
/// channels. What `progress` says.
pub fn calibrate(
    model: &Model,
    images: &[Image],
    calibration: &Calibration<'_>,
    device: &Device,
    progress: &mut (dyn FnMut(&str, f64) -> Result<()> + Send),
) -> Result<(Vec<Calibrated>, Vec<LeftOut>)> {
    if images.len() < 2 {
        return Err(Error::usage("one image is too few to calibrate with")
            .hint("give at least two: constants are chosen on the first half, and judged on the others"));
    }
    if calibration.restoring.samples < 2 {
        return Err(Error::usage("one draw has no spread").hint("draw several, such as --samples 9"));
    }
    let methods: Vec<&str> = match calibration.methods.as_slice() {
        [] => compared().collect(),
        named => named.iter().map(String::as_str).collect(),
    };
    let (tuning, held) = images.split_at(images.len() / 2);
    let (mut found, mut left_out) = (Vec::new(), Vec::new());
    for (index, method) in methods.iter().enumerate() {
        let whole = (index as f64, methods.len() as f64);
        match of_method(model, method, (tuning, held), calibration, device, &mut |share| {
            progress(method, (whole.0 + share) / whole.1)
        }) {
            Ok(one) => found.push(one),
            Err(error) if error.kind() == ErrorKind::Usage && methods.len() > 1 => {
                left_out.push(((*method).to_owned(), error.to_string()));
            }
            Err(error) => return Err(error),
        }
    }
    Ok((found, left_out))
}

fn of_method(
    model: &Model,
    method: &str,
    (tuning, held): (&[Image], &[Image]),
    calibration: &Calibration<'_>,
    device: &Device,
    progress: &mut (dyn FnMut(f64) -> Result<()> + Send),
) -> Result<Calibrated> {
    if !METHODS.build(method)?.samples() {
        return Err(Error::usage(format!("{method} gives one answer, which has no spread")));
    }
    let specs: Vec<String> = candidates(method)
        .into_iter()
        .filter(|spec| METHODS.build(spec).is_ok_and(|method| method.samples()))
        .collect();
    let tried_images = if specs.len() > 1 { tuning.len() * specs.len() } else { 0 };
    let total = (tried_images + held.len()) as f64;
    let mut done = 0.0;
    let mut judge = |spec: &str, images: &[Image], first: u64| -> Result<(Vec<Judged>, usize)> {
        let mut judged = Vec::new();
        let mut calls = 0;
        for (number, image) in (first..).zip(images) {
            progress(done / total)?;
            let (draws, truth, asked) = drawn(model, spec, image, number, calibration, device)?;
            judged.push(Judged::new(&draws, &truth));
            (done, calls) = (done + 1.0, asked);
        }
        Ok((judged, calls))
    };
    let mut tried = Vec::new();
    if specs.len() > 1 {
        for spec in &specs {
            let (judged, _) = judge(spec, tuning, 0)?;
            tried.push((spec.clone(), ratio(&judged, |one| one.score, |one| one.values)));
        }
    }
    let least = tried.iter().min_by(|a, b| a.1.total_cmp(&b.1)).map(|(spec, _)| spec.clone());
    let spec = least.unwrap_or_else(|| specs[0].clone());
    let (judged, calls) = judge(&spec, held, tuning.len() as u64)?;
    let draws = calibration.restoring.samples;
    let decibels = |square: f64| 10.0 * (4.0 / square).log10();
    Ok(Calibrated {
        method: spec,
        tried: tried.into_iter().map(|(spec, score)| (spec, sigma_to_pixels(score))).collect(),
        images: judged.len(),
        draws,
        calls,
        coverage: coverage(&judged, draws),
        error_over_spread: ratio(&judged, |one| one.square_mean, |one| one.predicted).sqrt(),
        score: sigma_to_pixels(ratio(&judged, |one| one.score, |one| one.values)),
        psnr_draw: decibels(ratio(&judged, |one| one.square_draw, |one| one.all)),
        psnr_mean: decibels(ratio(&judged, |one| one.square_mean, |one| one.all)),
    })
}

/// The draws of one image, each as its values, the true values, and the calls for a draw.
fn drawn(
    model: &Model,
    spec: &str,
    image: &Image,
    number: u64,
    calibration: &Calibration<'_>,
    device: &Device,
) -> Result<(Vec<Vec<f64>>, Vec<f64>, usize)> {
    let shape = shape_of(image);
    check_shape(model, shape)?;
    let operator = (calibration.operator)(shape)?;
    let seed = calibration.restoring.seed;
    let degraded = Degraded::simulated(image, operator, calibration.noise, seed, number, device)?;
    let restoring = RestorePlan { method: Some(spec.to_owned()), ..calibration.restoring.clone() };
    let truth = degraded.truth.as_ref().expect("what is simulated is known").to_signed();
    let begun = Begun::new(model, degraded.operator, degraded.y, degraded.sigma, &restoring, device)?;
    let made = begun.draw(number, |_| {})?;
    let values = made.try_into_vec_as::<f32>().expect("a float tensor holds floats");
    let wide = |values: Vec<f32>| values.into_iter().map(f64::from).collect::<Vec<f64>>();
    // As they would be written: true values have steps, and a draw that lies within half a step of one is no farther.
    let written = |draw: &[f32]| wide(Image::from_signed_like(draw, shape, image).to_signed());
    let draws = values.chunks_exact(truth.len()).map(written).collect();
    Ok((draws, wide(truth), begun.method.calls(&begun.path)))
}

/// What one image says of its draws: sums over its values. Those that all draws have as they are were known, and count in squares
/// of errors alone.
struct Judged {
    /// How many of the values have so many draws below them; a tie counts half to each side.
    ranks: Vec<f64>,
    values: f64,
    all: f64,
    score: f64,
    square_draw: f64,
    square_mean: f64,
    /// The square of the error of the mean that the draws predict: `(K + 1) / K` of their variance.
    predicted: f64,
}

impl Judged {
    fn new(draws: &[Vec<f64>], truth: &[f64]) -> Self {
        let count = draws.len() as f64;
        let mut judged = Self {
            ranks: vec![0.0; draws.len() + 1],
            values: 0.0,
            all: 0.0,
            score: 0.0,
            square_draw: 0.0,
            square_mean: 0.0,
            predicted: 0.0,
        };
        let mut here = vec![0.0; draws.len()];
        for (at, truth) in truth.iter().enumerate() {
            here.iter_mut().zip(draws).for_each(|(here, draw)| *here = draw[at]);
            here.sort_by(f64::total_cmp);
            let mean = here.iter().sum::<f64>() / count;
            judged.square_mean += (mean - truth).powi(2);
            judged.square_draw += here.iter().map(|draw| (draw - truth).powi(2)).sum::<f64>() / count;
            if here[0] == here[here.len() - 1] && here[0] == *truth {
                continue;
            }
            let below = here.iter().filter(|draw| *draw < truth).count();
            let ties = here.iter().filter(|draw| *draw == truth).count();
            for rank in below..=below + ties {
                judged.ranks[rank] += 1.0 / (ties + 1) as f64;
            }
            let squares = here.iter().map(|draw| (draw - mean).powi(2)).sum::<f64>();
            judged.values += 1.0;
            judged.predicted += squares / (count - 1.0) * (count + 1.0) / count;
            // E|X - y| - E|X - X'| / 2, without bias: the second from the order of the draws.
            let off = here.iter().map(|draw| (draw - truth).abs()).sum::<f64>() / count;
            let apart: f64 =
                here.iter().enumerate().map(|(i, draw)| (2.0 * i as f64 + 1.0 - count) * draw).sum();
            judged.score += off - apart / (count * (count - 1.0));
        }
        judged.all = truth.len() as f64;
        judged
    }

    /// The share of values that were not known within the `j`-th least and the `j`-th largest draw.
    fn within(&self, j: usize) -> f64 {
        self.ranks[j..self.ranks.len() - j].iter().sum::<f64>() / self.values.max(1.0)
    }
}

/// The sum of `of` over that of `over`.
fn ratio(judged: &[Judged], of: impl Fn(&Judged) -> f64, over: impl Fn(&Judged) -> f64) -> f64 {
    judged.iter().map(of).sum::<f64>() / judged.iter().map(over).sum::<f64>().max(f64::MIN_POSITIVE)
}

fn coverage(judged: &[Judged], draws: usize) -> Vec<Coverage> {
    let count = judged.len() as f64;
    let of = |j: usize| {
        let found = ratio(judged, |one| one.within(j) * one.values, |one| one.values);
        let squares: f64 = judged.iter().map(|one| (one.within(j) - found).powi(2)).sum();
        let error = if judged.len() > 1 { (squares / (count - 1.0) / count).sqrt() } else { 0.0 };
        Coverage { nominal: (draws + 1 - 2 * j) as f64 / (draws + 1) as f64, found, error }
    };
    (1..=draws / 2).map(of).collect()
}

impl Calibrated {
    /// The table of some methods, for a person.
    pub fn table(found: &[Self]) -> String {
        let mut lines = vec![
            "| method | calls | score | error / spread | draw dB | mean dB | truth within the draws: should, is |"
                .to_owned(),
            "|---|---|---|---|---|---|---|".to_owned(),
        ];
        for one in found {
            let coverage: Vec<String> = one
                .coverage
                .iter()
                .map(|at| {
                    format!("{:.0}% {:.1} ± {:.1}%", 100.0 * at.nominal, 100.0 * at.found, 100.0 * at.error)
                })
                .collect();
            lines.push(format!(
                "| {} | {} | {:.2} | {:.2} | {:.2} | {:.2} | {} |",
                one.method,
                one.calls,
                one.score,
                one.error_over_spread,
                one.psnr_draw,
                one.psnr_mean,
                coverage.join(", ")
            ));
        }
        lines.join("\n") + "\n"
    }
}

#[cfg(test)]
mod tests {
    use langevin_core::{Purpose, Stream};

    use super::*;

    /// Draws of the right spread, and truths from the same distribution around means that differ.
    fn judged(draws: usize, spread: f64) -> Judged {
        let values = 40_000;
        let normal = |step| {
            let mut out = vec![0.0_f32; values];
            Stream::new(1, Purpose::Probe, 0, step).fill_normal(&mut out);
            out.into_iter().map(f64::from).collect::<Vec<f64>>()
        };
        let centre = normal(0);
        let around = |step, by: f64| {
            centre.iter().zip(normal(step)).map(|(c, n)| 3.0 * c + by * n).collect::<Vec<f64>>()
        };
        let all: Vec<Vec<f64>> = (0..draws as u64).map(|k| around(2 + k, 0.2 * spread)).collect();
        Judged::new(&all, &around(1, 0.2))
    }

    #[test]
    fn draws_of_the_right_spread_cover_as_they_should() {
        for draws in [4, 9] {
            let one = judged(draws, 1.0);
            for at in coverage(&[one], draws) {
                assert!((at.found - at.nominal).abs() < 0.01, "{at:?}");
            }
            let one = judged(draws, 1.0);
            assert!((one.square_mean / one.predicted - 1.0).abs() < 0.02);
            // The score of N(m, s) is s / sqrt(pi) on average (Gneiting and Raftery 2007, eq. 21).
            let score = one.score / one.values;
            assert!((score - 0.2 / std::f64::consts::PI.sqrt()).abs() < 0.002, "{score}");
        }
    }

    #[test]
    fn too_narrow_and_too_wide_draws_are_told_apart_and_score_worse() {
        let [narrow, right, wide] = [0.5, 1.0, 2.0].map(|spread| judged(9, spread));
        assert!(narrow.score > right.score && wide.score > right.score);
        assert!(narrow.within(1) < 0.65 && wide.within(1) > 0.9);
        assert!(narrow.square_mean > 2.0 * narrow.predicted && wide.square_mean < 0.5 * wide.predicted);
    }

    #[test]
    fn what_is_known_exactly_is_left_out_and_ties_count_half() {
        let one = Judged::new(&[vec![0.5, 0.1], vec![0.5, 0.3]], &[0.5, 0.3]);
        assert_eq!((one.values, one.ranks), (1.0, vec![0.0, 0.5, 0.5]));
    }
}
