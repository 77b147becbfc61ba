//! Byte pair encoding (Sennrich et al. 2016, 1508.07909) over bytes written as characters (Radford et al. 2019).

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use langevin_core::{Error, Result};

/// What the last character of a word carries.
pub(super) const END_OF_WORD: &str = "</w>";

/// Which tokens there are, and which neighbours become one.
#[derive(Debug, Clone)]
pub struct Merges {
    /// The token of each byte, within a word and at its end; `None` where the vocabulary lacks it.
    bytes: Vec<[Option<u32>; 2]>,
    /// The rank of a pair, lower first, and what it becomes.
    merges: HashMap<(u32, u32), (usize, u32)>,
    unknown: u32,
}

impl Merges {
    /// From a vocabulary and its merges, the most wanted first; `unknown` stands for a byte without a token.
    ///
    /// # Errors
    /// Bad input: a merge of tokens that the vocabulary lacks, or into one.
    pub fn new(vocabulary: &HashMap<String, u32>, merges: &[(String, String)], unknown: u32) -> Result<Self> {
        let find = |token: &str| {
            vocabulary.get(token).copied().ok_or_else(|| {
                Error::bad_input(format!("its merges use the token {token:?}, which its vocabulary lacks"))
            })
        };
        let mut ranked = HashMap::with_capacity(merges.len());
        for (rank, (first, second)) in merges.iter().enumerate() {
            let pair = (find(first)?, find(second)?);
            ranked.insert(pair, (rank, find(&format!("{first}{second}"))?));
        }
        let of = |char: char, end: &str| vocabulary.get(&format!("{char}{end}")).copied();
        let bytes = characters().map(|char| [of(char, ""), of(char, END_OF_WORD)]).collect();
        Ok(Self { bytes, merges: ranked, unknown })
    }

    /// Appends the tokens of a word.
    pub fn encode(&self, word: &str, out: &mut Vec<u32>) {
        let last = word.len().saturating_sub(1);
        let token = |(at, byte): (usize, u8)| {
            self.bytes[usize::from(byte)][usize::from(at == last)].unwrap_or(self.unknown)
        };
        let mut tokens: Vec<Option<u32>> = word.bytes().enumerate().map(token).map(Some).collect();
        // Neighbours that are left, beyond those that have become part of one.
        let mut next: Vec<usize> = (1..=tokens.len()).collect();
        let mut previous: Vec<usize> = (0..tokens.len()).map(|at| at.wrapping_sub(1)).collect();
        let mut waiting = BinaryHeap::new();
        let offer = |tokens: &[Option<u32>], at: usize, then: usize, heap: &mut BinaryHeap<_>| {
            if let (Some(Some(first)), Some(Some(second))) = (tokens.get(at), tokens.get(then))
                && let Some((rank, whole)) = self.merges.get(&(*first, *second))
            {
                heap.push(Reverse((*rank, at, then, *first, *second, *whole)));
            }
        };
        for at in 0..last {
            offer(&tokens, at, at + 1, &mut waiting);
        }
        while let Some(Reverse((_, at, then, first, second, whole))) = waiting.pop() {
            // What was offered may have become part of something else.
            if tokens[at] != Some(first) || next[at] != then || tokens[then] != Some(second) {
                continue;
            }
            (tokens[at], tokens[then]) = (Some(whole), None);
            next[at] = next[then];
            if let Some(before) = previous.get_mut(next[at]) {
                *before = at;
            }
            offer(&tokens, previous[at], at, &mut waiting);
            offer(&tokens, at, next[at], &mut waiting);
        }
        out.extend(tokens.into_iter().flatten());
    }
}

/// The character that each byte is written as: itself where it is visible, or one of those from U+0100 on.
pub(super) fn characters() -> impl Iterator<Item = char> {
    let visible = |byte: u8| matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
    let mut hidden = 0;
    (0..=u8::MAX).map(move |byte| {
        if visible(byte) {
            return char::from(byte);
        }
        hidden += 1;
        char::from_u32(0xff + hidden).expect("there are few hidden bytes")
    })
}

/// The characters that bytes are written as, in the order of CLIP's vocabulary: visible ones first.
pub fn byte_characters() -> Vec<char> {
    let mut all: Vec<char> = characters().collect();
    all.sort_unstable();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(merges: &[(&str, &str)]) -> (Merges, HashMap<String, u32>) {
        let mut vocabulary = HashMap::new();
        let tokens = characters().flat_map(|char| [char.to_string(), format!("{char}{END_OF_WORD}")]);
        for token in tokens.chain(merges.iter().map(|(a, b)| format!("{a}{b}"))) {
            let id = vocabulary.len() as u32;
            vocabulary.entry(token).or_insert(id);
        }
        let merges: Vec<_> = merges.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        (Merges::new(&vocabulary, &merges, 0).unwrap(), vocabulary)
    }

    #[test]
    fn the_most_wanted_pair_comes_first_and_the_leftmost_of_equals() {
        let (pairs, vocabulary) =
            pairs(&[("b", "c"), ("a", "b"), ("a", "a"), ("aa", "a</w>"), ("bc", "d</w>")]);
        let name = |id: u32| vocabulary.iter().find(|(_, other)| **other == id).unwrap().0.as_str();
        for (word, expected) in [
            ("abcd", &["a", "bcd</w>"][..]),
            ("abd", &["ab", "d</w>"]),
            ("aaaa", &["aa", "a", "a</w>"]),
            ("aaa", &["aaa</w>"]),
            ("a", &["a</w>"]),
            ("", &[]),
            ("é", &["Ã", "©</w>"]),
        ] {
            let mut found = Vec::new();
            pairs.encode(word, &mut found);
            assert_eq!(found.into_iter().map(name).collect::<Vec<_>>(), expected, "{word}");
        }
    }

    #[test]
    fn a_merge_of_nothing_known_is_refused() {
        let merges = [("a".to_owned(), "b".to_owned())];
        let error = Merges::new(&HashMap::new(), &merges, 0).unwrap_err().to_string();
        assert!(error.contains("\"a\"") && error.contains("vocabulary"), "{error}");
    }
}
