//! Images side by side under their names: before and after.

use langevin_core::Image;

use crate::drawing::{Canvas, Color, text_width};

const GAP: usize = 16;
const LABEL: f64 = 15.0;
const HEAD: usize = 36;
/// Smaller images are shown enlarged to at least this side.
const SMALLEST: usize = 192;
const DARK: Color = [34, 34, 34];

/// `panels`, each with its name above it, in one row. All are enlarged to the size of the largest by repeating pixels as far as
/// whole numbers go; alpha is left out, and 16 bits are shown in 8.
///
/// An empty list gives an empty image.
pub fn comparison(panels: &[(&str, &Image)]) -> Image {
    let side = |image: &Image| image.width.max(image.height).max(1);
    let Some(largest) = panels.iter().map(|(_, image)| side(image)).max() else {
        return Image::from_u8(0, 0, 1, Vec::new());
    };
    let zoom = |image: &Image| largest / side(image) * SMALLEST.div_ceil(largest);
    let size = |(_, image): &(&str, &Image)| (image.width * zoom(image), image.height * zoom(image));
    let cell = |panel: &(&str, &Image)| size(panel).0.max(text_width(panel.0, LABEL).ceil() as usize);
    let width = GAP + panels.iter().map(|panel| cell(panel) + GAP).sum::<usize>();
    let height = HEAD + panels.iter().map(|panel| size(panel).1).max().unwrap_or(0) + GAP;
    let mut canvas = Canvas::new(width, height, [255; 3]);
    let mut left = GAP;
    for panel in panels {
        let (name, image) = panel;
        let middle = left + cell(panel) / 2;
        canvas.text_centred(middle as f64, 24.0, LABEL, DARK, name);
        canvas.image(middle - size(panel).0 / 2, HEAD, zoom(image), image);
        left += cell(panel) + GAP;
    }
    canvas.into_image()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panels_stand_side_by_side_at_one_size() {
        let small = Image::from_u8(100, 80, 1, vec![10; 8000]);
        let large = Image::from_u8(200, 160, 3, vec![200; 96_000]);
        let made = comparison(&[("before", &small), ("after", &large)]);
        assert_eq!((made.width, made.height, made.channels), (GAP * 3 + 400, HEAD + 160 + GAP, 3));
        let at = |x: usize, y: usize| made.samples.at((y * made.width + x) * 3);
        assert_eq!((at(GAP + 199, HEAD + 159), at(GAP * 2 + 200, HEAD)), (10.0, 200.0));
        // The names are there.
        assert!((0..HEAD).any(|y| (GAP..GAP + 200).any(|x| at(x, y) < 100.0)));
        assert_eq!(comparison(&[]).width, 0);
    }
}
