//! The commands shown in the documents exist.

use crate::code::{blanked, without_tests};
use crate::tree::{Finding, Tree};

const DOCUMENTS: &[&str] = &["README.md", "CONTRIBUTING.md"];

/// Every line of a shell block in the documents calls a command that is there.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let known = Known { subcommands: subcommands(tree), crates: crate_names(tree) };
    let mut findings = Vec::new();
    for path in DOCUMENTS {
        let text = tree.file(path).and_then(|file| file.text.as_deref()).unwrap_or_default();
        for (line, command) in shell_lines(text) {
            if let Some(message) = known.objection(&command) {
                findings.push(Finding::line(path, line, message));
            }
        }
    }
    findings
}

struct Known {
    /// The subcommands of `langevin`; empty while there is no command line.
    subcommands: Vec<String>,
    crates: Vec<String>,
}

impl Known {
    fn objection(&self, command: &str) -> Option<String> {
        let words: Vec<&str> = command.split_whitespace().collect();
        match words.as_slice() {
            ["cargo", "run", rest @ ..] => {
                let arguments = rest.iter().position(|word| *word == "--").map(|at| &rest[at + 1..]);
                let package = value_of(rest, "-p");
                match package {
                    None | Some("langevin-cli") => self.subcommand(arguments?),
                    Some(other) => self.package(other),
                }
            }
            ["cargo", "xtask", task, ..] => {
                (!crate::tasks::TASKS.contains(task)).then(|| format!("no xtask is called {task:?}"))
            }
            ["cargo", "test" | "build" | "check" | "clippy" | "fmt" | "doc" | "bench", rest @ ..] => {
                value_of(rest, "-p").and_then(|package| self.package(package))
            }
            ["langevin" | "target/release/langevin" | "./target/release/langevin", rest @ ..] => {
                self.subcommand(rest)
            }
            _ => None,
        }
    }

    fn subcommand(&self, arguments: &[&str]) -> Option<String> {
        let name = arguments.first().filter(|word| !word.starts_with('-') && **word != "help")?;
        let unknown = !self.subcommands.is_empty() && !self.subcommands.iter().any(|known| known == name);
        unknown.then(|| format!("langevin has no command {name:?}"))
    }

    fn package(&self, name: &str) -> Option<String> {
        (!self.crates.iter().any(|known| known == name)).then(|| format!("no crate is called {name:?}"))
    }
}

fn value_of<'a>(words: &[&'a str], flag: &str) -> Option<&'a str> {
    words.iter().position(|word| *word == flag).and_then(|at| words.get(at + 1)).copied()
}

/// (line number, command) of each command in the shell blocks of a Markdown text; `\` joins lines, `$ ` is dropped.
fn shell_lines(text: &str) -> Vec<(usize, String)> {
    let (mut found, mut inside, mut pending) = (Vec::new(), false, None::<(usize, String)>);
    for (index, line) in text.lines().enumerate() {
        if let Some(language) = line.trim_start().strip_prefix("```") {
            inside = !inside && matches!(language.trim(), "sh" | "bash" | "shell" | "console");
            continue;
        }
        if !inside {
            continue;
        }
        let part = line.trim().trim_start_matches("$ ");
        let part = part.split_once(" #").map_or(part, |(command, _)| command);
        let (start, so_far) = pending.take().unwrap_or((index + 1, String::new()));
        let joined = format!("{so_far}{part}");
        match joined.strip_suffix('\\') {
            Some(unfinished) => pending = Some((start, unfinished.to_owned())),
            None => found.push((start, joined)),
        }
    }
    found
}

/// The subcommands of the binary: the variants of `enum Command` in the command line's source.
fn subcommands(tree: &Tree) -> Vec<String> {
    let mut names = Vec::new();
    for (_, text) in tree.rust().filter(|(file, _)| file.crate_folder() == Some("cli")) {
        let code = blanked(text);
        let Some((_, body)) = without_tests(&code).split_once("enum Command {") else { continue };
        let mut depth = 0;
        for line in body.lines().map(str::trim) {
            let start: String = line.chars().take_while(char::is_ascii_alphanumeric).collect();
            if depth == 0 && start.starts_with(|c: char| c.is_ascii_uppercase()) {
                names.push(kebab(&start));
            }
            depth +=
                line.matches(['{', '(', '[']).count() as i32 - line.matches(['}', ')', ']']).count() as i32;
            if depth < 0 {
                break;
            }
        }
    }
    names
}

fn kebab(variant: &str) -> String {
    let mut name = String::new();
    for (index, c) in variant.chars().enumerate() {
        if c.is_ascii_uppercase() && index > 0 {
            name.push('-');
        }
        name.push(c.to_ascii_lowercase());
    }
    name
}

fn crate_names(tree: &Tree) -> Vec<String> {
    let manifest = |text: &str| text.parse::<toml::Table>().ok();
    tree.files
        .iter()
        .filter(|file| file.name() == "Cargo.toml")
        .filter_map(|file| manifest(file.text.as_deref()?))
        .filter_map(|table| Some(table.get("package")?.get("name")?.as_str()?.to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLI: &str = "#[derive(Subcommand)]\nenum Command {\n    /// Train { it.\n    Train(Box<Train>),\n    \
                       Sample {\n        Steps: u8,\n    },\n    CompareGan,\n}\nstruct Other {\n    Field: u8,\n}\n";

    fn messages(readme: &str) -> Vec<String> {
        let tree = Tree::of(&[
            ("README.md", readme),
            ("crates/cli/src/main.rs", CLI),
            ("crates/cli/Cargo.toml", "[package]\nname = \"langevin-cli\""),
        ]);
        check(&tree).into_iter().map(|finding| format!("{}: {}", finding.line, finding.message)).collect()
    }

    #[test]
    fn subcommands_are_the_variants() {
        let tree = Tree::of(&[("crates/cli/src/main.rs", CLI)]);
        assert_eq!(subcommands(&tree), ["train", "sample", "compare-gan"]);
    }

    #[test]
    fn commands_that_exist_pass() {
        let readme = "```sh\ncargo run --release -- train x\nlangevin compare-gan\ncargo xtask tidy\n\
                      cargo test -p langevin-cli\nls -l\nlangevin --help\n```\n```rust\nlangevin nonsense\n```\n";
        assert_eq!(messages(readme), [""; 0]);
    }

    #[test]
    fn commands_that_do_not_exist_are_named_with_their_line() {
        let readme = "```console\n$ langevin smaple x\ncargo run --release \\\n  -- tarin\n```\ntext\n```sh\n\
                      cargo xtask tody\ncargo test -p langevin-core # why\n```\n";
        assert_eq!(
            messages(readme),
            [
                "2: langevin has no command \"smaple\"",
                "3: langevin has no command \"tarin\"",
                "8: no xtask is called \"tody\"",
                "9: no crate is called \"langevin-core\""
            ]
        );
    }
}
