//! Trained restorers: networks that are conditioned on a degraded image and draw what it may have been, or answer with the mean.
//!
//! The degraded image is joined with the noisy one at the network's input, as in SR3 (Saharia et al. 2021, 2104.07636) and
//! Palette (Saharia et al. 2022, 2111.05826). What is enlarged is learned as the rest between the image and its bicubic
//! enlargement, as in SRDiff (Li et al. 2021, 2104.14951); of what is filled in, the hole alone counts.

mod conditioned;
mod conditioning;
mod restore;
mod scale;
mod usage;

pub use crate::job::Mode;
pub use conditioned::{Conditioned, one_step};
pub use conditioning::{filled_in, of_small};
pub use restore::{Trained, check_trained, known_operator, restore_trained};
pub use scale::scale;
pub use usage::trained_for;
