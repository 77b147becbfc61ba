//! Any number of images, made in batches that do not show: image `i` of seed `s` is the same bytes whatever the batch
//! size, because it draws only from stream `i`.

use burn::tensor::{Device, Tensor};
use langevin_core::{
    Cond, Context, Denoiser, Error, Level, NoiseStreams, Progress, Result, Run, Start, Stop, TimeMap,
};

use crate::sampler::Sampler;

/// What to sample.
#[derive(Debug, Clone)]
pub struct BatchRequest {
    /// How many images.
    pub count: usize,
    /// The number of the first image; image `first + i` of a seed is the same in every request.
    pub first: u64,
    /// The seed of all noise.
    pub seed: u64,
    /// `[channels, height, width]` of what the model makes.
    pub shape: [usize; 3],
    /// How many images at once; it changes memory and speed alone.
    pub batch_size: usize,
    /// The class of each image, `count` of them; absent: no conditioning.
    pub labels: Option<Vec<Option<u32>>>,
    /// The texts of the images, `count` of them, for a model that is text-conditioned; and what takes the place of each where guidance
    /// compares with the answer without.
    pub texts: Option<(Context, Context)>,
    /// What sampling starts from: the noise of the seed, or noise of its own for each of the `count` images.
    pub start: Start,
    /// The time of methods that need one: that of the model's schedule.
    pub time_map: TimeMap,
    /// Stops after the current step once requested.
    pub stop: Option<Stop>,
}

impl BatchRequest {
    /// `count` unconditional images of `shape` from `seed`, numbered from 0, 16 at a time.
    pub fn new(count: usize, seed: u64, shape: [usize; 3]) -> Self {
        Self {
            count,
            first: 0,
            seed,
            shape,
            batch_size: 16,
            labels: None,
            texts: None,
            start: Start::default(),
            time_map: TimeMap::FLOW,
            stop: None,
        }
    }

    fn check(&self) -> Result<()> {
        if self.count == 0 || self.batch_size == 0 || self.shape.contains(&0) {
            return Err(Error::usage(format!(
                "cannot sample {} images of {:?} in batches of {}",
                self.count, self.shape, self.batch_size
            ))
            .hint("every number must be at least 1"));
        }
        if let Some(labels) = self.labels.as_ref().filter(|labels| labels.len() != self.count) {
            return Err(Error::usage(format!(
                "there are {} classes for {} images",
                labels.len(),
                self.count
            )));
        }
        if let Some((texts, others)) = &self.texts
            && [texts.len(), others.len()] != [self.count; 2]
        {
            return Err(Error::usage(format!("there are {} texts for {} images", texts.len(), self.count)));
        }
        let [c, h, w] = self.shape;
        match &self.start.noise {
            Some(start) if start.dims() != [self.count, c, h, w] => {
                let wanted = [self.count, c, h, w];
                Err(Error::usage(format!("the start noise has shape {:?}, not {wanted:?}", start.dims())))
            }
            _ => Ok(()),
        }
    }
}

/// Where [`sample_all`] is.
#[derive(Debug)]
pub struct BatchProgress<'a> {
    /// The position in the request of the first image of this batch, from 0.
    pub offset: usize,
    /// How many images are asked for.
    pub count: usize,
    /// The step of this batch; at its last step `x` holds the finished images.
    pub progress: &'a Progress<'a>,
}

impl BatchProgress<'_> {
    /// How much of the whole request is done, in (0, 1].
    pub fn fraction(&self) -> f64 {
        let done = self.progress.step as f64 / self.progress.steps as f64;
        (self.offset as f64 + self.progress.x.dims()[0] as f64 * done) / self.count as f64
    }
}

/// Samples every image of `request` along `path` and calls `each_step` after each step of each batch.
///
/// # Shapes
/// The result is `[count, channels, height, width]`, in the order of the request.
///
/// # Errors
/// Usage, when the numbers or shapes of the request do not fit together, or what [`Sampler::sample`] says.
pub fn sample_all(
    model: &dyn Denoiser,
    sampler: &dyn Sampler,
    path: &[Level],
    request: &BatchRequest,
    device: &Device,
    mut each_step: impl FnMut(&BatchProgress<'_>),
) -> Result<Tensor<4>> {
    request.check()?;
    crate::path::steps(path)?;
    let count = request.count;
    let mut made = Vec::new();
    for offset in (0..count).step_by(request.batch_size) {
        let end = count.min(offset + request.batch_size);
        let labels = request.labels.as_ref().map(|all| all[offset..end].to_vec());
        let part = |texts: &Context| texts.range(offset, end - offset);
        let cond = Cond {
            context: request.texts.as_ref().map(|(texts, _)| part(texts)),
            null_context: request.texts.as_ref().map(|(_, others)| part(others)),
            ..Cond::labelled(labels)
        };
        let images = (offset..end).map(|index| request.first.wrapping_add(index as u64));
        let mut run = Run::new(cond, NoiseStreams::new(request.seed, images))
            .with_time_map(request.time_map.clone())
            .starting(request.start.part(offset..end))
            .on_progress(|progress| each_step(&BatchProgress { offset, count, progress }));
        if let Some(stop) = &request.stop {
            run = run.stopped_by(stop);
        }
        let x = run.start_at(path[0], request.shape, device);
        model.begin();
        made.push(sampler.sample(model, x, path, &mut run)?);
    }
    Ok(Tensor::cat(made, 0))
}
