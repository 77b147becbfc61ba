//! Denoisers made from denoisers by comparing two answers. A guidance has a name, options and an entry in [`GUIDANCES`].

mod apg;
mod autoguidance;
mod classifier_free;
mod guided;
mod host;
mod interval;
mod rescaled;

pub use apg::Apg;
pub use autoguidance::Autoguidance;
pub use classifier_free::ClassifierFree;
pub use guided::{Compared, Guidance, Guided};
pub use interval::Interval;
use langevin_process::Registry;
pub use rescaled::Rescaled;

/// Every guidance by name. `cfg` comes first: it is what one gets who names none.
pub const GUIDANCES: Registry<dyn Guidance> = Registry {
    kind: "guidance",
    entries: &[classifier_free::ENTRY, autoguidance::ENTRY, interval::ENTRY, rescaled::ENTRY, apg::ENTRY],
};
