//! The six scenes. Coordinates run from 0 to 1, right and down; colours from 0 to 255. Only sums, products and square
//! roots, so every machine draws the same bytes.

/// A colour, 0 to 255 a channel.
pub(super) type Rgb = [f64; 3];

/// `a` at 0, `b` at 1; beyond is clamped.
pub(super) fn mix(a: Rgb, b: Rgb, t: f64) -> Rgb {
    let t = t.clamp(0.0, 1.0);
    [a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t, a[2] + (b[2] - a[2]) * t]
}

/// A soft step from 0 at `from` to 1 at `to`.
pub(super) fn smooth(from: f64, to: f64, value: f64) -> f64 {
    let t = ((value - from) / (to - from)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// The colour of scene `scene` at (u, v), for pixels of width `pixel`.
pub(super) fn scene(scene: u8, u: f64, v: f64, pixel: f64) -> Rgb {
    match scene {
        0 => sky(u, v, pixel),
        1 => sunset(u, v, pixel),
        2 => night(u, v, pixel),
        3 => meadow(u, v, pixel),
        4 => sea(u, v, pixel),
        _ => paper(u, v),
    }
}

fn sky(u: f64, v: f64, pixel: f64) -> Rgb {
    let air = mix([88.0, 164.0, 232.0], [206.0, 234.0, 250.0], v);
    let puffs = [
        (0.10, 0.20, 0.10),
        (0.20, 0.15, 0.12),
        (0.30, 0.21, 0.09),
        (0.74, 0.86, 0.10),
        (0.86, 0.81, 0.13),
        (0.97, 0.87, 0.10),
    ];
    let cloud = puffs.iter().map(|&(x, y, r)| disc(u, v, x, y, r, 2.0 * pixel)).fold(0.0, f64::max);
    mix(air, [252.0, 253.0, 255.0], 0.85 * cloud)
}

fn sunset(u: f64, v: f64, pixel: f64) -> Rgb {
    let upper = mix([104.0, 78.0, 158.0], [238.0, 120.0, 124.0], v / 0.55);
    let air = mix(upper, [255.0, 206.0, 132.0], (v - 0.5) / 0.32);
    let glow = falloff(u, v, 0.5, 0.86, 0.5);
    let air = mix(air, [255.0, 236.0, 180.0], 0.6 * glow);
    let far = disc(u, v, 0.16, 1.42, 0.62, pixel).max(disc(u, v, 0.95, 1.38, 0.55, pixel));
    let air = mix(air, [150.0, 78.0, 128.0], far);
    mix(air, [92.0, 54.0, 108.0], disc(u, v, 0.62, 1.62, 0.70, pixel))
}

fn night(u: f64, v: f64, pixel: f64) -> Rgb {
    let air = mix([16.0, 20.0, 56.0], [66.0, 66.0, 128.0], v);
    let lights = [
        (0.08, 0.10, 0.030),
        (0.30, 0.06, 0.022),
        (0.90, 0.08, 0.032),
        (0.66, 0.04, 0.020),
        (0.05, 0.42, 0.020),
        (0.95, 0.36, 0.024),
        (0.10, 0.70, 0.028),
        (0.92, 0.66, 0.022),
    ];
    let light = lights.iter().map(|&(x, y, r)| falloff(u, v, x, y, 1.6 * r)).fold(0.0, f64::max);
    let air = mix(air, [255.0, 246.0, 214.0], light);
    mix(air, [22.0, 28.0, 62.0], disc(u, v, 0.30, 1.80, 0.88, pixel).max(disc(u, v, 0.95, 1.60, 0.70, pixel)))
}

fn meadow(u: f64, v: f64, pixel: f64) -> Rgb {
    let air = mix([150.0, 208.0, 240.0], [240.0, 246.0, 226.0], v / 0.65);
    let far = mix([142.0, 196.0, 116.0], [112.0, 174.0, 96.0], (v - 0.58) / 0.3);
    let near = mix([112.0, 178.0, 84.0], [70.0, 138.0, 66.0], (v - 0.70) / 0.3);
    let ground = mix(air, far, disc(u, v, 0.86, 1.46, 0.84, pixel));
    mix(ground, near, disc(u, v, 0.18, 1.80, 1.08, pixel))
}

fn sea(u: f64, v: f64, pixel: f64) -> Rgb {
    let air = mix([166.0, 216.0, 238.0], [255.0, 238.0, 214.0], v / 0.58);
    let water = mix([64.0, 168.0, 190.0], [22.0, 98.0, 150.0], (v - 0.58) / 0.42);
    let glints = [(0.14, 0.70, 0.13), (0.84, 0.67, 0.12), (0.30, 0.93, 0.16), (0.80, 0.86, 0.15)];
    let glint = glints.iter().map(|&(x, y, w)| {
        let (dx, dy) = ((u - x) / w, (v - y) / (0.014 + 0.5 * pixel));
        (1.0 - dx * dx).max(0.0) * (1.0 - dy * dy).max(0.0)
    });
    let water = mix(water, [190.0, 236.0, 238.0], 0.75 * glint.fold(0.0, f64::max));
    mix(air, water, ((v - 0.58) / pixel + 0.5).clamp(0.0, 1.0))
}

fn paper(u: f64, v: f64) -> Rgb {
    let light = falloff(u, v, 0.38, 0.32, 1.05);
    mix([222.0, 204.0, 178.0], [255.0, 248.0, 232.0], light)
}

/// How much of a disc covers (u, v), with an edge `soft` wide.
fn disc(u: f64, v: f64, x: f64, y: f64, r: f64, soft: f64) -> f64 {
    let d = ((u - x) * (u - x) + (v - y) * (v - y)).sqrt() - r;
    (0.5 - d / soft).clamp(0.0, 1.0)
}

/// A soft spot: 1 in its middle, 0 at distance `r`.
fn falloff(u: f64, v: f64, x: f64, y: f64, r: f64) -> f64 {
    let q = (1.0 - ((u - x) * (u - x) + (v - y) * (v - y)) / (r * r)).max(0.0);
    q * q
}
