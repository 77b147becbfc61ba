//! Damaged inputs for every reader and parser, in process: [`Targets`] has what reads, with a whole input each; a case is a
//! target, an input and the damage that a number stands for.
//!
//! `cargo xtask fuzz` runs many of them, watched from outside: a reader that panics, ends the process, does not end, or takes
//! much more memory than its input has found a fault. What was found once stays in `corpus/` and is read again by the tests.

mod seeds;
mod targets;

pub use targets::{Target, Targets};
