//! The tutorial's figures, computed: each with the parameters, where it prints them, of Chan 2024, "Tutorial on Diffusion Models for Imaging and Vision"
//! (arXiv 2403.18103), and with the checks that say how far the numbers can be trusted.
//!
//! A new figure is a function here and a line in [`FIGURES`].

mod curves;
mod figure;
pub mod figures;
pub mod job;
mod page;

pub use figure::{Check, Entry, Figure};
pub use figures::{FIGURES, figure};
pub use job::{ExplainOutcome, ExplainRequest};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_figure_is_made_and_its_checks_hold() {
        for entry in FIGURES {
            for seed in 0..2 {
                let made = (entry.make)(seed).unwrap();
                assert!(!made.plots.is_empty() && !made.caption.is_empty(), "{}", entry.number);
                assert!(!made.checks.is_empty(), "figure {} checks nothing", entry.number);
                for check in &made.checks {
                    assert!(check.holds(), "figure {} of seed {seed}: {check:?}", entry.number);
                }
            }
        }
        assert!(figure("3.2").is_ok());
        assert!(figure("9.9").unwrap_err().to_string().contains("9.9"));
    }
}
