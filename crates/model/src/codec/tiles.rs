//! Images larger than one pass of an autoencoder should see: tile by tile, the results fading into each other.

use langevin_core::{Planes, Result};

/// A tile along one side, in latent pixels.
#[derive(Debug, Clone, PartialEq)]
struct Span {
    start: usize,
    length: usize,
    /// How much of the tile before and after it overlaps with it.
    before: usize,
    after: usize,
}

/// The tiles of a side of `length`, each of at most `most`, neighbours sharing at least `overlap`.
fn spans(length: usize, most: usize, overlap: usize) -> Vec<Span> {
    if length <= most {
        return vec![Span { start: 0, length, before: 0, after: 0 }];
    }
    let overlap = overlap.clamp(1, most / 2);
    let count = (length - overlap).div_ceil(most - overlap);
    let start = |index: usize| index * (length - most) / (count - 1);
    let shared = |index: usize| start(index) + most - start(index + 1);
    (0..count)
        .map(|index| Span {
            start: start(index),
            length: most,
            before: if index == 0 { 0 } else { shared(index - 1) },
            after: if index + 1 == count { 0 } else { shared(index) },
        })
        .collect()
}

impl Span {
    /// The weight of the middle of pixel `at` of the tile, with `factor` pixels to each latent one.
    fn weight(&self, at: usize, factor: usize) -> f64 {
        let at = at as f64 + 0.5;
        let ramp = |distance: f64, shared: usize| match shared {
            0 => 1.0,
            shared => (distance / (shared * factor) as f64).min(1.0),
        };
        ramp(at, self.before) * ramp((self.length * factor) as f64 - at, self.after)
    }
}

/// How an image is divided.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tiling {
    /// Most latent pixels of a tile's side.
    pub(super) most: usize,
    /// Latent pixels that neighbours share.
    pub(super) overlap: usize,
}

/// What `make` makes of `image`, tile by tile. `from` and `to` are the pixels to each latent one of the image and of the
/// result; `channels` are those of the result.
pub(super) fn tiled(
    image: &Planes,
    tiling: Tiling,
    (from, to): (usize, usize),
    channels: usize,
    mut make: impl FnMut(Planes) -> Result<Planes>,
) -> Result<Planes> {
    let [c, h, w] = image.shape();
    let (rows, columns) = (h / from, w / from);
    let (height, width) = (rows * to, columns * to);
    let down = spans(rows, tiling.most, tiling.overlap);
    let across = spans(columns, tiling.most, tiling.overlap);
    let mut sums = vec![0.0_f32; channels * height * width];
    let mut weights = vec![0.0_f32; height * width];
    for row in &down {
        for column in &across {
            let part = [c, row.length * from, column.length * from];
            let line = |channel: usize, y: usize| {
                let at = (channel * h + row.start * from + y) * w + column.start * from;
                &image.values[at..at + part[2]]
            };
            let values = (0..c)
                .flat_map(|channel| (0..part[1]).flat_map(move |y| line(channel, y)))
                .copied()
                .collect();
            let made = make(Planes::new(values, part))?;
            let (tall, wide) = (made.height, made.width);
            for y in 0..tall {
                let top = (row.start * to + y) * width + column.start * to;
                for x in 0..wide {
                    let weight = (row.weight(y, to) * column.weight(x, to)) as f32;
                    weights[top + x] += weight;
                    for channel in 0..channels {
                        sums[channel * height * width + top + x] +=
                            weight * made.values[(channel * tall + y) * wide + x];
                    }
                }
            }
        }
    }
    for plane in sums.chunks_exact_mut(height * width) {
        plane.iter_mut().zip(&weights).for_each(|(sum, weight)| *sum /= weight);
    }
    Ok(Planes::new(sums, [channels, height, width]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_cover_a_side_and_share_what_is_asked() {
        for (length, most, overlap) in [(10, 16, 4), (17, 16, 4), (64, 16, 4), (100, 16, 8), (33, 2, 1)] {
            let spans = spans(length, most, overlap);
            assert_eq!(spans[0].start, 0);
            let last = spans.last().unwrap();
            assert_eq!(last.start + last.length, length);
            for pair in spans.windows(2) {
                assert!(pair[1].start + overlap.min(most / 2) <= pair[0].start + pair[0].length);
                assert_eq!(pair[0].after, pair[1].before);
            }
        }
    }

    #[test]
    fn what_is_the_same_in_every_tile_has_no_seams() {
        let shape = [2, 24, 40];
        let values: Vec<f32> = (0..2 * 24 * 40).map(|i| (i as f32 * 0.31).cos()).collect();
        let image = Planes::new(values, shape);
        let tiling = Tiling { most: 5, overlap: 2 };
        // Every pixel doubled both ways by repetition, tile by tile, from cells of 4.
        let double = |tile: Planes| {
            let [c, h, w] = tile.shape();
            let at = |k: usize| (k / (4 * h * w), k / (2 * w) % (2 * h), k % (2 * w));
            let values = (0..4 * c * h * w)
                .map(at)
                .map(|(channel, y, x)| tile.values[(channel * h + y / 2) * w + x / 2])
                .collect();
            Ok(Planes::new(values, [c, 2 * h, 2 * w]))
        };
        let whole = double(image.clone()).unwrap();
        let made = tiled(&image, tiling, (4, 8), 2, double).unwrap();
        assert_eq!(made.shape(), whole.shape());
        let off = made.values.iter().zip(&whole.values).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(off < 1e-5, "{off}");
    }
}
