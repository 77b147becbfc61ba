//! Points of the plane as an image: what stands for a contact sheet where images have one pixel of two channels.

use langevin_core::{Image, Size};
use langevin_figures::sheet;
use langevin_model::ModelInfo;

/// Width and height in pixels.
const SIDE: usize = 512;
/// How dark one point makes a pixel, and its neighbours.
const INK: [u8; 2] = [140, 50];

/// Whether what a model generates are points of the plane: images of one pixel with two channels.
pub fn is_points(info: &ModelInfo) -> bool {
    info.size == Size::square(1) && info.channels == 2
}

/// The images that a model drew as one: a contact sheet, or a scatter plot of points.
pub fn sheet(info: &ModelInfo, images: &[Image]) -> Image {
    if is_points(info) {
        return scatter(images);
    }
    sheet::sheet(images, sheet::square_columns(images.len()), 2, info.magnification())
}

/// A scatter plot of images of one pixel with two channels over [-1, 1] x [-1, 1]: the first to the right, the second upwards.
fn scatter(points: &[Image]) -> Image {
    let mut samples = vec![255_u8; SIDE * SIDE];
    for point in points {
        let values = point.to_bytes();
        let [x, y] = [values[0], values[1]].map(|value| usize::from(value) * (SIDE - 3) / 255 + 1);
        for (dx, dy) in (0..9).map(|at| (at % 3, at / 3)) {
            let (column, row) = (x + dx - 1, SIDE - 1 - (y + dy - 1));
            let at = &mut samples[row * SIDE + column];
            *at = at.saturating_sub(INK[usize::from(dx != 1 || dy != 1)]);
        }
    }
    Image::from_u8(SIDE, SIDE, 1, samples)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_where_their_values_say() {
        let dot = |x, y| Image::from_u8(1, 1, 2, vec![x, y]);
        let made = scatter(&[dot(0, 0), dot(255, 255), dot(255, 0)]);
        let samples = made.to_bytes();
        let dark = |column: usize, row: usize| samples[row * SIDE + column] < 255;
        assert!(dark(1, SIDE - 2) && dark(SIDE - 2, 1) && dark(SIDE - 2, SIDE - 2) && !dark(1, 1));
    }
}
