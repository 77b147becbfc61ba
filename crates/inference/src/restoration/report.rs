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

impl Report {
    /// What is wrong when the restored images do not agree with what was measured; absent when they do.
    pub fn doubt(&self) -> Option<String> {
        let Fit { residual, chi_square, chi_square_error } = self.drawn;
        // Methods end a little beside the noise; what is far from it is another operator or another noise.
        let beyond =
            chi_square.is_none_or(|chi_square| chi_square > 2.0_f64.max(1.0 + 8.0 * chi_square_error));
        if beyond && residual > 255.0 {
            return Some(format!(
                "what the result would measure is {residual:.1e} of 255 beside the image: the method overflowed; \
                 leave its options at their defaults, or take another"
            ));
        }
        (beyond && residual > SEEN).then(|| {
            format!(
                "what the result would measure is {residual:.1} of 255 beside the image, and a noise of {:.2} was assumed: \
                 the image was made in another way, or has more noise; try --noise {:.0}, or another operator",
                self.noise,
                residual.ceil()
            )
        })
    }

    /// The report in lines for a person.
    pub fn lines(&self) -> Vec<String> {
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
        for score in &self.scores {
            let psnr = score.psnr.map_or("equal".to_owned(), |psnr| format!("{psnr:.2} dB"));
            let ssim = score.ssim.map_or(String::new(), |ssim| format!(", ssim {ssim:.4}"));
            lines.push(format!("{:<10} {psnr}{ssim}", score.name));
        }
        lines
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
            let doubt = report(noise, residual).doubt().unwrap();
            assert!(doubt.contains(&format!("--noise {residual:.0}")), "{doubt}");
        }
    }
}
