//! `builtin:shapes`: small colour pictures of ten things in eight colours before six scenes, drawn by this program,
//! without end, labelled and captioned. What is drawn can be read back exactly ([`read_back`]), and a picture a model
//! made can be matched to the nearest drawing ([`closest`]).

mod draw;
mod read;
mod scene;

use crate::order::{self, Purpose};
use crate::{DataInfo, Dataset, Error, Item, Result};

pub use draw::draw;
pub use read::{Match, closest, read_back};

/// The classes, in the order of their labels.
pub const CLASSES: [&str; 10] =
    ["ball", "square", "triangle", "star", "heart", "moon", "flower", "house", "tree", "fish"];

/// The colours: name and 8-bit RGB.
pub const COLOURS: [(&str, [u8; 3]); 8] = [
    ("red", [226, 62, 72]),
    ("orange", [246, 140, 56]),
    ("yellow", [250, 207, 72]),
    ("green", [92, 178, 88]),
    ("teal", [38, 170, 168]),
    ("blue", [58, 112, 222]),
    ("purple", [138, 86, 204]),
    ("pink", [243, 128, 174]),
];

/// The scenes: name, and how a caption says it.
pub const SCENES: [(&str, &str); 6] = [
    ("sky", "in a blue sky"),
    ("sunset", "at sunset"),
    ("night", "at night"),
    ("meadow", "over a green meadow"),
    ("sea", "over the sea"),
    ("paper", "on cream paper"),
];

/// Everything that determines a picture of the set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Truth {
    /// Index into [`CLASSES`].
    pub class: u8,
    /// Index into [`COLOURS`].
    pub colour: u8,
    /// Index into [`SCENES`].
    pub scene: u8,
    /// Half the size of the thing, in 256ths of the picture's side: 72 to 96.
    pub radius: i16,
    /// Its centre to the right of the middle, in 256ths of the side: -24 to 24.
    pub x: i16,
    /// Its centre below the middle, in 256ths of the side: -16 to 16.
    pub y: i16,
}

impl Truth {
    /// Smallest and largest radius.
    pub const RADIUS: (i16, i16) = (72, 96);
    /// Furthest to the side.
    pub const X: i16 = 24;
    /// Furthest up or down.
    pub const Y: i16 = 16;

    /// What picture `index` of the set with `seed` shows.
    pub fn at(seed: u64, index: u64) -> Self {
        let key = order::bits(seed, Purpose::Draw, index);
        let pick = |field: u64, n: u64| order::below(order::bits(key, Purpose::Draw, field), n) as i16;
        let (least, most) = Self::RADIUS;
        Self {
            class: pick(0, CLASSES.len() as u64) as u8,
            colour: pick(1, COLOURS.len() as u64) as u8,
            scene: pick(2, SCENES.len() as u64) as u8,
            radius: least + pick(3, (most - least + 1) as u64),
            x: pick(4, 2 * Self::X as u64 + 1) - Self::X,
            y: pick(5, 2 * Self::Y as u64 + 1) - Self::Y,
        }
    }

    /// The caption: "a red star in a blue sky".
    pub fn caption(&self) -> String {
        let colour = COLOURS[usize::from(self.colour) % COLOURS.len()].0;
        let article = if colour.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
        let class = CLASSES[usize::from(self.class) % CLASSES.len()];
        format!("{article} {colour} {class} {}", SCENES[usize::from(self.scene) % SCENES.len()].1)
    }
}

/// The set itself.
#[derive(Debug)]
pub struct Shapes {
    info: DataInfo,
    side: usize,
    seed: u64,
}

impl Shapes {
    /// Pictures of `side` x `side` pixels, 16 to 512; each `seed` is another endless sequence.
    ///
    /// # Errors
    /// Usage when `side` lies outside.
    pub fn new(side: usize, seed: u64) -> Result<Self> {
        if !(16..=512).contains(&side) {
            return Err(Error::usage(format!("builtin:shapes: option size={side} must lie in [16, 512]")));
        }
        let info = DataInfo {
            name: "builtin:shapes".into(),
            kind: "builtin",
            len: None,
            channels: 3,
            classes: CLASSES.iter().map(ToString::to_string).collect(),
            size: (side, side),
            captions: true,
        };
        Ok(Self { info, side, seed })
    }
}

impl Dataset for Shapes {
    fn info(&self) -> &DataInfo {
        &self.info
    }

    fn item(&self, index: u64) -> Result<Item> {
        let truth = Truth::at(self.seed, index);
        let picture = draw(&truth, self.side);
        let name = self.item_name(index);
        Ok(Item { picture, label: Some(truth.class.into()), caption: Some(truth.caption()), name })
    }
}
