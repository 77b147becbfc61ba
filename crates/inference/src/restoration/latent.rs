//! RestorePlan through an autoencoder: images are edited and holes filled by a model of latents (Rombach et al. 2022, section 4.5;
//! Avrahami et al. 2022, Blended Latent Diffusion, 2206.02779, section 4).
//!
//! A hole is filled without the model first, so that the encoder sees no edge that is not there; a latent pixel is kept where all its
//! pixels are; and what the image keeps is laid over what is decoded, to the byte.

use burn::tensor::{Device, Tensor};
use langevin_core::{Error, Level, Result, Run, signed_to_batch};
use langevin_model::{Codec, Model};
use langevin_restore::operators::{self, Mask};
use langevin_restore::{Method, Needs, NoImages, Operator, Prior, Problem, classical};
use langevin_sample::{SAMPLERS, Sampler};

use super::degraded::Degraded;
use super::plan::RestorePlan;
use super::restored::{Finishing, Restored};
use super::solver::Begun;

/// Restores one image through `codec`, the autoencoder of `model`.
///
/// # Errors
/// Usage: an operator that is neither the identity nor a mask, noise, a noise to begin at; otherwise as [`super::restore`].
pub(super) fn restore(
    (model, codec): (&Model, &Codec),
    mut degraded: Degraded,
    restoring: &RestorePlan,
    device: &Device,
    progress: impl FnMut(f64) + Send,
) -> Result<Restored> {
    let operator = degraded.operator.as_ref();
    if restoring.start_sigma.is_some() {
        return Err(Error::usage(format!(
            "{}: is a latent model, which starts from noise alone",
            model.name
        ))
        .hint("leave out --start-sigma"));
    }
    if !(operator.is_identity() || operator.is_mask()) || degraded.sigma > 0.0 {
        return Err(Error::usage(format!(
            "{}: is a latent model: it can `edit` and `inpaint`, but not upscale, deblur or denoise",
            model.name
        ))
        .hint("use builtin:photo for those, or another model of pixels"));
    }
    check_filling(model, operator, restoring)?;
    let [c, h, w] = operator.input();
    let kept: Option<Vec<bool>> = operator.measured().filter(|_| operator.is_mask()).map(<[bool]>::to_vec);
    if let Some(kept) = &kept {
        degraded.colours.make_opaque(|pixel| !kept[pixel]);
    }
    let wide: Vec<f64> = degraded.y.iter().map(|value| f64::from(*value)).collect();
    let known = kept.as_ref().and_then(|_| classical(degraded.operator.as_ref(), &wide, 0.0));
    let whole: Vec<f32> = match &known {
        Some(known) => known.image.iter().map(|value| *value as f32).collect(),
        None => degraded.y.clone(),
    };
    let multiple = codec.factor() * model.info.network.size_multiple();
    let encoded = |values: &[f32]| codec.encode_large(values, [c, h, w], multiple, device);
    let begun = match &kept {
        Some(kept) if model.is_inpainting_model() => {
            filling(model, encoded(&degraded.y)?, kept, [h, w], restoring, device)?
        }
        _ => {
            let (operator, y) = within(encoded(&whole)?, kept.as_deref(), [h, w], codec.factor())?;
            Begun::new(model, operator, y, 0.0, restoring, device)?
        }
    };
    let y_pixels = signed_to_batch(degraded.y.clone(), [1, c, h, w], device);
    let problem = Problem::new(degraded.operator, y_pixels, 0.0)?;
    let drawn = begun.draw(degraded.number, progress)?;
    let count = drawn.dims()[0];
    let decoded = (0..count).map(|draw| {
        let image = codec.decode_large(drawn.clone().narrow(0, draw, 1))?;
        Ok(image.narrow(2, 0, h).narrow(3, 0, w).clamp(-1.0, 1.0))
    });
    let decoded = Tensor::cat(decoded.collect::<Result<Vec<_>>>()?, 0);
    let decoded = match &kept {
        None => decoded,
        Some(kept) => {
            let hidden = kept.iter().map(|kept| if *kept { 0.0 } else { 1.0 }).collect();
            decoded * signed_to_batch(hidden, [1, c, h, w], device) + problem.y()
        }
    };
    let calls = begun.method.calls(&begun.path);
    let finishing = Finishing { problem: &problem, colours: &degraded.colours, image: &degraded.image };
    finishing.restored(begun.name.clone(), calls, &decoded, known, degraded.truth.as_ref())
}

/// Whether a model that was trained to fill in holes is asked for that, and no other is.
fn check_filling(model: &Model, operator: &dyn Operator, restoring: &RestorePlan) -> Result<()> {
    let name = &model.name;
    if !model.is_inpainting_model() {
        return Ok(());
    }
    if !operator.is_mask() {
        return Err(Error::usage(format!("{name}: was trained to fill in holes, and for nothing else"))
            .hint("give the region to fill in with --mask of `langevin inpaint`"));
    }
    if restoring.method.is_some() {
        return Err(Error::usage(format!("{name}: was trained to fill in holes, so no --method is needed"))
            .hint("leave it out; --sampler says how draws are made"));
    }
    Ok(())
}

/// A sampler as a method: the network itself knows what was measured.
#[derive(Debug)]
struct Walking(Box<dyn Sampler>);

impl Method for Walking {
    fn needs(&self) -> Needs {
        Needs::default()
    }

    fn restore(
        &self,
        prior: Prior<'_>,
        problem: &Problem,
        path: &[Level],
        run: &mut Run<'_>,
    ) -> Result<Tensor<4>> {
        let first = path.first().copied().unwrap_or(Level::CLEAN);
        let x = run.start_at(first, problem.shape(), &problem.y().device());
        self.0.sample(prior.denoiser, x, path, run)
    }

    fn calls(&self, path: &[Level]) -> usize {
        self.0.calls(path)
    }

    fn samples(&self) -> bool {
        true
    }
}

/// The sampling loop of a network that is conditioned on the hole and on the latents of the image without it (`latents`): the input of Stable
/// Diffusion's inpainting networks is the noisy latents, the hole, those latents. The hole in latents is that of the first pixel of each
/// square, as in diffusers.
fn filling<'a>(
    model: &'a Model,
    latents: Tensor<4>,
    kept: &[bool],
    [height, width]: [usize; 2],
    restoring: &'a RestorePlan,
    device: &'a Device,
) -> Result<Begun<'a>> {
    let [_, _, rows, columns] = latents.dims();
    let factor = model.codec.as_ref().map_or(1, Codec::factor);
    let corner = |row: usize, column: usize| {
        let (y, x) = ((row * factor).min(height - 1), (column * factor).min(width - 1));
        if kept[y * width + x] { 0.0 } else { 1.0 }
    };
    let hole: Vec<f32> =
        (0..rows).flat_map(|row| (0..columns).map(move |column| corner(row, column))).collect();
    let hole = signed_to_batch(hole, [1, 1, rows, columns], device);
    let name = restoring.sampler.as_deref().unwrap_or(&model.info.sample.sampler).to_owned();
    let method = Box::new(Walking(SAMPLERS.build(&name)?));
    Begun::conditioned(model, (name, method), Tensor::cat(vec![hole, latents], 1), restoring, device)
}

/// What is known of the latents `[1, k, h, w]` of an image of `height` x `width`: all, or those whose pixels are all kept.
fn within(
    latents: Tensor<4>,
    kept: Option<&[bool]>,
    [height, width]: [usize; 2],
    factor: usize,
) -> Result<(Box<dyn Operator>, Vec<f32>)> {
    let [_, k, rows, columns] = latents.dims();
    let shape = [k, rows, columns];
    let mut y = latents.try_into_vec_as::<f32>().expect("a float tensor holds floats");
    let Some(kept) = kept else { return Ok((operators::build("identity", shape, &NoImages)?, y)) };
    let inside = |row: usize, column: usize| {
        let all = (row * factor..(row + 1) * factor)
            .flat_map(|y| (column * factor..(column + 1) * factor).map(move |x| (y, x)));
        // What lies beyond the image is its last row and column again.
        all.map(|(y, x)| (y.min(height - 1), x.min(width - 1))).all(|(y, x)| kept[y * width + x])
    };
    let plane: Vec<bool> = (0..rows)
        .flat_map(|row| (0..columns).map(move |column| (row, column)))
        .map(|(row, column)| inside(row, column))
        .collect();
    let every = plane.repeat(k);
    y.iter_mut().zip(&every).filter(|(_, kept)| !**kept).for_each(|(value, _)| *value = 0.0);
    if !every.contains(&true) {
        return Err(Error::usage(format!(
            "the hole leaves no square of {factor} x {factor} pixels whole, so nothing of the image is left in the latents"
        ))
        .hint("hide less, or take a model of pixels"));
    }
    Ok((Box::new(Mask::of_values(shape, every)?), y))
}

#[cfg(test)]
mod tests {
    use burn::tensor::TensorData;

    use super::*;

    #[test]
    fn latents_are_kept_where_all_their_pixels_are() {
        // 5 x 6 pixels in cells of 2: one hidden pixel hides its cell in every channel.
        let mut kept = vec![true; 30];
        kept[2 * 6 + 3] = false;
        let values: Vec<f32> = (1..=18).map(|value| value as f32).collect();
        let latents = Tensor::from_data(TensorData::new(values, [1, 2, 3, 3]), &Device::flex());
        let (operator, y) = within(latents.clone(), Some(&kept), [5, 6], 2).unwrap();
        let hidden: Vec<usize> =
            y.iter().enumerate().filter(|(_, value)| **value == 0.0).map(|(at, _)| at).collect();
        assert_eq!(hidden, [4, 13]);
        assert!(operator.is_mask() && operator.input() == [2, 3, 3]);
        assert!(within(latents.clone(), None, [5, 6], 2).unwrap().0.is_identity());
        let none = vec![false; 30];
        assert_eq!(within(latents, Some(&none), [5, 6], 2).unwrap_err().exit_code(), 2);
    }
}
