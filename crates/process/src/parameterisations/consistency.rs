//! `consistency`: another parameterisation, held to give back an image of the lowest level as it is.
//!
//! Song et al. 2023 (2303.01469), eq. 5: `f(x, t) = c_skip(t) x + c_out(t) F`, with `c_skip = 1` and `c_out = 0` at the lowest
//! level `e`. Where they change EDM's coefficients, this takes a step from the denoised image `D` of any parameterisation
//! down to that level, `f = (e / t) x / alpha + (1 - e / t) D` in `sigma / alpha` (the form of Kim et al. 2024, 2310.02279,
//! eq. 9), so a student begins where its teacher's single step would end.

use super::{Coefficients, PARAMETERISATIONS, Parameterisation};
use crate::error::{Error, Result};
use crate::level::Level;
use crate::registry::{Entry, OptionDoc};

pub(super) const ENTRY: Entry<dyn Parameterisation> = Entry {
    name: "consistency",
    aliases: &[],
    summary: "another parameterisation, held to give back an image of the lowest level as it is",
    source: "Song et al. 2023, arXiv:2303.01469, eq. 5; Kim et al. 2024, arXiv:2310.02279, eq. 9",
    options: &[
        OptionDoc { key: "of", default: "edm", doc: "what the network predicts, without options" },
        OptionDoc {
            key: "end",
            default: "0",
            doc: "sigma / alpha of the lowest level; 0 leaves the other parameterisation as it is",
        },
    ],
    build: |options| {
        let of = options.text("of");
        if PARAMETERISATIONS.find(of).is_ok_and(|entry| entry.name == "consistency") {
            return Err(Error::usage("consistency: option of=consistency leads nowhere")
                .hint("name what the network predicts"));
        }
        Ok(Box::new(Consistency { of: PARAMETERISATIONS.build(of)?, end: options.number("end", 0.0, 1.0)? }))
    },
    ..Entry::BLANK
};

#[derive(Debug)]
struct Consistency {
    of: Box<dyn Parameterisation>,
    end: f64,
}

impl Parameterisation for Consistency {
    fn coefficients(&self, at: Level, sigma_data: f64) -> Result<Coefficients> {
        let of = self.of.coefficients(at, sigma_data)?;
        if self.end == 0.0 {
            return Ok(of);
        }
        // end / t, without dividing by an alpha of 0.
        let kept = self.end * at.alpha / at.sigma;
        if at.is_clean() || kept >= 1.0 {
            // No target of the network changes the answer; that of the other parameterisation stands.
            return Ok(Coefficients { skip: 1.0 / at.alpha, out: 0.0, ..of });
        }
        let (skip, out) = ((1.0 - kept) * of.skip + self.end / at.sigma, (1.0 - kept) * of.out);
        Ok(Coefficients {
            skip,
            out,
            target_x0: (1.0 - skip * at.alpha) / out,
            target_noise: -skip * at.sigma / out,
            ..of
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(spec: &str, alpha: f64, sigma: f64) -> Coefficients {
        PARAMETERISATIONS.build(spec).unwrap().coefficients(Level { alpha, sigma }, 0.5).unwrap()
    }

    #[test]
    fn the_lowest_level_is_given_back_and_pure_noise_is_denoised() {
        for of in ["x0", "v", "edm", "velocity"] {
            let spec = format!("consistency:of={of},end=0.002");
            for alpha in [1.0, 0.25] {
                for ratio in [0.0, 0.001, 0.002] {
                    let c = at(&spec, alpha, alpha * ratio);
                    assert!((c.skip * alpha - 1.0).abs() < 1e-12 && c.out.abs() < 1e-12, "{spec} {c:?}");
                }
            }
            let (c, plain) = (at(&spec, 0.0, 1.0), at(of, 0.0, 1.0));
            assert_eq!((c.skip, c.out), (plain.skip + 0.002, plain.out));
        }
    }

    #[test]
    fn in_between_it_is_a_step_of_ddim_and_its_target_gives_the_image() {
        let (level, end) = (Level { alpha: 0.6, sigma: 0.8 }, Level { alpha: 1.0, sigma: 0.1 });
        for of in ["x0", "v", "edm", "velocity", "epsilon"] {
            let (c, plain) = (at(&format!("consistency:of={of},end=0.1"), 0.6, 0.8), at(of, 0.6, 0.8));
            let (x, f, step) = (0.7, -0.3, level.step_to(end));
            let want = step.x * x + step.x0 * (plain.skip * x + plain.out * f);
            assert!((c.skip * x + c.out * f - want).abs() < 1e-14, "{of}");
            let (x0, n) = (0.37, -1.21);
            let answer = c.skip * (0.6 * x0 + 0.8 * n) + c.out * (c.target_x0 * x0 + c.target_noise * n);
            assert!((answer - x0).abs() < 1e-13, "{of}: {answer}");
        }
        assert!(PARAMETERISATIONS.build("consistency:of=consistency").is_err());
    }
}
