//! What the tokenizer must know of Unicode: letters, numbers, and the composed form NFC (Unicode Standard Annex 15), each in the
//! version of Unicode that the tokenizer's own library has.

use std::collections::HashMap;

/// Made by `references/tables/unicode_tables.py`.
const TABLE: &str = include_str!("unicode.txt");

/// The syllables of Hangul, which are composed by arithmetic (The Unicode Standard, section 3.12).
const SYLLABLES: u32 = 0xac00;
const LEADS: u32 = 0x1100;
const VOWELS: u32 = 0x1161;
const TRAILS: u32 = 0x11a7;
const LEAD_COUNT: u32 = 19;
const VOWEL_COUNT: u32 = 21;
const TRAIL_COUNT: u32 = 28;

/// The tables.
#[derive(Debug, Clone)]
pub struct Unicode {
    /// First and last of neighbouring letters, in order.
    letters: Vec<(u32, u32)>,
    /// The same of numbers.
    numbers: Vec<(u32, u32)>,
    /// First and last of characters that combine, with their class, in order.
    combining: Vec<(u32, u32, u8)>,
    parts: HashMap<char, (char, Option<char>)>,
    wholes: HashMap<(char, char), char>,
}

impl Unicode {
    /// Reads the table.
    pub fn new() -> Self {
        let mut unicode = Self {
            letters: Vec::new(),
            numbers: Vec::new(),
            combining: Vec::new(),
            parts: HashMap::new(),
            wholes: HashMap::new(),
        };
        for line in TABLE.lines() {
            unicode.read(line).expect("the table is part of the program");
        }
        unicode
    }

    fn read(&mut self, line: &str) -> Option<()> {
        let fields: Vec<&str> = line.split(' ').collect();
        let code = |index: usize| u32::from_str_radix(fields.get(index)?, 16).ok();
        match fields[0] {
            "L" => self.letters.push((code(1)?, code(2)?)),
            "N" => self.numbers.push((code(1)?, code(2)?)),
            "C" => self.combining.push((code(1)?, code(2)?, fields.get(3)?.parse().ok()?)),
            _ => {
                let char = char::from_u32(code(1)?)?;
                let (first, second) = (char::from_u32(code(2)?)?, code(3).and_then(char::from_u32));
                self.parts.insert(char, (first, second));
                if let (Some(second), false) = (second, line.ends_with('!')) {
                    self.wholes.insert((first, second), char);
                }
            }
        }
        Some(())
    }

    /// Whether `char` is a letter (general category L).
    pub fn is_letter(&self, char: char) -> bool {
        within(&self.letters, char)
    }

    /// Whether `char` is a number (general category N).
    pub fn is_number(&self, char: char) -> bool {
        within(&self.numbers, char)
    }

    /// The canonical combining class.
    fn class(&self, char: char) -> u8 {
        let code = u32::from(char);
        let after = self.combining.partition_point(|(first, ..)| *first <= code);
        match after.checked_sub(1).map(|at| self.combining[at]) {
            Some((_, last, class)) if last >= code => class,
            _ => 0,
        }
    }

    /// `text` in composed form: an e and an accent are one character.
    pub fn composed(&self, text: &str) -> String {
        if text.is_ascii() {
            return text.to_owned();
        }
        let mut chars: Vec<(char, u8)> = Vec::new();
        for char in text.chars() {
            self.take_apart(char, &mut chars);
        }
        // Marks on one character are ordered by their class.
        for run in chars.chunk_by_mut(|a, b| (a.1 == 0) == (b.1 == 0)) {
            run.sort_by_key(|(_, class)| *class);
        }
        self.put_together(chars)
    }

    fn take_apart(&self, char: char, out: &mut Vec<(char, u8)>) {
        let syllable = u32::from(char).wrapping_sub(SYLLABLES);
        if syllable < LEAD_COUNT * VOWEL_COUNT * TRAIL_COUNT {
            let lead = LEADS + syllable / (VOWEL_COUNT * TRAIL_COUNT);
            let vowel = VOWELS + syllable % (VOWEL_COUNT * TRAIL_COUNT) / TRAIL_COUNT;
            let trail = syllable % TRAIL_COUNT;
            let codes = [Some(lead), Some(vowel), (trail > 0).then_some(TRAILS + trail)];
            out.extend(codes.into_iter().flatten().filter_map(char::from_u32).map(|char| (char, 0)));
            return;
        }
        match self.parts.get(&char) {
            Some((first, second)) => {
                self.take_apart(*first, out);
                if let Some(second) = second {
                    self.take_apart(*second, out);
                }
            }
            None => out.push((char, self.class(char))),
        }
    }

    fn put_together(&self, chars: Vec<(char, u8)>) -> String {
        let mut out: Vec<char> = Vec::with_capacity(chars.len());
        // Where the last character that others combine with is, and the class of the last one kept after it.
        let (mut starter, mut before): (Option<usize>, Option<u8>) = (None, None);
        for (char, class) in chars {
            if let Some(at) = starter {
                let open = before.is_none_or(|before| before < class);
                if let (true, Some(whole)) = (open, self.whole(out[at], char)) {
                    out[at] = whole;
                    continue;
                }
            }
            if class == 0 {
                (starter, before) = (Some(out.len()), None);
            } else {
                before = Some(class);
            }
            out.push(char);
        }
        out.into_iter().collect()
    }

    fn whole(&self, first: char, second: char) -> Option<char> {
        let (lead, vowel) = (u32::from(first).wrapping_sub(LEADS), u32::from(second).wrapping_sub(VOWELS));
        if lead < LEAD_COUNT && vowel < VOWEL_COUNT {
            return char::from_u32(SYLLABLES + (lead * VOWEL_COUNT + vowel) * TRAIL_COUNT);
        }
        let (syllable, trail) =
            (u32::from(first).wrapping_sub(SYLLABLES), u32::from(second).wrapping_sub(TRAILS));
        let open = syllable < LEAD_COUNT * VOWEL_COUNT * TRAIL_COUNT && syllable.is_multiple_of(TRAIL_COUNT);
        if open && (1..TRAIL_COUNT).contains(&trail) {
            return char::from_u32(u32::from(first) + trail);
        }
        self.wholes.get(&(first, second)).copied()
    }
}

/// Whether one of the runs has `char`.
fn within(runs: &[(u32, u32)], char: char) -> bool {
    let code = u32::from(char);
    let after = runs.partition_point(|(first, _)| *first <= code);
    after > 0 && runs[after - 1].1 >= code
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_and_numbers_are_those_of_the_standard() {
        let unicode = Unicode::new();
        for letter in ['a', 'Z', 'é', 'ß', 'ª', 'Ж', '中', 'あ', '한', '𝒳'] {
            assert!(unicode.is_letter(letter), "{letter}");
        }
        // A Devanagari vowel sign and a Roman numeral are alphabetic, and no letters.
        for other in ['1', ' ', '-', '\u{301}', '\u{93e}', 'Ⅳ', '😀', '\u{10ffff}'] {
            assert!(!unicode.is_letter(other), "{other}");
        }
        for (char, number) in
            [('7', true), ('٣', true), ('½', true), ('Ⅳ', true), ('四', false), ('-', false)]
        {
            assert_eq!(unicode.is_number(char), number, "{char}");
        }
    }

    #[test]
    fn composition_is_that_of_the_annex() {
        // The examples of Unicode Standard Annex 15, and syllables of Hangul.
        let unicode = Unicode::new();
        for (text, composed) in [
            ("e\u{301}", "\u{e9}"),
            ("\u{1e0b}\u{323}", "\u{1e0d}\u{307}"),
            ("q\u{307}\u{323}", "q\u{323}\u{307}"),
            ("\u{212b}", "\u{c5}"),
            ("\u{fb01}", "\u{fb01}"),
            ("\u{1112}\u{1161}\u{11ab}", "\u{d55c}"),
            ("\u{ac00}\u{11a8}", "\u{ac01}"),
            ("\u{915}\u{93c}", "\u{915}\u{93c}"),
            ("a\u{5ae}\u{300}\u{315}b", "\u{e0}\u{5ae}\u{315}b"),
            ("\u{301}e", "\u{301}e"),
        ] {
            assert_eq!(unicode.composed(text), composed, "{text:?}");
            assert_eq!(unicode.composed(composed), composed);
        }
    }
}
