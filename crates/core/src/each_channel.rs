//! A denoiser of gray images for images of several channels.

use burn::tensor::Tensor;
use langevin_process::Result;

use crate::cond::Cond;
use crate::denoiser::{Denoiser, Levels};
use crate::differentiable::Differentiable;

/// Answers each channel of an image as an image of its own: right for noise that is independent in each, and blind to what the
/// channels have in common.
#[derive(Debug, Clone)]
pub struct EachChannel<D>(pub D);

/// Images of one channel for the channels of `x`, with the levels and classes of their images.
fn apart(x: &Tensor<4>, at: &Levels, cond: &Cond) -> ([usize; 4], Levels, Cond) {
    let [n, c, h, w] = x.dims();
    let levels = Levels(at.0.iter().flat_map(|level| std::iter::repeat_n(*level, c)).collect());
    let labels = cond.labels.as_ref();
    let labels =
        labels.map(|labels| labels.iter().flat_map(|label| std::iter::repeat_n(*label, c)).collect());
    let image = cond.image.clone().map(|condition| {
        let [_, channels, height, width] = condition.dims();
        assert_eq!(channels, c, "the condition has a channel for each");
        condition.reshape([n * c, 1, height, width])
    });
    let images: Vec<usize> = (0..n).flat_map(|image| std::iter::repeat_n(image, c)).collect();
    let cond = Cond { labels, dropout: None, image, ..cond.contexts(|texts| texts.of(&images)) };
    ([n * c, 1, h, w], levels, cond)
}

impl<D: Denoiser> Denoiser for EachChannel<D> {
    fn denoise(&self, x: Tensor<4>, at: &Levels, cond: &Cond) -> Result<Tensor<4>> {
        let dims = x.dims();
        let (shape, levels, cond) = apart(&x, at, cond);
        Ok(self.0.denoise(x.reshape(shape), &levels, &cond)?.reshape(dims))
    }

    fn begin(&self) {
        self.0.begin();
    }
}

impl<D: Differentiable> Differentiable for EachChannel<D> {
    fn denoise_vjp(
        &self,
        x: Tensor<4>,
        v: Tensor<4>,
        at: &Levels,
        cond: &Cond,
    ) -> Result<(Tensor<4>, Tensor<4>)> {
        let dims = x.dims();
        let (shape, levels, cond) = apart(&x, at, cond);
        let (answer, pulled) = self.0.denoise_vjp(x.reshape(shape), v.reshape(shape), &levels, &cond)?;
        Ok((answer.reshape(dims), pulled.reshape(dims)))
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;
    use langevin_process::Level;

    use super::*;
    use crate::closed_form::Correlated;
    use crate::{NoiseStreams, Purpose};

    #[test]
    fn channels_are_answered_as_images_of_their_own() {
        let model = Correlated::smooth(4, 4, 0.3);
        let device = Device::flex();
        let draw = |seed| NoiseStreams::new(seed, 0..2).normal(Purpose::Start, 0, [3, 4, 4], &device);
        let (x, v) = (draw(1), draw(2));
        let levels = Levels(vec![Level { alpha: 1.0, sigma: 0.5 }, Level { alpha: 0.6, sigma: 0.8 }]);
        let each = EachChannel(&model);
        let (answer, pulled) = each.denoise_vjp(x.clone(), v.clone(), &levels, &Cond::none()).unwrap();
        let same = each.denoise(x.clone(), &levels, &Cond::none()).unwrap();
        assert_eq!(answer.clone().into_data(), same.into_data());
        for (image, level) in levels.0.iter().enumerate() {
            for channel in 0..3 {
                let part = |t: &Tensor<4>| t.clone().narrow(0, image, 1).narrow(1, channel, 1);
                let at = Levels(vec![*level]);
                let (wanted, by) = model.denoise_vjp(part(&x), part(&v), &at, &Cond::none()).unwrap();
                assert_eq!(part(&answer).into_data(), wanted.into_data());
                assert_eq!(part(&pulled).into_data(), by.into_data());
            }
        }
    }
}
