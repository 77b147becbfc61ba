//! Images of one size whose samples lie one after another in memory, as IDX, CIFAR and NumPy files hold them.

use langevin_core::LeftAside;

use crate::dataset::{identity, past_end};
use crate::images::limits::MAX_SIDE;
use crate::{DataInfo, Dataset, Error, Image, Item, Result, Size};

/// Images of one size.
#[derive(Debug)]
pub(crate) struct Raw {
    info: DataInfo,
    pixels: Vec<u8>,
    labels: Vec<u32>,
}

/// What images are made of.
#[derive(Debug, Default)]
pub(crate) struct Samples {
    /// How many there are.
    pub count: u64,
    /// Rows, columns and channels.
    pub shape: [u64; 3],
    /// The samples of a pixel side by side, row by row.
    pub pixels: Vec<u8>,
    /// The class of each; none at all, where they have none.
    pub labels: Vec<u32>,
    /// The names of the classes; numbers, where there are none.
    pub classes: Vec<String>,
}

/// Whether `count` images of `shape`, rows, columns and channels, can be used.
pub(crate) fn is_usable(count: u64, [rows, columns, channels]: [u64; 3]) -> bool {
    let side = 1..=u64::from(MAX_SIDE);
    count > 0 && side.contains(&rows) && side.contains(&columns) && (1..=4).contains(&channels)
}

impl Raw {
    /// The set `name` of `kind`.
    ///
    /// # Errors
    /// Bad input: sizes that no images have.
    pub fn new(name: &str, kind: &'static str, samples: Samples, left_aside: LeftAside) -> Result<Self> {
        let Samples { count, shape, pixels, labels, mut classes } = samples;
        if !is_usable(count, shape) {
            let what = format!("{name}: its sizes, {count} images of {shape:?}, are not usable");
            return Err(Error::bad_input(what));
        }
        let [rows, columns, channels] = shape.map(|n| n as usize);
        let most = labels.iter().max().map_or(0, |most| *most as usize + 1);
        if most > classes.len() {
            classes = (0..most).map(|k| k.to_string()).collect();
        }
        let mut hasher = blake3::Hasher::new();
        hasher.update(shape.map(u64::to_le_bytes).as_flattened());
        hasher.update(&pixels);
        for label in &labels {
            hasher.update(&label.to_le_bytes());
        }
        let info = DataInfo {
            name: name.to_owned(),
            kind,
            len: Some(count),
            channels,
            classes,
            size: Size { width: columns, height: rows },
            captions: false,
            identity: identity(&hasher),
            left_aside,
        };
        Ok(Self { info, pixels, labels })
    }
}

impl Dataset for Raw {
    fn info(&self) -> &DataInfo {
        &self.info
    }

    fn item(&self, index: u64) -> Result<Item> {
        let Size { width, height } = self.info.size;
        let bytes = width * height * self.info.channels;
        let at = usize::try_from(index).ok().and_then(|at| at.checked_mul(bytes));
        let pixels = at.and_then(|at| self.pixels.get(at..at.checked_add(bytes)?));
        let pixels = pixels.ok_or_else(|| past_end(&self.info, index))?.to_vec();
        let image = Image::from_u8(width, height, self.info.channels, pixels);
        let label = self.labels.get(index as usize).copied();
        Ok(Item { image, label, caption: None, name: self.item_name(index) })
    }
}
