//! A restorer tried on held-out images while it trains: how near its one-step answer comes, and what it draws.

use burn::tensor::Device;
use langevin_core::{
    Cond, Denoiser, ErrorKind, Image, Network, NoiseStreams, Preconditioned, Purpose, Result, Stop, Stream,
    batch_to_images, signed_to_batch,
};
use langevin_data::Batch;
use langevin_figures::sheet;
use langevin_model::{Pipeline, SampleSettings, Task, TaskKind};
use langevin_sample::SAMPLERS;
use langevin_train::{Conditioning, Conditions};

use langevin_inference::restoration::trained::{Conditioned, one_step};

/// The seed of the degradations and of all noise.
const SEED: u64 = 0;
/// Images that are answered at once.
const AT_ONCE: usize = 16;
/// Rows of a preview: degraded, restored in one step, drawn and true.
const ROWS: usize = 8;

/// Held-out images, degraded, with the true ones.
pub(crate) struct Trial {
    task: Task,
    shape: [usize; 3],
    truth: Vec<Vec<f32>>,
    conditioning: Vec<Conditioning>,
    labels: Option<Vec<Option<u32>>>,
    device: Device,
}

impl Trial {
    /// Degrades the images of `held`; with their classes if `classes`.
    pub(crate) fn new(
        task: &Task,
        conditions: &dyn Conditions,
        held: &Batch,
        classes: bool,
        device: &Device,
    ) -> Self {
        let [_, c, h, w] = held.shape;
        let truth: Vec<Vec<f32>> = held.pixels.chunks_exact(c * h * w).map(<[f32]>::to_vec).collect();
        let conditioning = |(image, clean): (usize, &Vec<f32>)| {
            conditions.of(clean, &mut Stream::new(SEED, Purpose::Degradation, image as u64, 2))
        };
        Self {
            task: task.clone(),
            shape: [c, h, w],
            conditioning: truth.iter().enumerate().map(conditioning).collect(),
            truth,
            labels: classes.then(|| held.labels.clone()),
            device: device.clone(),
        }
    }

    /// The restorer of images `from..to`, and their streams and classes.
    fn restorer<D: Denoiser>(
        &self,
        model: D,
        (from, to): (usize, usize),
    ) -> (Conditioned<D>, NoiseStreams, Cond) {
        let [c, h, w] = self.shape;
        let conditioning: Vec<f32> =
            self.conditioning[from..to].iter().flat_map(|conditioning| conditioning.image.clone()).collect();
        let channels = self.task.condition_channels(c);
        let conditioning = signed_to_batch(conditioning, [to - from, channels, h, w], &self.device);
        let labels = self.labels.as_ref().map(|labels| labels[from..to].to_vec());
        let streams = NoiseStreams::new(SEED, from as u64..to as u64);
        (Conditioned::new(model, self.task.kind, conditioning, c, true), streams, Cond::labelled(labels))
    }

    /// The one-step answers for the first `count` images.
    fn means<N: Network>(
        &self,
        model: &Preconditioned<N>,
        count: usize,
        stop: &Stop,
    ) -> Result<Vec<Vec<f32>>> {
        let [c, h, w] = self.shape;
        let highest = model.diffusion.highest();
        let settings = SampleSettings { clip: false, ..SampleSettings::default() };
        let pipeline = Pipeline::of_network(model, &settings, AT_ONCE);
        let found = pipeline.denoiser(|_, _| true)?;
        let mut all = Vec::new();
        for from in (0..count).step_by(AT_ONCE) {
            stop.check("the validation")?;
            let (restorer, streams, cond) = self.restorer(&found, (from, count.min(from + AT_ONCE)));
            let made = one_step(&restorer, highest, &streams, self.shape, &cond, &self.device)?;
            let made = made.clamp(-1.0, 1.0).try_into_vec_as::<f32>().expect("a float tensor holds floats");
            all.extend(made.chunks_exact(c * h * w).map(<[f32]>::to_vec));
        }
        Ok(all)
    }

    /// The peak signal-to-noise ratio of the one-step answers over all pixels that are restored, in decibels, beside that of
    /// what costs nothing: the bicubic enlargement, or holes filled with the mean of the rest.
    ///
    /// # Errors
    /// Interrupted, when `stop` becomes a signal's number.
    pub(crate) fn judge<N: Network>(
        &self,
        model: &Preconditioned<N>,
        stop: &Stop,
    ) -> Result<Vec<(&'static str, f64)>> {
        let made = self.means(model, self.truth.len(), stop)?;
        let (simple, simply): (Vec<Vec<f32>>, _) = match self.task.kind {
            TaskKind::Upscale => (
                self.conditioning.iter().map(|conditioning| conditioning.image.clone()).collect(),
                "psnr_bicubic",
            ),
            TaskKind::Inpaint => {
                let filled = self
                    .truth
                    .iter()
                    .zip(&self.conditioning)
                    .map(|(truth, conditioning)| self.mean_filled(truth, conditioning));
                (filled.collect(), "psnr_mean_fill")
            }
        };
        Ok(vec![("psnr_one_step", self.psnr(&made)), (simply, self.psnr(&simple))])
    }

    fn mean_filled(&self, truth: &[f32], conditioning: &Conditioning) -> Vec<f32> {
        let plane = self.shape[1] * self.shape[2];
        let hole = conditioning.counted.as_ref().expect("a hole");
        let mut filled = truth.to_vec();
        for values in filled.chunks_exact_mut(plane) {
            let kept = || {
                values.iter().zip(hole).filter(|(_, hole)| **hole == 0.0).map(|(value, _)| f64::from(*value))
            };
            let mean = (kept().sum::<f64>() / kept().count().max(1) as f64) as f32;
            values
                .iter_mut()
                .zip(hole)
                .filter(|(_, hole)| **hole == 1.0)
                .for_each(|(value, _)| *value = mean);
        }
        filled
    }

    fn psnr(&self, made: &[Vec<f32>]) -> f64 {
        let plane = self.shape[1] * self.shape[2];
        let (mut squares, mut count) = (0.0, 0.0);
        for ((made, truth), conditioning) in made.iter().zip(&self.truth).zip(&self.conditioning) {
            for (at, (made, truth)) in made.iter().zip(truth).enumerate() {
                if conditioning.counted.as_ref().is_none_or(|counted| counted[at % plane] == 1.0) {
                    squares += f64::from(made.clamp(-1.0, 1.0) - truth).powi(2);
                    count += 1.0;
                }
            }
        }
        10.0 * (4.0 * count / squares).log10()
    }

    /// A sheet of some images: degraded, restored in one step, drawn, true. `None` when `stop` becomes a signal's number.
    pub(crate) fn sheet<N: Network>(
        &self,
        model: &Preconditioned<N>,
        settings: &SampleSettings,
        scale: usize,
        stop: &Stop,
    ) -> Result<Option<Image>> {
        let count = ROWS.min(self.truth.len());
        let means = match self.means(model, count, stop) {
            Err(error) if matches!(error.kind(), ErrorKind::Interrupted(_)) => return Ok(None),
            means => means?,
        };
        let pipeline = Pipeline::of_network(model, settings, AT_ONCE).with_clip(false);
        let path = pipeline.path(&settings.sampler, &settings.spacing, settings.steps)?;
        let (restorer, streams, cond) = self.restorer(pipeline.denoiser(|_, _| true)?, (0, count));
        let mut run = pipeline.run(cond, streams).stopped_by(stop);
        let x = run.start_at(path[0], self.shape, &self.device);
        let drawn = match SAMPLERS.build(&settings.sampler)?.sample(&restorer, x, &path, &mut run) {
            Err(error) if matches!(error.kind(), ErrorKind::Interrupted(_)) => return Ok(None),
            drawn => batch_to_images(restorer.images(drawn?)),
        };
        let [c, _, _] = self.shape;
        let shown = |values: &[f32]| self.image(&values[..c * self.shape[1] * self.shape[2]]);
        let row = |at: usize| {
            [
                shown(&self.conditioning[at].image),
                shown(&means[at]),
                drawn[at].clone(),
                shown(&self.truth[at]),
            ]
        };
        let images: Vec<Image> = (0..count).flat_map(row).collect();
        Ok(Some(sheet::sheet(&images, 4, 2, scale)))
    }

    fn image(&self, values: &[f32]) -> Image {
        let [c, h, w] = self.shape;
        Image::from_signed(values, c, h, w)
    }
}

#[cfg(test)]
mod tests {
    use burn::module::{Module, Param};
    use burn::tensor::Tensor;
    use langevin_core::process::{Diffusion, DiffusionSpec};

    use super::*;

    /// ModelDenoiser 0 to everything, so that a denoised image of this diffusion is 0 at the highest level.
    #[derive(Module, Debug)]
    struct Nothing {
        zero: Param<Tensor<4>>,
    }

    impl Network for Nothing {
        fn forward(&self, x: Tensor<4>, _noise_input: Tensor<1>, _cond: &Cond) -> Tensor<4> {
            x * self.zero.val()
        }

        fn classes(&self) -> usize {
            0
        }

        fn condition_channels(&self) -> usize {
            1
        }
    }

    fn model() -> Preconditioned<Nothing> {
        let zero = Param::from_tensor(Tensor::zeros([1, 1, 1, 1], &Device::flex()));
        let spec = DiffusionSpec {
            schedule: "edm:sigma_max=1e4".into(),
            process: "edm".into(),
            parameterisation: "edm".into(),
            sigma_data: 0.01,
            ..DiffusionSpec::default()
        };
        Preconditioned::new(Nothing { zero }, Diffusion::new(&spec).unwrap())
    }

    #[test]
    fn an_answer_of_nothing_is_the_enlarged_image() {
        let held = Batch {
            pixels: (0..3 * 64).map(|at| (at as f32 * 0.7).sin()).collect(),
            shape: [3, 1, 8, 8],
            labels: vec![None; 3],
            captions: vec![None; 3],
            first_image: 0,
        };
        let task = Task { operator: Some("average:scale=2".to_owned()), ..Task::default() };
        let conditions = crate::training::restorer::conditions(&task, [1, 8, 8]).unwrap();
        let trial = Trial::new(&task, conditions.as_ref(), &held, false, &Device::flex());
        let judged = trial.judge(&model(), &Stop::new()).unwrap();
        assert_eq!((judged[0].0, judged[1].0), ("psnr_one_step", "psnr_bicubic"));
        assert!((judged[0].1 - judged[1].1).abs() < 1e-3, "{judged:?}");
        let square = |(conditioning, truth): (&Conditioning, &Vec<f32>)| -> f64 {
            conditioning.image.iter().zip(truth).map(|(a, b)| f64::from(a - b).powi(2)).sum()
        };
        let squares: f64 = trial.conditioning.iter().zip(&trial.truth).map(square).sum();
        assert!((judged[1].1 - 10.0 * (4.0 * 192.0 / squares).log10()).abs() < 1e-2, "{judged:?}");
        let stop = Stop::new();
        let sheet = trial.sheet(&model(), &SampleSettings::default(), 1, &stop).unwrap().unwrap();
        assert_eq!((sheet.width, sheet.height), (4 * 10 - 2, 3 * 10 - 2));
    }
}
