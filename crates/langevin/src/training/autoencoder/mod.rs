//! Training autoencoders on one's own images (Rombach et al. 2022, 2112.10752).

mod objective;
mod training;

pub use objective::Reconstruction;
pub(crate) use training::train;
