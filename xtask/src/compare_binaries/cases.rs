//! The list of compared commands: `cases.txt`, its names of methods filled in.

use std::collections::BTreeMap;

const CASES: &str = include_str!("cases.txt");

/// One command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// What it is called in the table.
    pub name: String,
    /// The arguments of `langevin`.
    pub words: Vec<String>,
}

/// All commands; `names` gives the names of a kind of `langevin list`.
///
/// # Errors
/// When the list is misspelt, or the names of a kind cannot be had.
pub fn all(names: &mut dyn FnMut(&str) -> Result<Vec<String>, String>) -> Result<Vec<Case>, String> {
    parse(CASES, names)
}

fn parse(
    list: &str,
    names: &mut dyn FnMut(&str) -> Result<Vec<String>, String>,
) -> Result<Vec<Case>, String> {
    let mut known: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut cases = Vec::new();
    for line in list.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (name, words) = line.split_once(": ").ok_or_else(|| format!("no command: {line}"))?;
        let Some(inside) = name.split_once('{').and_then(|(_, rest)| Some(rest.split_once('}')?.0)) else {
            cases.push(Case { name: name.to_owned(), words: split(words) });
            continue;
        };
        let (kind, except) = inside.split_once(" except ").unwrap_or((inside, ""));
        if !known.contains_key(kind) {
            known.insert(kind.to_owned(), names(kind)?);
        }
        for method in known[kind].iter().filter(|method| !except.split(' ').any(|other| other == *method)) {
            cases.push(Case {
                name: name.replace(&format!("{{{inside}}}"), method),
                words: split(
                    &words.replace(&format!("{{{inside}}}"), method).replace(&format!("{{{kind}}}"), method),
                ),
            });
        }
    }
    Ok(cases)
}

/// The words of a command; single quotes keep several together.
fn split(words: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (index, part) in words.split('\'').enumerate() {
        if index % 2 == 1 {
            found.push(part.to_owned());
        } else {
            found.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_filled_in_and_quotes_keep_words_together() {
        let list = "# Why.\n\na: list\nb-{kinds except y}: sample --prompt 'a b' -o {kinds}.png";
        let mut asked = 0;
        let mut names = |kind: &str| {
            asked += 1;
            assert_eq!(kind, "kinds");
            Ok(["x", "y", "z"].map(str::to_owned).to_vec())
        };
        let cases = parse(list, &mut names).unwrap();
        let shown: Vec<String> =
            cases.iter().map(|case| format!("{}={}", case.name, case.words.join("|"))).collect();
        assert_eq!(shown, ["a=list", "b-x=sample|--prompt|a b|-o|x.png", "b-z=sample|--prompt|a b|-o|z.png"]);
        assert_eq!(asked, 1);
    }

    #[test]
    fn every_line_of_the_list_reads_and_has_a_name_of_its_own() {
        let mut names = |kind: &str| Ok(vec![format!("some-{kind}")]);
        let cases = all(&mut names).unwrap();
        let mut seen = std::collections::BTreeSet::new();
        assert!(cases.iter().all(|case| !case.words.is_empty() && seen.insert(&case.name)));
        assert!(
            cases.iter().all(|case| case.words[0].starts_with('@') || !case.words.concat().contains('{'))
        );
    }
}
