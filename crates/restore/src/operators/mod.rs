//! The operators, one file each. A new one is a file here and a line in [`OPERATORS`].

mod identity;
mod mask;

use langevin_core::Result;
use langevin_core::registry::Registry;

use crate::operator::{Degradation, Operator, Pictures, Shape};

pub use mask::{Mask, redrawn};

/// Every operator by name.
pub const OPERATORS: Registry<dyn Degradation> =
    Registry { kind: "operator", entries: &[identity::ENTRY, mask::ENTRY] };

/// The operator for pictures of `shape` that `spec`, `name` or `name:key=value,key=value`, asks for.
///
/// # Errors
/// Usage: an unknown name or option, a shape that does not go with it. Bad input: a file of `pictures` that does not.
pub fn build(spec: &str, shape: Shape, pictures: &dyn Pictures) -> Result<Box<dyn Operator>> {
    OPERATORS.build(spec)?.on(shape, pictures)
}
