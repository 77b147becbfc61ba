//! `uniform`: every time of the schedule is as likely as any other.
//!
//! Ho et al. 2020 (2006.11239), algorithm 1; the schedule then decides how often each noise level is seen.

use super::LevelDistribution;
use crate::diffusion::Diffusion;
use crate::registry::Entry;

pub(super) const ENTRY: Entry<dyn LevelDistribution> = Entry {
    name: "uniform",
    aliases: &[],
    summary: "uniform in the schedule's time",
    source: "Ho et al. 2020, arXiv:2006.11239, algorithm 1",
    options: &[],
    build: |_| Ok(Box::new(Uniform)),
    ..Entry::BLANK
};

#[derive(Debug)]
struct Uniform;

impl LevelDistribution for Uniform {
    fn time(&self, u: f64, _diffusion: &Diffusion) -> f64 {
        u.clamp(0.0, 1.0)
    }
}
