//! What the tests of the workspace measure against: denoisers whose answers are known in closed form, the exact
//! probability-flow trajectories that go with them, and conformance checks to run over every entry of a registry.
//!
//! Development only: nothing that ships depends on it.

mod counting;
mod exact;
mod gaussian;
mod mixture;
mod point;
pub mod samplers;

pub use counting::Counting;
pub use exact::Exact;
pub use gaussian::Gaussian;
pub use mixture::{Component, Mixture};
pub use point::Point;
