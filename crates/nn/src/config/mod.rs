//! What a network is made of, a U-Net or the transformer in its place: the records that settings and model files hold, what is
//! wrong with them, and the shapes of the blocks that follow from them.

mod check;
mod network;
mod shapes;
mod text;
mod transformer;

pub use network::{NetworkConfig, Resample, TimeFeatures};
pub(crate) use shapes::quarter;
pub use text::{AddedConfig, TextConfig};
pub use transformer::TransformerConfig;
