//! What the documents promise is run by somebody: the scripts of `.ci/` hold it, the workflow calls them, and with the
//! compiler that `Cargo.toml` promises; and the tests that they name are there.

use std::collections::BTreeSet;

use crate::tree::{Finding, Tree};

const WEEKLY: &str = ".ci/weekly";
const WORKFLOW: &str = ".github/workflows/ci.yml";

/// (file, what it has to say)
const PROMISES: &[(&str, &[&str])] = &[
    ("CONTRIBUTING.md", &[".ci/run", WEEKLY, WORKFLOW]),
    (WEEKLY, &["cargo deny", "sanitizer=address", "--features portable", "xtask solvers", "xtask kill-test"]),
    (WORKFLOW, &[".ci/run", WEEKLY]),
];

/// The scripts are named where they are promised and hold what is promised of them.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let text = |path: &str| tree.file(path).and_then(|file| file.text.as_deref()).unwrap_or_default();
    for (path, parts) in PROMISES {
        for part in parts.iter().filter(|part| !text(path).contains(*part)) {
            findings.push(Finding::file(path, format!("does not name {part}")));
        }
    }
    let promised = text("Cargo.toml").parse::<toml::Table>().ok().and_then(|manifest| {
        Some(manifest.get("workspace")?.get("package")?.get("rust-version")?.as_str()?.to_owned())
    });
    match promised {
        None => findings.push(Finding::file("Cargo.toml", "[workspace.package] has no rust-version")),
        Some(version) if !text(WORKFLOW).contains(&format!("RUSTUP_TOOLCHAIN: \"{version}\"")) => {
            let message = format!("RUSTUP_TOOLCHAIN is not the rust-version of Cargo.toml, {version}");
            findings.push(Finding::file(WORKFLOW, message));
        }
        Some(version) if !text("CONTRIBUTING.md").contains(&version) => {
            let message = format!("does not say that Rust {version} is needed");
            findings.push(Finding::file("CONTRIBUTING.md", message));
        }
        Some(_) => {}
    }
    findings
}

/// The documents that name tests.
const NAMING_TESTS: &[&str] =
    &["ARCHITECTURE.md", "CONTRIBUTING.md", "docs/defects.md", "docs/fuzz.md", "docs/kill-test.md"];

/// Every test that a document names is a function of that name. A test is recognised by a name of four words or more in
/// backticks.
pub fn check_tests(tree: &Tree) -> Vec<Finding> {
    let functions: BTreeSet<&str> = tree
        .rust()
        .flat_map(|(_, text)| text.split("fn ").skip(1))
        .filter_map(|rest| rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next())
        .collect();
    let mut findings = Vec::new();
    for path in NAMING_TESTS {
        let text = tree.file(path).and_then(|file| file.text.as_deref()).unwrap_or_default();
        for (number, line) in text.lines().enumerate() {
            let quoted = line.split('`').skip(1).step_by(2);
            for name in quoted.filter(|name| is_test_name(name) && !functions.contains(name)) {
                findings.push(Finding::line(path, number + 1, format!("there is no test {name}")));
            }
        }
    }
    findings
}

fn is_test_name(name: &str) -> bool {
    let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    name.chars().all(word) && name.matches('_').count() >= 3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_promises_are_found() {
        let weekly = PROMISES[1].1.join("\n");
        let files = |version: &str, weekly: &str| {
            Tree::of(&[
                ("CONTRIBUTING.md", "Rust 1.95; .ci/run, .ci/weekly and .github/workflows/ci.yml"),
                (".ci/weekly", weekly),
                (
                    ".github/workflows/ci.yml",
                    &format!("RUSTUP_TOOLCHAIN: \"{version}\"\n.ci/run\n.ci/weekly"),
                ),
                ("Cargo.toml", "[workspace.package]\nrust-version = \"1.95\""),
            ])
        };
        assert_eq!(check(&files("1.95", &weekly)), []);
        assert_eq!(check(&files("1.90", &weekly)).len(), 1);
        assert_eq!(check(&files("1.95", "")).len(), PROMISES[1].1.len());
    }

    #[test]
    fn tests_that_are_named_and_missing_are_found() {
        let tree = Tree::of(&[
            ("docs/defects.md", "| bug | `seeds_hold_on_cpu`, `a_torn_file_falls_back` and `short_name` |"),
            ("crates/a/tests/suite/a.rs", "#[test]\nfn a_torn_file_falls_back() {}"),
        ]);
        let found: Vec<String> = check_tests(&tree).iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("seeds_hold_on_cpu"));
    }
}
