//! The words of a text, as CLIP's tokenizer divides it before it looks for pairs.

use super::unicode::Unicode;

/// Endings that stand apart.
const CONTRACTIONS: [&str; 7] = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"];
/// What begins and ends every text: words that stay one, whatever is beside them.
pub(super) const MARKERS: [&str; 2] = ["<|startoftext|>", "<|endoftext|>"];

/// A text in composed form, with single spaces and lower-case letters.
pub fn cleaned(unicode: &Unicode, text: &str) -> String {
    let composed = unicode.composed(text);
    let mut out = String::with_capacity(composed.len());
    let mut spaces = false;
    for char in composed.chars() {
        match (char.is_whitespace(), spaces) {
            (true, true) => (),
            (true, false) => out.push(' '),
            // Letter by letter: a sigma at the end of a word is one like any other.
            (false, _) => out.extend(char.to_lowercase()),
        }
        spaces = char.is_whitespace();
    }
    out
}

/// The words of a cleaned text: contractions, runs of letters, single digits, runs of anything else; spaces are left out.
pub fn pieces<'a>(unicode: &Unicode, text: &'a str) -> Vec<&'a str> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = if let Some(marker) = MARKERS.iter().find(|marker| rest.starts_with(**marker)) {
            // It stays apart from its neighbours, but is no token: the next division is like any other.
            let inner = &marker[2..marker.len() - 2];
            found.extend([&rest[..2], &rest[2..2 + inner.len()], &rest[2 + inner.len()..marker.len()]]);
            rest = &rest[marker.len()..];
            continue;
        } else if let Some(ending) = CONTRACTIONS.iter().find(|ending| rest.starts_with(**ending)) {
            ending.len()
        } else if unicode.is_letter(first) {
            run(rest, |char| unicode.is_letter(char))
        } else if unicode.is_number(first) || first.is_whitespace() {
            first.len_utf8()
        } else {
            run(rest, |char| !unicode.is_letter(char) && !unicode.is_number(char) && !char.is_whitespace())
        };
        if !first.is_whitespace() {
            found.push(&rest[..length]);
        }
        rest = &rest[length..];
    }
    found
}

/// Bytes at the beginning of `text` whose characters are such.
fn run(text: &str, such: impl Fn(char) -> bool) -> usize {
    text.find(|char| !such(char)).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_divided_as_the_pattern_says() {
        let unicode = Unicode::new();
        for (text, expected) in [
            ("", &[][..]),
            ("  It's  2024,\n\tdon't!! ", &["it", "'s", "2", "0", "2", "4", ",", "don", "'t", "!!"]),
            ("we'll've'x", &["we", "'ll", "'ve", "'", "x"]),
            ("!<|endoftext|>?", &["!<|", "endoftext", "|>?"]),
            ("a<|EndOfText|>?", &["a", "<|", "endoftext", "|>", "?"]),
        ] {
            let cleaned = cleaned(&unicode, text);
            assert_eq!(pieces(&unicode, &cleaned), expected, "{text:?}");
        }
    }
}
