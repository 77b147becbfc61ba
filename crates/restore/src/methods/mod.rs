//! The methods, one file each. A new one is a file here and a line in [`METHODS`].

mod blended;
mod consistency;
mod daps;
mod ddnm;
mod ddnm_plus;
mod ddrm;
mod diffpir;
mod dps;
mod exact;
mod pigdm;
mod reddiff;
mod repaint;
mod replacement;
mod sdedit;

use langevin_core::registry::Registry;

use crate::method::Method;

/// Every method by name.
pub const METHODS: Registry<dyn Method> = Registry {
    kind: "method",
    entries: &[
        exact::ENTRY,
        replacement::ENTRY,
        repaint::ENTRY,
        blended::ENTRY,
        ddrm::ENTRY,
        ddnm::ENTRY,
        ddnm_plus::ENTRY,
        dps::ENTRY,
        pigdm::ENTRY,
        diffpir::ENTRY,
        reddiff::ENTRY,
        daps::ENTRY,
        consistency::ENTRY,
        sdedit::ENTRY,
    ],
};
