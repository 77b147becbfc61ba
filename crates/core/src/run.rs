//! What a sampler works under: conditioning, noise streams, a clock, a progress callback and a way to stop.

use burn::tensor::{Device, Tensor};
use langevin_process::{Level, Result};

use crate::cond::Cond;
use crate::noise::NoiseStreams;
use crate::start::Start;
use crate::stop::Stop;
use crate::time_map::TimeMap;

/// What a sampler tells after each step.
#[derive(Debug)]
pub struct Progress<'a> {
    /// Steps done, from 1.
    pub step: usize,
    /// Steps in all.
    pub steps: usize,
    /// The level that was just reached.
    pub level: Level,
    /// The images at that level, `[batch, channels, height, width]`.
    pub x: &'a Tensor<4>,
    /// The model's current answer for the clean images, same shape.
    pub denoised: &'a Tensor<4>,
}

type Callback<'a> = Box<dyn FnMut(&Progress<'_>) + 'a>;

/// The circumstances of one sampling run of one batch.
pub struct Run<'a> {
    /// What the model is conditioned on.
    pub cond: Cond,
    /// The noise streams of the images of this batch.
    pub noise: NoiseStreams,
    /// The time of methods that need one.
    pub time_map: TimeMap,
    /// What sampling starts from.
    pub start: Start,
    progress: Option<Callback<'a>>,
    stop: Option<Stop>,
}

impl<'a> Run<'a> {
    /// A run by the flow's time that reports to nobody and cannot be stopped.
    pub fn new(cond: Cond, noise: NoiseStreams) -> Self {
        Self { cond, noise, time_map: TimeMap::FLOW, start: Start::default(), progress: None, stop: None }
    }

    /// Measures time by `time_map`.
    #[must_use]
    pub fn with_time_map(mut self, time_map: TimeMap) -> Self {
        self.time_map = time_map;
        self
    }

    /// Starts from `start`.
    #[must_use]
    pub fn starting(self, start: Start) -> Self {
        Self { start, ..self }
    }

    /// Starts from `noise`, if there is any, of variance 1.
    #[must_use]
    pub fn from_noise(mut self, noise: Option<Tensor<4>>) -> Self {
        self.start.noise = noise;
        self
    }

    /// What a path beginning at `highest` starts from ([`Start::at`]), images of `shape`.
    pub fn start_at(&self, highest: Level, shape: [usize; 3], device: &Device) -> Tensor<4> {
        self.start.at(highest, &self.noise, shape, device)
    }

    /// Calls `callback` after every step.
    #[must_use]
    pub fn on_progress(mut self, callback: impl FnMut(&Progress<'_>) + 'a) -> Self {
        self.progress = Some(Box::new(callback));
        self
    }

    /// Stops at the next step once `stop` is requested.
    #[must_use]
    pub fn stopped_by(mut self, stop: &Stop) -> Self {
        self.stop = Some(stop.clone());
        self
    }

    /// Tells the progress callback about a finished step.
    ///
    /// # Errors
    /// [`ErrorKind::Interrupted`](crate::ErrorKind::Interrupted) when the run was stopped.
    pub fn report(&mut self, progress: &Progress<'_>) -> Result<()> {
        if let Some(callback) = &mut self.progress {
            callback(progress);
        }
        self.stop.as_ref().map_or(Ok(()), |stop| stop.check("sampling"))
    }
}
