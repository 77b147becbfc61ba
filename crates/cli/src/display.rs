//! A job on the terminal: its events are shown, its results go to files, and signals stop it.

use langevin::Result;
use langevin::core::Stop;
use langevin::job::{Context, Event, Files, Observer};

use crate::shell::{Shell, signals};
use crate::stages::Stages;
use crate::training_line::TrainingLine;

/// Shows the events of a job on the terminal.
struct Display<'a> {
    shell: &'a Shell,
    /// What a long command begins with: device, type of numbers, threads.
    line: String,
    stages: Stages<'a>,
    training: TrainingLine<'a>,
}

impl Observer for Display<'_> {
    fn event(&mut self, event: Event) {
        match event {
            Event::Precision { dtype } => self.line = self.line.replace("f32", &dtype),
            Event::Started { seed, what } if what.is_empty() => {
                self.say(&format!("{}, seed {seed}", self.line));
            }
            Event::Started { seed, what } => self.say(&format!("{}, seed {seed}; {what}", self.line)),
            Event::Progress { stage, done } => self.stages.at(&stage, done),
            Event::Note { text } => self.say(&text),
            Event::LeftAside { name, aside } => self.aside(|| self.shell.left_aside(&name, &aside)),
            Event::Warning { text } => self.aside(|| self.shell.warn(&text)),
            Event::Encoded { done, of } => self.say(&format!("encoded {done} of {of} images")),
            Event::Training(event) => self.training.show(&event),
            Event::Metric { name, value } if self.shell.verbose => self.say(&format!("{name} {value}")),
            Event::Detail { text } if self.shell.verbose => self.say(&text),
            Event::Detail { .. } | Event::Metric { .. } | Event::Preview { .. } | Event::Output { .. } => {}
        }
    }
}

impl Display<'_> {
    fn say(&self, text: &str) {
        self.aside(|| self.shell.say(text));
    }

    /// Does something else to the terminal, bar and line out of its way.
    fn aside(&self, what: impl FnOnce()) {
        self.stages.aside(|| self.training.aside(what));
    }
}

impl Shell {
    /// Runs `job`: its events are shown, its results go to files, which replace others if `force`, and
    /// signals stop it.
    ///
    /// # Errors
    /// As [`Shell::compute`], [`signals`] and the job.
    pub fn run<T>(&self, force: bool, job: impl FnOnce(&mut Context<'_>) -> Result<T>) -> Result<T> {
        self.run_until(&signals()?, force, job)
    }

    /// As [`Shell::run`], for a job that only looks at things: signals end the program at once.
    ///
    /// # Errors
    /// As [`Shell::compute`] and the job.
    pub fn look<T>(&self, job: impl FnOnce(&mut Context<'_>) -> Result<T>) -> Result<T> {
        self.run_until(&Stop::new(), false, job)
    }

    fn run_until<T>(
        &self,
        stop: &Stop,
        force: bool,
        job: impl FnOnce(&mut Context<'_>) -> Result<T>,
    ) -> Result<T> {
        let (device, line) = self.compute()?;
        let (stages, training) = (Stages::new(self), TrainingLine::new(self));
        let mut observer = Display { shell: self, line, stages, training };
        let mut sink = Files::new(force).stopped_by(stop);
        let outcome = job(&mut Context { device: &device, observer: &mut observer, sink: &mut sink, stop });
        observer.stages.finish();
        observer.training.finish();
        outcome
    }
}
