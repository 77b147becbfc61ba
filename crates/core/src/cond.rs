//! What a network is told beside the noisy picture and its noise level.

use burn::tensor::Tensor;

use crate::noise::NoiseStreams;

/// The conditioning of a batch.
#[derive(Debug, Clone, Default)]
pub struct Cond {
    /// The class of each picture; `None` for one picture asks for the unconditional answer. An absent list means the
    /// whole batch is unconditional.
    pub labels: Option<Vec<Option<u32>>>,
    /// The streams that dropout masks come from; absent when the network is evaluated, so nothing is dropped.
    pub dropout: Option<NoiseStreams>,
    /// What a network that restores is told of each picture, `[batch, condition channels, height, width]`, beside which it
    /// sees the noisy one (Saharia et al. 2021, SR3, 2104.07636).
    pub picture: Option<Tensor<4>>,
}

impl Cond {
    /// No conditioning.
    pub fn none() -> Self {
        Self::default()
    }

    /// One class for each picture.
    pub fn classes(labels: impl IntoIterator<Item = Option<u32>>) -> Self {
        Self::labelled(Some(labels.into_iter().collect()))
    }

    /// These classes, if any.
    pub fn labelled(labels: Option<Vec<Option<u32>>>) -> Self {
        Self { labels, ..Self::default() }
    }

    /// The same, with every class forgotten: what classifier-free guidance compares with.
    #[must_use]
    pub fn unconditional(&self) -> Self {
        Self { labels: None, ..self.clone() }
    }

    /// The same, with nothing dropped out.
    #[must_use]
    pub fn undropped(&self) -> Self {
        Self { dropout: None, ..self.clone() }
    }

    /// What these pictures of the batch, at least one, are told, with nothing dropped out; a picture may come again.
    ///
    /// # Panics
    /// If the batch has no such picture.
    #[must_use]
    pub fn of(&self, pictures: &[usize]) -> Self {
        let labels = self.labels.as_ref().map(|labels| pictures.iter().map(|at| labels[*at]).collect());
        let each = |all: &Tensor<4>| pictures.iter().map(|at| all.clone().narrow(0, *at, 1)).collect();
        Self { labels, dropout: None, picture: self.picture.as_ref().map(|all| Tensor::cat(each(all), 0)) }
    }

    /// What pictures `start..start + count` are told, with nothing dropped out.
    ///
    /// # Panics
    /// If the batch has no such pictures.
    #[must_use]
    pub fn range(&self, start: usize, count: usize) -> Self {
        let labels = self.labels.as_ref().map(|labels| labels[start..start + count].to_vec());
        let picture = self.picture.as_ref().map(|all| all.clone().narrow(0, start, count));
        Self { labels, dropout: None, picture }
    }

    /// Whether at least one picture has a class.
    pub fn has_labels(&self) -> bool {
        self.labels.as_ref().is_some_and(|labels| labels.iter().any(Option::is_some))
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};

    use super::*;

    #[test]
    fn a_part_of_a_batch_is_told_its_own() {
        let picture =
            Tensor::from_data(TensorData::new(vec![1.0_f32, 2.0, 3.0], [3, 1, 1, 1]), &Device::flex());
        let cond = Cond { picture: Some(picture), ..Cond::classes([Some(4), None, Some(6)]) };
        let told =
            |cond: Cond| (cond.labels.unwrap(), cond.picture.unwrap().try_into_vec_as::<f32>().unwrap());
        assert_eq!(told(cond.range(1, 2)), (vec![None, Some(6)], vec![2.0, 3.0]));
        assert_eq!(told(cond.of(&[2, 0, 2])), (vec![Some(6), Some(4), Some(6)], vec![3.0, 1.0, 3.0]));
        assert!(cond.unconditional().picture.is_some());
    }
}
