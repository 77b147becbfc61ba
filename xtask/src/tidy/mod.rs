//! `cargo xtask tidy`: the rules of the house that a compiler does not know. One file a group of rules; each rule is
//! a function from the [`Tree`] to what it found.

mod circles;
mod edges;
mod features;
mod promises;
mod readme;
mod registries;
mod sizes;
mod sources;
mod wings;

use std::path::Path;

use crate::tree::{Finding, Tree};

/// A rule: the name it is listed under, and the check.
type Rule = (&'static str, fn(&Tree) -> Vec<Finding>);

const RULES: &[Rule] = &[
    ("crate edges", edges::check),
    ("circles", circles::check),
    ("wings", wings::check),
    ("workspace lints", edges::check_lints),
    ("lines per file", sources::check_length),
    ("header lines", sources::check_headers),
    ("file names", sources::check_names),
    ("unsafe code", sources::check_unsafe),
    ("file access", sources::check_file_access),
    ("one pipeline", sources::check_pipeline),
    ("white space", sources::check_white_space),
    ("module lines", registries::check_modules),
    ("registries", registries::check_entries),
    ("large files", sizes::check),
    ("commands in the documents", readme::check),
    ("promises of the documents", promises::check),
    ("tests in the documents", promises::check_tests),
];

/// Runs every rule on the files under `root` and prints what they find.
///
/// # Errors
/// When a rule is broken; warnings alone pass.
pub fn run(root: &Path) -> Result<(), String> {
    let tree = Tree::read(root)?;
    let (mut errors, mut warnings) = (0, 0);
    let mut report = |name: &str, findings: Vec<Finding>| {
        for finding in findings {
            *(if finding.warning { &mut warnings } else { &mut errors }) += 1;
            println!("{finding} [{name}]");
        }
    };
    for (name, rule) in RULES {
        report(name, rule(&tree));
    }
    // Not a matter of files alone: cargo is asked.
    report("features", features::check(root)?);
    let summary = format!(
        "{} files, {} rules: {errors} errors, {warnings} warnings",
        tree.files.len(),
        RULES.len() + 1
    );
    if errors > 0 {
        return Err(format!("tidy: {summary}"));
    }
    println!("tidy: {summary}");
    Ok(())
}
