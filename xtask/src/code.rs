//! Reading Rust source just well enough for the checks: comments and literals blanked, unit tests cut off.

/// `text` with comments, strings and character literals replaced by spaces; lines keep their numbers.
pub fn blanked(text: &str) -> String {
    let source: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < source.len() {
        let end = literal_end(&source, at);
        if end > at {
            out.extend(source[at..end].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
            at = end;
        } else {
            out.push(source[at]);
            at += 1;
        }
    }
    out
}

/// The part of blanked code that lies before the unit tests.
pub fn without_tests(blanked: &str) -> &str {
    blanked.find("#[cfg(test)]").map_or(blanked, |at| &blanked[..at])
}

/// Blanked code with every item under `#[cfg(test)]` blanked too, wherever in the file it stands.
pub fn without_test_items(blanked: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let (mut out, mut rest) = (String::with_capacity(blanked.len()), blanked);
    while let Some(at) = rest.find(MARK) {
        let (before, item) = rest.split_at(at);
        out.push_str(before);
        let (item, after) = item.split_at(item_end(item, MARK.len()));
        out.extend(item.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        rest = after;
    }
    out + rest
}

/// Where the item ends whose attributes begin `code`: after its `;`, or after its outermost braces.
fn item_end(code: &str, from: usize) -> usize {
    let mut depth = 0_usize;
    for (at, c) in code.char_indices().skip_while(|(at, _)| *at < from) {
        match c {
            '{' | '(' | '[' => depth += 1,
            '}' | ')' | ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 && matches!(c, '}' | ';') {
            return at + 1;
        }
    }
    code.len()
}

/// The numbers, from 1, of the lines of `code` that hold `word` as a whole word.
pub fn lines_with_word(code: &str, word: &str) -> Vec<usize> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let holds = |line: &str| {
        line.match_indices(word).any(|(at, _)| {
            let before = line[..at].chars().next_back();
            let after = line[at + word.len()..].chars().next();
            !before.is_some_and(is_part) && !after.is_some_and(is_part)
        })
    };
    code.lines().enumerate().filter(|(_, line)| holds(line)).map(|(index, _)| index + 1).collect()
}

/// Where the comment or literal that begins at `at` ends; `at` itself when none begins there.
fn literal_end(source: &[char], at: usize) -> usize {
    let next = source.get(at + 1).copied();
    match source[at] {
        '/' if next == Some('/') => find(source, at, |c| c == '\n'),
        '/' if next == Some('*') => block_comment_end(source, at),
        '"' => quoted_end(source, at, '"'),
        'r' | 'b' if !preceded_by_word(source, at) => prefixed_end(source, at),
        // A character literal closes after one (possibly escaped) character; a lifetime does not.
        '\'' if next == Some('\\') => quoted_end(source, at, '\''),
        '\'' if source.get(at + 2) == Some(&'\'') => at + 3,
        _ => at,
    }
}

fn preceded_by_word(source: &[char], at: usize) -> bool {
    at > 0 && (source[at - 1].is_alphanumeric() || source[at - 1] == '_')
}

fn find(source: &[char], from: usize, stop: impl Fn(char) -> bool) -> usize {
    source[from..].iter().position(|c| stop(*c)).map_or(source.len(), |offset| from + offset)
}

fn block_comment_end(source: &[char], at: usize) -> usize {
    let (mut depth, mut here) = (0_usize, at);
    while here + 1 < source.len() {
        match (source[here], source[here + 1]) {
            ('/', '*') => (depth, here) = (depth + 1, here + 2),
            ('*', '/') => (depth, here) = (depth - 1, here + 2),
            _ => here += 1,
        }
        if depth == 0 {
            return here;
        }
    }
    source.len()
}

fn quoted_end(source: &[char], at: usize, quote: char) -> usize {
    let mut here = at + 1;
    while here < source.len() && source[here] != quote {
        here += if source[here] == '\\' { 2 } else { 1 };
    }
    (here + 1).min(source.len())
}

/// The end of `b"..."`, `b'.'`, `r"..."`, `r#"..."#` or `br#"..."#` at `at`; `at` when it is an ordinary word.
fn prefixed_end(source: &[char], at: usize) -> usize {
    let is = |index: usize, c: char| source.get(index) == Some(&c);
    let quote = at + 1;
    if is(at, 'b') && is(quote, '"') {
        return quoted_end(source, quote, '"');
    }
    if is(at, 'b') && is(quote, '\'') {
        return quoted_end(source, quote, '\'');
    }
    let hashes_from = if is(at, 'b') && is(quote, 'r') { at + 2 } else { at + 1 };
    if !is(hashes_from - 1, 'r') {
        return at;
    }
    let open = find(source, hashes_from, |c| c != '#');
    if !is(open, '"') {
        return at;
    }
    let hashes = open - hashes_from;
    let closes = |index: &usize| is(*index, '"') && (1..=hashes).all(|offset| is(index + offset, '#'));
    (open + 1..source.len()).find(closes).map_or(source.len(), |close| close + 1 + hashes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_blanked_and_code_stays() {
        let cases = [
            ("a // b\nc", "a     \nc"),
            ("a /* b /* c */ d */ e", "a                   e"),
            ("f(\"x\\\"y\", z)", "f(      , z)"),
            ("f(r#\"a\"b\"#)", "f(        )"),
            ("f(br\"ab\", b\"c\", b'd')", "f(      ,     ,     )"),
            ("'a' &'a str '\\n' 'b'", "    &'a str         "),
            ("bar(r#type)", "bar(r#type)"),
            ("\"two\nlines\" x", "    \n       x"),
        ];
        for (source, expected) in cases {
            assert_eq!(blanked(source), expected, "{source:?}");
        }
    }

    #[test]
    fn items_for_tests_are_blanked_wherever_they_stand() {
        let code = "a\n#[cfg(test)]\nmod t;\nb #[cfg(test)] #[x(y)] fn f(a: [u8; 2]) { { } } c";
        let second = " ".repeat("#[cfg(test)] #[x(y)] fn f(a: [u8; 2]) { { } }".len());
        let expected = format!("a\n{}\n{}\nb {second} c", " ".repeat(12), " ".repeat(6));
        assert_eq!(without_test_items(code), expected);
    }

    #[test]
    fn words_are_whole_words() {
        let code = "unsafe_code\nunsafe { x }\nan_unsafe\npub unsafe fn";
        assert_eq!(lines_with_word(code, "unsafe"), [2, 4]);
    }
}
