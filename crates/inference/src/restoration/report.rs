//! What is said of a restored image, in units of 0 to 255.

use langevin_core::{Image, Result};
use langevin_eval::{psnr, structural_similarity};
use langevin_restore::Agreement;
use langevin_restore::units::sigma_to_pixels;
use serde::Serialize;

/// The numbers of one restored image.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Calls of the model for each image drawn.
    pub calls: usize,
    /// The noise that the method was given, a standard deviation in units of 0 to 255.
    pub noise: f64,
    /// How far the operator's adjoint is from being one; absent where it is not linear.
    pub adjoint_error: Option<f64>,
    /// Of the images drawn, on average.
    pub drawn: Fit,
    /// Of their mean, if there are several.
    pub mean: Option<Fit>,
    /// Against the true image, where it is known.
    pub scores: Vec<Score>,
}

/// How a restored image agrees with what was measured.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Fit {
    /// The root of the mean square of what is left, in units of 0 to 255.
    pub residual: f64,
    /// Its square over that of the noise, about 1 for a draw from the posterior and less for a mean; absent without noise.
    pub chi_square: Option<f64>,
    /// The deviation of `chi_square` that chance alone gives.
    pub chi_square_error: f64,
}

/// How near an image is to the true one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Score {
    /// What: `input`, the name of the classical restoration, `restored`, `mean`.
    pub name: String,
    /// In decibels; absent where the images are equal.
    pub psnr: Option<f64>,
    /// Absent for images smaller than its window.
    pub ssim: Option<f64>,
}

impl Fit {
    /// The mean over some images, at least one.
    pub(super) fn of(agreements: &[Agreement]) -> Self {
        let count = agreements.len() as f64;
        let square = agreements.iter().map(|a| a.residual * a.residual).sum::<f64>() / count;
        let chi_squares: Option<Vec<f64>> = agreements.iter().map(|a| a.chi_square).collect();
        Self {
            residual: sigma_to_pixels(square.sqrt()),
            chi_square: chi_squares.map(|all| all.iter().sum::<f64>() / count),
            chi_square_error: agreements[0].chi_square_error() / count.sqrt(),
        }
    }
}

impl Score {
    /// The score of `image` by the true one.
    ///
    /// # Errors
    /// Usage: the images have different shapes.
    pub(super) fn of(name: &str, image: &Image, truth: &Image) -> Result<Self> {
        let small = image.width.min(image.height) < 11;
        Ok(Self {
            name: name.to_owned(),
            psnr: Some(psnr(image, truth)?).filter(|psnr| psnr.is_finite()),
            ssim: if small { None } else { Some(structural_similarity(image, truth)?) },
        })
    }

    /// The mean of the scores of several images, at least one.
    pub(super) fn mean(scores: &[Self]) -> Self {
        let mean = |of: fn(&Self) -> Option<f64>| {
            let all: Option<Vec<f64>> = scores.iter().map(of).collect();
            all.map(|all| all.iter().sum::<f64>() / all.len() as f64)
        };
        Self { name: scores[0].name.clone(), psnr: mean(|s| s.psnr), ssim: mean(|s| s.ssim) }
    }
}

/// A residual that nobody would take for rounding, in units of 0 to 255.
const SEEN: f64 = 3.0;
/// A chi-square above it refutes a result: what it would measure is off by twice the noise. Methods that draw, and those that
/// look for a mean, end between 0.1 and 1.5 where the operator is right; wrong kernels end between 1 and 150.
const REFUTED: f64 = 4.0;
/// The least residual that counts as a difference, in units of 0 to 255: one step.
const STEP: f64 = 1.0;
/// How much worse than without a model a result may be before it is said, in decibels.
const WORSE: f64 = 0.2;

impl Report {
    /// Whether the result does not reproduce what was measured, so that it should not be taken for a restoration.
    pub fn is_refuted(&self) -> bool {
        let Fit { residual, chi_square, .. } = self.drawn;
        chi_square.is_some_and(|chi_square| chi_square > REFUTED) && residual > STEP
    }

    /// What is wrong when the restored images do not agree with what was measured, and what to try; absent when they do.
    pub fn doubt(&self) -> Option<(String, String)> {
        let Fit { residual, chi_square, chi_square_error } = self.drawn;
        // Methods end a little off the noise; what is far from it is another operator or another noise.
        let beyond =
            chi_square.is_none_or(|chi_square| chi_square > 2.0_f64.max(1.0 + 8.0 * chi_square_error));
        if beyond && residual > 255.0 {
            return Some((
                format!(
                    "the result would measure {residual:.1e} of 255 off the image: the method overflowed"
                ),
                "leave its options at their defaults, or take another".to_owned(),
            ));
        }
        let off = if residual < 10.0 { format!("{residual:.1}") } else { format!("{residual:.0}") };
        (self.is_refuted() || beyond && residual > SEEN).then(|| {
            (
                format!(
                    "the result does not reproduce the image (off by {off} levels, {:.1} expected)",
                    self.noise
                ),
                format!("--noise {:.0}", residual.ceil()),
            )
        })
    }

    /// What is nearer to the true image than the result, where it is known: the image as it was, or restored without a model.
    pub fn outdone(&self) -> Option<String> {
        let of = |score: &Score| score.psnr.unwrap_or(f64::INFINITY);
        let own = self
            .scores
            .iter()
            .rev()
            .find(|score| score.name == "mean" || score.name == "restored")
            .map(of)?;
        let others = self.scores.iter().filter(|score| score.name != "mean" && score.name != "restored");
        let best = others.max_by(|a, b| of(a).total_cmp(&of(b)))?;
        let what = if best.name == "input" { "the image as it was" } else { best.name.as_str() };
        (of(best) > own + WORSE)
            .then(|| format!("{what} is nearer to the reference: {:.2} dB against {own:.2} dB", of(best)))
    }

    /// How the result agrees with what was measured, in lines for who knows the method.
    pub fn statistics(&self) -> Vec<String> {
        let adjoint = match self.adjoint_error {
            Some(error) => format!("adjoint error {error:.1e}"),
            None => "not linear".to_owned(),
        };
        let fit = |fit: &Fit| {
            let chi_square = fit.chi_square.map_or(String::new(), |chi_square| {
                format!(", chi-square {chi_square:.3} (1 +- {:.3} for a draw)", fit.chi_square_error)
            });
            format!("residual {:.2} of a noise of {:.2}{chi_square}", fit.residual, self.noise)
        };
        let mut lines = vec![format!("{adjoint}; {}", fit(&self.drawn))];
        lines.extend(self.mean.as_ref().map(|mean| format!("the mean: {}", fit(mean))));
        lines
    }

    /// How near the images are to the true one, where it is known.
    pub fn compared(&self) -> Option<String> {
        let score = |score: &Score| {
            let psnr = score.psnr.map_or("equal".to_owned(), |psnr| format!("{psnr:.2} dB"));
            let ssim = score.ssim.map_or(String::new(), |ssim| format!(" ({ssim:.4})"));
            format!("{} {psnr}{ssim}", score.name)
        };
        let scores: Vec<String> = self.scores.iter().map(score).collect();
        (!scores.is_empty()).then(|| format!("PSNR (SSIM): {}", scores.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_that_do_not_agree_with_the_measurement_are_doubted() {
        let report = |noise: f64, residual: f64| Report {
            calls: 1,
            noise,
            adjoint_error: None,
            drawn: Fit {
                residual,
                chi_square: (noise > 0.0).then(|| (residual / noise).powi(2)),
                chi_square_error: 0.01,
            },
            mean: None,
            scores: Vec::new(),
        };
        for (noise, residual) in [(0.0, 0.3), (0.29, 0.5), (10.0, 10.4), (25.0, 5.0)] {
            assert_eq!(report(noise, residual).doubt(), None, "{noise} {residual}");
        }
        for (noise, residual) in [(0.0, 12.0), (0.29, 12.0), (10.0, 15.0)] {
            let (_, advice) = report(noise, residual).doubt().unwrap();
            assert_eq!(advice, format!("--noise {residual:.0}"));
        }
        // Off by twice the noise, and seen.
        for (noise, residual, refuted) in
            [(0.29, 2.2, true), (10.0, 21.0, true), (10.0, 15.0, false), (0.29, 0.7, false)]
        {
            assert_eq!(report(noise, residual).is_refuted(), refuted, "{noise} {residual}");
        }
    }

    #[test]
    fn what_is_nearer_to_the_truth_is_named() {
        let score = |name: &str, psnr| Score { name: name.to_owned(), psnr: Some(psnr), ssim: None };
        let report = |restored| Report {
            calls: 1,
            noise: 1.0,
            adjoint_error: None,
            drawn: Fit { residual: 1.0, chi_square: Some(1.0), chi_square_error: 0.01 },
            mean: None,
            scores: vec![score("input", 25.0), score("wiener", 27.0), score("restored", restored)],
        };
        assert_eq!(report(26.9).outdone(), None);
        assert!(report(26.5).outdone().unwrap().starts_with("wiener is nearer"));
    }
}
