//! Files that import each other in a circle: none of them can be read, tested or moved without the others.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::imports::{Import, imports};
use crate::tree::{Finding, Tree};

/// Crates whose circles are still to be cut. Take a crate off when its last circle is gone; never add one.
const KNOWN_CIRCLES: &[&str] = &[];

/// No two files of a crate import each other in a circle. An item that is re-exported counts as one of the file that
/// defines it, and to list children is not to import them (see [`imports`]); a child that uses what its `mod.rs` itself
/// defines, while that file calls on its child, makes a circle.
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
        findings.extend(circles.iter().map(finding));
    }
    findings
}

/// The folders that hold the sources of one crate each.
pub fn source_folders(tree: &Tree) -> BTreeSet<String> {
    let folder = |path: &str| path.split_once("/src/").map(|(before, _)| format!("{before}/src/"));
    tree.rust().filter_map(|(file, _)| folder(&file.path)).collect()
}

fn finding(circle: &Circle<'_>) -> Finding {
    let step =
        |import: &&Import| format!("{} uses {} of {}", name(&import.from), import.written, name(&import.to));
    let way: Vec<String> = circle.shortest.iter().map(step).collect();
    let first = circle.shortest[0];
    let message = format!("{} files import each other in circles, such as: {}", circle.files, way.join("; "));
    Finding::line(&first.from, first.line, message)
}

fn name(path: &str) -> &str {
    path.split_once("/src/").map_or(path, |(_, inside)| inside)
}

/// Files each of which leads to each other.
struct Circle<'a> {
    files: usize,
    /// A shortest way round.
    shortest: Vec<&'a Import>,
}

fn circles(imports: &[Import]) -> Vec<Circle<'_>> {
    let mut from: BTreeMap<&str, Vec<&Import>> = BTreeMap::new();
    for import in imports {
        from.entry(&import.from).or_default().push(import);
    }
    let mut found: Vec<(BTreeSet<&str>, Vec<&Import>)> = Vec::new();
    for import in imports {
        let Some(back) = way(&from, &import.to, &import.from) else { continue };
        let round: Vec<&Import> = [import].into_iter().chain(back).collect();
        let files: BTreeSet<&str> = round.iter().map(|import| import.from.as_str()).collect();
        // Circles that share a file are one.
        let (shared, apart) = found.into_iter().partition(|(other, _)| !other.is_disjoint(&files));
        found = apart;
        let merge = |all: (BTreeSet<_>, Vec<_>), other: (BTreeSet<_>, Vec<_>)| {
            let shortest = if other.1.len() <= all.1.len() { other.1 } else { all.1 };
            (&all.0 | &other.0, shortest)
        };
        let shared: Vec<(BTreeSet<&str>, Vec<&Import>)> = shared;
        found.push(shared.into_iter().fold((files, round), merge));
    }
    found.into_iter().map(|(files, shortest)| Circle { files: files.len(), shortest }).collect()
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
            found[0].contains("2 files") && found[0].contains("b.rs uses crate::c::c of c.rs; c.rs uses"),
            "{found:?}"
        );
        assert!(
            found[1].contains("3 files") && found[1].contains("f.rs uses crate::d::D of d.rs"),
            "{found:?}"
        );
    }

    #[test]
    fn a_parent_that_lists_its_children_is_no_circle_and_one_that_uses_them_is() {
        let child = ("crates/a/src/b/c.rs", "use super::Shared; pub const ENTRY: Shared = Shared;");
        let root = ("crates/a/src/lib.rs", "mod b; pub use b::Shared;");
        let lists = "mod c; pub use c::ENTRY; pub struct Shared;";
        assert_eq!(messages(&[root, child, ("crates/a/src/b/mod.rs", lists)]), [""; 0]);
        let registry = "mod c; pub struct Shared; const ALL: &[Shared] = &[c::ENTRY];";
        assert_eq!(messages(&[root, child, ("crates/a/src/b/mod.rs", registry)]), [""; 0]);
        let uses = "mod c; pub struct Shared; fn all() { c::run() }";
        let child = ("crates/a/src/b/c.rs", "use super::Shared; pub fn run(shared: Shared) {}");
        assert_eq!(messages(&[root, child, ("crates/a/src/b/mod.rs", uses)]).len(), 1);
        let apart = "mod c; mod shared; use shared::Shared; fn all() { c::run() }";
        let shared = ("crates/a/src/b/shared.rs", "pub struct Shared;");
        assert_eq!(messages(&[root, child, shared, ("crates/a/src/b/mod.rs", apart)]), [""; 0]);
    }
}
