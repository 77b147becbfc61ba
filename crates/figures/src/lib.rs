//! Figures: contact sheets, plots and their drawing, and the files they are written to (PNG, GIF, NumPy).

pub mod drawing;
pub mod gif;
pub mod npy;
pub mod plot;
pub mod png;
pub mod sheet;
