//! Damage to text: to its words and numbers, its lines, its quotes and brackets.

use fastrand::Rng;

/// Values at which options go wrong: numbers at the ends of their types and beyond, no numbers, nothing, far too much, other
/// scripts, paths and specs.
const VALUES: &[&str] = &[
    "0",
    "-0",
    "1",
    "-1",
    "2",
    "7",
    "0.5",
    "1e-300",
    "1e308",
    "1e309",
    "-1e308",
    "nan",
    "NaN",
    "inf",
    "-inf",
    "255",
    "256",
    "65535",
    "65536",
    "10000",
    "10001",
    "1000000000",
    "2147483647",
    "2147483648",
    "4294967295",
    "4294967296",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "1e18",
    "0x10",
    "1_000",
    "3,5",
    "1/2",
    "",
    " ",
    "\t",
    "none",
    "auto",
    "true",
    "false",
    "null",
    "[]",
    "{}",
    "[1,2",
    "\"",
    "'",
    "=",
    ":",
    "a:b=c",
    "heun:limit=100000",
    "karras:rho=-1",
    "linear:a=nan",
    "gaussian_blur:sigma=1000",
    "disk_blur:radius=1000",
    "box:1,2,3,4",
    "box=1000000000",
    "..",
    "/dev/null",
    "builtin:",
    "builtin:shapes",
    "builtin:mnist",
    "\u{feff}",
    "日本語",
    "é́́́",
    "\u{202e}",
    "a b",
    "-",
    "--",
    "%s%n",
    "0000000000000000000000000000000000000000000000000000000000000001",
];

/// A value at which an option may go wrong.
pub fn value(rng: &mut Rng) -> String {
    match rng.u8(0..12) {
        0 => "x".repeat(1 << rng.u32(0..16)),
        1 => format!("{}", f64::from_bits(rng.u64(..))),
        2 => rng.i64(-100_000..100_000).to_string(),
        _ => VALUES[rng.usize(..VALUES.len())].to_owned(),
    }
}

/// One damage. What is no text any more is damaged as bytes.
pub fn damage(bytes: &mut Vec<u8>, rng: &mut Rng) {
    let Ok(text) = std::str::from_utf8(bytes) else { return super::bytes::damage(bytes, rng) };
    let words = words(text);
    if words.is_empty() {
        return super::bytes::damage(bytes, rng);
    }
    let (from, to) = words[rng.usize(..words.len())];
    let numbers: Vec<_> =
        words.iter().copied().filter(|(from, _)| text.as_bytes()[*from].is_ascii_digit()).collect();
    *bytes = match rng.u8(0..10) {
        0..=3 if !numbers.is_empty() => {
            let (from, to) = numbers[rng.usize(..numbers.len())];
            format!("{}{}{}", &text[..from], value(rng), &text[to..]).into_bytes()
        }
        4 | 5 => format!("{}{}{}", &text[..from], value(rng), &text[to..]).into_bytes(),
        6 => {
            let (other, end) = words[rng.usize(..words.len())];
            format!("{}{}{}", &text[..from], &text[other..end], &text[to..]).into_bytes()
        }
        7 => lines(text, rng).into_bytes(),
        8 => {
            let sign = ["\n", "\r\n", "\0", "[", "]", "{", "}", "\"", "'", "=", "#", ",", "\u{feff}"];
            format!("{}{}{}", &text[..from], sign[rng.usize(..sign.len())], &text[from..]).into_bytes()
        }
        _ => {
            let mut damaged = std::mem::take(bytes);
            super::bytes::damage(&mut damaged, rng);
            damaged
        }
    };
}

/// Where the words are: runs of letters, digits, points and dashes.
fn words(text: &str) -> Vec<(usize, usize)> {
    let mut words = Vec::new();
    let mut from = None;
    for (at, sign) in text.char_indices().chain([(text.len(), ' ')]) {
        let inside = sign.is_alphanumeric() || matches!(sign, '.' | '-' | '_');
        match (from, inside) {
            (None, true) => from = Some(at),
            (Some(start), false) => {
                words.push((start, at));
                from = None;
            }
            _ => {}
        }
    }
    words
}

/// The text with a line left out, doubled, or moved.
fn lines(text: &str, rng: &mut Rng) -> String {
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    let at = rng.usize(..lines.len());
    let line = lines[at];
    match rng.u8(0..3) {
        0 => drop(lines.remove(at)),
        1 => lines.insert(rng.usize(..=lines.len()), line),
        _ => {
            lines.remove(at);
            lines.insert(rng.usize(..=lines.len()), line);
        }
    }
    lines.concat()
}
