//! The groups of options in the help of every command, in this order: a command's own, how it is conditioned and guided, what it
//! writes, what few need, and last what all commands share.

/// What samples are conditioned on, and what guides them there.
pub const GUIDANCE: &str = "Conditioning and guidance";
/// How a model is sampled, in commands that do more than that.
pub const SAMPLING: &str = "Sampling options";
/// What is written, and where.
pub const OUTPUT: &str = "Output";
/// What few need.
pub const ADVANCED: &str = "Advanced options";
/// What all commands share.
pub const COMMON: &str = "Common options";
