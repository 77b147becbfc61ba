//! Draws a [`Truth`]: the scene, a soft shadow, and the thing as layers of signed distance fields (after Quilez,
//! "2D distance functions") with light from the upper left, a darker rim and a highlight.

use std::sync::LazyLock;

use super::scene::{Rgb, mix, scene, smooth};
use super::{COLOURS, Truth};
use crate::Image;

/// Draws `truth` as RGB, `side` x `side` pixels of 8 bits. The same bytes on every machine.
pub fn draw(truth: &Truth, side: usize) -> Image {
    let mut samples = Vec::with_capacity(3 * side * side);
    let pen = Pen::new(truth, side);
    for y in 0..side {
        for x in 0..side {
            samples.extend(pen.pixel(x, y));
        }
    }
    Image::from_u8(side, side, 3, samples)
}

/// The scene alone.
pub(super) fn draw_scene(number: u8, side: usize) -> Vec<u8> {
    let pixel = 1.0 / side as f64;
    let mut samples = Vec::with_capacity(3 * side * side);
    for y in 0..side {
        for x in 0..side {
            let colour = scene(number, (x as f64 + 0.5) * pixel, (y as f64 + 0.5) * pixel, pixel);
            samples.extend(colour.map(to_byte));
        }
    }
    samples
}

/// What colours a layer.
#[derive(Clone, Copy, PartialEq)]
enum Paint {
    /// The colour of the thing.
    Own,
    /// A darker tone of it.
    Deep,
    /// Something that has its own colour whatever the thing's is.
    Fixed(Rgb),
}

type Layer = (f64, Paint);

/// A drawing that can be asked for single pixels.
pub(super) struct Pen {
    truth: Truth,
    colour: Rgb,
    pixel: f64,
    centre: (f64, f64),
    radius: f64,
}

impl Pen {
    pub fn new(truth: &Truth, side: usize) -> Self {
        let colour = COLOURS[usize::from(truth.colour) % COLOURS.len()].1.map(f64::from);
        let centre = (0.5 + f64::from(truth.x) / 256.0, 0.5 + f64::from(truth.y) / 256.0);
        let radius = f64::from(truth.radius) / 256.0;
        Self { truth: *truth, colour, pixel: 1.0 / side as f64, centre, radius }
    }

    /// The 8-bit colour of pixel (x, y).
    pub fn pixel(&self, x: usize, y: usize) -> [u8; 3] {
        let (u, v) = ((x as f64 + 0.5) * self.pixel, (y as f64 + 0.5) * self.pixel);
        let mut colour = scene(self.truth.scene, u, v, self.pixel);
        // The thing's own coordinates: its radius is 1.
        let (px, py) = ((u - self.centre.0) / self.radius, (v - self.centre.1) / self.radius);
        if px * px + py * py < 2.4 {
            let shade = silhouette(self.truth.class, px - 0.10, py - 0.15);
            let dark = if self.truth.scene == 2 { 0.50 } else { 0.32 };
            colour = mix(colour, [24.0, 22.0, 52.0], dark * (1.0 - smooth(-0.20, 0.20, shade)));
            let mut layers = Vec::with_capacity(8);
            thing(self.truth.class, px, py, &mut |layer| layers.push(layer));
            for (distance, paint) in layers {
                // Distances in pixels from here on; an edge is one pixel wide.
                let cover = (0.5 - distance * self.radius / self.pixel).clamp(0.0, 1.0);
                if cover > 0.0 {
                    colour = mix(colour, self.shaded(paint, px, py, distance), cover);
                }
            }
        }
        colour.map(to_byte)
    }

    fn shaded(&self, paint: Paint, x: f64, y: f64, distance: f64) -> Rgb {
        let base = match paint {
            Paint::Own => self.colour,
            Paint::Deep => mix(self.colour, [40.0, 24.0, 60.0], 0.45),
            Paint::Fixed(colour) => colour,
        };
        let lit = -0.55 * x - 0.75 * y;
        let tone = if lit > 0.0 {
            mix(base, [255.0, 252.0, 240.0], 0.42 * lit)
        } else {
            mix(base, [46.0, 22.0, 84.0], -0.40 * lit)
        };
        let spot = (1.0 - ((x + 0.36) * (x + 0.36) + (y + 0.42) * (y + 0.42)) / 0.11).max(0.0);
        let tone = mix(tone, [255.0; 3], if paint == Paint::Own { 0.62 * spot * spot } else { 0.0 });
        let rim = smooth(-0.14, 0.02, distance);
        mix(tone, mix(base, [36.0, 20.0, 62.0], 0.55), 0.62 * rim)
    }
}

fn to_byte(value: f64) -> u8 {
    (value + 0.5).clamp(0.0, 255.0) as u8
}

fn silhouette(class: u8, x: f64, y: f64) -> f64 {
    let mut nearest = f64::MAX;
    thing(class, x, y, &mut |(distance, _)| nearest = nearest.min(distance));
    nearest
}

const WALL: Paint = Paint::Fixed([250.0, 236.0, 210.0]);
const WOOD: Paint = Paint::Fixed([142.0, 96.0, 66.0]);
const WHITE: Paint = Paint::Fixed([255.0, 255.0, 255.0]);
const BLACK: Paint = Paint::Fixed([36.0, 30.0, 52.0]);
const POLLEN: Paint = Paint::Fixed([255.0, 236.0, 150.0]);
const GLASS: Paint = Paint::Fixed([168.0, 220.0, 240.0]);

/// The layers of class `class` at (x, y), back to front: signed distance and paint. The thing fills the unit circle.
fn thing(class: u8, x: f64, y: f64, layer: &mut dyn FnMut(Layer)) {
    use Paint::{Deep, Own};
    match class {
        0 => layer((circle(x, y, 0.92), Own)),
        1 => layer((rect(x, y, 0.80, 0.80), Own)),
        2 => layer((polygon(x, y, &[(0.0, -0.88), (0.86, 0.66), (-0.86, 0.66)]) - 0.10, Own)),
        3 => layer((polygon(x, y, &*STAR) - 0.05, Own)),
        4 => layer((heart(x / 0.93, 0.58 - y / 1.62 * 1.0) * 0.93, Own)),
        5 => {
            let bite = circle(x - 0.46, y + 0.22, 0.74);
            layer((circle(x, y, 0.96).max(-bite), Own));
        }
        6 => {
            let petals = PETALS.iter().map(|(px, py)| circle(x - px, y - py, 0.38));
            layer((petals.fold(f64::MAX, f64::min), Own));
            layer((circle(x, y, 0.30), POLLEN));
        }
        7 => {
            layer((rect(x, y - 0.40, 0.64, 0.48), WALL));
            layer((rect(x + 0.22, y - 0.58, 0.17, 0.30), Deep));
            layer((rect(x - 0.28, y - 0.42, 0.17, 0.17), GLASS));
            layer((polygon(x, y, &[(0.0, -0.86), (0.86, -0.04), (-0.86, -0.04)]) - 0.07, Own));
        }
        8 => {
            layer((rect(x, y - 0.62, 0.14, 0.36), WOOD));
            let crown = circle(x, y + 0.42, 0.52).min(circle(x + 0.40, y + 0.02, 0.44));
            layer((crown.min(circle(x - 0.40, y + 0.02, 0.44)), Own));
        }
        _ => {
            let tail = polygon(x, y, &[(0.42, 0.0), (0.92, -0.44), (0.80, 0.0), (0.92, 0.44)]) - 0.05;
            layer((tail, Deep));
            layer((polygon(x, y, &[(-0.30, -0.40), (0.34, -0.62), (0.30, -0.30)]) - 0.05, Deep));
            layer((ellipse(x + 0.18, y, 0.80, 0.54), Own));
            layer((circle(x + 0.58, y + 0.10, 0.155), WHITE));
            layer((circle(x + 0.61, y + 0.10, 0.085), BLACK));
        }
    }
}

static STAR: LazyLock<[(f64, f64); 10]> = LazyLock::new(|| {
    std::array::from_fn(|k| {
        let (angle, r) = (k as f64 * std::f64::consts::PI / 5.0, if k % 2 == 0 { 0.98 } else { 0.44 });
        (r * libm::sin(angle), 0.06 - r * libm::cos(angle))
    })
});

static PETALS: LazyLock<[(f64, f64); 6]> = LazyLock::new(|| {
    std::array::from_fn(|k| {
        let angle = k as f64 * std::f64::consts::PI / 3.0;
        (0.56 * libm::sin(angle), -0.56 * libm::cos(angle))
    })
});

fn circle(x: f64, y: f64, r: f64) -> f64 {
    (x * x + y * y).sqrt() - r
}

/// A box of half width `w` and half height `h` with softened corners.
fn rect(x: f64, y: f64, w: f64, h: f64) -> f64 {
    let round = 0.2 * w.min(h);
    let (dx, dy) = (x.abs() - w + round, y.abs() - h + round);
    let outside = (dx.max(0.0) * dx.max(0.0) + dy.max(0.0) * dy.max(0.0)).sqrt();
    outside + dx.max(dy).min(0.0) - round
}

/// Close to the distance from an ellipse, exact in sign.
fn ellipse(x: f64, y: f64, a: f64, b: f64) -> f64 {
    let k = (x * x / (a * a) + y * y / (b * b)).sqrt();
    let g = (x * x / (a * a * a * a) + y * y / (b * b * b * b)).sqrt();
    if g < 1e-9 { -b } else { k * (k - 1.0) / g }
}

/// A heart whose tip is at the origin and whose lobes are up (y up); it spans 1.2 in width and 1.1 in height.
fn heart(x: f64, y: f64) -> f64 {
    let (x, y) = (x.abs() * 0.64, y * 1.0);
    let length = |x: f64, y: f64| (x * x + y * y).sqrt();
    let d = if x + y > 1.0 {
        length(x - 0.25, y - 0.75) - 0.353_553_390_593_273_8
    } else {
        let m = 0.5 * (x + y).max(0.0);
        let a = length(x, y - 1.0);
        let b = length(x - m, y - m);
        a.min(b) * if x > y { 1.0 } else { -1.0 }
    };
    d / 0.64
}

fn polygon(x: f64, y: f64, corners: &[(f64, f64)]) -> f64 {
    let mut nearest = f64::MAX;
    let mut inside = false;
    let mut last = corners[corners.len() - 1];
    for &corner in corners {
        let (ex, ey) = (last.0 - corner.0, last.1 - corner.1);
        let (wx, wy) = (x - corner.0, y - corner.1);
        let t = ((wx * ex + wy * ey) / (ex * ex + ey * ey)).clamp(0.0, 1.0);
        let (bx, by) = (wx - ex * t, wy - ey * t);
        nearest = nearest.min(bx * bx + by * by);
        if (corner.1 > y) != (last.1 > y) && wx < ex * wy / ey {
            inside = !inside;
        }
        last = corner;
    }
    if inside { -nearest.sqrt() } else { nearest.sqrt() }
}
