//! `docs/map.md`: every source file with the sentence that its head says of it, made by `cargo xtask docs`.

use std::fmt::Write;

use crate::tree::Tree;

/// The document.
pub const MAP: &str = "docs/map.md";

/// The crates from the top of the house to its ground, with what stands beside it last.
const CRATES: &[&str] = &[
    "cli",
    "langevin",
    "inference",
    "model",
    "train",
    "restore",
    "eval",
    "hub",
    "figures",
    "data",
    "nn",
    "sample",
    "core",
    "kernels",
    "files",
    "process",
    "testkit",
    "fuzz",
    "mutate",
];

/// The text of the document for the files of `tree`.
pub fn text(tree: &Tree) -> String {
    let mut text = "# Map\n\nEvery source file with the first sentence of its head. Made by `cargo xtask docs`; the way in \
                    is [ARCHITECTURE.md](../ARCHITECTURE.md).\n"
        .to_owned();
    for name in CRATES {
        let folder = format!("crates/{name}/src/");
        let mut files: Vec<(&str, &str)> =
            tree.rust().filter_map(|(file, text)| Some((file.path.strip_prefix(&folder)?, text))).collect();
        files.sort_by_key(|(path, _)| order(path));
        let _ = write!(text, "\n## crates/{name}\n\n");
        for (path, source) in files {
            let _ = writeln!(text, "* `{path}`: {}", sentence(source));
        }
    }
    text
}

/// The crate's own file first, a folder's file before those in it.
fn order(path: &str) -> Vec<String> {
    match path {
        "lib.rs" | "main.rs" => Vec::new(),
        _ => path.replace("mod.rs", "").split('/').map(str::to_owned).collect(),
    }
}

/// The first sentence of a file's head.
fn sentence(source: &str) -> String {
    let head: Vec<&str> = source
        .lines()
        .take_while(|line| line.starts_with("//!"))
        .map(|line| line.trim_start_matches("//!").trim())
        .take_while(|line| !line.is_empty())
        .collect();
    let head = head.join(" ");
    let end = head.find(". ").map_or(head.len(), |at| at + 1);
    head[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_listed_by_its_first_sentence_after_its_folders_own() {
        let tree = Tree::of(&[
            ("crates/core/src/lib.rs", "//! The waist. More.\n"),
            ("crates/core/src/windowed/axis.rs", "//! One side\n//! of an image.\n//!\n//! Rest.\n"),
            ("crates/core/src/windowed/mod.rs", "//! Windows.\n"),
        ]);
        let text = text(&tree);
        let core = text.split("## crates/core\n\n").nth(1).unwrap();
        assert!(core.starts_with(
            "* `lib.rs`: The waist.\n* `windowed/mod.rs`: Windows.\n* `windowed/axis.rs`: One side of an image.\n"
        ));
    }
}
