//! A tokenizer learned from texts: byte pair encoding in the form of CLIP's (Sennrich et al. 2016, 1508.07909, algorithm 1).

use std::collections::{BTreeMap, HashMap};

use super::merges::{END_OF_WORD, characters};
use super::pretokenizer::{MARKERS, cleaned, pieces};
use super::tokenizer::{Special, TokenizerParts};
use super::unicode::Unicode;

/// A pair that is found fewer times stays two tokens.
const OFTEN: u64 = 2;

/// The parts of a tokenizer of at most `most` tokens (at least the 514 of all bytes and both markers) for texts like `texts`,
/// each filled up to `length` tokens. The same texts in the same order give the same tokenizer.
///
/// The most frequent pair of neighbours within words becomes one token, again and again; of pairs as frequent the first by its
/// characters.
pub fn learned<'a>(texts: impl IntoIterator<Item = &'a str>, most: usize, length: usize) -> TokenizerParts {
    let unicode = Unicode::new();
    let mut words: BTreeMap<String, u64> = BTreeMap::new();
    for text in texts {
        let text = cleaned(&unicode, text);
        pieces(&unicode, &text).into_iter().for_each(|word| *words.entry(word.to_owned()).or_default() += 1);
    }
    let written: Vec<char> = characters().collect();
    let mut tokens: Vec<String> = written.iter().map(ToString::to_string).collect();
    tokens.extend(written.iter().map(|char| format!("{char}{END_OF_WORD}")));
    let spell = |word: &str| -> Vec<String> {
        let mut spelled: Vec<String> =
            word.bytes().map(|byte| written[usize::from(byte)].to_string()).collect();
        if let Some(last) = spelled.last_mut() {
            last.push_str(END_OF_WORD);
        }
        spelled
    };
    let mut spelled: Vec<(Vec<String>, u64)> =
        words.iter().map(|(word, count)| (spell(word), *count)).collect();
    let mut merges = Vec::new();
    while tokens.len() + MARKERS.len() < most {
        let mut found: BTreeMap<(&str, &str), u64> = BTreeMap::new();
        for (word, count) in &spelled {
            for pair in word.windows(2) {
                *found.entry((&pair[0], &pair[1])).or_default() += count;
            }
        }
        // The largest count, and of several the first pair.
        let best =
            found.into_iter().rev().max_by_key(|(_, count)| *count).filter(|(_, count)| *count >= OFTEN);
        let Some(((first, second), _)) = best else { break };
        let (first, second) = (first.to_owned(), second.to_owned());
        for (word, _) in &mut spelled {
            joined(word, &first, &second);
        }
        tokens.push(format!("{first}{second}"));
        merges.push((first, second));
    }
    tokens.extend(MARKERS.map(str::to_owned));
    parts(&tokens, merges, length)
}

/// The parts of a tokenizer whose tokens are numbered in the order of `tokens`, the last two beginning and ending every text.
pub fn parts(tokens: &[String], merges: Vec<(String, String)>, length: usize) -> TokenizerParts {
    let vocabulary: HashMap<String, u32> =
        tokens.iter().enumerate().map(|(id, token)| (token.clone(), id as u32)).collect();
    let [start, end] = MARKERS.map(str::to_owned);
    let special = |text: &String| {
        vocabulary.get(text).map(|id| Special { text: text.clone(), id: *id, cleaned: false })
    };
    TokenizerParts {
        merges,
        specials: [&start, &end].into_iter().filter_map(special).collect(),
        pad: end.clone(),
        unknown: end.clone(),
        start,
        end,
        length,
        vocabulary,
    }
}

/// Joins every `first` that `second` follows.
fn joined(word: &mut Vec<String>, first: &str, second: &str) {
    let mut at = 0;
    while at + 1 < word.len() {
        if word[at] == first && word[at + 1] == second {
            let after = word.remove(at + 1);
            word[at].push_str(&after);
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::super::tokenizer::ClipTokenizer;
    use super::*;

    #[test]
    fn the_example_of_the_paper_is_learned() {
        // Sennrich et al. 2016, algorithm 1: low 5, lower 2, newest 6, widest 3; the first merges are es, est, est</w>, lo, low.
        // Here the end of a word is part of its last character from the beginning.
        let texts = [("low", 5), ("lower", 2), ("newest", 6), ("widest", 3)];
        let texts: Vec<&str> = texts.iter().flat_map(|(word, count)| vec![*word; *count]).collect();
        let learned = learned(texts.iter().copied(), 514 + 4, 8);
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(learned.merges, [pair("e", "s"), pair("es", "t</w>"), pair("l", "o"), pair("e", "w")]);
    }

    #[test]
    fn frequent_words_become_one_token_and_all_bytes_have_some() {
        let text = ["a red star", "a red ball", "a blue star", "a blue ball"];
        let parts = learned(text, 1024, 8);
        let tokenizer = ClipTokenizer::new(&parts).unwrap();
        let count = |text: &str| tokenizer.tokens(text).len();
        assert_eq!((count("a red star"), count("blue ball"), count("BLUE  Ball")), (3, 2, 2));
        // Words that never were are spelled, and no byte is unknown.
        let end = parts.vocabulary[&parts.end];
        assert_eq!(count("zebra"), 5);
        assert!(!tokenizer.tokens("Ω 🦊 \u{7f}").contains(&end));
        assert_eq!(learned(text, 1024, 8), parts);
    }
}
