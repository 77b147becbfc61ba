//! Smaller images whose pixels are the means of square blocks: the downsampling of DDRM and DDNM.

use langevin_core::Result;
use langevin_core::registry::{Entry, OptionDoc, Options};

use super::scaled;
use crate::grouped::Grouped;
use crate::operator::{Degradation, Images, Operator, Shape};

pub(super) const ENTRY: Entry<dyn Degradation> = Entry {
    name: "average",
    aliases: &["block_average", "pool"],
    summary: "smaller, each pixel the mean of a square block",
    source: "Kawar et al. 2022, appendix D.1 (arXiv 2201.11793)",
    options: &[SCALE],
    cases: &["average:scale=2", "average"],
    build: |options| Ok(Box::new(Average { scale: read_scale(options)? })),
    ..Entry::BLANK
};

pub(super) const SCALE: OptionDoc =
    OptionDoc { key: "scale", default: "4", doc: "how many times smaller, a whole number from 2" };

pub(super) fn read_scale(options: &Options) -> Result<usize> {
    super::whole(options, "scale", 2, 64)
}

#[derive(Debug)]
struct Average {
    scale: usize,
}

impl Degradation for Average {
    fn on(&self, shape: Shape, _images: &dyn Images) -> Result<Box<dyn Operator>> {
        let output = scaled(shape, self.scale)?;
        let ([_, height, width], s) = (shape, self.scale);
        let [channels, low, narrow] = output;
        let mut members = Vec::with_capacity(channels * height * width);
        for c in 0..channels {
            for (y, x) in (0..low).flat_map(|y| (0..narrow).map(move |x| (y, x))) {
                let place = |k: usize| (c * height + y * s + k / s) * width + x * s + k % s;
                members.extend((0..s * s).map(place));
            }
        }
        let weights = vec![1.0 / (s * s) as f64; s * s];
        Ok(Box::new(Grouped::new(shape, output, members, weights)))
    }
}
