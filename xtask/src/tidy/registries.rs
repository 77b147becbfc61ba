//! Rules on modules: every source file is declared by a plain `mod x;` line, and every method's entry is in the list of
//! its folder.

use crate::code::{blanked, lines_with_word, without_tests};
use crate::tree::{Finding, SourceFile, Tree};

/// Every file under `src/` is declared with `mod x;` by the file above it, so formatters and editors see it.
pub fn check_modules(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, text) in tree.rust().filter(|(file, _)| file.path.contains("/src/")) {
        for hidden in ["#[path", "include!("] {
            if let Some(index) = blanked(text).lines().position(|line| line.contains(hidden)) {
                findings.push(Finding::line(
                    &file.path,
                    index + 1,
                    "declare files with plain `mod x;` lines",
                ));
            }
        }
        let Some((module, parents)) = place(&file.path) else { continue };
        let Some(parent) = parents.iter().find_map(|parent| tree.file(parent)) else {
            findings.push(Finding::file(
                &file.path,
                format!("no parent module: expected {}", parents.join(" or ")),
            ));
            continue;
        };
        if !declares(&blanked(parent.text.as_deref().unwrap_or_default()), &module) {
            let message = format!("is not part of the crate: {} lacks `mod {module};`", parent.path);
            findings.push(Finding::file(&file.path, message));
        }
    }
    findings
}

/// Every `Entry` constant of a method's file is named in the list its folder keeps; a file without one must be what
/// the methods beside it share.
pub fn check_entries(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for list in tree.rust().filter(|(file, text)| file.crate_folder().is_some() && is_list(text)) {
        let (list, listed) = (list.0, blanked(list.1));
        let folder = list.path.strip_suffix("/mod.rs").or_else(|| list.path.strip_suffix(".rs"));
        let folder = format!("{}/", folder.unwrap_or_default());
        let in_folder = |file: &&SourceFile| file.path.strip_prefix(&folder).is_some_and(is_module_file);
        for file in tree.files.iter().filter(in_folder).filter(|file| file.path != list.path) {
            let module = module_name(&file.path);
            let entries = entry_constants(file.rust().unwrap_or_default());
            let shared = |other: &SourceFile| other.rust().is_some_and(|text| uses_sibling(text, module));
            if entries.is_empty() && !tree.files.iter().filter(in_folder).any(shared) {
                let message = "has no ENTRY, and no method beside it uses it";
                findings.push(Finding::file(&file.path, message));
            }
            for entry in entries {
                let path = format!("{module}::{entry}");
                if lines_with_word(&listed, &path).is_empty() {
                    let message = format!("{path} is not in the list of {}", list.path);
                    findings.push(Finding::file(&file.path, message));
                }
            }
        }
    }
    findings
}

/// A list of methods: a file that makes a `Registry` and names an `ENTRY` of another file.
fn is_list(text: &str) -> bool {
    let code = blanked(text);
    let code = without_tests(&code);
    code.contains("Registry") && code.contains("::ENTRY")
}

/// Whether a method's file speaks of the module `sibling` beside it, as in `use super::sibling::Thing`.
fn uses_sibling(text: &str, sibling: &str) -> bool {
    !lines_with_word(&blanked(text), &format!("super::{sibling}")).is_empty()
}

/// `x.rs` or `x/mod.rs`, seen from a folder.
fn is_module_file(rest: &str) -> bool {
    rest.ends_with(".rs")
        && (!rest.contains('/') || rest.split_once('/').is_some_and(|(_, file)| file == "mod.rs"))
}

fn module_name(path: &str) -> &str {
    let path = path.strip_suffix("/mod.rs").or_else(|| path.strip_suffix(".rs")).unwrap_or(path);
    path.rsplit('/').next().unwrap_or(path)
}

/// The names of the constants of type `Entry<...>` that a file declares.
fn entry_constants(text: &str) -> Vec<String> {
    let code = blanked(text);
    let declared = |line: &str| {
        let (before, kind) = line.split_once(": Entry<")?;
        let name = before.split_once("const ")?.1.trim();
        (!kind.is_empty() && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'))
            .then(|| name.to_owned())
    };
    without_tests(&code).lines().filter_map(declared).collect()
}

/// The module a file is, and the files that may declare it. Nothing for crate roots.
fn place(path: &str) -> Option<(String, Vec<String>)> {
    let (folder, inside) =
        path.rsplit_once("/src/").map(|(crate_folder, rest)| (format!("{crate_folder}/src"), rest))?;
    if matches!(inside, "lib.rs" | "main.rs") || inside.starts_with("bin/") {
        return None;
    }
    let inside = inside.strip_suffix("/mod.rs").or_else(|| inside.strip_suffix(".rs"))?;
    Some(match inside.rsplit_once('/') {
        None => (inside.to_owned(), vec![format!("{folder}/lib.rs"), format!("{folder}/main.rs")]),
        Some((above, module)) => {
            (module.to_owned(), vec![format!("{folder}/{above}/mod.rs"), format!("{folder}/{above}.rs")])
        }
    })
}

/// Whether blanked code has the line `mod x;`, whatever its visibility.
fn declares(code: &str, module: &str) -> bool {
    let line = format!("mod {module};");
    code.lines().map(str::trim).any(|found| {
        found.strip_suffix(&line).is_some_and(|before| before.is_empty() || before.starts_with("pub"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const METHOD: &str = "pub(super) const ENTRY: Entry<dyn Schedule> = Entry {";
    const LIST: &str =
        "mod cosine;\npub const SCHEDULES: Registry<dyn Schedule> = Registry { entries: &[cosine::ENTRY] };";

    fn with(extra: &[(&str, &str)]) -> Tree {
        let mut files = vec![
            ("crates/process/src/lib.rs", "pub mod schedules;"),
            ("crates/process/src/schedules/mod.rs", LIST),
            ("crates/process/src/schedules/cosine.rs", METHOD),
        ];
        files.extend(extra);
        Tree::of(&files)
    }

    #[test]
    fn a_complete_folder_passes() {
        assert_eq!(check_modules(&with(&[])), []);
        assert_eq!(check_entries(&with(&[])), []);
    }

    #[test]
    fn a_forgotten_method_is_found_twice() {
        let tree = with(&[("crates/process/src/schedules/linear.rs", METHOD)]);
        assert!(check_modules(&tree)[0].message.contains("lacks `mod linear;`"));
        assert!(check_entries(&tree)[0].message.contains("linear::ENTRY is not in the list"));
    }

    #[test]
    fn a_second_entry_must_be_listed_and_a_stranger_has_none() {
        let two = format!("{METHOD}\n}};\npub const SCALED_ENTRY: Entry<dyn Schedule> = Entry {{");
        let list = format!("{LIST}\nmod odd;\n// odd::ENTRY");
        let tree = Tree::of(&[
            ("crates/process/src/schedules/mod.rs", list.as_str()),
            ("crates/process/src/schedules/cosine.rs", &two),
            ("crates/process/src/schedules/odd.rs", "fn x() {}"),
        ]);
        let messages: Vec<_> = check_entries(&tree).into_iter().map(|finding| finding.message).collect();
        assert_eq!(messages.len(), 2, "{messages:?}");
        assert!(messages.iter().any(|m| m.contains("cosine::SCALED_ENTRY")), "{messages:?}");
        assert!(messages.iter().any(|m| m.contains("has no ENTRY")), "{messages:?}");
    }

    #[test]
    fn what_methods_share_needs_no_entry() {
        let method = format!("use super::table::Table;\n{METHOD}");
        let list = format!("{LIST}\nmod table;\nmod linear;\nlinear::ENTRY");
        let tree = Tree::of(&[
            ("crates/process/src/schedules/mod.rs", list.as_str()),
            ("crates/process/src/schedules/linear.rs", &method),
            ("crates/process/src/schedules/table.rs", "pub struct Table;"),
        ]);
        assert_eq!(check_entries(&tree), []);
    }

    #[test]
    fn orphans_and_hidden_modules_are_found() {
        let tree = Tree::of(&[
            ("crates/a/src/lib.rs", "// mod lost;\npub(crate) mod found;\n#[path = \"x.rs\"]\nmod y;"),
            ("crates/a/src/lost.rs", ""),
            ("crates/a/src/found.rs", "mod deep;"),
            ("crates/a/src/found/deep.rs", ""),
            ("crates/a/src/bin/tool.rs", ""),
        ]);
        let found: Vec<_> = check_modules(&tree).into_iter().map(|f| (f.path, f.line)).collect();
        assert_eq!(found, [("crates/a/src/lib.rs".to_owned(), 3), ("crates/a/src/lost.rs".to_owned(), 0)]);
    }
}
