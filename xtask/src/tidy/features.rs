//! One set of features for each third-party crate, whichever of the README's two commands builds it: a second set builds
//! Burn a second time, which takes minutes.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use crate::tree::Finding;

const UNIFY: &str = "crates/unify/Cargo.toml";

/// Compares what the binary is built of with what the tests of the workspace are built of.
///
/// # Errors
/// When cargo cannot say what is built.
pub fn check(root: &Path) -> Result<Vec<Finding>, String> {
    let binary = listed(root, &["-p", "langevin-cli", "-e", "normal,build"])?;
    let workspace = listed(root, &["--workspace", "-e", "normal,build,dev"])?;
    Ok(differences(&binary, &workspace))
}

/// What `cargo tree` lists, a line each package with its features; without the network where all packages are at hand.
fn listed(root: &Path, which: &[&str]) -> Result<String, String> {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let tree = |more: &[&str]| {
        let mut command = Command::new(&program);
        command.arg("tree").args(which).args(["--prefix", "none", "-f", "{p} | {f}", "--locked"]).args(more);
        command.current_dir(root).output().map_err(|error| format!("cargo tree: {error}"))
    };
    let mut output = tree(&["--offline"])?;
    if !output.status.success() {
        output = tree(&[])?;
    }
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("cargo tree {}: {}", which.join(" "), said.trim()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Packages of others in `binary` that `workspace` has with other features.
fn differences(binary: &str, workspace: &str) -> Vec<Finding> {
    let (binary, workspace) = (packages(binary), packages(workspace));
    let other = |package: &str| {
        let with = workspace.iter().filter(|(other, _)| *other == package).map(|(_, features)| *features);
        with.collect::<Vec<_>>().join("; ")
    };
    let message = |(package, features): &(&str, &str)| {
        format!(
            "{package} is built with the features [{features}] for the binary and [{}] for the tests, so that all that uses it is \
             built twice: name the crate and these features here",
            other(package)
        )
    };
    binary.difference(&workspace).map(|found| Finding::file(UNIFY, message(found))).collect()
}

/// (package, features) of every line that is not one of this workspace's crates.
fn packages(listed: &str) -> BTreeSet<(&str, &str)> {
    listed
        .lines()
        .filter_map(|line| line.trim_end().trim_end_matches("(*)").split_once('|'))
        .map(|(package, features)| (package.trim(), features.trim()))
        .filter(|(package, _)| !package.ends_with(')') || package.contains("(proc-macro)"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_features_are_found_and_other_packages_of_the_tests_are_not() {
        let binary = "langevin v0.1.0 (/root/x) | default\nserde v1.0.0 | derive\nhalf v2.7.0 | std\nhalf v2.7.0 | std (*)\n";
        let workspace = "serde v1.0.0 | derive\nserde v1.0.0 | derive (*)\nhalf v2.7.0 | std,zerocopy\ncriterion v0.8.0 | \n";
        let found = differences(binary, workspace);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].message.starts_with(
                "half v2.7.0 is built with the features [std] for the binary and [std,zerocopy]"
            )
        );
        assert_eq!(differences(binary, binary), []);
    }
}
