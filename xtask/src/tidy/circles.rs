//! Files that import each other in a circle: none of them can be read, tested or moved without the others.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::imports::{Import, imports};
use crate::tree::{Finding, Tree};

/// Crates whose circles are still to be cut. Take a crate off when its last circle is gone; never add one.
const KNOWN_CIRCLES: &[&str] = &[];

/// No two files of a crate import each other in a circle. An item that is re-exported counts as one of the file that
/// defines it, so that a `lib.rs` or `mod.rs` may list its children; a child that uses what such a file itself defines,
/// while that file uses its child, makes a circle.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for folder in source_folders(tree) {
        let imports = imports(tree, &folder);
        let circles = circles(&imports);
        let name = folder.trim_start_matches("crates/").trim_end_matches("/src/");
        if KNOWN_CIRCLES.contains(&name) {
            if circles.is_empty() {
                let message = format!("{name} has no circle any more: take it off KNOWN_CIRCLES");
                findings.push(Finding::file(&folder, message).into_warning());
            }
            continue;
        }
        findings.extend(circles.iter().map(|circle| finding(circle)));
    }
    findings
}

/// The folders that hold the sources of one crate each.
pub fn source_folders(tree: &Tree) -> BTreeSet<String> {
    let folder = |path: &str| path.split_once("/src/").map(|(before, _)| format!("{before}/src/"));
    tree.rust().filter_map(|(file, _)| folder(&file.path)).collect()
}

fn finding(circle: &[&Import]) -> Finding {
    let way: Vec<String> = circle
        .iter()
        .map(|import| {
            format!("{} uses {} ({}:{})", name(&import.from), import.written, name(&import.to), import.line)
        })
        .collect();
    let first = circle[0];
    Finding::line(&first.from, first.line, format!("files import each other in a circle: {}", way.join(", ")))
}

fn name(path: &str) -> &str {
    path.split_once("/src/").map_or(path, |(_, inside)| inside)
}

/// One shortest circle through each pair of imports that close one, each set of files once.
fn circles(imports: &[Import]) -> Vec<Vec<&Import>> {
    let mut from: BTreeMap<&str, Vec<&Import>> = BTreeMap::new();
    for import in imports {
        from.entry(&import.from).or_default().push(import);
    }
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for import in imports {
        let Some(back) = way(&from, &import.to, &import.from) else { continue };
        let circle: Vec<&Import> = [import].into_iter().chain(back).collect();
        let files: BTreeSet<&str> = circle.iter().map(|import| import.from.as_str()).collect();
        if seen.insert(files) {
            found.push(circle);
        }
    }
    found
}

/// The shortest way along imports from one file to another.
fn way<'a>(from: &BTreeMap<&str, Vec<&'a Import>>, start: &'a str, end: &str) -> Option<Vec<&'a Import>> {
    let mut came: BTreeMap<&str, &'a Import> = BTreeMap::new();
    let mut next = VecDeque::from([start]);
    while let Some(file) = next.pop_front() {
        if file == end {
            let mut way = Vec::new();
            let mut at = end;
            while at != start {
                let import = came[at];
                way.push(import);
                at = &import.from;
            }
            way.reverse();
            return Some(way);
        }
        for import in from.get(file).into_iter().flatten() {
            if import.to != start && !came.contains_key(import.to.as_str()) {
                came.insert(&import.to, import);
                next.push_back(&import.to);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(files: &[(&str, &str)]) -> Vec<String> {
        check(&Tree::of(files)).into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn two_and_three_files_in_a_circle_are_found_once_each() {
        let found = messages(&[
            ("crates/a/src/lib.rs", "mod b; mod c; mod d; mod e; mod f;"),
            ("crates/a/src/b.rs", "pub fn b() { crate::c::c() }"),
            ("crates/a/src/c.rs", "use super::b::b;\npub fn c() {}"),
            ("crates/a/src/d.rs", "pub struct D; use crate::e::E;"),
            ("crates/a/src/e.rs", "pub struct E; use crate::f::F;"),
            ("crates/a/src/f.rs", "pub struct F; use crate::d::D;"),
        ]);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(
            found[0].contains("b.rs uses crate::c::c (c.rs:1), c.rs uses super::b::b (b.rs:1)"),
            "{found:?}"
        );
        assert!(found[1].contains("d.rs uses") && found[1].contains("f.rs uses"), "{found:?}");
    }

    #[test]
    fn a_parent_that_lists_its_children_is_no_circle_and_one_that_uses_them_is() {
        let child = ("crates/a/src/b/c.rs", "use super::Shared; pub const ENTRY: Shared = Shared;");
        let root = ("crates/a/src/lib.rs", "mod b; pub use b::Shared;");
        let lists = "mod c; pub use c::ENTRY; pub struct Shared;";
        assert_eq!(messages(&[root, child, ("crates/a/src/b/mod.rs", lists)]), [""; 0]);
        let registry = "mod c; pub struct Shared; const ALL: &[Shared] = &[c::ENTRY];";
        assert_eq!(messages(&[root, child, ("crates/a/src/b/mod.rs", registry)]), [""; 0]);
        let child = ("crates/a/src/b/c.rs", "use super::Shared; pub const FIRST: Shared = Shared;");
        let uses = "mod c; pub struct Shared; const ALL: &[Shared] = &[c::FIRST];";
        assert_eq!(messages(&[root, child, ("crates/a/src/b/mod.rs", uses)]).len(), 1);
        let apart = "mod c; mod shared; use shared::Shared; const ALL: &[Shared] = &[c::FIRST];";
        let shared = ("crates/a/src/b/shared.rs", "pub struct Shared;");
        assert_eq!(messages(&[root, child, shared, ("crates/a/src/b/mod.rs", apart)]), [""; 0]);
    }
}
