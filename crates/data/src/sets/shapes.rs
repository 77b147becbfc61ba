//! `builtin:shapes`: small colour images of ten things in eight colours before six scenes, drawn by this program,
//! without end, labelled and captioned. What is drawn can be read back exactly ([`read_back`]), and an image a model
//! made can be matched to the nearest drawing ([`closest`]).

mod draw;
mod read;
mod scene;

use langevin_core::LeftAside;

use crate::order::{self, Purpose};
use crate::{DataInfo, Dataset, Error, Item, Result, Size};

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

/// Everything that determines an image of the set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Truth {
    /// Index into [`CLASSES`].
    pub class: u8,
    /// Index into [`COLOURS`].
    pub colour: u8,
    /// Index into [`SCENES`].
    pub scene: u8,
    /// Half the size of the thing, in 256ths of the image's side: 72 to 96.
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

    /// What image `index` of the set with `seed` shows.
    pub fn at(seed: u64, index: u64) -> Self {
        Self::of_key(order::bits(seed, Purpose::Draw, index))
    }

    /// As [`Truth::at`], showing no other combinations of thing, colour and scene than those that `shown` says.
    pub fn at_of(seed: u64, index: u64, shown: Combinations) -> Self {
        let mut key = order::bits(seed, Purpose::Draw, index);
        let mut truth = Self::of_key(key);
        while !shown.has(&truth) {
            key = order::bits(key, Purpose::StandIn, index);
            truth = Self::of_key(key);
        }
        truth
    }

    /// Whether its combination of thing, colour and scene is among every `without`-th of all 480, in an order that has no pattern.
    pub fn is_left_out(&self, without: u64) -> bool {
        let combination = (u64::from(self.class) * COLOURS.len() as u64 + u64::from(self.colour))
            * SCENES.len() as u64
            + u64::from(self.scene);
        let all = (CLASSES.len() * COLOURS.len() * SCENES.len()) as u64;
        let place = order::Permutation::new(all, order::bits(0, Purpose::Holdout, all)).at(combination);
        without > 0 && place.is_multiple_of(without)
    }

    /// The combinations that [`Truth::is_left_out`] names, each once, of one size in the middle.
    pub fn left_out(without: u64) -> Vec<Self> {
        let all = (0..CLASSES.len()).flat_map(|class| {
            (0..COLOURS.len()).flat_map(move |colour| {
                (0..SCENES.len()).map(move |scene| Self {
                    class: class as u8,
                    colour: colour as u8,
                    scene: scene as u8,
                    radius: (Self::RADIUS.0 + Self::RADIUS.1) / 2,
                    x: 0,
                    y: 0,
                })
            })
        });
        all.filter(|truth| truth.is_left_out(without)).collect()
    }

    /// What a caption says, if it is one of the set: thing, colour and scene.
    pub fn said(caption: &str) -> Option<(u8, u8, u8)> {
        let all = Self::left_out(1);
        let found = all.into_iter().find(|truth| truth.caption().eq_ignore_ascii_case(caption.trim()))?;
        Some((found.class, found.colour, found.scene))
    }

    fn of_key(key: u64) -> Self {
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

/// Which combinations of thing, colour and scene a set shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Combinations {
    /// All 480.
    All,
    /// All but every so many-th.
    Without(u64),
    /// Every so many-th alone: those that [`Combinations::Without`] leaves out.
    Only(u64),
}

impl Combinations {
    /// From the options of the set, of which 0 says nothing.
    ///
    /// # Errors
    /// Usage: both, or a number outside 2 to 480.
    pub fn new(without: u64, only: u64) -> Result<Self> {
        if let Some((name, value)) =
            [("without", without), ("only", only)].into_iter().find(|(_, value)| *value == 1 || *value > 480)
        {
            return Err(Error::usage(format!(
                "builtin:shapes: option {name}={value} must lie in 2 to 480, or be 0"
            )));
        }
        match (without, only) {
            (0, 0) => Ok(Self::All),
            (every, 0) => Ok(Self::Without(every)),
            (0, every) => Ok(Self::Only(every)),
            _ => Err(Error::usage("builtin:shapes: options without and only exclude each other")),
        }
    }

    fn has(self, truth: &Truth) -> bool {
        match self {
            Self::All => true,
            Self::Without(every) => !truth.is_left_out(every),
            Self::Only(every) => truth.is_left_out(every),
        }
    }
}

/// The set itself.
#[derive(Debug)]
pub struct Shapes {
    info: DataInfo,
    side: usize,
    seed: u64,
    shown: Combinations,
}

impl Shapes {
    /// Images of `side` x `side` pixels, 16 to 512, of these combinations; each `seed` is another endless sequence.
    ///
    /// # Errors
    /// Usage when `side` lies outside.
    pub fn new(side: usize, seed: u64, shown: Combinations) -> Result<Self> {
        if !(16..=512).contains(&side) {
            return Err(Error::usage(format!("builtin:shapes: option size={side} must lie in [16, 512]")));
        }
        let info = DataInfo {
            name: "builtin:shapes".into(),
            kind: "builtin",
            len: None,
            channels: 3,
            classes: CLASSES.iter().map(ToString::to_string).collect(),
            size: Size::square(side),
            captions: true,
            identity: String::new(),
            left_aside: LeftAside::default(),
        };
        Ok(Self { info, side, seed, shown })
    }
}

impl Dataset for Shapes {
    fn info(&self) -> &DataInfo {
        &self.info
    }

    fn item(&self, index: u64) -> Result<Item> {
        let truth = Truth::at_of(self.seed, index, self.shown);
        let image = draw(&truth, self.side);
        let name = self.item_name(index);
        Ok(Item { image, label: Some(truth.class.into()), caption: Some(truth.caption()), name })
    }
}
