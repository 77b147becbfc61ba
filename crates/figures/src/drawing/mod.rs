//! Drawing without a font file or a graphics library: a canvas of pixels with smooth lines, a stroke font of our own,
//! and scenes that become either an SVG text or an image.

mod canvas;
mod scene;
mod stroke_font;

pub use canvas::{Canvas, Color};
pub use scene::{Align, Scene, Shape};
pub use stroke_font::text_width;
