//! Reads a drawing back: first the scene, from the border; then for each class and colour a first guess at size and
//! place, from how much differs from the scene and where; then the best guesses are drawn again and improved step by
//! step. A drawing of the set ends at distance 0, which proves the answer.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use super::draw::{Pen, draw, draw_scene};
use super::{CLASSES, COLOURS, SCENES, Truth};
use crate::Image;

/// The drawing nearest to an image.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Match {
    /// What it shows.
    pub truth: Truth,
    /// Root mean square difference over all samples, in 8-bit steps: 0 is exactly this drawing.
    pub distance: f64,
}

/// What `image` shows if it is a drawing of the set, byte for byte; else `None`.
pub fn read_back(image: &Image) -> Option<Truth> {
    closest(image).filter(|found| found.distance == 0.0).map(|found| found.truth)
}

/// The drawing nearest to `image`, which must be square RGB of 16 to 512 pixels a side (`None` otherwise). Of a
/// drawing of the set it is that drawing; of another image it is the best that a local search finds.
pub fn closest(image: &Image) -> Option<Match> {
    let side = image.width;
    let pixels = image.to_bytes();
    if image.height != side || image.channels != 3 || !(16..=512).contains(&side) {
        return None;
    }
    let guide = guide(side);
    let scene = (0..SCENES.len()).min_by_key(|s| guide.border_difference(*s, &pixels))?;
    let seen = moments(&pixels, &guide.scenes[scene], side);
    // Every fourth pixel tells classes and colours apart; all of them only decide at the end.
    let mut guesses: Vec<(u64, Truth)> = Vec::with_capacity(CLASSES.len() * COLOURS.len());
    for class in 0..CLASSES.len() {
        for colour in 0..COLOURS.len() {
            let guess = guide.guess(scene, class, colour, seen);
            guesses.push((difference(&pixels, &guess, side, 2, u64::MAX), guess));
        }
    }
    guesses.sort_by_key(|(difference, _)| *difference);
    let mut best: Option<(u64, Truth)> = None;
    for (_, guess) in guesses.into_iter().take(6) {
        let found = improve(&pixels, guess, side);
        if best.is_none_or(|(least, _)| found.0 < least) {
            best = Some(found);
        }
        if found.0 == 0 {
            break;
        }
    }
    let (squares, truth) = best?;
    Some(Match { truth, distance: (squares as f64 / pixels.len() as f64).sqrt() })
}

/// What drawings of one size look like on the whole: the scenes alone, and each class in each colour.
#[derive(Debug)]
struct Guide {
    side: usize,
    scenes: Vec<Vec<u8>>,
    /// By scene, class and colour, at radius [`Guide::RADIUS`] in the middle.
    moments: Vec<Moments>,
}

/// How much of an image differs from its scene, and where the middle of that is, in sides.
#[derive(Debug, Clone, Copy)]
struct Moments {
    mass: f64,
    x: f64,
    y: f64,
}

static GUIDES: LazyLock<Mutex<HashMap<usize, Arc<Guide>>>> = LazyLock::new(Mutex::default);

fn guide(side: usize) -> Arc<Guide> {
    let make = || Arc::new(Guide::new(side));
    match GUIDES.lock() {
        Ok(mut guides) => guides.entry(side).or_insert_with(make).clone(),
        Err(_) => make(),
    }
}

impl Guide {
    const RADIUS: i16 = 84;

    fn new(side: usize) -> Self {
        let scenes: Vec<Vec<u8>> = (0..SCENES.len()).map(|s| draw_scene(s as u8, side)).collect();
        let mut all = Vec::new();
        for (scene, alone) in scenes.iter().enumerate() {
            for class in 0..CLASSES.len() {
                for colour in 0..COLOURS.len() {
                    let (scene, class, colour) = (scene as u8, class as u8, colour as u8);
                    let truth = Truth { class, colour, scene, radius: Self::RADIUS, x: 0, y: 0 };
                    all.push(moments(&draw(&truth, side).to_bytes(), alone, side));
                }
            }
        }
        Self { side, scenes, moments: all }
    }

    fn guess(&self, scene: usize, class: usize, colour: usize, seen: Moments) -> Truth {
        let known = self.moments[(scene * CLASSES.len() + class) * COLOURS.len() + colour];
        let scale = if known.mass > 0.0 { (seen.mass / known.mass).sqrt() } else { 1.0 };
        let radius =
            (f64::from(Self::RADIUS) * scale).clamp(f64::from(Truth::RADIUS.0), f64::from(Truth::RADIUS.1));
        let scale = radius / f64::from(Self::RADIUS);
        let place = |seen: f64, known: f64| ((seen - 0.5 - (known - 0.5) * scale) * 256.0).round() as i16;
        let truth = Truth {
            class: class as u8,
            colour: colour as u8,
            scene: scene as u8,
            radius: radius.round() as i16,
            x: place(seen.x, known.x),
            y: place(seen.y, known.y),
        };
        clamped(truth)
    }

    fn border_difference(&self, scene: usize, pixels: &[u8]) -> u64 {
        let (side, alone) = (self.side, &self.scenes[scene]);
        let mut sum = 0;
        for k in 0..side {
            for at in [k, (side - 1) * side + k, k * side, k * side + side - 1] {
                // A thing that reaches the border must not outweigh the rest of it.
                sum += (3 * at..3 * at + 3)
                    .map(|s| u64::from(pixels[s].abs_diff(alone[s]).min(40)))
                    .sum::<u64>();
            }
        }
        sum
    }
}

fn moments(pixels: &[u8], scene: &[u8], side: usize) -> Moments {
    let (mut mass, mut x, mut y) = (0.0, 0.0, 0.0);
    for at in 0..side * side {
        let most = (3 * at..3 * at + 3).map(|s| pixels[s].abs_diff(scene[s])).max().unwrap_or(0);
        let weight = f64::from(most.saturating_sub(12).min(48));
        mass += weight;
        x += weight * ((at % side) as f64 + 0.5);
        y += weight * ((at / side) as f64 + 0.5);
    }
    let middle = |sum: f64| if mass > 0.0 { sum / mass / side as f64 } else { 0.5 };
    Moments { mass: mass / (side * side) as f64, x: middle(x), y: middle(y) }
}

/// The sum of squared differences between `pixels` and the drawing of `truth`, over every `step`-th pixel of every
/// `step`-th row; given up once it is over `enough`.
fn difference(pixels: &[u8], truth: &Truth, side: usize, step: usize, enough: u64) -> u64 {
    let pen = Pen::new(truth, side);
    let mut sum = 0u64;
    // From the thing's upper edge on, where wrong guesses are found out soonest.
    let rows = (0..side).step_by(step).map(|k| (k + side / 4) % side);
    for y in rows {
        for x in (0..side).step_by(step) {
            let at = 3 * (y * side + x);
            for (drawn, seen) in pen.pixel(x, y).iter().zip(&pixels[at..at + 3]) {
                sum += u64::from(drawn.abs_diff(*seen)).pow(2);
            }
        }
        if sum > enough {
            return sum;
        }
    }
    sum
}

/// Changes size and place as long as that brings the drawing nearer: in long steps first, then in single ones, and
/// where single ones get stuck, in pairs.
fn improve(pixels: &[u8], start: Truth, side: usize) -> (u64, Truth) {
    let mut best = (difference(pixels, &start, side, 1, u64::MAX), start);
    for step in [6, 3, 1] {
        let single = [(step, 0, 0), (-step, 0, 0), (0, step, 0), (0, -step, 0), (0, 0, step), (0, 0, -step)];
        while best.0 > 0 && try_moves(pixels, &mut best, &single, side) {}
    }
    let near = |k: i16| (-2..=2).flat_map(move |a| (-2..=2).map(move |b| (k, a, b)));
    let pairs: Vec<_> = (-2..=2).flat_map(near).collect();
    // Only an image that is nearly a drawing is worth the long search.
    let close = (pixels.len() as u64) * 36;
    while best.0 > 0 && best.0 < close && try_moves(pixels, &mut best, &pairs, side) {}
    best
}

fn try_moves(pixels: &[u8], best: &mut (u64, Truth), moves: &[(i16, i16, i16)], side: usize) -> bool {
    let from = best.1;
    let mut moved = false;
    for (dr, dx, dy) in moves {
        let truth = clamped(Truth { radius: from.radius + dr, x: from.x + dx, y: from.y + dy, ..from });
        if truth == from {
            continue;
        }
        let found = difference(pixels, &truth, side, 1, best.0);
        if found < best.0 {
            *best = (found, truth);
            moved = true;
        }
    }
    moved
}

fn clamped(truth: Truth) -> Truth {
    Truth {
        radius: truth.radius.clamp(Truth::RADIUS.0, Truth::RADIUS.1),
        x: truth.x.clamp(-Truth::X, Truth::X),
        y: truth.y.clamp(-Truth::Y, Truth::Y),
        ..truth
    }
}
