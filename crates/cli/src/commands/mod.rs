//! One file per command.

pub mod bench;
pub mod completions;
pub mod env;
pub mod inspect;
pub mod likelihood;
pub mod list;
pub mod noise;
pub mod sample;
pub mod train;
