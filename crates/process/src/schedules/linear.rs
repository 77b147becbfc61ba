//! `linear`: betas that grow linearly, the schedule of DDPM.
//!
//! Table: Ho et al. 2020 (2006.11239), section 4. Continuous form: Song et al. 2021 (2011.13456), appendix C,
//! `beta(t) = beta_min + t (beta_max - beta_min)` with `beta = 1000 x` the table's, so 0.1..20 by default.

use super::Schedule;
use super::beta::{Betas, CONTINUOUS_STEPS, Rate};
use crate::registry::{Entry, OptionDoc};

pub(super) const ENTRY: Entry<dyn Schedule> = Entry {
    name: "linear",
    aliases: &[],
    summary: "betas that grow linearly (DDPM)",
    source: "Ho et al. 2020, arXiv:2006.11239, section 4",
    options: &[
        OptionDoc { key: "start", default: "0.0001", doc: "first beta of a 1000-step table" },
        OptionDoc { key: "end", default: "0.02", doc: "last beta" },
        OptionDoc {
            key: "steps",
            default: "1000",
            doc: "entries of the integer table; 0 is the continuous form",
        },
    ],
    cases: &["linear", "linear:steps=0", "linear:steps=2,start=0.3,end=0.7"],
    build: |options| {
        let betas = Betas::read(options)?;
        let (start, end) = (betas.start, betas.end);
        betas.schedule(Linear { start, end }, |t| start + t * (end - start))
    },
    ..Entry::BLANK
};

#[derive(Debug)]
struct Linear {
    start: f64,
    end: f64,
}

impl Rate for Linear {
    fn rate(&self, t: f64) -> f64 {
        CONTINUOUS_STEPS * (self.start + t * (self.end - self.start))
    }

    fn integral(&self, t: f64) -> f64 {
        CONTINUOUS_STEPS * t * (self.start + 0.5 * t * (self.end - self.start))
    }
}
