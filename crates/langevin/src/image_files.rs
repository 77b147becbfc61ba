//! Images that read and save themselves.

use std::path::Path;

use langevin_core::{Error, Image, Result};
use langevin_files::write_file;

/// Reading and saving an [`Image`] by its path.
///
/// ```no_run
/// use langevin::{Image, ImageExt};
/// # fn main() -> langevin::Result<()> {
/// let image = Image::open("photo.jpg")?;
/// image.to_8_bit().save("photo.png")?;
/// # Ok(()) }
/// ```
pub trait ImageExt: Sized {
    /// Reads the image at `path`: png, jpeg, webp, bmp, tiff or the first frame of a gif, told apart by content, with its
    /// ICC profile and its EXIF block.
    ///
    /// # Errors
    /// Bad input: it cannot be read, is not an image, or is broken or too large.
    fn open(path: impl AsRef<Path>) -> Result<Self>;

    /// Writes the image to `path` as png, whole or not at all, in the place of what is there. The file has the ICC profile
    /// of the image, and 8 or 16 bits a sample as [`Image::to_full_range`] makes them.
    ///
    /// # Errors
    /// Usage: a path that does not end in .png, an image without pixels, of more than 4 channels, or a stack. Failed, when
    /// it cannot be written.
    fn save(&self, path: impl AsRef<Path>) -> Result<()>;
}

impl ImageExt for Image {
    fn open(path: impl AsRef<Path>) -> Result<Self> {
        langevin_data::read_image(path)
    }

    fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        if !path.extension().is_some_and(|end| end.eq_ignore_ascii_case("png")) {
            return Err(Error::usage(format!("{}: images are saved as png", path.display()))
                .hint("let its name end in .png"));
        }
        let bytes = langevin_figures::png::encode(self, &[]).map_err(|error| error.within(path.display()))?;
        write_file(path, &bytes)
    }
}

#[cfg(test)]
mod tests {
    use langevin_core::Metadata;

    use super::*;

    #[test]
    fn images_save_and_open_themselves() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.PNG");
        let mut profile = vec![7_u8; 200];
        profile[16..20].copy_from_slice(b"RGB ");
        let metadata = Metadata { icc: Some(profile.into()), ..Metadata::default() };
        let image = Image::from_u16(1, 2, 4, (0..8).collect()).with_metadata(metadata).unwrap();
        image.save(&path).unwrap();
        let back = Image::open(&path).unwrap();
        assert_eq!((&back, &back.metadata), (&image, &image.metadata));
        let message = |error: Error| error.to_string();
        assert!(message(image.save(folder.path().join("a.jpg")).unwrap_err()).contains("saved as png"));
        assert!(message(Image::open(folder.path().join("b.png")).unwrap_err()).contains("b.png"));
    }
}
