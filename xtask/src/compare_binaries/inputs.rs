//! The images and texts that the compared commands are given: smooth, textured and cut out, of every kind a PNG can be.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::Path;

use png::{BitDepth, ColorType, Encoder};

/// (name, width, height, channels, bytes a sample)
const IMAGES: &[(&str, u32, u32, usize, usize)] = &[
    ("rgb", 26, 20, 3, 1),
    ("rgb16", 26, 20, 3, 2),
    ("rgba", 18, 14, 4, 1),
    ("gray", 30, 22, 1, 1),
    ("gray16", 24, 18, 1, 2),
    ("gray-alpha", 20, 16, 2, 1),
    ("large", 90, 70, 1, 1),
    ("square", 16, 16, 3, 1),
    ("square-b", 16, 16, 3, 1),
    ("square-c", 16, 16, 3, 1),
    ("square-d", 16, 16, 3, 1),
    ("square16", 16, 16, 3, 2),
    ("square32", 32, 32, 3, 1),
    ("cut", 16, 16, 4, 1),
    ("small", 4, 4, 3, 1),
];

/// Writes everything into `world`.
///
/// # Errors
/// When a file cannot be written or read.
pub fn write(world: &Path) -> Result<(), String> {
    for (seed, (name, width, height, channels, bytes)) in IMAGES.iter().enumerate() {
        image(&world.join(format!("{name}.png")), [*width, *height], *channels, *bytes, seed)?;
    }
    for seed in 0..12 {
        let class = ["a", "b"][seed % 2];
        image(&world.join(format!("photos/{class}/{seed}.png")), [34 + seed as u32, 30], 3, 1, seed)?;
    }
    for seed in 0..8 {
        image(&world.join(format!("told/{seed}.png")), [16, 16], 3, 1, seed)?;
        let words = ["a red wave", "a blue wave at night"][seed % 2];
        text(&world.join(format!("told/{seed}.txt")), words.as_bytes())?;
    }
    mask(&world.join("mask.png"), [16, 16])?;
    mask(&world.join("hole.png"), [26, 20])?;
    text(&world.join("prompts.txt"), b"a red star at night\n\nan orange ball over the sea\n")
}

/// Writes bytes, and the folders above them.
///
/// # Errors
/// When that fails.
pub fn text(path: &Path, bytes: &[u8]) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{}: {error}", path.display());
    fs::create_dir_all(path.parent().expect("files lie in folders")).map_err(failed)?;
    fs::write(path, bytes).map_err(failed)
}

/// Waves across the image with some texture; where there is an alpha channel, its upper third is clear.
fn image(path: &Path, size: [u32; 2], channels: usize, bytes: usize, seed: usize) -> Result<(), String> {
    let [width, height] = size;
    let mut samples = Vec::new();
    for y in 0..height {
        for x in 0..width {
            for channel in 0..channels {
                let alpha = channels.is_multiple_of(2) && channel + 1 == channels;
                let phase = (seed + channel) as f64;
                let (u, v) = (f64::from(x) / f64::from(width), f64::from(y) / f64::from(height));
                let wave = 0.5 + 0.35 * (5.0 * u + phase).sin() * (3.0 * v - phase).cos();
                let texture = f64::from((x * 37 + y * 91 + seed as u32 * 101) % 17) / 17.0 * 0.15;
                let value = if alpha { f64::from(u8::from(3 * y >= height)) } else { wave + texture };
                if bytes == 2 {
                    samples.extend(((value.clamp(0.0, 1.0) * 65_535.0) as u16).to_be_bytes());
                } else {
                    samples.push((value.clamp(0.0, 1.0) * 255.0) as u8);
                }
            }
        }
    }
    let colour =
        [ColorType::Grayscale, ColorType::GrayscaleAlpha, ColorType::Rgb, ColorType::Rgba][channels - 1];
    let depth = if bytes == 2 { BitDepth::Sixteen } else { BitDepth::Eight };
    encode(path, size, colour, depth, &samples)
}

/// A white hole in the middle, somewhat off.
fn mask(path: &Path, size: [u32; 2]) -> Result<(), String> {
    let inside = |at: u32, side: u32| (side / 4..3 * side / 4 - 1).contains(&at);
    let samples: Vec<u8> = (0..size[0] * size[1])
        .map(|at| if inside(at % size[0], size[0]) && inside(at / size[0], size[1]) { 255 } else { 0 })
        .collect();
    encode(path, size, ColorType::Grayscale, BitDepth::Eight, &samples)
}

fn encode(
    path: &Path,
    size: [u32; 2],
    colour: ColorType,
    depth: BitDepth,
    samples: &[u8],
) -> Result<(), String> {
    let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    fs::create_dir_all(path.parent().expect("files lie in folders")).map_err(|error| failed(&error))?;
    let file = File::create(path).map_err(|error| failed(&error))?;
    let mut encoder = Encoder::new(BufWriter::new(file), size[0], size[1]);
    encoder.set_color(colour);
    encoder.set_depth(depth);
    let mut writer = encoder.write_header().map_err(|error| failed(&error))?;
    writer.write_image_data(samples).map_err(|error| failed(&error))
}
