//! Figures: contact sheets, plots and their drawing, and the files they are written to (PNG, JPEG, WebP, TIFF, GIF, NumPy).
//!
//! ```
//! use langevin_core::Image;
//! use langevin_figures::{png, sheet};
//!
//! let image = Image::from_u8(8, 8, 1, vec![128; 64]);
//! let contact = sheet::sheet(&vec![image; 9], sheet::square_columns(9), 2, 1);
//! let bytes = png::encode(&contact, &[("Title", "nine".to_owned())])?;
//! assert_eq!(png::text(&bytes)?, [("Title".to_owned(), "nine".to_owned())]);
//! # Ok::<(), langevin_core::Error>(())
//! ```

pub mod comparison;
pub mod drawing;
pub mod files;
pub mod gif;
pub mod npy;
pub mod numbers;
pub mod plot;
pub mod png;
pub mod sheet;
