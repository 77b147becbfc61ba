//! What a network is told beside the noisy picture and its noise level.

use crate::noise::NoiseStreams;

/// The conditioning of a batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cond {
    /// The class of each picture; `None` for one picture asks for the unconditional answer. An absent list means the
    /// whole batch is unconditional.
    pub labels: Option<Vec<Option<u32>>>,
    /// The streams that dropout masks come from; absent when the network is evaluated, so nothing is dropped.
    pub dropout: Option<NoiseStreams>,
}

impl Cond {
    /// No conditioning.
    pub fn none() -> Self {
        Self::default()
    }

    /// One class for each picture.
    pub fn classes(labels: impl IntoIterator<Item = Option<u32>>) -> Self {
        Self { labels: Some(labels.into_iter().collect()), dropout: None }
    }

    /// The same, with every class forgotten: what classifier-free guidance compares with.
    #[must_use]
    pub fn unconditional(&self) -> Self {
        Self { labels: None, dropout: self.dropout.clone() }
    }

    /// Whether at least one picture has a class.
    pub fn has_labels(&self) -> bool {
        self.labels.as_ref().is_some_and(|labels| labels.iter().any(Option::is_some))
    }
}
