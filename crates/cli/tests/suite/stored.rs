//! What is not in the repository and not on every machine: tests that need it skip where it is absent, and say so; with
//! `LANGEVIN_REQUIRE_DATA=1` they fail.

use std::path::{Path, PathBuf};

/// The path of `name` in `../shared/data`, or in the folder that `LANGEVIN_TEST_DATA` names.
///
/// # Panics
/// When it is absent and data are required.
pub fn stored(name: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let path = std::env::var_os("LANGEVIN_TEST_DATA").map_or(beside, PathBuf::from).join(name);
    if path.exists() {
        return Some(path);
    }
    skip(&format!("there is no {}", path.display()));
    None
}

/// Says that a test is skipped, and why.
///
/// # Panics
/// When data are required.
pub fn skip(why: &str) {
    assert!(std::env::var_os("LANGEVIN_REQUIRE_DATA").is_none_or(|value| value != "1"), "{why}");
    println!("skipped: {why}");
}
