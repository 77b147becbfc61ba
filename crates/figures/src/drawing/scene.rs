//! A drawing as a list of shapes, which becomes an SVG text or an image.

use std::fmt::Write;

use langevin_core::Image;

use super::canvas::{Canvas, Color};
use super::stroke_font::text_width;

/// Where a text lies relative to its point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// It begins there.
    Left,
    /// Its middle is there.
    Centre,
    /// It ends there.
    Right,
    /// Its middle is there, and it reads upwards.
    Upwards,
}

/// One thing drawn. Lengths are in units of the scene, the origin is the top left corner.
#[derive(Debug, Clone)]
pub enum Shape {
    /// A line through points; with `dashes` = (drawn, left out) lengths when it is broken.
    Line {
        /// The points, (x, y).
        points: Vec<(f64, f64)>,
        /// The width of the pen.
        width: f64,
        /// The color.
        color: Color,
        /// Lengths drawn and left out.
        dashes: Option<(f64, f64)>,
    },
    /// A text whose baseline is at `y`.
    Text {
        /// Where it is.
        x: f64,
        /// The baseline.
        y: f64,
        /// The font size.
        size: f64,
        /// The color.
        color: Color,
        /// How it lies at `x`.
        align: Align,
        /// What it says.
        text: String,
    },
}

/// A drawing on white.
#[derive(Debug, Clone)]
pub struct Scene {
    /// The width.
    pub width: f64,
    /// The height.
    pub height: f64,
    /// What is drawn, from back to front.
    pub shapes: Vec<Shape>,
}

impl Scene {
    /// The drawing as a stand-alone SVG file.
    pub fn to_svg(&self) -> String {
        let (width, height) = (self.width, self.height);
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" font-family=\"system-ui, 'Segoe UI', Helvetica, Arial, sans-serif\">\n\
             <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
        );
        for shape in &self.shapes {
            out.push_str(&shape.to_svg());
        }
        out.push_str("</svg>\n");
        out
    }

    /// The drawing as an RGB image with `zoom` pixels a unit.
    pub fn to_image(&self, zoom: f64) -> Image {
        let pixels = |length: f64| (length * zoom).ceil() as usize;
        let mut canvas = Canvas::new(pixels(self.width), pixels(self.height), [255; 3]);
        for shape in &self.shapes {
            shape.paint(&mut canvas, zoom);
        }
        canvas.into_image()
    }
}

impl Shape {
    fn to_svg(&self) -> String {
        let mut out = String::new();
        // Writing into a String cannot fail.
        let _ = match self {
            Self::Line { points, width, color, dashes } => {
                let points: Vec<_> = points.iter().map(|(x, y)| format!("{x:.2},{y:.2}")).collect();
                let dashes =
                    dashes.map_or(String::new(), |(on, off)| format!(" stroke-dasharray=\"{on} {off}\""));
                writeln!(
                    out,
                    "<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{width}\"{dashes} \
                     stroke-linecap=\"round\" stroke-linejoin=\"round\"/>",
                    points.join(" "),
                    hex(*color)
                )
            }
            Self::Text { x, y, size, color, align, text } => {
                let anchor = match align {
                    Align::Left => "start",
                    Align::Right => "end",
                    Align::Centre | Align::Upwards => "middle",
                };
                let turn = if *align == Align::Upwards {
                    format!(" transform=\"rotate(-90 {x:.2} {y:.2})\"")
                } else {
                    String::new()
                };
                writeln!(
                    out,
                    "<text x=\"{x:.2}\" y=\"{y:.2}\" font-size=\"{size}\" fill=\"{}\" text-anchor=\"{anchor}\"{turn}>{}</text>",
                    hex(*color),
                    escaped(text)
                )
            }
        };
        out
    }

    fn paint(&self, canvas: &mut Canvas, zoom: f64) {
        match self {
            Self::Line { points, width, color, dashes } => {
                let points: Vec<_> = points.iter().map(|(x, y)| (x * zoom, y * zoom)).collect();
                match dashes {
                    None => canvas.line(&points, width * zoom, *color),
                    Some((on, off)) => {
                        for piece in dashed(&points, on * zoom, off * zoom) {
                            canvas.line(&piece, width * zoom, *color);
                        }
                    }
                }
            }
            Self::Text { x, y, size, color, align, text } => {
                let (x, y, size) = (x * zoom, y * zoom, size * zoom);
                match align {
                    Align::Left => canvas.text(x, y, size, *color, text),
                    Align::Centre => canvas.text_centred(x, y, size, *color, text),
                    Align::Right => canvas.text(x - text_width(text, size), y, size, *color, text),
                    Align::Upwards => canvas.text_upwards(x, y, size, *color, text),
                }
            }
        }
    }
}

/// The drawn pieces of a broken line.
fn dashed(points: &[(f64, f64)], on: f64, off: f64) -> Vec<Vec<(f64, f64)>> {
    let (mut pieces, mut piece) = (Vec::new(), points.first().map(|start| vec![*start]).unwrap_or_default());
    let (mut drawing, mut left) = (true, on);
    for (from, to) in points.iter().zip(points.iter().skip(1)) {
        let length = (to.0 - from.0).hypot(to.1 - from.1);
        let mut done = 0.0;
        while length - done > left {
            done += left;
            let here = (from.0 + (to.0 - from.0) * done / length, from.1 + (to.1 - from.1) * done / length);
            if drawing {
                piece.push(here);
                pieces.push(std::mem::take(&mut piece));
            } else {
                piece = vec![here];
            }
            drawing = !drawing;
            left = if drawing { on } else { off };
        }
        left -= length - done;
        if drawing {
            piece.push(*to);
        }
    }
    if piece.len() > 1 {
        pieces.push(piece);
    }
    pieces
}

fn hex([red, green, blue]: Color) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dashes_keep_their_lengths_round_a_corner() {
        let pieces = dashed(&[(0.0, 0.0), (3.0, 0.0), (3.0, 4.0)], 2.0, 2.0);
        assert_eq!(pieces, [vec![(0.0, 0.0), (2.0, 0.0)], vec![(3.0, 1.0), (3.0, 3.0)]]);
    }

    #[test]
    fn svg_text_is_escaped() {
        let text = Shape::Text {
            x: 1.0,
            y: 2.0,
            size: 10.0,
            color: [0, 16, 255],
            align: Align::Right,
            text: "a<b&c".into(),
        };
        let scene = Scene { width: 10.0, height: 10.0, shapes: vec![text] };
        assert!(scene.to_svg().contains("fill=\"#0010ff\" text-anchor=\"end\">a&lt;b&amp;c</text>"));
    }
}
