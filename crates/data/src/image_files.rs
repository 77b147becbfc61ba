//! Files of images that are worked on one by one, rather than as a data set.

use std::path::{Path, PathBuf};

use image::{ImageDecoder, ImageReader};
use langevin_core::{LeftAside, Stop};

use crate::guarded::guarded;
use crate::images::sniff;
use crate::sets::files::Files;
use crate::sets::folder::DiskFiles;
use crate::sniff::{HEAD, Kind};
use crate::{Error, Result};

/// Whether the file at `path` begins as an image that this crate reads does.
pub fn is_image_file(path: impl AsRef<Path>) -> bool {
    langevin_files::read_head(path, HEAD).is_ok_and(|head| sniff(&head).is_some())
}

/// The images in the folder at `root` and its sub-folders, sorted by their paths, and what else lies there.
///
/// # Errors
/// Bad input, naming the folder: it cannot be read, or holds no images. Interrupted, where `stop` asks for it.
pub fn images_in(root: &Path, stop: &Stop) -> Result<(Vec<PathBuf>, LeftAside)> {
    let files = DiskFiles::walk(root, stop)?;
    let mut aside = files.left_aside();
    files.leave_all_but(&[Kind::Image], &mut aside);
    let images: Vec<PathBuf> =
        files.of(Kind::Image).into_iter().map(|at| files.full_path(at).to_path_buf()).collect();
    if images.is_empty() {
        let found = if aside.is_empty() { String::new() } else { format!(", but {aside}") };
        return Err(Error::bad_input(format!("{}: holds no images{found}", root.display()))
            .hint("png, jpeg, webp, bmp, tiff and gif are read"));
    }
    Ok((images, aside))
}

/// How many channels the image at `path` has, alpha among them, as its header says; none where that cannot be read.
pub fn channels_of(path: impl AsRef<Path>) -> Option<usize> {
    let read = || {
        let reader = ImageReader::open(path.as_ref()).ok()?.with_guessed_format().ok()?;
        Some(usize::from(reader.into_decoder().ok()?.color_type().channel_count()))
    };
    let head = langevin_files::read_head(path.as_ref(), HEAD).ok()?;
    sniff(&head)?;
    guarded(read)?
}

/// Whether the file at `path` is an image, and whole: it ends as its kind does, or is decoded to see.
pub fn is_whole_image(path: impl AsRef<Path>) -> bool {
    let Ok(bytes) = crate::images::read_file(path.as_ref()) else { return false };
    match bytes.as_slice() {
        [0x89, b'P', b'N', b'G', ..] if bytes.ends_with(b"IEND\xae\x42\x60\x82") => true,
        [0xff, 0xd8, 0xff, .., 0xff, 0xd9] => true,
        bytes => crate::images::decode(bytes, "").is_ok(),
    }
}

/// The first 16 hexadecimal digits of the BLAKE3 sum of the file at `path`, by which its content is recognised.
///
/// # Errors
/// Bad input, naming the file: it cannot be read, or is too large.
pub fn hash_of_file(path: impl AsRef<Path>) -> Result<String> {
    let bytes = crate::images::read_file(path.as_ref())?;
    Ok(blake3::hash(&bytes).to_hex()[..16].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_gives_its_images_in_order_and_says_what_else_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, channels: usize| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            let colour = if channels == 1 { image::ColorType::L8 } else { image::ColorType::Rgb8 };
            image::save_buffer(&path, &vec![9; 4 * channels], 2, 2, colour).unwrap();
        };
        write("b.png", 3);
        write("a/z.jpg", 1);
        std::fs::write(folder.path().join("notes.txt"), "x").unwrap();
        std::fs::write(folder.path().join(".hidden.png"), "x").unwrap();
        let (images, aside) = images_in(folder.path(), &Stop::new()).unwrap();
        let expected = ["a/z.jpg", "b.png"].map(|name| folder.path().join(name));
        assert_eq!(images, expected);
        assert_eq!((channels_of(&images[0]), channels_of(&images[1])), (Some(1), Some(3)));
        assert!(aside.to_string().contains("notes.txt"), "{aside}");
        assert!(images.iter().all(is_whole_image) && !is_whole_image(folder.path().join("notes.txt")));
        let cut = std::fs::read(&images[1]).unwrap();
        std::fs::write(folder.path().join("cut.png"), &cut[..cut.len() - 5]).unwrap();
        assert!(!is_whole_image(folder.path().join("cut.png")));
        assert!(is_image_file(&images[0]) && !is_image_file(folder.path().join("notes.txt")));
        let empty = tempfile::tempdir().unwrap();
        assert!(images_in(empty.path(), &Stop::new()).unwrap_err().to_string().contains("holds no images"));
    }
}
