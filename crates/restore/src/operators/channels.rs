//! Whole channels are missing: a mask over channels.

use langevin_core::registry::{Entry, OptionDoc};
use langevin_core::{Error, Result};

use super::mask::Mask;
use crate::operator::{Degradation, Images, Operator, Shape};

pub(super) const ENTRY: Entry<dyn Degradation> = Entry {
    name: "channels",
    aliases: &["missing_channels"],
    summary: "whole channels are missing",
    source: "",
    options: &[OptionDoc {
        key: "missing",
        default: "g",
        doc: "which: letters of rgb, or numbers from 0, as in missing=gb or missing=12",
    }],
    cases: &["channels", "channels:missing=02"],
    build: |options| {
        let text = options.text("missing");
        let channel = |letter: char| match letter {
            'r' => Some(0),
            'g' => Some(1),
            'b' => Some(2),
            _ => letter.to_digit(10).map(|digit| digit as usize),
        };
        let missing: Option<Vec<usize>> = text.chars().map(channel).collect();
        match missing {
            Some(missing) if !missing.is_empty() => Ok(Box::new(Missing(missing))),
            _ => Err(Error::usage(format!("channels: option missing={text} does not name channels"))
                .hint("use letters of rgb, or numbers from 0, as in missing=gb")),
        }
    },
    ..Entry::BLANK
};

#[derive(Debug)]
struct Missing(Vec<usize>);

impl Degradation for Missing {
    fn on(&self, shape: Shape, _images: &dyn Images) -> Result<Box<dyn Operator>> {
        let [channels, height, width] = shape;
        if let Some(other) = self.0.iter().find(|channel| **channel >= channels) {
            return Err(Error::usage(format!(
                "channel {other} cannot be missing: the image has {channels} channel{}",
                if channels == 1 { "" } else { "s" }
            ))
            .hint("channels are numbered from 0"));
        }
        let pixels = height * width;
        let kept: Vec<bool> = (0..channels * pixels).map(|at| !self.0.contains(&(at / pixels))).collect();
        Ok(Box::new(Mask::of_values(shape, kept)?))
    }
}
