//! The figures, a file for each chapter of the tutorial.

mod diffusion;
mod dynamics;
mod equations;
mod score_matching;
mod vae;

use langevin_core::{Error, Result, nearest};

use super::figure::Entry;

/// Every figure, in the order of the tutorial.
pub const FIGURES: &[Entry] = &[
    vae::LOWER_BOUND,
    diffusion::MARGINALS,
    diffusion::SPREADING,
    diffusion::REVERSE,
    dynamics::ONE_WALK,
    dynamics::MANY_WALKS,
    dynamics::HISTOGRAMS,
    score_matching::SCORES,
    score_matching::KERNELS,
    equations::WIENER,
    equations::ORNSTEIN_UHLENBECK,
    equations::FORWARD_AND_REVERSE,
    equations::SOLVERS,
    equations::FOKKER_PLANCK,
    equations::HEAT,
];

/// The figure with this number.
///
/// # Errors
/// Usage, with the numbers there are.
pub fn figure(number: &str) -> Result<&'static Entry> {
    FIGURES.iter().find(|entry| entry.number == number).ok_or_else(|| {
        let numbers = || FIGURES.iter().map(|entry| entry.number);
        let error = Error::usage(format!("there is no figure \"{number}\""));
        match nearest(number, numbers()) {
            Some(near) => error.hint(format!("did you mean {near}?")),
            None => error.hint(format!("there are: {}", numbers().collect::<Vec<_>>().join(", "))),
        }
    })
}
