//! `cargo xtask kill-test`: placeholder until the training exists.

use std::path::Path;

/// Not written yet.
pub fn run(_root: &Path, _args: &[&str]) -> Result<(), String> {
    Err("kill-test: there is no training to kill yet".into())
}
