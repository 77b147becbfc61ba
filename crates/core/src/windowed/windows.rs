//! How an image is divided into windows.

/// How an image is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Windows {
    /// Largest width and height of a window in pixels, a multiple of `multiple`. An image that is no larger is one window.
    pub side: usize,
    /// Pixels that neighbours share at least; a third of `side` at most is used. A quarter of them at each rim is not used, over
    /// the rest the answers fade.
    pub overlap: usize,
    /// Sides of windows are multiples of this, and so are the places where they begin; an image that is not is
    /// continued by reflection.
    pub multiple: usize,
    /// Windows for one call of the denoiser: changes speed and memory alone.
    pub at_once: usize,
}
