//! The tokenizer of a single file, which holds none: CLIP's, looked for beside it and where the environment says.

use std::collections::HashMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use langevin_core::{Error, Result};
use langevin_nn::text::ClipTokenizer;

use crate::tokenizer;
use crate::weights::read_bytes;

/// The environment variable that names a folder or file with CLIP's tokenizer.
pub const VARIABLE: &str = "LANGEVIN_CLIP_TOKENIZER";
/// OpenAI's list of pairs, as it is published with CLIP.
const LISTS: [&str; 2] = ["bpe_simple_vocab_16e6.txt", "bpe_simple_vocab_16e6.txt.gz"];
/// Most of its text that is read, in bytes.
const LONGEST_LIST: u64 = 64 << 20;
/// Tokens beside those of pairs: every byte, within a word and at its end, and the two that begin and end a text.
const OTHERS: usize = 2 * 256 + 2;

/// Where a tokenizer is.
#[derive(Debug)]
pub enum Place {
    /// A folder that [`crate::read_tokenizer`] reads.
    Folder(PathBuf),
    /// OpenAI's list of pairs.
    List(PathBuf),
}

/// The tokenizer for the single file `path`: beside it, in `tokenizer/` beside it, or `named` (what [`VARIABLE`] says).
///
/// # Errors
/// Bad input, saying where it was looked for.
pub fn find(path: &Path, named: Option<&Path>) -> Result<Place> {
    let beside = path.parent().unwrap_or(Path::new(""));
    let places = [Some(beside.to_owned()), Some(beside.join("tokenizer")), named.map(Path::to_owned)];
    if let Some(found) = places.iter().flatten().find_map(|place| in_folder(place)) {
        return Ok(found);
    }
    if let Some(file) = named.filter(|file| file.is_file()) {
        return Ok(Place::List(file.to_owned()));
    }
    let said = match named {
        Some(named) => format!("in {VARIABLE} ({})", named.display()),
        None => format!("in {VARIABLE}, which is not set"),
    };
    Err(Error::bad_input(format!(
        "holds no tokenizer, as no such file does, and CLIP's is neither next to it, nor in tokenizer/ next to it, nor {said}"
    ))
    .hint(format!(
        "put vocab.json and merges.txt of CLIP's tokenizer, or {}[.gz], next to the file, or name their folder in {VARIABLE}",
        LISTS[0]
    )))
}

fn in_folder(folder: &Path) -> Option<Place> {
    let has = |name: &str| folder.join(name).is_file();
    if has("vocab.json") && has("merges.txt") || has("tokenizer.json") {
        return Some(Place::Folder(folder.to_owned()));
    }
    LISTS.iter().find(|name| has(name)).map(|name| Place::List(folder.join(name)))
}

/// The tokenizer at `place` for an encoder that knows `rows` tokens, which fills texts up with `pad`.
///
/// # Errors
/// Bad input, beginning with the file's name: what is there is no tokenizer.
pub fn read(place: &Place, rows: usize, pad: &str) -> Result<ClipTokenizer> {
    match place {
        Place::Folder(folder) => tokenizer::read_padded(folder, pad),
        Place::List(file) => {
            let made = list(file).and_then(|text| {
                let (vocabulary, merges) = of_list(&text, rows)?;
                tokenizer::of_pairs(vocabulary, merges, pad)
            });
            made.map_err(|error| error.within(file.display()))
        }
    }
}

fn list(file: &Path) -> Result<String> {
    let bytes = read_bytes(file)?;
    let mut text = String::new();
    let read = if bytes.starts_with(&[0x1f, 0x8b]) {
        GzDecoder::new(bytes.as_slice()).take(LONGEST_LIST).read_to_string(&mut text)
    } else {
        bytes.as_slice().take(LONGEST_LIST).read_to_string(&mut text)
    };
    read.map_err(|error| Error::bad_input(format!("is no list of pairs: {error}")))?;
    Ok(text)
}

type Pairs = (HashMap<String, u32>, Vec<(String, String)>);

/// Tokens in CLIP's order: bytes, bytes that end a word, what pairs become, begin and end.
fn of_list(text: &str, rows: usize) -> Result<Pairs> {
    let wanted = rows.checked_sub(OTHERS).ok_or_else(|| {
        Error::bad_input(format!(
            "its tokens are at least {OTHERS}, and the file's encoder of texts knows {rows}"
        ))
    })?;
    // The first line is a heading, and the encoder knows a part of the list.
    let merges = tokenizer::lines(&text.lines().skip(1).take(wanted).collect::<Vec<_>>().join("\n"))?;
    if merges.len() != wanted {
        return Err(Error::bad_input(format!(
            "has {} pairs, and the file's encoder of texts knows {wanted}",
            merges.len()
        )));
    }
    let bytes: Vec<char> = langevin_nn::text::byte_characters();
    let within = bytes.iter().map(char::to_string);
    let ending = bytes.iter().map(|byte| format!("{byte}</w>"));
    let joined = merges.iter().map(|(first, second)| format!("{first}{second}"));
    let ends = ["<|startoftext|>", "<|endoftext|>"].map(str::to_owned);
    let tokens = within.chain(ending).chain(joined).chain(ends);
    Ok((tokens.zip(0..).collect(), merges))
}
