//! Measurements: samplers, restoration methods, noise levels, and the speed of networks, layers and kernels.

pub mod algorithms;
pub mod layers;
pub mod levels;
pub mod networks;
pub mod restoration;
pub mod samplers;
