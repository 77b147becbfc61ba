//! Colours are lost: colourisation.

use langevin_core::registry::{Entry, OptionDoc};
use langevin_core::{Error, Result};

use crate::grouped::Grouped;
use crate::operator::{Degradation, Images, Operator, Shape};

pub(super) const ENTRY: Entry<dyn Degradation> = Entry {
    name: "gray",
    aliases: &["grey", "colourise", "colorize"],
    summary: "without colours",
    source: "",
    options: &[OptionDoc {
        key: "weights",
        default: "rec601",
        doc: "of red, green and blue: rec601 (0.299, 0.587, 0.114, as JPEG and Pillow) or average (as DDRM and DDNM)",
    }],
    cases: &["gray", "gray:weights=average"],
    build: |options| match options.text("weights") {
        "rec601" => Ok(Box::new(Gray(REC601))),
        "average" => Ok(Box::new(Gray([1.0 / 3.0; 3]))),
        other => {
            Err(Error::usage(format!("option weights: there is no \"{other}\""))
                .hint("use rec601 or average"))
        }
    },
    ..Entry::BLANK
};

const REC601: [f64; 3] = [0.299, 0.587, 0.114];

#[derive(Debug)]
struct Gray([f64; 3]);

impl Degradation for Gray {
    fn on(&self, shape: Shape, _images: &dyn Images) -> Result<Box<dyn Operator>> {
        let [channels, height, width] = shape;
        if channels != 3 {
            return Err(Error::usage(format!(
                "gray is made of red, green and blue, and the image has {channels} channel{}",
                if channels == 1 { "" } else { "s" }
            ))
            .hint("take a model and an image in colour"));
        }
        let pixels = height * width;
        let members = (0..pixels).flat_map(|at| (0..3).map(move |c| c * pixels + at)).collect();
        Ok(Box::new(Grouped::new(shape, [1, height, width], members, self.0.to_vec())))
    }
}
