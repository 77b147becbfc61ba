//! Points of the plane from distributions known in closed form, as images of one pixel with two channels: `builtin:gaussian`,
//! `builtin:ring8` and `builtin:grid25`. What a model makes of them can be checked exactly.

use langevin_core::LeftAside;
use langevin_core::closed_form::{ClosedForm, Mixture};

use crate::order::{self, Purpose};
use crate::{DataInfo, Dataset, Image, Item, Result, Size};

/// Points of one distribution, without end; point `index` of a seed is always the same.
#[derive(Debug)]
pub struct Points {
    info: DataInfo,
    mixture: Mixture,
    seed: u64,
}

impl Points {
    /// The points of `mixture`, which has two values, under the name `builtin:NAME`; each `seed` is another sequence.
    pub fn new(name: &str, mixture: Mixture, seed: u64) -> Self {
        let info = DataInfo {
            name: format!("builtin:{name}"),
            kind: "builtin",
            len: None,
            channels: 2,
            classes: Vec::new(),
            size: Size::square(1),
            captions: false,
            identity: String::new(),
            left_aside: LeftAside::default(),
        };
        Self { info, mixture, seed }
    }
}

impl Dataset for Points {
    fn info(&self) -> &DataInfo {
        &self.info
    }

    fn item(&self, index: u64) -> Result<Item> {
        let key = order::bits(self.seed, Purpose::Draw, index);
        let mut stream = langevin_core::Stream::new(key, langevin_core::Purpose::Start, 0, 0);
        // The far tails, one point in millions, are put at the edge.
        let sample = |x: f64| ((x + 1.0) * 32_767.5).round().clamp(0.0, 65_535.0) as u16;
        let samples = self.mixture.draw(2, &mut stream).into_iter().map(sample).collect();
        let image = Image::from_u16(1, 1, 2, samples);
        Ok(Item { image, label: None, caption: None, name: self.item_name(index) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_lie_where_the_distribution_says_and_stay_there() {
        let points = Points::new("ring8", Mixture::ring8(), 0);
        let place = |index| -> [f64; 2] {
            let values = points.item(index).unwrap().image.to_signed();
            [f64::from(values[0]), f64::from(values[1])]
        };
        for index in 0..500 {
            let [x, y] = place(index);
            assert!((x.hypot(y) - 0.7).abs() < 0.3, "{x} {y}");
        }
        assert_eq!(points.item(7), points.item(7));
        assert_ne!(
            place(7),
            Points::new("ring8", Mixture::ring8(), 1)
                .item(7)
                .map(|i| {
                    let values = i.image.to_signed();
                    [f64::from(values[0]), f64::from(values[1])]
                })
                .unwrap()
        );
    }
}
