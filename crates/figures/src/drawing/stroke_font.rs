//! A font of strokes: each letter is a few lines and curves on a grid, drawn with a round pen, so text is smooth at
//! every size and no font file is needed.
//!
//! The grid is half units: capitals reach from 0 to 12 (the baseline), small letters begin at 4, tails end at 16. A
//! stroke is a list of points, two digits of base 17 each (x, then y). A plain stroke is straight between its points;
//! `~` begins a quadratic B-spline that starts at the first point, ends at the last and is pulled by those between; `o`
//! begins a closed one.

const CAP_HEIGHT: f64 = 12.0;
/// The height of capitals as a part of the font size, as in common sans-serif fonts.
const CAP_PART: f64 = 0.72;
const GAP: f64 = 3.0;
const CURVE_PIECES: usize = 8;

#[rustfmt::skip]
const GLYPHS: &[(char, f64, &str)] = &[
    (' ', 2.5, ""),
    ('A', 8.0, "0c408c 1979"), ('B', 8.0, "000c ~004070764606 ~0646868c4c0c"), ('C', 8.0, "~8380000c8c89"),
    ('D', 8.0, "000c ~0040808c4c0c"), ('E', 7.0, "70000c7c 0666"), ('F', 7.0, "70000c 0666"),
    ('G', 8.0, "~8380000c8c87 8757"), ('H', 8.0, "000c 808c 0686"), ('I', 0.0, "000c"), ('J', 6.0, "~60686c0c09"),
    ('K', 8.0, "000c 8008 358c"), ('L', 7.0, "000c7c"), ('M', 10.0, "0c0058a0ac"), ('N', 8.0, "0c008c80"),
    ('O', 9.0, "o00909c0c"), ('P', 8.0, "000c ~004080874707"), ('Q', 9.0, "o00909c0c 699d"),
    ('R', 8.0, "000c ~004080874707 478c"), ('S', 8.0, "~83800006868c0c09"), ('T', 8.0, "0080 404c"),
    ('U', 8.0, "~00080c8c8880"), ('V', 8.0, "004c80"), ('W', 12.0, "003c609cc0"), ('X', 8.0, "008c 800c"),
    ('Y', 8.0, "004680 464c"), ('Z', 8.0, "00800c8c"),
    ('0', 7.0, "o00707c0c"), ('1', 7.0, "13404c"), ('2', 7.0, "~030070750c 0c7c"), ('3', 7.0, "~0200606636 ~36767c0c0a"),
    ('4', 7.0, "5c500878"), ('5', 7.0, "701006 ~0624747c0c09"), ('6', 7.0, "o05757c0c ~600109"), ('7', 7.0, "00702c"),
    ('8', 7.0, "o10606616 o06767c0c"), ('9', 7.0, "o00707707 ~737b1c"),
    ('a', 7.0, "o04747c0c 747c"), ('b', 7.0, "000c o04747c0c"), ('c', 6.0, "~6664040c6c6a"), ('d', 7.0, "o04747c0c 707c"),
    ('e', 7.0, "0878 ~7874040c7c7a"), ('f', 5.0, "~5020242c 0454"), ('g', 7.0, "o04747c0c ~747d7g0g0e"),
    ('h', 7.0, "000c ~080474787c"), ('i', 0.0, "040c 0001"), ('j', 3.0, "~343d3g0g 3031"), ('k', 6.0, "000c 640a 286c"),
    ('l', 0.0, "000c"), ('m', 10.0, "040c ~080454585c ~5854a4a8ac"), ('n', 7.0, "040c ~080474787c"), ('o', 7.0, "o04747c0c"),
    ('p', 7.0, "040g o04747c0c"), ('q', 7.0, "747g o04747c0c"), ('r', 4.0, "040c ~080444"), ('s', 6.0, "~66640408686c0c0a"),
    ('t', 5.0, "~21292c5c 0454"), ('u', 7.0, "~04080c7c7874 747c"), ('v', 6.0, "043c64"), ('w', 10.0, "042c548ca4"),
    ('x', 6.0, "046c 640c"), ('y', 6.0, "043c 641g"), ('z', 6.0, "04640c6c"),
    ('.', 0.0, "0b0c"), (',', 1.0, "1b0e"), (':', 0.0, "0506 0b0c"), ('-', 4.0, "0848"), ('−', 7.0, "0878"), ('+', 8.0, "0888 444c"),
    ('=', 7.0, "0676 0a7a"), ('/', 5.0, "500e"), ('(', 3.0, "~30040a3e"), (')', 3.0, "~00343a0e"), ('[', 3.0, "30000e3e"),
    (']', 3.0, "00303e0e"), ('%', 10.0, "901c o00404505 o67a7ac6c"), ('_', 7.0, "0d7d"), ('<', 7.0, "74087c"), ('>', 7.0, "04780c"),
    ('\'', 0.0, "0003"), ('!', 0.0, "0008 0b0c"), ('?', 7.0, "~020070764649 4b4c"), ('~', 8.0, "~0a06464a8a86"), ('*', 6.0, "3137 0266 6206"),
    ('×', 6.0, "056b 650b"), ('·', 1.0, "0708"), ('∞', 12.0, "o05656b0b o65c5cb6b"),
    ('α', 8.0, "~845c0c04548c"), ('σ', 8.0, "o04747c0c 3484"), ('λ', 7.0, "~00207c7c 460c"),
    ('τ', 6.0, "0464 ~34393c5c"), ('β', 7.0, "0g04 ~0400606636 ~36767c0c0b"), ('²', 4.0, "~0200404306 0646"), ('√', 8.0, "08284c80"),
];

/// The width of `text` at font `size`, in the unit of `size`.
pub fn text_width(text: &str, size: f64) -> f64 {
    let advance: f64 = text.chars().map(|c| glyph(c).0 + GAP).sum();
    (advance - GAP).max(0.0) * scale(size)
}

/// The strokes of `text` at font `size`, each a list of (x, y) points; the text begins at x = 0 on the baseline y = 0.
pub fn strokes(text: &str, size: f64) -> Vec<Vec<(f64, f64)>> {
    let (scale, mut x, mut strokes) = (scale(size), 0.0, Vec::new());
    for c in text.chars() {
        let (width, code) = glyph(c);
        for stroke in code.split_whitespace() {
            let place = |(px, py): (f64, f64)| ((x + px) * scale, (py - CAP_HEIGHT) * scale);
            strokes.push(points(stroke).into_iter().map(place).collect());
        }
        x += width + GAP;
    }
    strokes
}

fn scale(size: f64) -> f64 {
    size * CAP_PART / CAP_HEIGHT
}

/// Width and strokes of a letter; a letter that is not in the font is an empty box.
fn glyph(c: char) -> (f64, &'static str) {
    GLYPHS
        .iter()
        .find(|(known, ..)| *known == c)
        .map_or((6.0, "00606c0c00"), |(_, width, code)| (*width, code))
}

fn points(stroke: &str) -> Vec<(f64, f64)> {
    let digits: Vec<f64> = stroke.chars().filter_map(|c| c.to_digit(17)).map(f64::from).collect();
    let controls: Vec<(f64, f64)> = digits.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
    match stroke.chars().next() {
        Some('~') => open_curve(&controls),
        Some('o') => closed_curve(&controls),
        _ => controls,
    }
}

fn open_curve(controls: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let last = controls.len() - 1;
    let mut out = vec![controls[0]];
    for at in 1..last {
        let start = if at == 1 { controls[0] } else { middle(controls[at - 1], controls[at]) };
        let end = if at == last - 1 { controls[last] } else { middle(controls[at], controls[at + 1]) };
        bend(start, controls[at], end, &mut out);
    }
    out
}

fn closed_curve(controls: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let count = controls.len();
    let mut out = vec![middle(controls[count - 1], controls[0])];
    for at in 0..count {
        let start = middle(controls[(at + count - 1) % count], controls[at]);
        bend(start, controls[at], middle(controls[at], controls[(at + 1) % count]), &mut out);
    }
    out
}

fn middle(a: (f64, f64), b: (f64, f64)) -> (f64, f64) {
    ((a.0 + b.0) / 2.0, (a.1 + b.1) / 2.0)
}

/// Adds the quadratic Bezier curve from `a` to `c` pulled by `b`, without its start.
fn bend(a: (f64, f64), b: (f64, f64), c: (f64, f64), out: &mut Vec<(f64, f64)>) {
    for piece in 1..=CURVE_PIECES {
        let t = piece as f64 / CURVE_PIECES as f64;
        let mix = |a: f64, b: f64, c: f64| (1.0 - t).powi(2) * a + 2.0 * t * (1.0 - t) * b + t * t * c;
        out.push((mix(a.0, b.0, c.0), mix(a.1, b.1, c.1)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_glyph_is_well_formed_and_within_its_width() {
        for (c, width, code) in GLYPHS {
            for stroke in code.split_whitespace() {
                let points = points(stroke);
                assert!(points.len() >= 2, "{c}: {stroke}");
                for (x, y) in points {
                    assert!(
                        (0.0..=*width).contains(&x) && (0.0..=16.0).contains(&y),
                        "{c}: {stroke} at {x}, {y}"
                    );
                }
            }
        }
    }

    #[test]
    fn widths_add_up() {
        assert_eq!(text_width("", 10.0), 0.0);
        let (a, b, both) = (text_width("AB", 10.0), text_width("CD", 10.0), text_width("ABCD", 10.0));
        assert!((both - a - b - GAP * scale(10.0)).abs() < 1e-9);
    }
}
