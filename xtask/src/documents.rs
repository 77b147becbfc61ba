//! `cargo xtask docs`: the documents, and the tables in documents, that programs make.

use std::fs;
use std::path::Path;

use crate::map;
use crate::tree::Tree;
use crate::workspace::cargo_says;

/// The list of every method, made whole.
const METHODS: &str = "docs/methods.md";
/// Marks around a table in a document that is otherwise written by hand.
const BEGIN: &str = "<!-- made by: cargo xtask docs -->\n";
const END: &str = "<!-- end -->\n";

/// Makes the documents again; with `--check` compares the list of methods instead. The tables are compared by the tests that
/// make them, since their numbers may differ in the last digit.
///
/// # Errors
/// When a program fails, a document has no marks, or `--check` finds a difference.
pub fn run(root: &Path, args: &[&str]) -> Result<(), String> {
    let check = match args {
        [] => false,
        ["--check"] => true,
        [other, ..] => return Err(format!("docs has no option {other:?}")),
    };
    let map = map::text(&Tree::read(root)?);
    if !check {
        write(root, map::MAP, &map)?;
    } else if read(root, map::MAP)? != map {
        return Err(format!("{} is out of date; run: cargo xtask docs", map::MAP));
    }
    let methods = cargo_says("run --release --quiet --locked -p langevin-cli -- list --markdown")?;
    if check {
        let stored = read(root, METHODS)?;
        let same = stored == methods;
        return if same { Ok(()) } else { Err(format!("{METHODS} is out of date; run: cargo xtask docs")) };
    }
    write(root, METHODS, &methods)?;
    let said = cargo_says(
        "test --release --quiet --locked -p langevin-sample --test conformance -- --ignored --nocapture --test-threads=1 table_of",
    )?;
    let tables = tables(&said);
    if tables.is_empty() {
        return Err(format!("the tests printed no table:\n{said}"));
    }
    for (document, table) in tables {
        let text =
            with_table(&read(root, document)?, &table).ok_or(format!("{document}: lacks its marks"))?;
        write(root, document, &text)?;
    }
    Ok(())
}

/// (document, table) of each table that tests printed.
fn tables(said: &str) -> Vec<(&str, String)> {
    let mut found = Vec::new();
    let mut rest = said;
    while let Some((_, after)) = rest.split_once("table of ") {
        let Some((document, after)) = after.split_once('\n') else { break };
        let Some((table, after)) = after.split_once("end of the table") else { break };
        found.push((document, table.to_owned()));
        rest = after;
    }
    found
}

/// The document with another table between its marks.
fn with_table(text: &str, table: &str) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}{table}{END}{after}"))
}

fn read(root: &Path, document: &str) -> Result<String, String> {
    fs::read_to_string(root.join(document)).map_err(|error| format!("{document}: {error}"))
}

fn write(root: &Path, document: &str, text: &str) -> Result<(), String> {
    println!("{document}");
    fs::write(root.join(document), text).map_err(|error| format!("{document}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_found_and_put_between_the_marks() {
        let said = "running 2 tests\ntable of docs/a.md\n| x |\n|---|\nend of the table\n.table of docs/b.md\n| y |\nend of the table\n.";
        assert_eq!(
            tables(said),
            [("docs/a.md", "| x |\n|---|\n".to_owned()), ("docs/b.md", "| y |\n".to_owned())]
        );
        let text = format!("# A\n{BEGIN}old\n{END}more\n");
        assert_eq!(with_table(&text, "new\n"), Some(format!("# A\n{BEGIN}new\n{END}more\n")));
        assert_eq!(with_table("# A\n", "new\n"), None);
    }
}
