//! What all jobs share: the events that they report, where their results go, and how those are named.
//!
//! A job is a function of a request (plain data), an [`Observer`], a [`Sink`] and a [`Stop`]. It prints
//! nothing and knows no terminal; a door (the command line, a server, another language) turns its own words into a request, and
//! events into its own kind of answer.

mod batch;
mod event;
mod frames;
mod image_output;
mod inputs;
mod mode;
mod names;
mod ranges;
pub mod recipe;
mod reporter;
mod request;
mod sink;
mod texts;

pub use batch::{Batch, check_failed, lifeless};
pub use event::{Event, Observer, Silent};
pub use image_output::{Text, check_image_ending, check_skipping, done_already, ending_at, like};
pub use inputs::{Inputs, described_models, model_and_images, models_for};
pub use mode::Mode;
pub use names::{Place, ResultNames, check_ending, check_inputs_stay, image_files, is_folder, stems};
pub use ranges::check_ranges;
pub use reporter::Reporter;
pub use request::request_from_json;
pub use sink::{Files, Memory, Sink};
pub use texts::{add_cut, check_syntax, tell_cut, tell_idle};

use std::path::Path;

use burn::tensor::Device;
use langevin_core::{Result, Stop};

/// What a job works with beside its request.
pub struct Context<'a> {
    /// What to compute on.
    pub device: &'a Device,
    /// Who wants to know.
    pub observer: &'a mut dyn Observer,
    /// Where results go.
    pub sink: &'a mut dyn Sink,
    /// Asks the job to stop.
    pub stop: &'a Stop,
}

impl Context<'_> {
    /// Reports the stages of the work that is called `what` when it is interrupted, such as `the evaluation`.
    pub fn reporter(&mut self, what: &'static str) -> Reporter<'_> {
        Reporter::new(self.observer, self.stop, what)
    }

    /// Where images are wanted: at the path that was named, or in the fresh folder `FRESH-NNN`.
    ///
    /// # Errors
    /// As [`Sink::fresh`] and [`Place::of`].
    pub fn place(&mut self, wanted: Option<&str>, fresh: &str) -> Result<Place> {
        wanted.map_or_else(|| self.sink.fresh(fresh).map(Place::Folder), Place::of)
    }

    /// Writes one result, and reports it.
    ///
    /// # Errors
    /// As [`Sink::write`].
    pub fn write(&mut self, file: &Path, bytes: Vec<u8>) -> Result<()> {
        self.sink.write(file, bytes)?;
        self.observer.event(Event::Output { file: file.to_owned() });
        Ok(())
    }
}
