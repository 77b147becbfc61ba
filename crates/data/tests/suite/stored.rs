//! Data that are not in the repository: tests that need them skip where they are absent, and say so; with
//! `LANGEVIN_REQUIRE_DATA=1` they fail.

use std::path::PathBuf;

/// The path of `name` in `../shared/data`, or in the folder that `LANGEVIN_TEST_DATA` names.
///
/// # Panics
/// When it is absent and data are required.
pub fn stored(name: &str) -> Option<PathBuf> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data");
    let root = std::env::var_os("LANGEVIN_TEST_DATA").map_or_else(|| PathBuf::from(beside), PathBuf::from);
    let path = root.join(name);
    if path.exists() {
        return Some(path);
    }
    let absent = format!("there is no {}", path.display());
    assert!(std::env::var_os("LANGEVIN_REQUIRE_DATA").is_none_or(|value| value != "1"), "{absent}");
    println!("skipped: {absent}");
    None
}
