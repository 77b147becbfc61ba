//! A canvas of pixels that takes smooth lines, text and images.

use langevin_core::Image;

use super::stroke_font::{strokes, text_width};

/// Red, green and blue, 0 to 255.
pub type Color = [u8; 3];

/// An RGB canvas; lengths are in pixels, the origin is the top left corner.
#[derive(Debug, Clone)]
pub struct Canvas {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

impl Canvas {
    /// A canvas of one color.
    pub fn new(width: usize, height: usize, background: Color) -> Self {
        Self { width, height, pixels: background.repeat(width * height) }
    }

    /// Draws a line through `points` with a round pen of `width`.
    pub fn line(&mut self, points: &[(f64, f64)], width: f64, color: Color) {
        let reach = width / 2.0 + 1.0;
        let range = |values: &mut dyn Iterator<Item = f64>, end: usize| {
            let (low, high) = values.fold((f64::MAX, f64::MIN), |(low, high), v| (low.min(v), high.max(v)));
            let clamp = |v: f64| v.clamp(0.0, end as f64) as usize;
            clamp((low - reach).floor())..clamp((high + reach).ceil())
        };
        let columns = range(&mut points.iter().map(|p| p.0), self.width);
        let rows = range(&mut points.iter().map(|p| p.1), self.height);
        // Coverage is gathered over the whole line before it is laid on, so that joints are not darker.
        let mut coverage = vec![0.0_f64; columns.len() * rows.len()];
        for (from, to) in points.iter().zip(points.iter().skip(1)) {
            let near_rows = range(&mut [from.1, to.1].into_iter(), self.height);
            let near_columns = range(&mut [from.0, to.0].into_iter(), self.width);
            for y in near_rows {
                for x in near_columns.clone() {
                    let away = distance((x as f64 + 0.5, y as f64 + 0.5), *from, *to);
                    let covered = (width / 2.0 + 0.5 - away).clamp(0.0, 1.0) * width.min(1.0);
                    let cell = &mut coverage[(y - rows.start) * columns.len() + x - columns.start];
                    *cell = cell.max(covered);
                }
            }
        }
        for (index, covered) in coverage.into_iter().enumerate().filter(|(_, covered)| *covered > 0.0) {
            let (x, y) = (columns.start + index % columns.len(), rows.start + index / columns.len());
            self.blend(x, y, color, covered);
        }
    }

    /// Fills the rectangle from (`x`, `y`), `width` by `height`, all rounded to whole pixels.
    pub fn fill(&mut self, x: f64, y: f64, width: f64, height: f64, color: Color) {
        let span = |from: f64, length: f64, end: usize| {
            let clamp = |v: f64| v.round().clamp(0.0, end as f64) as usize;
            clamp(from)..clamp(from + length)
        };
        for row in span(y, height, self.height) {
            for column in span(x, width, self.width) {
                self.blend(column, row, color, 1.0);
            }
        }
    }

    /// Writes `text` at font `size`, beginning at `x` with its baseline at `y`.
    pub fn text(&mut self, x: f64, y: f64, size: f64, color: Color, text: &str) {
        let pen = (size * 0.085).max(1.0);
        for stroke in strokes(text, size) {
            let points: Vec<_> = stroke.into_iter().map(|(px, py)| (x + px, y + py)).collect();
            self.line(&points, pen, color);
        }
    }

    /// Writes `text` with its middle at `x`.
    pub fn text_centred(&mut self, x: f64, y: f64, size: f64, color: Color, text: &str) {
        self.text(x - text_width(text, size) / 2.0, y, size, color, text);
    }

    /// Writes `text` upwards, its middle at height `y` and its baseline at `x`.
    pub fn text_upwards(&mut self, x: f64, y: f64, size: f64, color: Color, text: &str) {
        let (pen, start) = ((size * 0.085).max(1.0), y + text_width(text, size) / 2.0);
        for stroke in strokes(text, size) {
            let points: Vec<_> = stroke.into_iter().map(|(px, py)| (x + py, start - px)).collect();
            self.line(&points, pen, color);
        }
    }

    /// Lays an 8-bit gray or RGB `image` on the canvas with its corner at (`left`, `top`), each of its pixels
    /// `zoom` by `zoom` large. A second and a fourth channel are ignored.
    pub fn image(&mut self, left: usize, top: usize, zoom: usize, image: &Image) {
        let samples = image.to_bytes();
        let color = if image.channels >= 3 { [0, 1, 2] } else { [0, 0, 0] };
        for y in 0..(image.height * zoom).min(self.height.saturating_sub(top)) {
            for x in 0..(image.width * zoom).min(self.width.saturating_sub(left)) {
                let at = (y / zoom * image.width + x / zoom) * image.channels;
                self.blend(left + x, top + y, color.map(|channel| samples[at + channel]), 1.0);
            }
        }
    }

    /// The finished image, RGB.
    pub fn into_image(self) -> Image {
        Image::from_u8(self.width, self.height, 3, self.pixels)
    }

    fn blend(&mut self, x: usize, y: usize, color: Color, covered: f64) {
        let at = (y * self.width + x) * 3;
        for (pixel, wanted) in self.pixels[at..at + 3].iter_mut().zip(color) {
            let mixed = f64::from(*pixel) * (1.0 - covered) + f64::from(wanted) * covered;
            *pixel = mixed.round() as u8;
        }
    }
}

/// The distance of a point from the segment `from`..`to`.
fn distance(point: (f64, f64), from: (f64, f64), to: (f64, f64)) -> f64 {
    let along = (to.0 - from.0, to.1 - from.1);
    let offset = (point.0 - from.0, point.1 - from.1);
    let length = along.0 * along.0 + along.1 * along.1;
    let part =
        if length > 0.0 { ((offset.0 * along.0 + offset.1 * along.1) / length).clamp(0.0, 1.0) } else { 0.0 };
    (offset.0 - part * along.0).hypot(offset.1 - part * along.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reds(canvas: Canvas) -> Vec<u8> {
        let image = canvas.into_image();
        image.to_bytes().iter().copied().step_by(3).collect()
    }

    #[test]
    fn a_line_covers_its_pixels_and_no_others() {
        let mut canvas = Canvas::new(5, 3, [255; 3]);
        canvas.line(&[(1.5, 1.5), (3.5, 1.5)], 1.0, [0; 3]);
        let white = [255; 5];
        assert_eq!(reds(canvas), [white, [255, 0, 0, 0, 255], white].concat());
    }

    #[test]
    fn drawing_off_the_canvas_is_cut() {
        let mut canvas = Canvas::new(2, 2, [255; 3]);
        canvas.line(&[(-50.0, 0.5), (50.0, 0.5)], 1.0, [0; 3]);
        canvas.fill(1.0, -9.0, 9.0, 10.0, [7; 3]);
        canvas.image(1, 1, 3, &Image::from_u8(1, 1, 1, vec![9]));
        assert_eq!(reds(canvas), [0, 7, 255, 9]);
    }
}
