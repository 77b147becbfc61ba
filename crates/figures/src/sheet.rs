//! Contact sheets: many images of one size laid out in rows.

use langevin_core::Image;

/// Lays `images` out in rows of `columns` with `gap` white pixels between them, each magnified `scale` times by
/// repeating pixels. Gray images stay gray when all are gray; otherwise the sheet is RGB. Alpha and further channels
/// are left out, and 16-bit images are shown in 8 bits. The cell takes the size of the largest image.
///
/// An empty list gives an empty image of 0 x 0.
pub fn sheet(images: &[Image], columns: usize, gap: usize, scale: usize) -> Image {
    let (Some(cell_width), Some(cell_height)) =
        (images.iter().map(|p| p.width).max(), images.iter().map(|p| p.height).max())
    else {
        return Image::from_u8(0, 0, 1, Vec::new());
    };
    let channels = if images.iter().all(|p| p.channels < 3) { 1 } else { 3 };
    let scale = scale.max(1);
    let columns = columns.clamp(1, images.len());
    let rows = images.len().div_ceil(columns);
    let (step_x, step_y) = (cell_width * scale + gap, cell_height * scale + gap);
    let (width, height) = (columns * step_x - gap, rows * step_y - gap);
    let mut samples = vec![255_u8; width * height * channels];
    for (index, image) in images.iter().enumerate() {
        let (left, top) = ((index % columns) * step_x, (index / columns) * step_y);
        let source = image.to_bytes();
        for y in 0..image.height * scale {
            for x in 0..image.width * scale {
                let from = ((y / scale) * image.width + x / scale) * image.channels;
                let to = ((top + y) * width + left + x) * channels;
                for channel in 0..channels {
                    let source_channel = if image.channels < 3 { 0 } else { channel };
                    samples[to + channel] = source[from + source_channel];
                }
            }
        }
    }
    Image::from_u8(width, height, channels, samples)
}

/// The number of columns that makes a sheet of `count` images nearly square.
pub fn square_columns(count: usize) -> usize {
    (1..).find(|n| n * n >= count).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use langevin_core::Samples;

    use super::*;

    #[test]
    fn a_sheet_has_gaps_rows_and_scale() {
        let dot = |v| Image::from_u8(1, 1, 1, vec![v]);
        let made = sheet(&[dot(1), dot(2), dot(3)], 2, 1, 1);
        assert_eq!((made.width, made.height, made.channels), (3, 3, 1));
        assert_eq!(made.samples, Samples::U8(vec![1, 255, 2, 255, 255, 255, 3, 255, 255]));
        let large = sheet(&[dot(7)], 4, 2, 3);
        assert_eq!((large.width, large.height), (3, 3));
    }

    #[test]
    fn one_colour_image_makes_the_sheet_colour() {
        let made =
            sheet(&[Image::from_u8(1, 1, 1, vec![9]), Image::from_u8(1, 1, 3, vec![1, 2, 3])], 2, 0, 1);
        assert_eq!(made.samples, Samples::U8(vec![9, 9, 9, 1, 2, 3]));
    }

    #[test]
    fn columns_are_square() {
        assert_eq!([1, 4, 5, 16, 64].map(square_columns), [1, 2, 3, 4, 8]);
    }
}
