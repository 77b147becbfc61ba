//! Labels and captions in a file of their own: `metadata.jsonl` and `metadata.csv` (Hugging Face `imagefolder`),
//! and `dataset.json` (EDM, StyleGAN).

use std::collections::{HashMap, HashSet};

use langevin_core::LeftAside;
use langevin_files::text;
use serde_json::Value;

use super::files::Files;
use crate::{Error, Result};

/// Longest caption, in bytes.
pub(crate) const MAX_CAPTION: u64 = 64 << 10;
/// What captions are called that are left aside for their length.
pub(crate) const LONG: &str = "captions of over 64 KiB";
/// What captions are called.
pub(crate) const CAPTION_KEYS: &[&str] = &["text", "caption", "captions", "prompt", "description"];
/// What classes are called.
pub(crate) const LABEL_KEYS: &[&str] = &["label", "labels", "class", "cls", "fine_label"];

/// What the metadata files say, by the path of the image in the tree.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    pub captions: HashMap<String, String>,
    pub labels: HashMap<String, String>,
    /// The path that each row names, with its file and line.
    pub rows: Vec<(String, Place)>,
    /// Whether there is a `dataset.json`, whose folders are shards and not classes.
    pub is_edm: bool,
    /// The numbers of the metadata files.
    pub files: HashSet<usize>,
    /// What of them is not used.
    pub aside: LeftAside,
    /// What tells them from others.
    pub digest: [u8; 32],
}

/// A row of a metadata file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    file: std::sync::Arc<str>,
    row: usize,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} row {}", self.file, self.row)
    }
}

/// Reads every metadata file of the tree; names in it are relative to its own folder.
///
/// # Errors
/// Bad input, naming the file and line, when it is broken.
pub(crate) fn read_notes(files: &dyn Files) -> Result<Notes> {
    let mut notes = Notes::default();
    let mut hasher = blake3::Hasher::new();
    for (at, entry) in files.entries().iter().enumerate() {
        let (folder, name) = entry.path.rsplit_once('/').map_or(("", entry.path.as_str()), |(f, n)| (f, n));
        let read = match name {
            "metadata.jsonl" => jsonl,
            "metadata.csv" => csv,
            "dataset.json" => edm,
            _ => continue,
        };
        let full = files.full_name(at);
        let bytes = files.read(at)?;
        hasher.update(&bytes);
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let rows = Rows { file: entry.path.as_str().into(), prefix: &prefix };
        let text = text::decode(&full, &bytes)?;
        // One copy is enough of what may be large.
        drop(bytes);
        read(&text, &rows, &mut notes).map_err(|what| Error::bad_input(format!("{full}: {what}")))?;
        notes.files.insert(at);
    }
    notes.digest = *hasher.finalize().as_bytes();
    Ok(notes)
}

/// The file that rows come from.
struct Rows<'a> {
    file: std::sync::Arc<str>,
    prefix: &'a str,
}

impl Rows<'_> {
    fn at(&self, row: usize) -> Place {
        Place { file: self.file.clone(), row }
    }
}

fn note(notes: &mut Notes, rows: &Rows<'_>, row: usize, fields: &[(String, String)]) {
    let file = fields.iter().find(|(key, _)| key == "file_name");
    let file = file.or_else(|| fields.iter().find(|(key, _)| key.ends_with("_file_name")));
    let Some((_, file)) = file else {
        notes.aside.add("rows without a file_name", rows.at(row).to_string());
        return;
    };
    let path = format!("{}{}", rows.prefix, file.trim_start_matches("./").replace('\\', "/"));
    let value = |keys: &[&str]| keys.iter().find_map(|key| fields.iter().find(|(k, _)| k == key));
    if let Some((_, text)) = value(CAPTION_KEYS) {
        if text.len() as u64 > MAX_CAPTION {
            notes.aside.add(LONG, format!("{}, {} bytes", rows.at(row), text.len()));
        } else {
            notes.captions.insert(path.clone(), text.clone());
        }
    }
    if let Some((_, label)) = value(LABEL_KEYS).filter(|(_, label)| !label.is_empty()) {
        notes.labels.insert(path.clone(), label.clone());
    }
    notes.rows.push((path, rows.at(row)));
}

fn jsonl(text: &str, rows: &Rows<'_>, notes: &mut Notes) -> Result<(), String> {
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let value: Value = serde_json::from_str(line).map_err(|e| format!("line {}: {e}", number + 1))?;
        let Value::Object(object) = value else {
            return Err(format!("line {} is not an object", number + 1));
        };
        let list = CAPTION_KEYS.iter().find_map(|key| object.get(*key)?.as_array());
        if let Some(list) = list.filter(|list| list.len() > 1) {
            notes.aside.add(MORE, format!("{}, {} more", rows.at(number + 1), list.len() - 1));
        }
        let fields: Vec<_> =
            object.into_iter().filter_map(|(key, value)| Some((key, owned(value)?))).collect();
        note(notes, rows, number + 1, &fields);
    }
    Ok(())
}

/// What rows are called that have several captions.
pub(crate) const MORE: &str = "rows with captions after the first";

/// As [`plain`], of a value that nobody needs any more: a text may be long.
fn owned(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        other => plain(&other),
    }
}

/// A value as text; of a list the first.
pub(crate) fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Array(list) => list.first().filter(|first| !first.is_array()).and_then(plain),
        _ => None,
    }
}

fn csv(text: &str, rows: &Rows<'_>, notes: &mut Notes) -> Result<(), String> {
    let mut lines = csv_rows(text)?.into_iter();
    let header = lines.next().ok_or("it is empty")?;
    if !header.iter().any(|key| key.ends_with("file_name")) {
        return Err("the first line names no column file_name".into());
    }
    for (number, line) in lines.enumerate() {
        let fields: Vec<_> = header.iter().cloned().zip(line).collect();
        note(notes, rows, number + 2, &fields);
    }
    Ok(())
}

/// The rows of RFC 4180 text: commas, quotes doubled inside quotes, line ends inside quotes kept.
fn csv_rows(text: &str) -> Result<Vec<Vec<String>>, String> {
    let (mut rows, mut row, mut field, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                field.push('"');
                chars.next();
            }
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut field)),
            '\r' if !quoted && chars.peek() == Some(&'\n') => {}
            '\n' if !quoted => {
                row.push(std::mem::take(&mut field));
                rows.push(std::mem::take(&mut row));
            }
            c => field.push(c),
        }
    }
    if quoted {
        return Err("a quote is never closed".into());
    }
    if !field.is_empty() || !row.is_empty() {
        row.push(field);
        rows.push(row);
    }
    rows.retain(|row| row.iter().any(|field| !field.is_empty()));
    Ok(rows)
}

fn edm(text: &str, rows: &Rows<'_>, notes: &mut Notes) -> Result<(), String> {
    let value: Value = serde_json::from_str(text).map_err(|e| e.to_string())?;
    // A file of this name may mean something else; only the known shape counts.
    let Some(labels) = value.get("labels") else { return Ok(()) };
    notes.is_edm = true;
    for (number, pair) in labels.as_array().into_iter().flatten().enumerate() {
        if let (Some(path), Some(label)) = (pair.get(0).and_then(Value::as_str), pair.get(1).and_then(plain))
        {
            let path = format!("{}{path}", rows.prefix);
            notes.labels.insert(path.clone(), label);
            notes.rows.push((path, rows.at(number + 1)));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_quotes_and_line_ends() {
        let rows = csv_rows("file_name,text\r\na.png,\"a \"\"red\"\", round\nball\"\nb.png,plain\n").unwrap();
        assert_eq!(rows[1], ["a.png", "a \"red\", round\nball"]);
        assert_eq!(rows[2], ["b.png", "plain"]);
        assert!(csv_rows("a,\"b").is_err());
    }

    #[test]
    fn jsonl_gives_captions_and_labels_below_its_folder() {
        let mut notes = Notes::default();
        let rows = Rows { file: "train/metadata.jsonl".into(), prefix: "train/" };
        let text = "{\"file_name\":\"x/1.png\",\"text\":[\"a cat\",\"an animal\"],\"label\":3}\n\n";
        jsonl(text, &rows, &mut notes).unwrap();
        assert_eq!(notes.captions["train/x/1.png"], "a cat");
        assert_eq!(notes.labels["train/x/1.png"], "3");
        assert_eq!(
            notes.aside.to_string(),
            "1 rows with captions after the first (train/metadata.jsonl row 1, 1 more)"
        );
        jsonl("{\"text\":\"of nothing\"}", &rows, &mut notes).unwrap();
        assert_eq!(notes.aside.reasons()[1].examples, ["train/metadata.jsonl row 1"]);
        assert!(jsonl("{", &rows, &mut notes).unwrap_err().starts_with("line 1:"));
    }
}
