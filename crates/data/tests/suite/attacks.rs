//! Broken and hostile input: each is a clean error or handled, never a panic.

use std::path::Path;

use image::{DynamicImage, ImageFormat};
use langevin_data::{
    ErrorKind, OpenOptions, Pool, PoolOptions, Prepare, Samples, decode, lint, open, read_image,
    read_image_and_profile, read_profile,
};

use crate::make;

/// Opens whatever is at `path` and reads all of it; the message if that fails.
fn read_all(path: &Path) -> Result<u64, String> {
    let clean = |error: langevin_data::Error| {
        assert_eq!(error.kind(), ErrorKind::BadInput, "{error}");
        error.to_string()
    };
    let set = open(path.to_str().unwrap(), &OpenOptions::default()).map_err(clean)?;
    let pool = Pool::new(set, Prepare::new(6, 6, 3), PoolOptions::default()).map_err(clean)?;
    let n = pool.len().unwrap();
    pool.batch(0..n).map_err(clean)?;
    Ok(n)
}

/// A message that names the file and holds `what`.
#[track_caller]
fn refused(path: &Path, what: &str) {
    let message = read_all(path).unwrap_err();
    assert!(message.contains(what), "{message:?} does not say {what:?}");
    assert!(message.starts_with(path.to_str().unwrap()), "{message:?} does not name the file");
}

#[test]
fn single_broken_files_are_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        make::write(dir.path().join(name), bytes);
        dir.path().join(name)
    };
    refused(&write("empty.png", b""), "empty");
    refused(&write("text.png", b"this is no image at all"), "not a data set");
    refused(&write("page.svg", b"<svg></svg>"), "not a data set");
    refused(&write("cut.png", &make::png(1)[..70]), "png");
    let jpeg = make::encode(&make::rgb(40, 40, 1), ImageFormat::Jpeg);
    refused(&write("cut.jpg", &jpeg[..jpeg.len() / 2]), "cut short");
    let mut magic = make::idx_images(2, 3, 3);
    magic[3] = 9;
    refused(&write("magic-idx3-ubyte", &magic), "IDX magic 0x00000809 is not known");
    refused(&write("magic-idx3-ubyte.gz", &make::gzip(&magic)), "IDX magic 0x00000809");
    refused(&write("unnamed", &magic), "not a data set");
    refused(&write("short-idx3-ubyte", &make::idx_images(2, 3, 3)[..20]), "fewer values");
    refused(
        &write("lying-idx3-ubyte", &[0, 0, 8, 3, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 255, 255]),
        "claims",
    );
    refused(&write("flat-idx3-ubyte", &[0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 3]), "not usable");
    let gzip = make::gzip(&make::idx_images(200, 9, 9));
    refused(&write("cut.gz", &gzip[..gzip.len() - 30]), "cut short");
    refused(&write("noise.gz", &make::gzip(b"hello, this is text")), "neither IDX nor tar");
    refused(&write("cut.bin", &make::cifar(2)[..4000]), "not a data set");
    refused(&write("empty.zip", &make::zip(&[])), "no image");
    refused(&write("cut.zip", &make::zip(&[("a.png", &make::png(1))])[..80]), "zip");
    refused(&write("head.parquet", b"PAR1"), "parquet");
    refused(&write("tail.parquet", b"PAR1PAR1\xff\xff\xff\xffPAR1"), "parquet");
}

#[test]
fn images_that_claim_too_much_are_refused_before_decoding() {
    let mut huge = make::png(1);
    huge[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]); // 60000 x 60000
    let crc = crc(&huge[12..29]);
    huge[29..33].copy_from_slice(&crc.to_be_bytes());
    let message = decode(&huge, "huge.png").unwrap_err().to_string();
    assert!(message.starts_with("huge.png:"), "{message}");
    let mut gif = make::encode(&make::rgb(4, 4, 1), ImageFormat::Gif);
    gif[6..10].copy_from_slice(&[0xff, 0xff, 0xff, 0xff]);
    assert!(decode(&gif, "huge.gif").is_err());
    let mut bmp = make::encode(&make::rgb(4, 4, 1), ImageFormat::Bmp);
    bmp[18..26].copy_from_slice(&[0xff, 0x7f, 0, 0, 0xff, 0x7f, 0, 0]);
    assert!(decode(&bmp, "huge.bmp").is_err());
}

fn crc(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |c, _| if c & 1 == 1 { 0xedb8_8320 ^ (c >> 1) } else { c >> 1 })
    };
    !bytes.iter().fold(!0, step)
}

#[test]
fn every_kind_of_image_is_read_as_it_is() {
    let colour = make::rgb(9, 5, 1);
    let DynamicImage::ImageRgb8(pixels) = &colour else { unreachable!() };
    for format in [ImageFormat::Png, ImageFormat::Bmp, ImageFormat::Tiff, ImageFormat::WebP] {
        let image = decode(&make::encode(&colour, format), "x").unwrap();
        assert_eq!((image.width, image.height, image.channels), (9, 5, 3), "{format:?}");
        assert_eq!(image.samples, Samples::U8(pixels.as_raw().clone()), "{format:?}");
    }
    let jpeg = decode(&make::encode(&colour, ImageFormat::Jpeg), "x").unwrap();
    assert_eq!((jpeg.width, jpeg.height, jpeg.channels), (9, 5, 3));
    let kinds = [
        (colour.to_luma8().into(), 1, false),
        (DynamicImage::from(colour.to_luma_alpha8()), 2, false),
        (colour.to_rgba8().into(), 4, false),
        (colour.to_luma16().into(), 1, true),
        (colour.to_luma_alpha16().into(), 2, true),
        (colour.to_rgb16().into(), 3, true),
        (colour.to_rgba16().into(), 4, true),
    ];
    for (image, channels, wide) in kinds {
        let image = decode(&make::encode(&image, ImageFormat::Png), "x").unwrap();
        assert_eq!((image.channels, matches!(image.samples, Samples::U16(_))), (channels, wide));
        let values = langevin_data::prepare(&image, &Prepare::new(4, 4, 3)).unwrap();
        assert_eq!(values.len(), 48);
    }
    let one = decode(&make::encode(&make::rgb(1, 1, 7), ImageFormat::Png), "x").unwrap();
    assert_eq!(langevin_data::prepare(&one, &Prepare::new(8, 8, 3)).unwrap().len(), 192);
}

#[test]
fn an_image_and_its_profile_come_from_one_reading() {
    use image::ImageEncoder;
    let folder = tempfile::tempdir().unwrap();
    let written = |name: &str, profile: Option<&[u8]>| {
        let mut bytes = Vec::new();
        let mut encoder = image::codecs::png::PngEncoder::new(&mut bytes);
        profile.into_iter().for_each(|profile| encoder.set_icc_profile(profile.to_vec()).unwrap());
        encoder.write_image(&[9, 8, 7], 1, 1, image::ExtendedColorType::Rgb8).unwrap();
        std::fs::write(folder.path().join(name), bytes).unwrap();
        folder.path().join(name)
    };
    let (with, without) = (written("with.png", Some(b"not read, only kept")), written("without.png", None));
    let (image, profile) = read_image_and_profile(&with).unwrap();
    assert_eq!((image.samples, profile), (Samples::U8(vec![9, 8, 7]), read_profile(&with)));
    assert_eq!(read_profile(&with).as_deref(), Some(&b"not read, only kept"[..]));
    assert_eq!(read_image_and_profile(&without).unwrap().1, None);
    assert!(read_image_and_profile(folder.path().join("none.png")).is_err());
}

#[test]
fn exif_orientation_turns_the_image() {
    let jpeg = make::encode(&make::rgb(12, 8, 1), ImageFormat::Jpeg);
    let exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
    let mut turned = vec![0xff, 0xd8, 0xff, 0xe1];
    turned.extend((exif.len() as u16 + 2).to_be_bytes());
    turned.extend(exif);
    turned.extend(&jpeg[2..]);
    let (upright, turned) = (decode(&jpeg, "a").unwrap(), decode(&turned, "b").unwrap());
    assert_eq!((turned.width, turned.height), (8, 12));
    let (Samples::U8(a), Samples::U8(b)) = (upright.samples, turned.samples) else { unreachable!() };
    assert_eq!(a[..3], b[3 * 7..3 * 8]); // orientation 6: the top left corner goes to the top right
}

#[test]
fn only_the_first_frame_of_a_gif_is_read() {
    let mut bytes = Vec::new();
    {
        let mut encoder = image::codecs::gif::GifEncoder::new(&mut bytes);
        for shade in [200u8, 20] {
            let frame = image::RgbaImage::from_pixel(6, 4, image::Rgba([shade, shade, shade, 255]));
            encoder.encode_frame(image::Frame::new(frame)).unwrap();
        }
    }
    let image = decode(&bytes, "x").unwrap();
    let Samples::U8(samples) = &image.samples else { unreachable!() };
    assert_eq!((image.width, image.height), (6, 4));
    assert!(samples[0].abs_diff(200) < 3, "{}", samples[0]);
}

#[test]
fn archives_with_members_outside_or_links_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let png = make::png(1);
    for (k, name) in ["../x.png", "a/../../x.png", "/etc/x.png", "..\\x.png", "C:\\x.png"].iter().enumerate()
    {
        let members: Vec<(&str, &[u8])> = vec![("good.png", &png), (name, &png)];
        for (kind, bytes) in [("zip", make::zip(&members)), ("tar", make::tar(&members))] {
            let path = dir.path().join(format!("{k}.{kind}"));
            make::write(&path, &bytes);
            refused(&path, "outside the archive");
        }
    }
    let link = dir.path().join("link.tar");
    make::write(&link, &make::tar_with_link("/etc/passwd"));
    refused(&link, "is a link");
    let bomb = dir.path().join("bomb.zip");
    make::write(&bomb, &make::zip(&[("zeros.png", &vec![0; 40 << 20])]));
    refused(&bomb, "unpacks from");
    let bomb = dir.path().join("bomb.tar.gz");
    make::write(&bomb, &make::gzip(&make::tar(&[("zeros.png", &vec![0; 40 << 20])])));
    refused(&bomb, "200 times");
}

#[test]
fn a_dirty_folder_is_read_as_far_as_it_goes() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| make::write(dir.path().join(name), bytes);
    for k in 0..3 {
        write(&format!("good{k}.png"), &make::png(k));
    }
    write("copy of good0.png", &make::png(0));
    write("jpeg called.png", &make::encode(&make::rgb(30, 20, 1), ImageFormat::Jpeg));
    write("without ending", &make::png(7));
    write("gray16.png", &make::encode(&DynamicImage::from(make::rgb(8, 8, 1).to_luma16()), ImageFormat::Png));
    write("alpha.png", &make::encode(&DynamicImage::from(make::rgb(8, 8, 1).to_rgba8()), ImageFormat::Png));
    write("one.png", &make::encode(&make::rgb(1, 1, 1), ImageFormat::Png));
    write("strip.png", &make::encode(&make::rgb(900, 2, 1), ImageFormat::Png));
    write("empty.png", b"");
    write("cut.png", &make::png(1)[..90]);
    write("text.jpg", b"not an image");
    write("notes.md", b"not meant as one");
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        std::os::unix::fs::symlink(dir.path(), dir.path().join("loop")).unwrap();
        std::os::unix::fs::symlink(dir.path().join("good0.png"), dir.path().join("link.png")).unwrap();
        let name = std::ffi::OsStr::from_bytes(b"caf\xe9.png");
        std::fs::write(dir.path().join(name), make::png(9)).unwrap();
    }
    let set = open(dir.path().to_str().unwrap(), &OpenOptions::default()).unwrap();
    let pool = Pool::new(set.clone(), Prepare::new(6, 6, 3), PoolOptions::default()).unwrap();
    let reasons: Vec<_> = pool.skipped().into_iter().map(|skipped| skipped.reason).collect();
    for (name, why) in [("empty.png", "empty"), ("cut.png", "png"), ("text.jpg", "not an image")] {
        assert!(reasons.iter().any(|r| r.contains(name) && r.contains(why)), "{name} in {reasons:?}");
    }
    #[cfg(unix)]
    {
        assert_eq!((pool.len(), reasons.len()), (Some(11), 3), "{reasons:?}");
        let aside = pool.left_aside().to_string();
        assert!(aside.contains("1 links that lead back (loop)"), "{aside}");
        assert!(aside.contains("1 links to what is there already (link.png)"), "{aside}");
    }
    let report = lint(set.as_ref(), &langevin_core::Stop::new()).unwrap();
    assert_eq!(report.unreadable.len(), reasons.len());
    assert_eq!(report.duplicates.len(), 1);
    assert_eq!(report.duplicates[0].len(), 2);
    assert_eq!((report.bits[&16], report.channels[&4]), (1, 1));
    assert!(report.advice.iter().any(|line| line.contains("transparent")), "{:?}", report.advice);
    assert!(serde_json::to_string(&report).unwrap().contains("\"duplicates\""));
}

#[test]
fn cut_anywhere_a_file_is_an_error_or_still_whole() {
    let dir = tempfile::tempdir().unwrap();
    let small = make::rgb(5, 4, 1);
    let png = make::encode(&small, ImageFormat::Png);
    let members: Vec<(&str, &[u8])> = vec![("a/1.png", &png), ("b/2.png", &png)];
    let kinds: Vec<(&str, Vec<u8>)> = vec![
        ("png", png.clone()),
        ("jpeg", make::encode(&small, ImageFormat::Jpeg)),
        ("webp", make::encode(&small, ImageFormat::WebP)),
        ("bmp", make::encode(&small, ImageFormat::Bmp)),
        ("tiff", make::encode(&small, ImageFormat::Tiff)),
        ("gif", make::encode(&small, ImageFormat::Gif)),
        ("idx", make::idx_images(2, 3, 3)),
        ("idx.gz", make::gzip(&make::idx_images(20, 3, 3))),
        ("zip", make::zip(&members)),
        ("tar", make::tar(&members)),
        ("tar.gz", make::gzip(&make::tar(&members))),
        ("parquet", make::parquet(3, &png)),
        ("npy", make::npy(&[2, 3, 3], "|u1", 1)),
    ];
    for (kind, bytes) in kinds {
        let path = dir.path().join(kind);
        make::write(&path, &bytes);
        assert!(read_all(&path).is_ok(), "the whole {kind} must be read: {:?}", read_all(&path));
        let mut read = 0;
        for cut in 0..bytes.len() {
            make::write(&path, &bytes[..cut]);
            read += u32::from(read_all(&path).is_ok());
        }
        // What follows the pixels, such as the 1024 zeros and the padding that end a tar, may be missed.
        let most = if kind == "tar" { 1300 } else { 30 };
        assert!(read <= most, "{kind}: {read} of {} cuts were taken for whole", bytes.len());
    }
}

#[test]
fn flipped_bytes_never_panic() {
    let dir = tempfile::tempdir().unwrap();
    let small = make::rgb(5, 4, 1);
    let png = make::encode(&small, ImageFormat::Png);
    let kinds: Vec<Vec<u8>> = vec![
        png.clone(),
        make::encode(&small, ImageFormat::Jpeg),
        make::encode(&small, ImageFormat::WebP),
        make::encode(&small, ImageFormat::Tiff),
        make::encode(&small, ImageFormat::Gif),
        make::idx_images(2, 3, 3),
        make::gzip(&make::idx_images(20, 3, 3)),
        make::zip(&[("a.png", &png)]),
        make::tar(&[("a.png", &png)])[..1024].to_vec(),
        make::parquet(2, &png),
        make::npy(&[2, 3, 3], "|u1", 1),
        make::zip(&[("x_train.npy", &make::npy(&[2, 3, 3], "|u1", 1))]),
    ];
    for (k, bytes) in kinds.iter().enumerate() {
        let path = dir.path().join(format!("x{k}"));
        for at in 0..bytes.len() {
            let mut broken = bytes.clone();
            broken[at] ^= 1 << (at % 8);
            broken[(at * 7) % bytes.len()] = 0xff;
            make::write(&path, &broken);
            let _ = read_all(&path);
        }
    }
    // Of pickles the words matter, and not the pixels.
    let pickle = make::cifar_for_python(&[1, 2]);
    let path = dir.path().join("data_batch_1");
    for at in (0..240).chain(pickle.len() - 8..pickle.len()) {
        for value in [0, 0xff, pickle[at] ^ 1, b'(', b't', b'R', b'b', b'h', 0x8a] {
            let mut broken = pickle.clone();
            broken[at] = value;
            make::write(&path, &broken);
            let _ = read_all(&path);
        }
    }
}

#[test]
fn a_missing_image_is_named() {
    let error = read_image("/nowhere/x.png").unwrap_err();
    assert!(
        error.kind() == ErrorKind::BadInput && error.to_string().starts_with("/nowhere/x.png:"),
        "{error}"
    );
}
