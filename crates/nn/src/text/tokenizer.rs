//! CLIP's tokenizer: a text in, the numbers of its tokens out, as transformers' `CLIPTokenizer` gives them.

use std::collections::HashMap;
use std::sync::Arc;

use langevin_core::{Error, Result};

use super::merges::Merges;
use super::pretokenizer::{cleaned, pieces};
use super::unicode::Unicode;

/// What a tokenizer is made from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TokenizerParts {
    /// Every token and its number.
    pub vocabulary: HashMap<String, u32>,
    /// Merges of tokens that become one, the most wanted first.
    pub merges: Vec<(String, String)>,
    /// Tokens that are found in a text before it is divided.
    pub specials: Vec<Special>,
    /// What begins every text: a token's name, as the next four.
    pub start: String,
    /// What ends it.
    pub end: String,
    /// What fills it up.
    pub pad: String,
    /// What stands for a byte without a token.
    pub unknown: String,
    /// Tokens of every text, start and end among them.
    pub length: usize,
}

/// A token that is found in a text as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Special {
    /// What is found.
    pub text: String,
    /// The token's number.
    pub id: u32,
    /// Whether it is found after letters became lower-case, rather than before.
    pub cleaned: bool,
}

/// A text as tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tokens {
    /// Numbers of tokens, start and end among them, filled up to the tokenizer's length.
    pub ids: Vec<u32>,
    /// Tokens at the end of the text that found no room.
    pub cut: usize,
}

/// The tokenizer.
#[derive(Debug, Clone)]
pub struct ClipTokenizer {
    parts: Arc<TokenizerParts>,
    unicode: Unicode,
    pairs: Merges,
    raw: Vec<Special>,
    cleaned: Vec<Special>,
    start: u32,
    end: u32,
    pad: u32,
    length: usize,
}

impl ClipTokenizer {
    /// Puts a tokenizer together.
    ///
    /// # Errors
    /// Bad input: a merge or a name that the vocabulary lacks, a length without room for a token.
    pub fn new(parts: &TokenizerParts) -> Result<Self> {
        let find = |role: &str, name: &str| {
            let special = parts.specials.iter().find(|special| special.text == name);
            special.map(|special| special.id).or_else(|| parts.vocabulary.get(name).copied()).ok_or_else(
                || {
                    Error::bad_input(format!(
                        "its {role} token is {name:?}, which its vocabulary of {} tokens lacks",
                        parts.vocabulary.len()
                    ))
                },
            )
        };
        if parts.length < 3 {
            return Err(Error::bad_input(format!(
                "texts of {} tokens have no room for one between start and end",
                parts.length
            )));
        }
        let unicode = Unicode::new();
        let (mut raw, mut of_cleaned) = (Vec::new(), Vec::new());
        for special in parts.specials.iter().filter(|special| !special.text.is_empty()) {
            if special.cleaned {
                let text = cleaned(&unicode, &special.text);
                of_cleaned.push(Special { text, ..special.clone() });
            } else {
                raw.push(special.clone());
            }
        }
        Ok(Self {
            parts: Arc::new(parts.clone()),
            pairs: Merges::new(&parts.vocabulary, &parts.merges, find("unknown", &parts.unknown)?)?,
            start: find("first", &parts.start)?,
            end: find("last", &parts.end)?,
            pad: find("padding", &parts.pad)?,
            length: parts.length,
            cleaned: of_cleaned,
            raw,
            unicode,
        })
    }

    /// What it was put together from.
    pub fn parts(&self) -> &TokenizerParts {
        &self.parts
    }

    /// How many tokens every text has.
    pub fn length(&self) -> usize {
        self.length
    }

    /// The tokens of `text` alone, however many.
    pub fn tokens(&self, text: &str) -> Vec<u32> {
        let mut out = Vec::new();
        for part in apart(text, &self.raw) {
            match part {
                Part::Special(id) => out.push(id),
                Part::Text(text) => {
                    let text = cleaned(&self.unicode, text);
                    for part in apart(&text, &self.cleaned) {
                        match part {
                            Part::Special(id) => out.push(id),
                            Part::Text(text) => pieces(&self.unicode, text)
                                .into_iter()
                                .for_each(|word| self.pairs.encode(word, &mut out)),
                        }
                    }
                }
            }
        }
        out
    }

    /// The end of `text` that finds no room, beginning with the first word that does not wholly; `None` where all of it does.
    pub fn cut<'t>(&self, text: &'t str) -> Option<&'t str> {
        let room = self.length - 2;
        if self.tokens(text).len() <= room {
            return None;
        }
        // Where a word ends. The tokens of a beginning are the first ones of the text, since spaces divide it.
        let ends: Vec<usize> = text
            .char_indices()
            .filter(|(at, letter)| *at > 0 && letter.is_whitespace())
            .map(|(at, _)| at)
            .collect();
        let fit = ends.partition_point(|end| self.tokens(&text[..*end]).len() <= room);
        let from = if fit == 0 { 0 } else { ends[fit - 1] };
        Some(text[from..].trim_start())
    }

    /// The tokens of `text` between start and end, filled up or cut to [`Self::length`].
    pub fn encode(&self, text: &str) -> Tokens {
        let tokens = self.tokens(text);
        let room = self.length - 2;
        let mut ids = vec![self.start];
        ids.extend(&tokens[..tokens.len().min(room)]);
        ids.push(self.end);
        ids.resize(self.length, self.pad);
        Tokens { ids, cut: tokens.len().saturating_sub(room) }
    }
}

enum Part<'a> {
    Special(u32),
    Text(&'a str),
}

/// `text` divided at the special tokens in it, the first and there the longest.
fn apart<'a>(text: &'a str, specials: &[Special]) -> Vec<Part<'a>> {
    let (mut parts, mut from, mut at) = (Vec::new(), 0, 0);
    while at < text.len() {
        let rest = &text[at..];
        let found = specials.iter().filter(|special| rest.starts_with(&special.text));
        match found.max_by_key(|special| special.text.len()) {
            Some(special) => {
                if at > from {
                    parts.push(Part::Text(&text[from..at]));
                }
                parts.push(Part::Special(special.id));
                at += special.text.len();
                from = at;
            }
            None => at += rest.chars().next().map_or(1, char::len_utf8),
        }
    }
    if from < text.len() {
        parts.push(Part::Text(&text[from..]));
    }
    parts
}
