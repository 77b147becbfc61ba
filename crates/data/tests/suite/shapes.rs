//! The built-in set.

use langevin_data::sets::shapes::{Combinations, Shapes, Truth, closest, draw, read_back};
use langevin_data::{Dataset, Image, Samples};

/// Writes a contact sheet to the file that LANGEVIN_SHEET names, for looking at.
#[test]
fn contact_sheet() {
    let Ok(path) = std::env::var("LANGEVIN_SHEET") else {
        println!("skipped: LANGEVIN_SHEET names no file");
        return;
    };
    let (columns, rows, side, scale) = (16u32, 10u32, 32u32, 3u32);
    let mut sheet = image::RgbImage::new(columns * side * scale, rows * side * scale);
    for at in 0..columns * rows {
        let mut truth = Truth::at(0, u64::from(at));
        truth.class = (at / columns) as u8;
        let Samples::U8(bytes) = draw(&truth, side as usize).samples else { unreachable!() };
        let (left, top) = (at % columns * side * scale, at / columns * side * scale);
        for y in 0..side * scale {
            for x in 0..side * scale {
                let from = 3 * ((y / scale) * side + x / scale) as usize;
                sheet.put_pixel(
                    left + x,
                    top + y,
                    image::Rgb([bytes[from], bytes[from + 1], bytes[from + 2]]),
                );
            }
        }
    }
    sheet.save(path).unwrap();
}

#[test]
fn items_are_functions_of_seed_and_index() {
    let set = Shapes::new(32, 0, Combinations::All).unwrap();
    let (a, b) = (set.item(5).unwrap(), set.item(5).unwrap());
    assert_eq!(a, b);
    assert_ne!(a.image, set.item(6).unwrap().image);
    assert_ne!(a.image, Shapes::new(32, 1, Combinations::All).unwrap().item(5).unwrap().image);
    assert_eq!(set.info().len, None);
    assert_eq!(set.info().classes.len(), 10);
    assert_eq!(a.label, Some(Truth::at(0, 5).class.into()));
    assert!(Shapes::new(4, 0, Combinations::All).is_err());
}

#[test]
fn every_drawing_is_read_back_exactly() {
    use rayon::prelude::*;
    let wrong: Vec<_> = (0..2000u64)
        .into_par_iter()
        .filter_map(|k| {
            let truth = Truth::at(3, k);
            let found = read_back(&draw(&truth, 32));
            (found != Some(truth)).then_some((truth, found))
        })
        .collect();
    assert!(wrong.is_empty(), "{} of 2000 misread, such as {:?}", wrong.len(), wrong[0]);
    for (k, side) in [(7, 16), (8, 48), (9, 64)] {
        let truth = Truth::at(4, k);
        assert_eq!(read_back(&draw(&truth, side)), Some(truth), "side {side}");
    }
}

#[test]
fn a_noisy_drawing_is_matched_to_what_it_shows() {
    use langevin_data::order::{Purpose, bits};
    for k in 0..40 {
        let truth = Truth::at(5, k);
        let mut image = draw(&truth, 32);
        let Samples::U8(bytes) = &mut image.samples else { unreachable!() };
        for (at, byte) in bytes.iter_mut().enumerate() {
            let noise = (bits(k, Purpose::Draw, at as u64) % 41) as i16 - 20;
            *byte = (i16::from(*byte) + noise).clamp(0, 255) as u8;
        }
        assert_eq!(read_back(&image), None);
        let found = closest(&image).unwrap();
        assert_eq!(
            (found.truth.class, found.truth.colour, found.truth.scene),
            (truth.class, truth.colour, truth.scene)
        );
        assert!((5.0..15.0).contains(&found.distance), "{found:?}");
        assert!((found.truth.x - truth.x).abs() <= 4 && (found.truth.y - truth.y).abs() <= 4);
    }
}

#[test]
fn what_is_no_drawing_is_not_read() {
    let gray = Image::from_u8(32, 32, 3, vec![128; 3 * 1024]);
    assert_eq!(read_back(&gray), None);
    assert!(closest(&gray).unwrap().distance > 20.0);
    assert_eq!(closest(&Image::from_u8(32, 16, 3, vec![0; 3 * 512])), None);
    assert_eq!(closest(&Image::from_u8(32, 32, 1, vec![0; 1024])), None);
}

#[test]
fn drawings_are_the_same_bytes_on_every_machine() {
    let mut hasher = blake3::Hasher::new();
    for k in 0..64 {
        let Samples::U8(bytes) = draw(&Truth::at(0, k), 32).samples else { unreachable!() };
        hasher.update(&bytes);
    }
    assert_eq!(&hasher.finalize().to_hex()[..16], "ad017fe4d6b55ad9");
}

#[test]
fn captions_are_sentences_and_classes_are_balanced() {
    let truth = Truth { class: 0, colour: 1, scene: 0, radius: 80, x: 0, y: 0 };
    assert_eq!(truth.caption(), "an orange ball in a blue sky");
    let mut counts = [0u32; 10];
    (0..5000).for_each(|k| counts[usize::from(Truth::at(0, k).class)] += 1);
    assert!(counts.iter().all(|n| (400..600).contains(n)), "{counts:?}");
}
