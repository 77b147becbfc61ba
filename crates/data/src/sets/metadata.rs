//! Labels and captions in a file of their own: `metadata.jsonl` and `metadata.csv` (Hugging Face `imagefolder`),
//! and `dataset.json` (EDM, StyleGAN).

use std::collections::HashMap;

use serde_json::Value;

use super::files::Files;
use crate::{Error, Result};

/// What the metadata files say, by the path of the image in the tree.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    pub captions: HashMap<String, String>,
    pub labels: HashMap<String, String>,
    /// Whether there is a `dataset.json`, whose folders are shards and not classes.
    pub is_edm: bool,
}

/// Reads every metadata file of the tree; names in it are relative to its own folder.
///
/// # Errors
/// Bad input, naming the file and line, when it is broken.
pub(crate) fn read_notes(files: &dyn Files) -> Result<Notes> {
    let mut notes = Notes::default();
    for (at, entry) in files.entries().iter().enumerate() {
        let (folder, name) = entry.path.rsplit_once('/').map_or(("", entry.path.as_str()), |(f, n)| (f, n));
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let text = || files.read(at).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let result = match name {
            "metadata.jsonl" => jsonl(&text()?, &prefix, &mut notes),
            "metadata.csv" => csv(&text()?, &prefix, &mut notes),
            "dataset.json" => edm(&text()?, &prefix, &mut notes),
            _ => Ok(()),
        };
        result.map_err(|what| Error::bad_input(format!("{}: {what}", files.full_name(at))))?;
    }
    Ok(notes)
}

fn note(notes: &mut Notes, prefix: &str, fields: &[(String, String)]) {
    let file = fields.iter().find(|(key, _)| key == "file_name");
    let file = file.or_else(|| fields.iter().find(|(key, _)| key.ends_with("_file_name")));
    let Some((_, file)) = file else { return };
    let path = format!("{prefix}{}", file.trim_start_matches("./").replace('\\', "/"));
    let value = |keys: &[&str]| keys.iter().find_map(|key| fields.iter().find(|(k, _)| k == key));
    if let Some((_, text)) = value(&["text", "caption", "prompt", "description"]) {
        notes.captions.insert(path.clone(), text.clone());
    }
    if let Some((_, label)) =
        value(&["label", "labels", "class", "fine_label"]).filter(|(_, l)| !l.is_empty())
    {
        notes.labels.insert(path, label.clone());
    }
}

fn jsonl(text: &str, prefix: &str, notes: &mut Notes) -> Result<(), String> {
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let value: Value = serde_json::from_str(line).map_err(|e| format!("line {}: {e}", number + 1))?;
        let object = value.as_object().ok_or_else(|| format!("line {} is not an object", number + 1))?;
        let fields: Vec<_> = object.iter().filter_map(|(k, v)| Some((k.clone(), plain(v)?))).collect();
        note(notes, prefix, &fields);
    }
    Ok(())
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn csv(text: &str, prefix: &str, notes: &mut Notes) -> Result<(), String> {
    let mut rows = csv_rows(text.trim_start_matches('\u{feff}'))?.into_iter();
    let header = rows.next().ok_or("it is empty")?;
    if !header.iter().any(|key| key.ends_with("file_name")) {
        return Err("the first line names no column file_name".into());
    }
    for row in rows {
        let fields: Vec<_> = header.iter().cloned().zip(row).collect();
        note(notes, prefix, &fields);
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

fn edm(text: &str, prefix: &str, notes: &mut Notes) -> Result<(), String> {
    let value: Value = serde_json::from_str(text).map_err(|e| e.to_string())?;
    // A file of this name may mean something else; only the known shape counts.
    let Some(labels) = value.get("labels") else { return Ok(()) };
    notes.is_edm = true;
    for pair in labels.as_array().into_iter().flatten() {
        if let (Some(path), Some(label)) = (pair.get(0).and_then(Value::as_str), pair.get(1).and_then(plain))
        {
            notes.labels.insert(format!("{prefix}{path}"), label);
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
        jsonl("{\"file_name\":\"x/1.png\",\"text\":\"a cat\",\"label\":3}\n\n", "train/", &mut notes)
            .unwrap();
        assert_eq!(notes.captions["train/x/1.png"], "a cat");
        assert_eq!(notes.labels["train/x/1.png"], "3");
        assert!(jsonl("{", "", &mut notes).unwrap_err().starts_with("line 1:"));
    }
}
