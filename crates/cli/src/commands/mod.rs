//! One file per command.

pub mod bench;
pub mod bench_restore;
pub mod bench_samplers;
pub mod completions;
pub mod convert;
pub mod deblur;
pub mod denoise;
pub mod distill;
pub mod edit;
pub mod ema;
pub mod env;
pub mod eval;
pub mod explain;
pub mod inpaint;
pub mod inspect;
pub mod invert;
pub mod likelihood;
pub mod list;
pub mod noise;
pub mod restore;
mod restored;
mod restoring;
pub mod sample;
pub mod schema;
pub mod train;
pub mod upscale;
