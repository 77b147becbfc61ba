//! Which source file uses what is defined in which other one, as far as names tell: `use` lines and written-out paths,
//! followed through re-exports to the file that defines the item.

use std::collections::{BTreeMap, BTreeSet};

use crate::code::{blanked, without_test_items};
use crate::tree::Tree;

/// One file's use of an item of another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Import {
    /// The file that uses.
    pub from: String,
    /// The file that defines.
    pub to: String,
    /// The line of the first use, from 1.
    pub line: usize,
    /// The path as it is written.
    pub written: String,
}

/// The imports among the files of one source folder, such as `crates/core/src/`; the first of each pair of files. To list is
/// not to import: neither `pub use child::Item;` nor the entry of a child's method in a registry.
pub fn imports(tree: &Tree, folder: &str) -> Vec<Import> {
    let sources = Sources::read(tree, folder);
    let mut found: BTreeMap<(String, String), Import> = BTreeMap::new();
    for (module, source) in &sources.modules {
        for path in &source.paths {
            let Some(target) = sources.resolve(module, &path.segments) else { continue };
            let to = &sources.modules[&target].file;
            let child = target.split_last().is_some_and(|(_, above)| above == module.as_slice());
            if to == &source.file || path.reexport || (child && path.lists_a_method()) {
                continue;
            }
            let import = Import {
                from: source.file.clone(),
                to: to.clone(),
                line: path.line,
                written: path.segments.join("::"),
            };
            found.entry((import.from.clone(), import.to.clone())).or_insert(import);
        }
    }
    found.into_values().collect()
}

/// A module's place, from the root of the crate: `["flex", "conv"]`.
type Module = Vec<String>;

/// The modules of a crate that are files.
struct Sources {
    modules: BTreeMap<Module, Source>,
}

/// What one file says.
struct Source {
    file: String,
    /// Names of items that it defines.
    defined: Vec<String>,
    /// Names that its `use` lines bring in, and what they stand for.
    names: BTreeMap<String, Vec<String>>,
    /// What its `use x::*` lines name.
    globs: Vec<Vec<String>>,
    /// Everything it names.
    paths: Vec<Written>,
}

/// A path somewhere in a file.
struct Written {
    segments: Vec<String>,
    line: usize,
    /// Whether it only hands an item on, as `pub use child::Item;` does.
    reexport: bool,
}

impl Written {
    /// Whether it names a method's entry, as the list of a registry does.
    fn lists_a_method(&self) -> bool {
        self.segments.last().is_some_and(|name| name == "ENTRY" || name.ends_with("_ENTRY"))
    }
}

impl Sources {
    fn read(tree: &Tree, folder: &str) -> Self {
        let root =
            ["lib.rs", "main.rs"].into_iter().find(|name| tree.file(&format!("{folder}{name}")).is_some());
        let mut modules = BTreeMap::new();
        for (file, text) in tree.rust() {
            let Some(inside) = file.path.strip_prefix(folder) else { continue };
            let module: Module = if Some(inside) == root {
                Vec::new()
            } else if matches!(inside, "lib.rs" | "main.rs") || inside.starts_with("bin/") {
                continue;
            } else {
                let inside = inside.strip_suffix(".rs").unwrap_or(inside);
                inside.strip_suffix("/mod").unwrap_or(inside).split('/').map(str::to_owned).collect()
            };
            modules.insert(module, Source::read(&file.path, text));
        }
        Self { modules }
    }

    /// The module whose file defines what `segments`, written in `module`, name; nothing for what lies in other crates.
    fn resolve(&self, module: &Module, segments: &[String]) -> Option<Module> {
        self.resolve_unseen(module, segments, &mut BTreeSet::new())
    }

    /// As [`Sources::resolve`], but for what was `seen` on the way: names that stand for each other would go round for ever.
    fn resolve_unseen(
        &self,
        module: &Module,
        segments: &[String],
        seen: &mut BTreeSet<(Module, Vec<String>)>,
    ) -> Option<Module> {
        const LONGEST: usize = 12;
        if segments.len() > LONGEST || !seen.insert((module.clone(), segments.to_vec())) {
            return None;
        }
        let (mut at, mut rest) = (module.clone(), segments);
        let mut anchored = false;
        while let [first, tail @ ..] = rest {
            match first.as_str() {
                "crate" => at.clear(),
                "super" => drop(at.pop()?),
                "self" => {}
                _ => break,
            }
            (anchored, rest) = (true, tail);
        }
        let mut inside = false;
        while let [name, tail @ ..] = rest {
            let child: Module = at.iter().chain([name]).cloned().collect();
            let source = self.modules.get(&at)?;
            let item = tail.is_empty();
            if self.modules.contains_key(&child) && !(item && source.names.contains_key(name)) {
                (at, rest, inside) = (child, tail, true);
                continue;
            }
            if source.defines(name) {
                return (anchored || inside || !item).then_some(at);
            }
            if let Some(path) = source.names.get(name).filter(|path| path.as_slice() != segments) {
                let whole: Vec<String> = path.iter().chain(tail).cloned().collect();
                return self.resolve_unseen(&at, &whole, seen);
            }
            return source.globs.iter().find_map(|path| {
                let whole: Vec<String> = path.iter().chain(rest).cloned().collect();
                self.resolve_unseen(&at, &whole, seen)
            });
        }
        // A module alone says nothing: what is taken out of it is another path.
        None
    }
}

impl Source {
    fn read(file: &str, text: &str) -> Self {
        let code = without_test_items(&blanked(text));
        let tokens = tokens(&code);
        let mut source = Self {
            file: file.to_owned(),
            defined: Vec::new(),
            names: BTreeMap::new(),
            globs: Vec::new(),
            paths: Vec::new(),
        };
        let mut at = 0;
        while at < tokens.len() {
            let (word, line) = (tokens[at].0, tokens[at].1);
            if word == "use" {
                let reexport = at > 0 && matches!(tokens[at - 1].0, "pub" | ")");
                at = source.read_use(&tokens, at + 1, &mut Vec::new(), reexport);
                continue;
            }
            if KINDS.contains(&word)
                && let Some((name, _)) = tokens.get(at + 1).filter(|(name, _)| is_name(name))
            {
                source.defined.push((*name).to_owned());
            }
            let begins = is_name(word) && (at == 0 || tokens[at - 1].0 != "::");
            if begins && tokens.get(at + 1).is_some_and(|next| next.0 == "::") {
                let mut segments = vec![word.to_owned()];
                while tokens.get(at + 1).is_some_and(|next| next.0 == "::")
                    && tokens.get(at + 2).is_some_and(|next| is_name(next.0))
                {
                    segments.push(tokens[at + 2].0.to_owned());
                    at += 2;
                }
                source.paths.push(Written { segments, line, reexport: false });
            }
            at += 1;
        }
        source
    }

    /// Reads one tree of a `use` line from `at` on, below the path `above`; where it ends.
    fn read_use(
        &mut self,
        tokens: &[(&str, usize)],
        mut at: usize,
        above: &mut Vec<String>,
        reexport: bool,
    ) -> usize {
        let depth = above.len();
        let mut alias = None;
        let mut whole = true;
        let line = tokens.get(at).map_or(0, |token| token.1);
        while let Some((word, _)) = tokens.get(at).copied() {
            match word {
                "::" => {}
                "{" => {
                    whole = false;
                    at += 1;
                    while tokens.get(at).is_some_and(|token| token.0 != "}") {
                        let after = self.read_use(tokens, at, above, reexport);
                        // What is no path, such as a raw name's mark, is passed over.
                        let separator = tokens.get(after).is_some_and(|token| token.0 == ",");
                        at = after + usize::from(separator || after == at);
                    }
                }
                "*" => {
                    whole = false;
                    self.globs.push(above.clone());
                }
                "as" => {
                    alias = tokens.get(at + 1).map(|token| token.0.to_owned());
                    at += 1;
                }
                _ if is_name(word) => above.push(word.to_owned()),
                _ => break,
            }
            at += 1;
        }
        if whole && above.len() > depth {
            let mut segments = above.clone();
            if segments.len() > 1 && segments.last().is_some_and(|last| last == "self") {
                segments.pop();
            }
            let name = alias.or_else(|| segments.last().cloned()).unwrap_or_default();
            self.paths.push(Written { segments: segments.clone(), line, reexport });
            self.names.insert(name, segments);
        }
        above.truncate(depth);
        if depth == 0 { at + 1 } else { at }
    }

    fn defines(&self, name: &str) -> bool {
        self.defined.iter().any(|defined| defined == name)
    }
}

/// What stands before the name of an item that is defined.
const KINDS: [&str; 10] =
    ["fn", "struct", "enum", "trait", "type", "const", "static", "union", "macro_rules!", "mod"];

fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Words, `::` and single signs of blanked code, with their lines.
fn tokens(code: &str) -> Vec<(&str, usize)> {
    let mut found = Vec::new();
    for (index, line) in code.lines().enumerate() {
        let mut rest = line.trim_start();
        while !rest.is_empty() {
            let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            let end = match rest {
                _ if rest.starts_with("macro_rules!") => "macro_rules!".len(),
                _ if rest.starts_with("::") => 2,
                _ if word > 0 => word,
                _ => rest.chars().next().map_or(1, char::len_utf8),
            };
            found.push((&rest[..end], index + 1));
            rest = rest[end..].trim_start();
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edges(files: &[(&str, &str)]) -> Vec<(String, String)> {
        let found = imports(&Tree::of(files), "crates/a/src/");
        let short = |path: &str| path.trim_start_matches("crates/a/src/").to_owned();
        found.iter().map(|import| (short(&import.from), short(&import.to))).collect()
    }

    fn edge(from: &str, to: &str) -> (String, String) {
        (from.to_owned(), to.to_owned())
    }

    #[test]
    fn paths_lead_to_the_file_that_defines() {
        let found = edges(&[
            ("crates/a/src/lib.rs", "mod b; mod c; pub use b::Thing; pub fn here() {}"),
            (
                "crates/a/src/b.rs",
                "pub struct Thing; use std::fs; fn f() { crate::c::deep::g(); crate::here() }",
            ),
            ("crates/a/src/c/mod.rs", "mod deep; use crate::{Thing as Other, b::{self, Thing}};"),
            ("crates/a/src/c/deep.rs", "pub fn g() {} use super::Other; fn h() { super::super::here(); }"),
        ]);
        let expected = [
            edge("b.rs", "c/deep.rs"),
            edge("b.rs", "lib.rs"),
            edge("c/deep.rs", "b.rs"),
            edge("c/deep.rs", "lib.rs"),
            edge("c/mod.rs", "b.rs"),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn modules_are_followed_to_what_is_taken_out_of_them() {
        let found = edges(&[
            ("crates/a/src/lib.rs", "mod b; mod c;"),
            ("crates/a/src/b/mod.rs", "mod x; pub(crate) use x::*; mod y; pub use y::*; pub struct Own;"),
            ("crates/a/src/b/x.rs", "pub fn of_x() {}"),
            ("crates/a/src/b/y.rs", "pub const OF_Y: u8 = 1; enum E { Own }"),
            (
                "crates/a/src/c.rs",
                "use crate::b;\nfn f() -> u8 { b::of_x(); b::OF_Y }\n#[cfg(test)]\nuse crate::b::Own;",
            ),
        ]);
        assert_eq!(found, [edge("c.rs", "b/x.rs"), edge("c.rs", "b/y.rs")]);
    }

    #[test]
    fn to_list_is_not_to_import() {
        let found = edges(&[
            ("crates/a/src/lib.rs", "mod b; pub use b::Item; const ALL: &[u8] = &[b::ENTRY, b::FAST_ENTRY];"),
            ("crates/a/src/b.rs", "pub const ENTRY: u8 = 1; pub const FAST_ENTRY: u8 = 2; pub struct Item;"),
        ]);
        assert_eq!(found, []);
        let found = edges(&[
            (
                "crates/a/src/lib.rs",
                "mod b; const ALL: &[u8] = &[b::FIRST]; #[cfg(test)] mod t { use super::b::X; } mod z;",
            ),
            ("crates/a/src/b.rs", "pub const FIRST: u8 = 1; pub const ENTRY: u8 = 1;"),
            ("crates/a/src/z.rs", "use crate::b::ENTRY; // use crate::ALL"),
        ]);
        assert_eq!(found, [edge("lib.rs", "b.rs"), edge("z.rs", "b.rs")]);
    }
}
