//! Prompts: a text for each image, and the negative prompt that guidance leads away from.

use langevin_core::{Context, Error, Result};

use crate::model::Model;

/// What is wanted of images, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompts {
    /// The text of each image.
    pub each: Vec<String>,
    /// What guidance leads away from, for all: the empty text, or what is not wanted.
    pub negative: String,
}

impl Prompts {
    /// Texts that leave open what is drawn, where `model` is conditioned on texts.
    pub fn open(model: &Model, count: usize) -> Option<Self> {
        model
            .is_text_conditioned()
            .then(|| Self { each: vec![String::new(); count], negative: String::new() })
    }

    /// Those of images `first..first + count`.
    #[must_use]
    pub fn part(&self, first: usize, count: usize) -> Self {
        Self { each: self.each[first..first + count].to_vec(), negative: self.negative.clone() }
    }

    /// Whether there are texts for a `model` that is text-conditioned, and none for another.
    ///
    /// # Errors
    /// Usage, where it is not so.
    pub fn check(prompts: Option<&Self>, model: &Model) -> Result<()> {
        match (prompts, model.is_text_conditioned()) {
            (Some(_), false) => model.encode_prompts(&[]).map(drop),
            (None, true) => {
                Err(Error::usage(format!("{}: is a text-to-image model and needs a prompt", model.name))
                    .hint("give one with --prompt; --prompt \"\" leaves open what is sampled"))
            }
            _ => Ok(()),
        }
    }

    /// The encoded prompt of each image, and of what is not wanted; a text that comes again is encoded once.
    ///
    /// # Errors
    /// As [`Model::encode_prompts`].
    pub fn encode(&self, model: &Model) -> Result<(Context, Context)> {
        let mut texts: Vec<&str> = Vec::new();
        let place = |text| {
            texts.iter().position(|known| *known == text).unwrap_or_else(|| {
                texts.push(text);
                texts.len() - 1
            })
        };
        let places: Vec<usize> = self.each.iter().map(String::as_str).map(place).collect();
        let negative = match self.negative.as_str() {
            "" => model.encode_empty(1)?,
            negative => model.encode_negative(&[negative])?,
        };
        Ok((model.encode_prompts(&texts)?.of(&places), negative.of(&vec![0; places.len()])))
    }
}
