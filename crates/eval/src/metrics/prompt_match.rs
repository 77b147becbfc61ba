//! Whether images show what was asked for in words, where that can be read back: captions of `builtin:shapes` say a thing, its
//! colour and a scene, and the drawing of the set that is nearest to an image says which these are. For drawings of the set it is
//! always right; the share of right images is what Huang et al. 2023 (T2I-CompBench, 2307.06350) estimate with networks.

use langevin_core::registry::Entry;
use langevin_core::{Error, Image, Result};
use langevin_data::sets::shapes::{Truth, closest};

use crate::metric::{Better, Case, Measured, Metric, Needs, Value};
use crate::statistics::share;

pub(super) const ENTRY: Entry<dyn Metric> = Entry {
    name: "prompt_match",
    aliases: &[],
    summary: "share of images that show what was asked for in words; for captions of builtin:shapes, which are read back exactly",
    source: "read back from the generated data set; cf. Huang et al. 2023, T2I-CompBench (arXiv 2307.06350)",
    options: &[],
    build: |_| Ok(Box::new(PromptMatch)),
    ..Entry::BLANK
};

#[derive(Debug)]
struct PromptMatch;

const NAMES: [&str; 4] = ["prompt_match", "prompt_thing", "prompt_colour", "prompt_scene"];

impl Metric for PromptMatch {
    fn values(&self) -> &'static [&'static str] {
        &NAMES
    }

    fn needs(&self) -> Needs {
        Needs { captions: true, pixels: true, ..Needs::default() }
    }

    fn measure(&self, case: &Case<'_>) -> Result<Measured> {
        let unknown = |what: String| {
            Error::usage(format!("prompt_match: {}: {what}", case.judged.name)).hint(
                "it reads images of a model that was trained on the captions of builtin:shapes, with --data builtin:shapes",
            )
        };
        let captions = case
            .judged
            .captions
            .as_ref()
            .ok_or_else(|| unknown("what was asked for is not known in words".to_owned()))?;
        let mut right = [0; 4];
        for (caption, image) in captions.iter().zip(&case.judged.images) {
            let said = Truth::said(caption)
                .ok_or_else(|| unknown(format!("\"{caption}\" is no caption of builtin:shapes")))?;
            let parts = shown(image)
                .map_or([false; 3], |found| [found.0 == said.0, found.1 == said.1, found.2 == said.2]);
            right[0] += usize::from(parts == [true; 3]);
            right[1..].iter_mut().zip(parts).for_each(|(count, part)| *count += usize::from(part));
        }
        let value = |(name, right): (&'static str, usize)| {
            let (value, error) = share(right, captions.len());
            Value { name, value, error, count: captions.len(), better: Better::Higher }
        };
        Ok(Measured { values: NAMES.into_iter().zip(right).map(value).collect(), nearest: Vec::new() })
    }
}

/// Thing, colour and scene of the drawing nearest to `image`.
fn shown(image: &Image) -> Option<(u8, u8, u8)> {
    closest(image).map(|found| (found.truth.class, found.truth.colour, found.truth.scene))
}

#[cfg(test)]
mod tests {
    use langevin_data::sets::shapes::draw;

    use super::*;
    use crate::Sample;

    #[test]
    fn drawings_match_their_captions_and_no_others() {
        let truths: Vec<Truth> = (0..12).map(|index| Truth::at(3, index)).collect();
        let mut sample = Sample::new("drawn");
        sample.images = truths.iter().map(|truth| draw(truth, 32)).collect();
        let measured = |captions: Vec<String>| -> Result<Vec<f64>> {
            let judged = Sample { captions: Some(captions), ..sample.clone() };
            let case = Case { judged: &judged, reference: &judged, gallery: None, trainer: None, seed: 0 };
            Ok(PromptMatch.measure(&case)?.values.iter().map(|value| value.value).collect())
        };
        assert_eq!(measured(truths.iter().map(Truth::caption).collect()).unwrap(), [1.0; 4]);
        let recoloured = |truth: &Truth| Truth { colour: (truth.colour + 1) % 8, ..*truth }.caption();
        assert_eq!(measured(truths.iter().map(recoloured).collect()).unwrap(), [0.0, 1.0, 0.0, 1.0]);
        assert_eq!(measured(vec!["a walrus".to_owned()]).unwrap_err().exit_code(), 2);
    }
}
