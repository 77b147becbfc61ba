//! What a network gets of a text: the vectors it attends to, and what is added to its noise level.

use burn::tensor::{Device, Int, Tensor};

/// The texts of a batch, as an encoder of text leaves them.
#[derive(Debug, Clone)]
pub struct Context {
    /// A vector for each token of each text, `[batch, tokens, dim]`.
    pub tokens: Tensor<3>,
    /// What comes in addition to them; absent where the network takes no more.
    pub added: Option<Added>,
}

/// What a network adds to the embedding of its noise level (Podell et al. 2023, SDXL, 2307.01952, section 2.2).
#[derive(Debug, Clone)]
pub struct Added {
    /// One vector for each text, `[batch, dim]`.
    pub pooled: Tensor<2>,
    /// Numbers that each become sines and cosines, `[batch, count]`: for SDXL the height and width of the original image, the top
    /// and left of what was cut from it, and the height and width that are wanted, in pixels.
    pub numbers: Tensor<2>,
}

impl Context {
    /// Texts alone, `[batch, tokens, dim]`.
    pub fn of_tokens(tokens: Tensor<3>) -> Self {
        Self { tokens, added: None }
    }

    /// How many texts these are.
    pub fn len(&self) -> usize {
        self.tokens.dims()[0]
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The texts numbered `texts`; one may come again.
    ///
    /// # Panics
    /// If there is no such text.
    #[must_use]
    pub fn of(&self, texts: &[usize]) -> Self {
        let indices: Vec<i64> = texts.iter().map(|index| *index as i64).collect();
        let indices = Tensor::<1, Int>::from_data(indices.as_slice(), &self.tokens.device());
        Self {
            tokens: self.tokens.clone().select(0, indices.clone()),
            added: self.added.as_ref().map(|added| Added {
                pooled: added.pooled.clone().select(0, indices.clone()),
                numbers: added.numbers.clone().select(0, indices),
            }),
        }
    }

    /// Texts `start..start + count`.
    ///
    /// # Panics
    /// If there are no such texts.
    #[must_use]
    pub fn range(&self, start: usize, count: usize) -> Self {
        Self {
            tokens: self.tokens.clone().narrow(0, start, count),
            added: self.added.as_ref().map(|added| Added {
                pooled: added.pooled.clone().narrow(0, start, count),
                numbers: added.numbers.clone().narrow(0, start, count),
            }),
        }
    }

    /// The same on `device`.
    #[must_use]
    pub fn to_device(self, device: &Device) -> Self {
        Self {
            tokens: self.tokens.to_device(device),
            added: self.added.map(|added| Added {
                pooled: added.pooled.to_device(device),
                numbers: added.numbers.to_device(device),
            }),
        }
    }
}
