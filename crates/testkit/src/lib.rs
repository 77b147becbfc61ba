//! What the tests of the workspace measure against: denoisers whose answers are known in closed form, the exact
//! probability-flow trajectories that go with them, and conformance checks to run over every entry of a registry.
//!
//! Development only: nothing that ships depends on it.

mod counting;
mod point;
pub mod samplers;

pub use counting::Counting;
pub use langevin_core::closed_form::{Component, Correlated, Exact, Gaussian, Mixture};
pub use point::Point;
