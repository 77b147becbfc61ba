//! `edm`: the process of EDM, `alpha = 1`, the same as `ve`.
//!
//! Karras et al. 2022 (2206.00364), section 3: `s(t) = 1`. What sets EDM apart from VE is its schedule,
//! spacing and parameterisation, all called `edm` or `karras` in their lists.

use super::Process;
use super::ve::{Exploding, LIMIT};
use crate::registry::Entry;

pub(super) const ENTRY: Entry<dyn Process> = Entry {
    name: "edm",
    aliases: &[],
    summary: "alpha = 1, as EDM writes it",
    source: "Karras et al. 2022, arXiv:2206.00364, section 3",
    options: &[LIMIT],
    build: |options| Ok(Box::new(Exploding::read("edm", options)?)),
    ..Entry::BLANK
};
