//! Which crate may use which: the doors between the rooms, as drawn in ARCHITECTURE.md.

use crate::tree::{Finding, Tree};

/// One crate: its folder under `crates/`, its layer, the workspace crates it may depend on, and the outside crates it
/// must not know.
struct Room {
    folder: &'static str,
    layer: u8,
    may_use: &'static [&'static str],
    must_not_know: &'static [&'static str],
}

const ROOMS: &[Room] = &[
    Room { folder: "process", layer: 0, may_use: &[], must_not_know: &["burn", "anyhow"] },
    Room { folder: "kernels", layer: 1, may_use: &[], must_not_know: &["anyhow"] },
    Room { folder: "files", layer: 1, may_use: &["process"], must_not_know: &["burn", "anyhow"] },
    Room { folder: "core", layer: 1, may_use: &["process"], must_not_know: &["anyhow"] },
    Room { folder: "nn", layer: 2, may_use: &["core", "kernels"], must_not_know: &["anyhow"] },
    Room { folder: "sample", layer: 2, may_use: &["core"], must_not_know: &["anyhow"] },
    Room { folder: "theory", layer: 2, may_use: &["core"], must_not_know: &["anyhow"] },
    Room { folder: "data", layer: 2, may_use: &["core", "files"], must_not_know: &["anyhow"] },
    Room { folder: "figures", layer: 3, may_use: &["core"], must_not_know: &["anyhow"] },
    Room {
        folder: "train",
        layer: 3,
        may_use: &["core", "data", "files", "kernels"],
        must_not_know: &["anyhow"],
    },
    Room { folder: "restore", layer: 3, may_use: &["core", "sample"], must_not_know: &["anyhow"] },
    Room { folder: "hub", layer: 3, may_use: &["core", "files", "nn", "sample"], must_not_know: &["anyhow"] },
    Room { folder: "eval", layer: 3, may_use: &["core", "data", "sample"], must_not_know: &["anyhow"] },
    Room {
        folder: "model",
        layer: 4,
        may_use: &["process", "core", "files", "kernels", "nn", "sample", "hub"],
        must_not_know: &["anyhow"],
    },
    Room {
        folder: "inference",
        layer: 5,
        may_use: &[
            "process", "kernels", "core", "files", "figures", "nn", "sample", "data", "train", "restore",
            "eval", "model",
        ],
        must_not_know: &["anyhow"],
    },
    Room {
        folder: "langevin",
        layer: 6,
        may_use: &[
            "process",
            "kernels",
            "core",
            "files",
            "figures",
            "nn",
            "sample",
            "theory",
            "data",
            "train",
            "restore",
            "hub",
            "eval",
            "model",
            "inference",
        ],
        must_not_know: &["anyhow"],
    },
    Room { folder: "serve", layer: 7, may_use: &["langevin"], must_not_know: &["anyhow"] },
    Room { folder: "cli", layer: 8, may_use: &["langevin", "serve"], must_not_know: &[] },
    // Beside the layers, for tests only: closed-form denoisers and conformance suites.
    Room { folder: TESTKIT, layer: 3, may_use: &["process", "core", "sample"], must_not_know: &["anyhow"] },
    Room { folder: "mutate", layer: 0, may_use: &[], must_not_know: &["burn", "anyhow"] },
    Room { folder: "fuzz", layer: 8, may_use: &["langevin", "mutate"], must_not_know: &["anyhow"] },
    // Beside the layers, without code: one set of features for the third-party crates. Any crate may use it.
    Room { folder: UNIFY, layer: 0, may_use: &[], must_not_know: &["anyhow"] },
];

const TESTKIT: &str = "testkit";
const UNIFY: &str = "unify";

/// Every dependency of every crate is one of the drawn edges.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, manifest) in manifests(tree, &mut findings) {
        let Some(folder) = path.strip_prefix("crates/").and_then(|rest| rest.strip_suffix("/Cargo.toml"))
        else {
            continue;
        };
        let Some(room) = ROOMS.iter().find(|room| room.folder == folder) else {
            findings
                .push(Finding::file(path, "this crate has no row in the table of xtask/src/tidy/edges.rs"));
            continue;
        };
        for (table, name) in dependencies(&manifest) {
            if let Some(message) = objection(room, &table, &name) {
                findings.push(Finding::file(path, format!("[{table}] {name}: {message}")));
            }
        }
    }
    findings
}

/// Every crate takes the lints of the workspace; `kernels` and `files`, which may hold unsafe code, have their own.
pub fn check_lints(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, manifest) in manifests(tree, &mut Vec::new()) {
        let shared =
            manifest.get("lints").and_then(|lints| lints.get("workspace")).and_then(toml::Value::as_bool);
        let own = ["crates/kernels/Cargo.toml", "crates/files/Cargo.toml"];
        let exempt = !manifest.contains_key("package") || own.contains(&path);
        if !exempt && shared != Some(true) {
            findings.push(Finding::file(path, "add `[lints] workspace = true`"));
        }
    }
    findings
}

fn manifests<'a>(tree: &'a Tree, findings: &mut Vec<Finding>) -> Vec<(&'a str, toml::Table)> {
    let mut parsed = Vec::new();
    for file in tree.files.iter().filter(|file| file.name() == "Cargo.toml") {
        match file.text.as_deref().unwrap_or_default().parse() {
            Ok(manifest) => parsed.push((file.path.as_str(), manifest)),
            Err(error) => findings.push(Finding::file(&file.path, format!("does not parse: {error}"))),
        }
    }
    parsed
}

/// (table, package) of each dependency, those of `[target.*]` included.
fn dependencies(manifest: &toml::Table) -> Vec<(String, String)> {
    const TABLES: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];
    let mut holders = vec![manifest];
    if let Some(targets) = manifest.get("target").and_then(toml::Value::as_table) {
        holders.extend(targets.values().filter_map(toml::Value::as_table));
    }
    let mut found = Vec::new();
    for holder in holders {
        for table in TABLES {
            let Some(entries) = holder.get(table).and_then(toml::Value::as_table) else { continue };
            for (name, value) in entries {
                let package = value.get("package").and_then(toml::Value::as_str).unwrap_or(name);
                found.push((table.to_owned(), package.to_owned()));
            }
        }
    }
    found
}

/// What is wrong with `room` having `package` in `table`, if anything.
fn objection(room: &Room, table: &str, package: &str) -> Option<String> {
    let Some(folder) = folder_of(package) else {
        return room.must_not_know.contains(&package).then(|| format!("{} must not know it", room.folder));
    };
    if folder == UNIFY {
        return None;
    }
    if table == "dev-dependencies" {
        let lower = ROOMS.iter().any(|other| other.folder == folder && other.layer < room.layer);
        let allowed = folder == TESTKIT || lower || room.may_use.contains(&folder);
        return (!allowed).then(|| "tests may use testkit and lower crates only".to_owned());
    }
    let drawn = if room.may_use.is_empty() { "none".to_owned() } else { room.may_use.join(", ") };
    (!room.may_use.contains(&folder)).then(|| format!("no such edge; {} may use: {drawn}", room.folder))
}

/// The folder of a crate of this workspace.
fn folder_of(package: &str) -> Option<&str> {
    if package == "langevin" { Some(package) } else { package.strip_prefix("langevin-") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(path: &str, manifest: &str) -> Vec<String> {
        check(&Tree::of(&[(path, manifest)])).into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn drawn_edges_pass() {
        let manifest = "[dependencies]\nlangevin-core = { workspace = true }\nburn = \"1\"\n\
                        [dev-dependencies]\nlangevin-testkit = { workspace = true }\nlangevin-process = {}";
        assert_eq!(messages("crates/sample/Cargo.toml", manifest), [""; 0]);
        assert_eq!(
            messages("crates/cli/Cargo.toml", "[dependencies]\nlangevin = {}\nanyhow = \"1\""),
            [""; 0]
        );
    }

    #[test]
    fn the_crate_without_code_is_for_all() {
        let manifest = "[dependencies]\nlangevin-unify = {}";
        assert_eq!(messages("crates/process/Cargo.toml", manifest), [""; 0]);
    }

    #[test]
    fn other_edges_fail() {
        let fails = |path, manifest| assert_eq!(messages(path, manifest).len(), 1, "{manifest}");
        fails("crates/sample/Cargo.toml", "[dependencies]\nlangevin-nn = {}");
        fails("crates/sample/Cargo.toml", "[dependencies]\nlangevin-process = {}");
        fails("crates/sample/Cargo.toml", "[dev-dependencies]\nlangevin-train = {}");
        fails("crates/sample/Cargo.toml", "[dependencies]\nnet = { package = \"langevin-nn\" }");
        fails("crates/sample/Cargo.toml", "[target.'cfg(unix)'.dependencies]\nlangevin-nn = {}");
        fails("crates/core/Cargo.toml", "[build-dependencies]\nlangevin-data = {}");
        fails("crates/cli/Cargo.toml", "[dependencies]\nlangevin-core = {}");
        fails("crates/process/Cargo.toml", "[dependencies]\nburn = \"1\"");
        fails("crates/core/Cargo.toml", "[dependencies]\nlangevin-testkit = {}");
        fails("crates/extra/Cargo.toml", "");
        fails("crates/core/Cargo.toml", "not toml");
    }

    #[test]
    fn the_table_itself_goes_downwards() {
        for room in ROOMS {
            for other in room.may_use {
                let lower = ROOMS.iter().find(|candidate| candidate.folder == *other).expect("a row");
                assert!(lower.layer < room.layer, "{} -> {other}", room.folder);
            }
        }
    }

    #[test]
    fn lints_are_shared_by_all_but_those_with_unsafe_code() {
        let tree = Tree::of(&[
            ("Cargo.toml", "[workspace]"),
            ("crates/core/Cargo.toml", "[package]\n[lints]\nworkspace = true"),
            ("crates/data/Cargo.toml", "[package]"),
            ("crates/kernels/Cargo.toml", "[package]"),
            ("crates/files/Cargo.toml", "[package]"),
        ]);
        let paths: Vec<_> = check_lints(&tree).into_iter().map(|finding| finding.path).collect();
        assert_eq!(paths, ["crates/data/Cargo.toml"]);
    }
}
