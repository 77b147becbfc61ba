//! `score`: the network predicts the score times sigma.
//!
//! Song et al. 2021 (2011.13456), eq. 7; Vincent 2011: the score of `x` given `x0` is `-n / sigma`, and
//! Tweedie's formula is `x0 = (x + sigma^2 score) / alpha`. The score is as large as `1 / sigma`, so the
//! network's output is `F = sigma * score`, whose target `-n` has unit variance at every level (the paper's
//! appendix C divides the output by sigma for the same reason).

use super::{Coefficients, Parameterisation, require_signal};
use crate::error::{Error, Result};
use crate::level::Level;
use crate::registry::{Entry, OptionDoc};

pub(super) const ENTRY: Entry<dyn Parameterisation> = Entry {
    name: "score",
    aliases: &[],
    summary: "the network predicts sigma times the score",
    source: "Song et al. 2021, arXiv:2011.13456, eq. 7",
    options: &[OptionDoc {
        key: "input",
        default: "unit",
        doc: "what the network sees: x scaled to variance 1 (unit), or x itself (raw, NCSN++)",
    }],
    build: |options| match options.text("input") {
        "unit" => Ok(Box::new(Score { raw: false })),
        "raw" => Ok(Box::new(Score { raw: true })),
        other => {
            Err(Error::usage(format!("score: option input={other} is not known")).hint("use unit or raw"))
        }
    },
    ..Entry::BLANK
};

#[derive(Debug)]
struct Score {
    raw: bool,
}

impl Parameterisation for Score {
    fn coefficients(&self, at: Level, _sigma_data: f64) -> Result<Coefficients> {
        require_signal(at, "the score")?;
        Ok(Coefficients {
            skip: 1.0 / at.alpha,
            out: at.sigma / at.alpha,
            input: if self.raw { 1.0 } else { 1.0 / at.magnitude() },
            target_x0: 0.0,
            target_noise: -1.0,
        })
    }
}
