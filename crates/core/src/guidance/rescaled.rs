//! Rescaled classifier-free guidance (Lin et al. 2023, "Common diffusion noise schedules and sample steps are flawed", arXiv
//! 2305.08891, eq. 14 to 16): the guided answer `y` gets the standard deviation of the answer that was given the class,
//! `y std(conditional) / std(y)`, and is mixed with itself in the share `phi`. It keeps strong guidance from overexposing.
//!
//! The paper does so with the network's output, a velocity. In terms of clean images an output is, up to a factor that
//! cancels, `D + r x` with `r = 0` (clean image), `-1 / alpha` (noise) or `-alpha / (alpha^2 + sigma^2)` (velocity).

use burn::tensor::Tensor;
use langevin_process::registry::{Entry, OptionDoc};
use langevin_process::{Error, Level, Result};

use super::classifier_free::ClassifierFree;
use super::guided::{Compared, Guidance};
use super::host;

pub(super) const ENTRY: Entry<dyn Guidance> = Entry {
    name: "rescaled",
    aliases: &["cfg_rescale"],
    summary: "cfg, its answer brought to the contrast of the answer with the class: strong without overexposure",
    source: "Lin et al. 2023, 2305.08891, eq. 14-16",
    options: &[
        OptionDoc {
            key: "phi",
            default: "0.7",
            doc: "the share of the rescaled answer, in [0, 1]; 0 is cfg",
        },
        OptionDoc { key: "of", default: "v", doc: "what is rescaled: v, eps or x0" },
    ],
    build: |options| {
        let of = match options.text("of") {
            "v" => Output::Velocity,
            "eps" => Output::Noise,
            "x0" => Output::Clean,
            other => {
                return Err(Error::usage(format!("rescaled: option of={other} is none of v, eps and x0")));
            }
        };
        Ok(Box::new(Rescaled { phi: options.number("phi", 0.0, 1.0)?, of }))
    },
    ..Entry::BLANK
};

/// What is rescaled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// The velocity `alpha noise - sigma x0`.
    Velocity,
    /// The noise; not defined where `alpha` is 0.
    Noise,
    /// The clean image.
    Clean,
}

/// Guidance that keeps the standard deviation.
#[derive(Debug, Clone, Copy)]
pub struct Rescaled {
    /// The share of the rescaled answer.
    pub phi: f64,
    /// What is rescaled.
    pub of: Output,
}

impl Output {
    /// The `r` of `D + r x`.
    fn ratio(self, at: Level) -> Result<f64> {
        match self {
            Self::Clean => Ok(0.0),
            Self::Noise if at.alpha == 0.0 => {
                Err(Error::usage("noise cannot be rescaled where alpha is 0").hint("use rescaled:of=v"))
            }
            Self::Noise => Ok(-1.0 / at.alpha),
            Self::Velocity => Ok(-at.alpha / (at.alpha * at.alpha + at.sigma * at.sigma)),
        }
    }
}

impl Guidance for Rescaled {
    fn guide(&self, compared: Compared<'_>) -> Result<Tensor<4>> {
        let (x, conditional, at) = (compared.x.clone(), compared.conditional.clone(), compared.at);
        let guided = ClassifierFree.guide(compared)?;
        let size = host::image(&x);
        let (noisy, conditional, mut answer) =
            (host::values(&x), host::values(&conditional), host::values(&guided));
        let images = answer.chunks_mut(size).zip(conditional.chunks(size).zip(noisy.chunks(size)));
        for ((answer, (conditional, noisy)), level) in images.zip(&at.0) {
            let ratio = self.of.ratio(*level)?;
            let (wanted, found) = (deviation(conditional, noisy, ratio), deviation(answer, noisy, ratio));
            // A flat answer has no contrast to bring to another.
            let gain = if found > 0.0 { wanted / found } else { 1.0 };
            let factor = self.phi * gain + 1.0 - self.phi;
            for (answer, noisy) in answer.iter_mut().zip(noisy) {
                *answer = factor * *answer + (factor - 1.0) * ratio * noisy;
            }
        }
        Ok(host::images(&answer, &x))
    }
}

/// The standard deviation of the values of `D + r x`.
fn deviation(denoised: &[f64], noisy: &[f64], ratio: f64) -> f64 {
    let values = || denoised.iter().zip(noisy).map(|(denoised, noisy)| denoised + ratio * noisy);
    let count = denoised.len().max(1) as f64;
    let mean = values().sum::<f64>() / count;
    (values().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt()
}

#[cfg(test)]
mod tests {
    use super::super::apg::tests::{golden, near, numbers, tensor};
    use super::super::guided::tests::{LEVELS, check_near, points};
    use super::*;
    use crate::denoiser::Levels;

    #[test]
    fn recorded_answers_of_diffusers_come_out() {
        for row in golden()["rescaled"].as_array().unwrap() {
            let number = |key: &str| row[key].as_f64().unwrap();
            let spec = format!("rescaled:phi={},of={}", number("phi"), row["of"].as_str().unwrap());
            let level = Level { alpha: number("alpha"), sigma: number("sigma") };
            let x = tensor(&row["x"]);
            let at = Levels::all(level, x.dims()[0]);
            let compared = Compared {
                x,
                conditional: tensor(&row["told"]),
                free: tensor(&row["free"]),
                at: &at,
                scale: number("scale"),
            };
            let made = crate::guidance::GUIDANCES.build(&spec).unwrap().guide(compared).unwrap();
            near(&made, &numbers(&row["guided"]), &spec);
        }
    }

    #[test]
    fn all_of_it_has_the_deviation_of_the_answer_with_the_class() {
        let x = points(&[[0.4, -0.9], [1.0, 0.1]]);
        let (conditional, free) = (points(&[[0.3, -0.2], [0.5, 0.7]]), points(&[[0.1, 0.0], [0.6, 0.3]]));
        for (level, of) in LEVELS
            .into_iter()
            .flat_map(|l| [Output::Velocity, Output::Noise, Output::Clean].map(|of| (l, of)))
        {
            let at = Levels::all(level, 2);
            let compared = Compared {
                x: x.clone(),
                conditional: conditional.clone(),
                free: free.clone(),
                at: &at,
                scale: 5.0,
            };
            let made = Rescaled { phi: 1.0, of }.guide(compared.clone()).unwrap();
            let ratio = of.ratio(level).unwrap();
            let all = [&made, &conditional, &x].map(host::values);
            for ((made, conditional), x) in all[0].chunks(2).zip(all[1].chunks(2)).zip(all[2].chunks(2)) {
                let (made, conditional) = (deviation(made, x, ratio), deviation(conditional, x, ratio));
                assert!(
                    (made - conditional).abs() < 1e-5 * (1.0 + ratio.abs()),
                    "{level:?} {of:?}: {made} {conditional}"
                );
            }
            let plain = Rescaled { phi: 0.0, of }.guide(compared.clone()).unwrap();
            check_near(&plain, &ClassifierFree.guide(compared).unwrap(), 0.0);
        }
    }

    #[test]
    fn noise_cannot_be_rescaled_without_signal() {
        let nothing = Level { alpha: 0.0, sigma: 1.0 };
        assert!(Output::Noise.ratio(nothing).unwrap_err().to_string().contains("of=v"));
        assert_eq!(Output::Velocity.ratio(nothing).unwrap(), 0.0);
    }
}
