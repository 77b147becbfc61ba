//! The one way to evaluate a model: every job builds its denoiser and its sampling runs here.
//!
//! The order, from the network outwards: arithmetic, parallel parts of a batch, windows of a large image, channels one by one,
//! symmetries, guidance, the check for finite values, clipping. So what a job sees of a model differs from what another sees by the settings alone.

use burn::tensor::Device;
use langevin_core::clipping::{Clipped, Thresholded};
use langevin_core::{
    Cond, Denoiser, Differentiable, EachChannel, Finite, Level, Magnitude, Network, NoiseStreams, Parallel,
    Preconditioned, Result, Run, Start, Symmetric, TimeMap, Windowed, Windows,
};
use langevin_kernels::Arithmetic;
use langevin_process::{Diffusion, Error, SPACINGS, limits};

use crate::defaults::SampleSettings;
use crate::denoiser::ModelDenoiser;
use crate::guidance::GuidanceConfig;
use crate::memory;
use crate::model::Model;
use crate::resolve::placed;

/// The bare denoiser of a pipeline.
enum Source<'m> {
    Model(&'m Model, ModelDenoiser),
    Network(&'m (dyn Denoiser + 'm)),
}

/// How a model is evaluated.
///
/// ```no_run
/// use langevin_model::{Model, Pipeline};
/// # fn main() -> langevin_core::Result<()> {
/// # let device = burn::tensor::Device::flex();
/// let model = Model::open("builtin:shapes", &device)?;
/// let pipeline = Pipeline::new(&model, 16);
/// let denoiser = pipeline.denoiser(|_, _| true)?;
/// # Ok(()) }
/// ```
pub struct Pipeline<'m> {
    source: Source<'m>,
    diffusion: &'m Diffusion,
    settings: &'m SampleSettings,
    at_once: usize,
    arithmetic: Arithmetic,
    windows: Option<Windows>,
    each_channel: bool,
    symmetric: bool,
    guidance: Option<(GuidanceConfig, f64)>,
    clip: bool,
}

impl<'m> Pipeline<'m> {
    /// The pipeline of `model` for batches of up to `at_once` images, clipped as its settings say, without guidance.
    pub fn new(model: &'m Model, at_once: usize) -> Self {
        Self::of(
            Source::Model(model, model.denoiser.clone()),
            model.denoiser.diffusion(),
            &model.info.sample,
            at_once,
        )
    }

    /// As [`Pipeline::new`], of a network that is still in training and is no model yet; it cannot be guided.
    pub fn of_network<N: Network>(
        network: &'m Preconditioned<N>,
        settings: &'m SampleSettings,
        at_once: usize,
    ) -> Self {
        Self::of(Source::Network(network), &network.diffusion, settings, at_once)
    }

    fn of(
        source: Source<'m>,
        diffusion: &'m Diffusion,
        settings: &'m SampleSettings,
        at_once: usize,
    ) -> Self {
        Self {
            source,
            diffusion,
            settings,
            at_once,
            arithmetic: Arithmetic::Fast,
            windows: None,
            each_channel: false,
            symmetric: false,
            guidance: None,
            clip: settings.clip,
        }
    }

    /// Computes convolutions as `arithmetic` says.
    #[must_use]
    pub fn with_arithmetic(mut self, arithmetic: Arithmetic) -> Self {
        if let Source::Model(model, denoiser) = &mut self.source {
            *denoiser = model.denoiser.with_arithmetic(arithmetic);
        }
        self.arithmetic = arithmetic;
        self
    }

    /// Divides images into `windows`, if any; they are what is evaluated in parallel then.
    #[must_use]
    pub fn with_windows(mut self, windows: Option<Windows>) -> Self {
        if let Some(windows) = &windows {
            self.at_once = windows.at_once;
        }
        Self { windows, ..self }
    }

    /// Evaluates each channel by itself, with a model of gray images.
    #[must_use]
    pub fn with_each_channel(self, each_channel: bool) -> Self {
        Self { each_channel, ..self }
    }

    /// Averages over the eight turns and reflections.
    #[must_use]
    pub fn with_symmetries(self, symmetric: bool) -> Self {
        Self { symmetric, ..self }
    }

    /// Guides with the strength `scale`.
    #[must_use]
    pub fn with_guidance(self, guidance: GuidanceConfig, scale: f64) -> Self {
        Self { guidance: Some((guidance, scale)), ..self }
    }

    /// Whether denoised images are kept in the model's range; by its settings where nothing else is said.
    #[must_use]
    pub fn with_clip(self, clip: bool) -> Self {
        Self { clip, ..self }
    }

    /// The diffusion of the model.
    pub fn diffusion(&self) -> &'m Diffusion {
        self.diffusion
    }

    /// How many windows an image of `height` and `width` has; 1 where it is not divided.
    ///
    /// # Errors
    /// Usage, for windows that are none.
    pub fn windows_of(&self, height: usize, width: usize) -> Result<usize> {
        let Some(windows) = self.windows else { return Ok(1) };
        Ok(Windowed::new((), windows)?.count(height, width))
    }

    /// Whether the memory that is free suffices for `at_once` images of `[channels, height, width]` of what the model denoises.
    ///
    /// # Errors
    /// Failed, with the number of images that fits.
    pub fn check_memory(&self, shape: [usize; 3], at_once: usize) -> Result<()> {
        match &self.source {
            Source::Model(model, denoiser) if denoiser.network().is_some() => {
                memory::check_sampling(&model.info.network, shape, at_once)
            }
            _ => Ok(()),
        }
    }

    /// The denoiser. `watch` is called with the windows done and those in all, where there are windows, and stops the work by
    /// answering `false`.
    ///
    /// # Errors
    /// Usage, as [`GuidanceConfig::rule`]. Failed, when the system gives no threads, or memory does not suffice for the guide.
    pub fn denoiser<'a>(
        &'a self,
        watch: impl Fn(usize, usize) -> bool + Send + Sync + 'a,
    ) -> Result<Box<dyn Denoiser + 'a>> {
        let bare: &'a (dyn Denoiser + 'a) = match &self.source {
            Source::Model(_, denoiser) => denoiser,
            Source::Network(network) => *network,
        };
        self.assembled(Parallel::new(bare, self.at_once)?, watch, Some(|| self.damage()))
    }

    /// As [`Pipeline::denoiser`], for the passes of a training, which run in parallel already: it holds a model of its own, and
    /// divides no batch.
    ///
    /// # Errors
    /// As [`Pipeline::denoiser`]; usage, for a network that is still in training.
    pub fn within_pass(&self) -> Result<Box<dyn Denoiser>> {
        let Source::Model(_, denoiser) = &self.source else {
            return Err(Error::usage("a network in training teaches no other"));
        };
        // The loss of a training is checked for finite values.
        self.assembled(denoiser.clone(), |_, _| true, None::<fn() -> Option<Error>>)
    }

    fn assembled<'a>(
        &self,
        bare: impl Denoiser + 'a,
        watch: impl Fn(usize, usize) -> bool + Send + Sync + 'a,
        blame: Option<impl Fn() -> Option<Error> + Send + Sync + 'a>,
    ) -> Result<Box<dyn Denoiser + 'a>> {
        let mut denoiser: Box<dyn Denoiser + 'a> = match self.windows {
            Some(windows) => Box::new(Windowed::new(bare, windows)?.watched(watch)),
            None => Box::new(bare),
        };
        if self.each_channel {
            denoiser = Box::new(EachChannel(denoiser));
        }
        if self.symmetric {
            denoiser = Box::new(Symmetric(denoiser));
        }
        if let (Some((guidance, scale)), Source::Model(model, _)) = (&self.guidance, &self.source) {
            let guided = guidance.apply(model, denoiser, *scale, self.at_once, self.arithmetic)?;
            denoiser = Box::new(guided);
        }
        if let Some(blame) = blame {
            denoiser = Box::new(Finite::new(denoiser, blame));
        }
        Ok(match self.settings.threshold {
            _ if !self.clip => denoiser,
            Some([ratio, most]) => Box::new(Thresholded::new(denoiser, ratio, most)),
            None => Box::new(Clipped::new(denoiser, self.settings.clip_range)),
        })
    }

    /// What is wrong with the model's weights, if their values are not finite.
    fn damage(&self) -> Option<Error> {
        let Source::Model(model, _) = &self.source else { return None };
        model.check_weights().err()
    }

    /// The model's denoiser with its derivative by the noisy image: neither guided nor clipped, which have none.
    ///
    /// # Errors
    /// Usage: a network that is still in training. Failed, when the system gives no threads.
    pub fn differentiable<'a>(
        &'a self,
        device: &Device,
        watch: impl Fn(usize, usize) -> bool + Send + Sync + 'a,
    ) -> Result<Box<dyn Differentiable + 'a>> {
        let Source::Model(_, denoiser) = &self.source else {
            return Err(Error::usage("the derivative of a network in training is not taken here"));
        };
        let whole = denoiser.differentiable(self.at_once, device)?;
        let whole = Box::new(Finite::new(whole, || self.damage()));
        Ok(match (self.windows, self.each_channel) {
            (None, false) => whole,
            (None, true) => Box::new(EachChannel(whole)),
            (Some(windows), false) => Box::new(Windowed::new(whole, windows)?.watched(watch)),
            (Some(windows), true) => Box::new(EachChannel(Windowed::new(whole, windows)?.watched(watch))),
        })
    }

    /// A sampling run of one batch: conditioned on `cond`, with the noise of `streams`, the time map of the model's schedule and
    /// the start noise of its settings.
    pub fn run<'r>(&self, cond: Cond, streams: NoiseStreams) -> Run<'r> {
        let start = Start { noise: None, magnitude: self.start_magnitude() };
        Run::new(cond, streams).with_time_map(self.time_map()).starting(start)
    }

    /// The time map of the model's schedule, for methods that need one.
    pub fn time_map(&self) -> TimeMap {
        TimeMap::of(self.diffusion.clone())
    }

    /// How large the noise is that sampling starts from.
    pub fn start_magnitude(&self) -> Magnitude {
        self.settings.start_magnitude()
    }

    /// The noise levels of `steps` steps of `spacing` for `sampler`, the model's optimised ones where it is `own`.
    ///
    /// # Errors
    /// Usage: an unknown sampler or spacing, steps outside 1 to 10000.
    pub fn path(&self, sampler: &str, spacing: &str, steps: usize) -> Result<Vec<Level>> {
        path(self.diffusion, &placed(self.settings, sampler, spacing, steps)?, steps)
    }
}

/// The noise levels of `steps` steps of `spacing`.
///
/// # Errors
/// Usage: an unknown spacing, or steps outside 1 to 10000.
pub fn path(diffusion: &Diffusion, spacing: &str, steps: usize) -> Result<Vec<Level>> {
    limits::check("steps", steps as u64, 1, limits::STEPS)?;
    SPACINGS.build(spacing)?.path(diffusion, steps)
}
