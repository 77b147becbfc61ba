//! What a job reports while it works.

use std::path::PathBuf;

use langevin_core::{Image, LeftAside};
use serde::Serialize;

/// Something that happened in a job.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// Models and data are open and checked, and the work begins: one sentence of what it is.
    Started {
        /// The seed of everything random.
        seed: u64,
        /// What is done with what, such as `builtin:shapes, dpmpp_2m over karras, 20 steps`.
        what: String,
    },
    /// The type of the numbers that convolutions multiply, where it is not f32.
    Precision {
        /// Its name, such as `bf16`.
        dtype: String,
    },
    /// How far the work is.
    Progress {
        /// The stage at work; a file's name where several are worked on, empty for work of one stage.
        stage: String,
        /// The share that is done, 0 to 1.
        done: f64,
    },
    /// How the work looks so far.
    Preview {
        /// Contact sheet or image.
        #[serde(skip)]
        image: Image,
    },
    /// A measurement.
    Metric {
        /// Its name.
        name: String,
        /// Its value.
        value: f64,
    },
    /// Something worth knowing.
    Note {
        /// One sentence.
        text: String,
    },
    /// A number or a circumstance for who wants to know more than most.
    Detail {
        /// One sentence.
        text: String,
    },
    /// Something that the user should know before trusting the result.
    Warning {
        /// One sentence.
        text: String,
    },
    /// Something given was not used as a whole.
    LeftAside {
        /// What was given: a data set, a model, a file of texts.
        name: String,
        /// What was not used of it, and why.
        aside: LeftAside,
    },
    /// Images become latents before a training on these begins.
    Encoded {
        /// Images encoded.
        done: u64,
        /// Images to encode.
        of: u64,
    },
    /// Something that happened in a training, but for its warnings, which are [`Event::Warning`].
    Training(langevin_train::Event),
    /// A file of the result is complete.
    Output {
        /// Its name.
        #[serde(with = "langevin_core::as_text")]
        file: PathBuf,
    },
}

impl Event {
    /// A note.
    pub fn note(text: impl Into<String>) -> Self {
        Self::Note { text: text.into() }
    }

    /// A detail.
    pub fn detail(text: impl Into<String>) -> Self {
        Self::Detail { text: text.into() }
    }

    /// A warning.
    pub fn warning(text: impl Into<String>) -> Self {
        Self::Warning { text: text.into() }
    }

    /// What was left aside of what was given as `name`; nothing where all of it was used.
    pub fn left_aside(name: impl Into<String>, aside: LeftAside) -> Option<Self> {
        (!aside.is_empty()).then(|| Self::LeftAside { name: name.into(), aside })
    }

    /// Progress of work of one stage.
    pub fn done(done: f64) -> Self {
        Self::Progress { stage: String::new(), done }
    }
}

impl From<&langevin_train::Event> for Event {
    fn from(event: &langevin_train::Event) -> Self {
        match event {
            langevin_train::Event::Warning { text } => Self::warning(text),
            other => Self::Training(other.clone()),
        }
    }
}

/// Whoever wants to know of a job; events may come from any of its threads, one at a time.
pub trait Observer: Send {
    /// An event of the job.
    fn event(&mut self, event: Event);
}

impl<F: FnMut(Event) + Send> Observer for F {
    fn event(&mut self, event: Event) {
        self(event);
    }
}

/// An observer that wants to know nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {
    fn event(&mut self, _event: Event) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_of_a_training_are_plain_data() {
        let of = |event: langevin_train::Event| serde_json::to_value(Event::from(&event)).unwrap();
        let resumed = of(langevin_train::Event::Resumed { images: 32 });
        assert_eq!(resumed, serde_json::json!({"event": "training", "kind": "resumed", "images": 32}));
        let judged =
            of(langevin_train::Event::Judged { images: 1, values: vec![("psnr_reconstruction", 20.0)] });
        assert_eq!(judged["values"], serde_json::json!([["psnr_reconstruction", 20.0]]));
        let warning = of(langevin_train::Event::Warning { text: "so".to_owned() });
        assert_eq!(warning, serde_json::json!({"event": "warning", "text": "so"}));
    }
}
