//! What the steps of a job hold to say how far they are, and to learn that they shall stop.

use langevin_core::{Error, ErrorKind, Result, Stop};

use super::{Event, Observer};

/// Reports the progress of a job's stages, and ends the work where somebody asked for that.
pub struct Reporter<'a> {
    observer: &'a mut dyn Observer,
    stop: &'a Stop,
    what: &'static str,
}

impl<'a> Reporter<'a> {
    /// Reports to `observer`; `what` is the work that `stop` interrupts, such as `the evaluation`.
    pub fn new(observer: &'a mut dyn Observer, stop: &'a Stop, what: &'static str) -> Self {
        Self { observer, stop, what }
    }

    /// The share `done`, from 0 to 1, of `stage` is done.
    ///
    /// # Errors
    /// Interrupted, where somebody asked to stop.
    pub fn at(&mut self, stage: &str, done: f64) -> Result<()> {
        self.progress(stage, done);
        self.stop.check(self.what)
    }

    /// As [`Reporter::at`], where the work looks at [`Reporter::stop`] by itself.
    pub fn progress(&mut self, stage: &str, done: f64) {
        self.event(Event::Progress { stage: stage.to_owned(), done });
    }

    /// Reports `event`.
    pub fn event(&mut self, event: Event) {
        self.observer.event(event);
    }

    /// What asks the work to stop.
    pub fn stop(&self) -> &'a Stop {
        self.stop
    }

    /// `result`, with an interruption of one of its steps reported as one of the whole.
    ///
    /// # Errors
    /// That of `result`.
    pub fn whole<T>(&self, result: Result<T>) -> Result<T> {
        result.map_err(|error| match error.kind() {
            ErrorKind::Interrupted(_) => Error::new(error.kind(), format!("{} was interrupted", self.what)),
            _ => error,
        })
    }
}
