//! The floors of the crates that hold the jobs: which of their top-level modules may use which, as the crates' edges say it
//! for crates.

use std::collections::BTreeMap;

use crate::imports::imports;
use crate::tree::{Finding, Tree};

/// The top-level modules of a source folder, floor by floor from the ground. A module uses modules of the floors below its
/// own; those not named here are free.
type House = (&'static str, &'static [&'static [&'static str]]);

const HOUSES: &[House] = &[
    (
        "crates/inference/src/",
        &[&["job"], &["sampling", "forward"], &["restoration", "denoising"], &["redraw"]],
    ),
    (
        "crates/langevin/src/",
        &[
            &["evaluation", "inspection", "conversion"],
            &["training"],
            &["bench", "explain"],
            // What lists them all.
            &["catalog", "jobs"],
        ],
    ),
];

/// Every import among the modules of these crates goes down.
pub fn check(tree: &Tree) -> Vec<Finding> {
    HOUSES.iter().flat_map(|(folder, floors)| check_floors(tree, folder, floors)).collect()
}

fn check_floors(tree: &Tree, folder: &str, floors: &[&[&str]]) -> Vec<Finding> {
    let mut floor_of = BTreeMap::new();
    for (floor, modules) in floors.iter().enumerate() {
        floor_of.extend(modules.iter().map(|module| (*module, floor)));
    }
    let mut findings = Vec::new();
    for module in floor_of.keys() {
        let there = [format!("{folder}{module}.rs"), format!("{folder}{module}/mod.rs")];
        if !there.iter().any(|path| tree.file(path).is_some()) {
            let message = format!("{folder} has no module {module}: mend the table of floors");
            findings.push(Finding::file("xtask/src/tidy/wings.rs", message));
        }
    }
    for import in imports(tree, folder) {
        let (user, used) = (module(folder, &import.from), module(folder, &import.to));
        let (Some(from), Some(to)) = (floor_of.get(user), floor_of.get(used)) else { continue };
        if user != used && to >= from {
            let message = format!(
                "{user} (floor {from}) uses {} of {used} (floor {to}): imports go down",
                import.written
            );
            findings.push(Finding::line(&import.from, import.line, message));
        }
    }
    findings
}

/// The top-level module that a file below `folder` belongs to.
fn module<'a>(folder: &str, path: &'a str) -> &'a str {
    let inside = path.strip_prefix(folder).unwrap_or(path);
    inside.split('/').next().unwrap_or(inside).trim_end_matches(".rs")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(floors: &[&[&str]]) -> Vec<String> {
        let tree = Tree::of(&[
            (
                "crates/langevin/src/lib.rs",
                "mod sampling; mod training; mod bench; pub use sampling::Recipe;",
            ),
            ("crates/langevin/src/sampling/mod.rs", "mod recipe; pub use recipe::Recipe;"),
            (
                "crates/langevin/src/sampling/recipe.rs",
                "pub struct Recipe; fn f() { crate::training::train() }",
            ),
            ("crates/langevin/src/training.rs", "use crate::Recipe; pub fn train() {}"),
            ("crates/langevin/src/bench.rs", "use crate::training::train;"),
        ]);
        check_floors(&tree, "crates/langevin/src/", floors)
            .into_iter()
            .map(|finding| finding.message)
            .collect()
    }

    #[test]
    fn imports_go_down() {
        let found = messages(&[&["sampling"], &["training"], &["bench"]]);
        assert_eq!(
            found,
            ["sampling (floor 0) uses crate::training::train of training (floor 1): imports go down"]
        );
        let found = messages(&[&[], &["training", "bench"]]);
        assert_eq!(
            found,
            ["bench (floor 1) uses crate::training::train of training (floor 1): imports go down"]
        );
    }

    #[test]
    fn modules_without_a_floor_are_free_and_floors_without_a_module_are_not() {
        assert_eq!(messages(&[&["sampling"], &["bench"]]), [""; 0]);
        assert_eq!(
            messages(&[&["cellar"]]),
            ["crates/langevin/src/ has no module cellar: mend the table of floors"]
        );
    }
}
