//! The conditions of each image that a network learns from: what a restorer sees, what a caption says. Which degradation and which
//! tokens these are, the facade knows.

use std::fmt::Debug;

use langevin_core::Stream;

/// What is made of one clean image. Planes (channel, row, column), black at -1 and white at 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Conditioning {
    /// What the network sees beside the noisy image, of [`Conditions::channels`] channels.
    pub image: Vec<f32>,
    /// What is subtracted from the clean image, of its shape: the network learns the rest.
    pub centre: Option<Vec<f32>>,
    /// The pixels that the loss counts, one plane of ones and zeros with at least one 1; absent: all.
    pub counted: Option<Vec<f32>>,
}

/// Makes tokens of the words that images come with.
pub trait Texts: Debug + Send + Sync {
    /// The tokens of a caption, always equally many; those of the empty text where there is none.
    fn tokens(&self, caption: Option<&str>) -> Vec<u32>;
}

/// Makes the conditions of a network, of clean images.
pub trait Conditions: Debug + Send + Sync {
    /// Channels of [`Conditioning::image`].
    fn channels(&self) -> usize;

    /// The condition made of the image `clean`; what is left to chance is drawn from `stream`, the image's own.
    fn of(&self, clean: &[f32], stream: &mut Stream) -> Conditioning;
}
