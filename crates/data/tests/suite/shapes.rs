//! The built-in set.

use langevin_data::sets::shapes::{Shapes, Truth, draw};
use langevin_data::{Dataset, Samples};

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
    let set = Shapes::new(32, 0).unwrap();
    let (a, b) = (set.item(5).unwrap(), set.item(5).unwrap());
    assert_eq!(a, b);
    assert_ne!(a.picture, set.item(6).unwrap().picture);
    assert_ne!(a.picture, Shapes::new(32, 1).unwrap().item(5).unwrap().picture);
    assert_eq!(set.info().len, None);
    assert_eq!(set.info().classes.len(), 10);
    assert_eq!(a.label, Some(Truth::at(0, 5).class.into()));
    assert!(Shapes::new(4, 0).is_err());
}
