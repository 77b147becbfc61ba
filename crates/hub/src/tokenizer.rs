//! The folder of a CLIP tokenizer: `vocab.json` and `merges.txt`, or `tokenizer.json`, and what its other files say.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use langevin_core::{Error, Result};
use langevin_nn::text::{ClipTokenizer, Special, TokenizerParts};
use serde_json::{Map, Value, json};

use crate::folder::read_json;
use crate::weights::read_bytes;
use crate::write::text;

/// The parts that tokens play, with what plays them by default; of one token in several, the last says how it is found.
const ROLES: [(&str, &str); 4] = [
    ("bos_token", "<|startoftext|>"),
    ("eos_token", "<|endoftext|>"),
    ("unk_token", "<|endoftext|>"),
    ("pad_token", "<|endoftext|>"),
];
/// Tokens of a text, where the folder does not say or says more than any encoder reads.
const LENGTH: usize = 77;
const MOST_LENGTH: f64 = 65_536.0;

/// Reads the tokenizer in `folder`.
///
/// # Errors
/// Bad input, beginning with the file's name: a file that is missing or malformed, another sort of tokenizer, merges or special
/// tokens that the vocabulary lacks.
pub fn read(folder: &Path) -> Result<ClipTokenizer> {
    read_as(folder, None)
}

/// As [`read`], filling texts up with the token `pad` whatever the folder says.
///
/// # Errors
/// As [`read`].
pub(crate) fn read_padded(folder: &Path, pad: &str) -> Result<ClipTokenizer> {
    read_as(folder, Some(pad))
}

/// CLIP's tokenizer from its tokens and pairs.
///
/// # Errors
/// Bad input: a pair or a special token that the vocabulary lacks.
pub(crate) fn of_pairs(
    vocabulary: HashMap<String, u32>,
    merges: Vec<(String, String)>,
    pad: &str,
) -> Result<ClipTokenizer> {
    let config = Map::from_iter([("pad_token".to_owned(), Value::from(pad))]);
    ClipTokenizer::new(&parts(vocabulary, merges, Vec::new(), &config, &Map::new())?)
}

fn read_as(folder: &Path, pad: Option<&str>) -> Result<ClipTokenizer> {
    let whole = folder.join("tokenizer.json");
    let (vocabulary, merges, added) = if whole.is_file() {
        of_one_file(&read_json(&whole)?).map_err(|error| error.within(whole.display()))?
    } else {
        let file = folder.join("vocab.json");
        let vocabulary = vocabulary(&read_json(&file)?).map_err(|error| error.within(file.display()))?;
        let file = folder.join("merges.txt");
        let text = String::from_utf8(read_bytes(&file)?)
            .map_err(|_| Error::bad_input(format!("{}: is no text in UTF-8", file.display())))?;
        (vocabulary, lines(&text).map_err(|error| error.within(file.display()))?, Vec::new())
    };
    let mut config = optional(&folder.join("tokenizer_config.json"))?;
    let mut map = optional(&folder.join("special_tokens_map.json"))?;
    if let Some(pad) = pad {
        config.insert("pad_token".to_owned(), pad.into());
        map.remove("pad_token");
    }
    let parts = parts(vocabulary, merges, added, &config, &map);
    parts.and_then(|parts| ClipTokenizer::new(&parts)).map_err(|error| error.within(folder.display()))
}

/// The files of a tokenizer.
pub fn write(parts: &TokenizerParts) -> Vec<(&'static str, Vec<u8>)> {
    let mut merges = "#version: 0.2\n".to_owned();
    parts.merges.iter().for_each(|(first, second)| merges.push_str(&format!("{first} {second}\n")));
    let mut vocabulary = parts.vocabulary.clone();
    vocabulary.extend(parts.specials.iter().map(|special| (special.text.clone(), special.id)));
    let mut tokens: Vec<(&String, &u32)> = vocabulary.iter().collect();
    tokens.sort_by_key(|(_, id)| **id);
    let tokens: Map<String, Value> =
        tokens.into_iter().map(|(token, id)| (token.clone(), json!(id))).collect();
    let roles = json!({
        "bos_token": parts.start, "eos_token": parts.end, "pad_token": parts.pad, "unk_token": parts.unknown,
    });
    let mut config = roles.clone();
    config["tokenizer_class"] = "CLIPTokenizer".into();
    config["model_max_length"] = parts.length.into();
    config["do_lower_case"] = true.into();
    vec![
        ("vocab.json", text(&Value::Object(tokens))),
        ("merges.txt", merges.into_bytes()),
        ("tokenizer_config.json", text(&config)),
        ("special_tokens_map.json", text(&roles)),
    ]
}

type Found = (HashMap<String, u32>, Vec<(String, String)>, Vec<Special>);

fn optional(file: &Path) -> Result<Map<String, Value>> {
    if file.is_file() { read_json(file) } else { Ok(Map::new()) }
}

fn vocabulary(json: &Map<String, Value>) -> Result<HashMap<String, u32>> {
    let token = |(name, id): (&String, &Value)| {
        let id = id.as_u64().and_then(|id| u32::try_from(id).ok());
        id.map(|id| (name.clone(), id))
            .ok_or_else(|| Error::bad_input(format!("the token {name:?} has no number")))
    };
    json.iter().map(token).collect()
}

/// The pairs of a file with one in each line.
pub(crate) fn lines(text: &str) -> Result<Vec<(String, String)>> {
    let lines = text.lines().enumerate().filter(|(at, line)| {
        let version = *at == 0 && line.starts_with("#version");
        !version && !line.trim().is_empty()
    });
    lines.map(|(at, line)| pair(line).ok_or_else(|| not_two(&format!("line {}", at + 1)))).collect()
}

fn pair(line: &str) -> Option<(String, String)> {
    let (first, second) = line.split_once(' ')?;
    (!first.is_empty() && !second.is_empty() && !second.contains(' '))
        .then(|| (first.to_owned(), second.to_owned()))
}

fn not_two(place: &str) -> Error {
    Error::bad_input(format!("{place} of its merges is not two tokens"))
}

/// What `tokenizer.json` says.
fn of_one_file(json: &Map<String, Value>) -> Result<Found> {
    let model = json.get("model").and_then(Value::as_object);
    let model = model.ok_or_else(|| Error::bad_input("has no model"))?;
    let text = |key: &str| model.get(key).and_then(Value::as_str).unwrap_or_default();
    if !matches!(text("type"), "BPE" | "") || text("end_of_word_suffix") != "</w>" {
        return Err(Error::bad_input(format!(
            "holds a {} whose words end with {:?}, and only CLIP's byte pairs are read",
            text("type"),
            text("end_of_word_suffix")
        )));
    }
    let tokens = model.get("vocab").and_then(Value::as_object);
    let tokens = tokens.ok_or_else(|| Error::bad_input("has no vocabulary"))?;
    let merges = model.get("merges").and_then(Value::as_array);
    let merges = merges.ok_or_else(|| Error::bad_input("has no merges"))?;
    let merge = |(at, merge): (usize, &Value)| {
        let found = match merge {
            Value::String(line) => pair(line),
            Value::Array(two) => match two.as_slice() {
                [Value::String(first), Value::String(second)] => Some((first.clone(), second.clone())),
                _ => None,
            },
            _ => None,
        };
        found.ok_or_else(|| not_two(&format!("number {at}")))
    };
    let merges = merges.iter().enumerate().map(merge).collect::<Result<_>>()?;
    let added = json.get("added_tokens").and_then(Value::as_array);
    let added = added.into_iter().flatten().map(|entry| special(entry, entry.get("id")));
    Ok((vocabulary(tokens)?, merges, added.collect::<Result<_>>()?))
}

/// A token that is found in texts as it stands.
fn special(entry: &Value, id: Option<&Value>) -> Result<Special> {
    let text = entry.get("content").and_then(Value::as_str).unwrap_or_default();
    let id = id.and_then(Value::as_u64).and_then(|id| u32::try_from(id).ok());
    let id = id.ok_or_else(|| Error::bad_input(format!("the added token {text:?} has no number")))?;
    let flag = |key: &str| entry.get(key).and_then(Value::as_bool).unwrap_or(false);
    if let Some(key) = ["lstrip", "rstrip", "single_word"].into_iter().find(|key| flag(key)) {
        return Err(Error::bad_input(format!("the added token {text:?} has \"{key}\", which is not read")));
    }
    Ok(Special { text: text.to_owned(), id, cleaned: flag("normalized") })
}

fn parts(
    vocabulary: HashMap<String, u32>,
    merges: Vec<(String, String)>,
    added: Vec<Special>,
    config: &Map<String, Value>,
    map: &Map<String, Value>,
) -> Result<TokenizerParts> {
    let mut specials: BTreeMap<String, Special> = BTreeMap::new();
    let decoder = config.get("added_tokens_decoder").and_then(Value::as_object);
    let mut names = Vec::new();
    for (role, default) in ROLES {
        // A config that lists added tokens is newer than the map of special ones, and says all.
        let own = config.get(role).filter(|value| !value.is_null());
        let entry = match map.get(role).filter(|value| !value.is_null()) {
            Some(entry) if decoder.is_none() => Some(entry),
            _ => own,
        };
        let content =
            |entry: &Value| entry.as_str().or_else(|| entry.get("content")?.as_str()).map(str::to_owned);
        let name = entry.and_then(content).unwrap_or_else(|| default.to_owned());
        if let Some(id) = vocabulary.get(&name) {
            let flag = |entry: &Value| entry.get("normalized").and_then(Value::as_bool);
            let cleaned = entry.and_then(flag).unwrap_or(false);
            specials.insert(name.clone(), Special { text: name.clone(), id: *id, cleaned });
        }
        names.push(name);
    }
    for token in added {
        specials.insert(token.text.clone(), token);
    }
    for (id, entry) in decoder.into_iter().flatten() {
        let id = id.parse::<u32>().map(Value::from).ok();
        let token = special(entry, id.as_ref())?;
        specials.insert(token.text.clone(), token);
    }
    let length = config.get("model_max_length").and_then(Value::as_f64);
    let length = length.filter(|length| (0.0..=MOST_LENGTH).contains(length)).map(|length| length as usize);
    let [start, end, unknown, pad] = names.try_into().expect("a name for each role");
    Ok(TokenizerParts {
        vocabulary,
        merges,
        specials: specials.into_values().collect(),
        start,
        end,
        pad,
        unknown,
        length: length.unwrap_or(LENGTH),
    })
}
