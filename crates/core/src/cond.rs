//! What a network is conditioned on beside the noisy image and its noise level.

use burn::tensor::Tensor;

use crate::context::Context;
use crate::noise::NoiseStreams;

/// The conditioning of a batch.
#[derive(Debug, Clone, Default)]
pub struct Cond {
    /// The class of each image; `None` for one image asks for the unconditional answer. An absent list means the
    /// whole batch is unconditional.
    pub labels: Option<Vec<Option<u32>>>,
    /// The streams that dropout masks come from; absent when the network is evaluated, so nothing is dropped.
    pub dropout: Option<NoiseStreams>,
    /// The image that each image is conditioned on in a network that restores, `[batch, condition channels, height, width]`, in
    /// addition to the noisy one (Saharia et al. 2021, SR3, 2104.07636).
    pub image: Option<Tensor<4>>,
    /// The text of each image, for a network that is text-conditioned.
    pub context: Option<Context>,
    /// The text of each image as tokens, for a network that has the encoder in it and learns with it; where there is a `context`, that
    /// is used.
    pub tokens: Option<Vec<Vec<u32>>>,
    /// What takes the place of `context` where the unconditional answer is wanted: the empty text, or one that says what is not
    /// wanted (Ho and Salimans 2022, 2207.12598).
    pub null_context: Option<Context>,
}

impl Cond {
    /// No conditioning.
    pub fn none() -> Self {
        Self::default()
    }

    /// One class for each image.
    pub fn classes(labels: impl IntoIterator<Item = Option<u32>>) -> Self {
        Self::labelled(Some(labels.into_iter().collect()))
    }

    /// These classes, if any.
    pub fn labelled(labels: Option<Vec<Option<u32>>>) -> Self {
        Self { labels, ..Self::default() }
    }

    /// One text for each image, and what takes its place where the unconditional output is wanted.
    pub fn texts(context: Context, null_context: Option<Context>) -> Self {
        Self { context: Some(context), null_context, ..Self::default() }
    }

    /// The same, with every class forgotten and `null_context` in place of every text: what classifier-free guidance compares
    /// with.
    #[must_use]
    pub fn unconditional(&self) -> Self {
        Self { labels: None, context: self.null_context.clone(), ..self.clone() }
    }

    /// The same, with nothing dropped out.
    #[must_use]
    pub fn undropped(&self) -> Self {
        Self { dropout: None, ..self.clone() }
    }

    /// What these images of the batch, at least one, are conditioned on, with nothing dropped out; an image may come again.
    ///
    /// # Panics
    /// If the batch has no such image.
    #[must_use]
    pub fn of(&self, images: &[usize]) -> Self {
        let labels = self.labels.as_ref().map(|labels| images.iter().map(|at| labels[*at]).collect());
        let each = |all: &Tensor<4>| images.iter().map(|at| all.clone().narrow(0, *at, 1)).collect();
        let image = self.image.as_ref().map(|all| Tensor::cat(each(all), 0));
        let tokens = self.tokens.as_ref().map(|tokens| images.iter().map(|at| tokens[*at].clone()).collect());
        Self { labels, dropout: None, image, tokens, ..self.contexts(|all| all.of(images)) }
    }

    /// What images `start..start + count` are conditioned on, with nothing dropped out.
    ///
    /// # Panics
    /// If the batch has no such images.
    #[must_use]
    pub fn range(&self, start: usize, count: usize) -> Self {
        let labels = self.labels.as_ref().map(|labels| labels[start..start + count].to_vec());
        let image = self.image.as_ref().map(|all| all.clone().narrow(0, start, count));
        let tokens = self.tokens.as_ref().map(|tokens| tokens[start..start + count].to_vec());
        Self { labels, dropout: None, image, tokens, ..self.contexts(|all| all.range(start, count)) }
    }

    /// What `pick` makes of the texts and of what takes their place, and nothing else.
    #[must_use]
    pub fn contexts(&self, pick: impl Fn(&Context) -> Context) -> Self {
        Self {
            context: self.context.as_ref().map(&pick),
            null_context: self.null_context.as_ref().map(&pick),
            ..Self::default()
        }
    }

    /// Whether [`Self::unconditional`] forgets anything: at least one image has a class, or all have texts.
    pub fn is_conditional(&self) -> bool {
        self.has_labels() || self.context.is_some()
    }

    /// Whether at least one image has a class.
    pub fn has_labels(&self) -> bool {
        self.labels.as_ref().is_some_and(|labels| labels.iter().any(Option::is_some))
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};

    use super::*;
    use crate::context::Added;

    #[test]
    fn a_part_of_a_batch_is_told_its_own() {
        let image =
            Tensor::from_data(TensorData::new(vec![1.0_f32, 2.0, 3.0], [3, 1, 1, 1]), &Device::flex());
        let cond = Cond { image: Some(image), ..Cond::classes([Some(4), None, Some(6)]) };
        let parts =
            |cond: Cond| (cond.labels.unwrap(), cond.image.unwrap().try_into_vec_as::<f32>().unwrap());
        assert_eq!(parts(cond.range(1, 2)), (vec![None, Some(6)], vec![2.0, 3.0]));
        assert_eq!(parts(cond.of(&[2, 0, 2])), (vec![Some(6), Some(4), Some(6)], vec![3.0, 1.0, 3.0]));
        assert!(cond.unconditional().image.is_some());
    }

    #[test]
    fn texts_go_with_their_images_and_give_way_to_what_takes_their_place() {
        let device = Device::flex();
        let context = |values: [f32; 3]| {
            let tokens = Tensor::from_data(TensorData::new(values.to_vec(), [3, 1, 1]), &device);
            let column = |plus: f32| tokens.clone().reshape([3, 1]) + plus;
            Context { added: Some(Added { pooled: column(10.0), numbers: column(20.0) }), tokens }
        };
        let cond = Cond::texts(context([1.0, 2.0, 3.0]), Some(context([-1.0, -2.0, -3.0])));
        let parts = |cond: &Cond| {
            let Context { tokens, added } = cond.context.clone().unwrap();
            let Added { pooled, numbers } = added.unwrap();
            let values = |x: Tensor<2>| x.try_into_vec_as::<f32>().unwrap();
            [tokens.try_into_vec_as::<f32>().unwrap(), values(pooled), values(numbers)]
        };
        assert_eq!(parts(&cond.range(1, 2)), [[2.0, 3.0], [12.0, 13.0], [22.0, 23.0]]);
        assert_eq!(parts(&cond.of(&[2, 2])), [[3.0, 3.0], [13.0, 13.0], [23.0, 23.0]]);
        assert_eq!(parts(&cond.of(&[1]).unconditional()), [[-2.0], [8.0], [18.0]]);
        assert_eq!(parts(&cond.unconditional().range(0, 1)), [[-1.0], [9.0], [19.0]]);
        assert!(cond.is_conditional() && !Cond::none().is_conditional());
        assert!(Cond { null_context: None, ..cond }.unconditional().context.is_none());
    }
}
