//! The methods, one file each. A new one is a file here and a line in [`METHODS`].

mod exact;

use langevin_core::registry::Registry;

use crate::method::Method;

/// Every method by name.
pub const METHODS: Registry<dyn Method> = Registry { kind: "method", entries: &[exact::ENTRY] };
