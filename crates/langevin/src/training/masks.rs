//! Masks drawn at random, for training: boxes, strokes of a brush, and halves.

use langevin_core::Stream;

/// The share of the masks that are boxes, and of those that are boxes or strokes; the others are halves.
const BOXES: f64 = 0.4;
const BOXES_OR_STROKES: f64 = 0.8;

/// Which pixels of an image of `height` x `width` are hidden, row by row: at least one, and not all.
///
/// Up to three boxes with sides of 15 to 60 hundredths of the image's, strokes of a brush (after the free-form masks of Yu et
/// al. 2019, 1806.03589), or everything beyond a line in the middle third.
pub fn random_mask(stream: &mut Stream, height: usize, width: usize) -> Vec<bool> {
    let kind = stream.uniform();
    let mut hidden = vec![false; height * width];
    if kind < BOXES {
        for _ in 0..=below(stream, 3) {
            square(stream, (height, width), &mut hidden);
        }
    } else if kind < BOXES_OR_STROKES {
        for _ in 0..=below(stream, 4) {
            brush(stream, (height, width), &mut hidden);
        }
    }
    if hidden.iter().all(|is| *is) || !hidden.iter().any(|is| *is) {
        half(stream, (height, width), &mut hidden);
    }
    hidden
}

/// A whole number below `count`.
fn below(stream: &mut Stream, count: usize) -> usize {
    ((stream.uniform() * count as f64) as usize).min(count - 1)
}

fn square(stream: &mut Stream, (height, width): (usize, usize), hidden: &mut [bool]) {
    let mut along = |side: usize| {
        let length = ((0.15 + 0.45 * stream.uniform()) * side as f64).round().max(1.0) as usize;
        let first = below(stream, side - length.min(side) + 1);
        first..first + length.min(side)
    };
    let (rows, columns) = (along(height), along(width));
    for row in rows {
        hidden[row * width..][columns.clone()].fill(true);
    }
}

/// A line of four to eight pieces, each turned a little from the one before.
fn brush(stream: &mut Stream, (height, width): (usize, usize), hidden: &mut [bool]) {
    let side = height.min(width) as f64;
    let radius = side * (0.02 + 0.06 * stream.uniform());
    let mut from = (stream.uniform() * height as f64, stream.uniform() * width as f64);
    let mut way = towards(stream, (0.0, 0.0));
    for _ in 0..4 + below(stream, 5) {
        let length = side * (0.1 + 0.2 * stream.uniform());
        let to = (from.0 + length * way.0, from.1 + length * way.1);
        for (at, hidden) in hidden.iter_mut().enumerate() {
            let pixel = ((at / width) as f64 + 0.5, (at % width) as f64 + 0.5);
            *hidden |= distance(pixel, from, to) <= radius.max(0.71);
        }
        from = (to.0.clamp(0.0, height as f64), to.1.clamp(0.0, width as f64));
        way = towards(stream, way);
    }
}

/// A direction, of length 1, near the direction `way`. Made without sines, so that it is the same on every machine.
fn towards(stream: &mut Stream, way: (f64, f64)) -> (f64, f64) {
    let mut turn = [0.0_f32; 2];
    stream.fill_normal(&mut turn);
    let (y, x) = (way.0 + 0.5 * f64::from(turn[0]), way.1 + 0.5 * f64::from(turn[1]));
    let length = (y * y + x * x).sqrt();
    if length > 1e-6 { (y / length, x / length) } else { (0.0, 1.0) }
}

/// From a point to a piece of a line.
fn distance(point: (f64, f64), from: (f64, f64), to: (f64, f64)) -> f64 {
    let (dy, dx) = (to.0 - from.0, to.1 - from.1);
    let along = ((point.0 - from.0) * dy + (point.1 - from.1) * dx) / (dy * dy + dx * dx);
    let along = along.clamp(0.0, 1.0);
    let (y, x) = (from.0 + along * dy - point.0, from.1 + along * dx - point.1);
    (y * y + x * x).sqrt()
}

/// One side of a line across the image, in its middle third.
fn half(stream: &mut Stream, (height, width): (usize, usize), hidden: &mut [bool]) {
    let (side, part) = (below(stream, 4), (1.0 + stream.uniform()) / 3.0);
    let line = |length: usize| ((length as f64 * part).round() as usize).clamp(1, length.max(2) - 1);
    for (at, hidden) in hidden.iter_mut().enumerate() {
        let (row, column) = (at / width, at % width);
        *hidden = match side {
            0 => row < line(height),
            1 => row >= line(height),
            2 => column < line(width),
            _ => column >= line(width),
        };
    }
}

#[cfg(test)]
mod tests {
    use langevin_core::Purpose;

    use super::*;

    fn mask(image: u64, height: usize, width: usize) -> Vec<bool> {
        random_mask(&mut Stream::new(3, Purpose::Degradation, image, 0), height, width)
    }

    #[test]
    fn masks_hide_something_and_keep_something() {
        let mut shares = Vec::new();
        for image in 0..200 {
            for (height, width) in [(64, 64), (16, 24), (8, 8)] {
                let mask = mask(image, height, width);
                let hidden = mask.iter().filter(|is| **is).count();
                assert!(hidden > 0 && hidden < mask.len(), "{image}: {hidden} of {height}x{width}");
                shares.push(hidden as f64 / mask.len() as f64);
            }
        }
        let mean = shares.iter().sum::<f64>() / shares.len() as f64;
        assert!((0.2..0.5).contains(&mean), "{mean}");
    }

    #[test]
    fn a_mask_depends_on_its_image_alone() {
        assert_eq!(mask(7, 32, 32), mask(7, 32, 32));
        let all: std::collections::BTreeSet<Vec<bool>> = (0..50).map(|image| mask(image, 32, 32)).collect();
        // Of the halves there are few.
        assert!(all.len() > 40, "{}", all.len());
    }
}
