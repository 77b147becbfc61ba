//! The parts of a set, train, test and validation, and the names they go by.

use langevin_core::{LeftAside, Stop};

use crate::Result;

/// What is interrupted where a set is opened.
pub(crate) const OPENING: &str = "reading the data";

/// What parts that were not chosen are called in [`LeftAside`].
pub const OTHER_PARTS: &str = "other parts";

/// Which part of a set is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, PartialOrd, Ord)]
pub enum Split {
    /// The part to train on, or all of a set that has no parts.
    #[default]
    Train,
    /// The test part.
    Test,
    /// The validation part.
    Validation,
    /// Every part together.
    All,
}

impl Split {
    /// The split that a folder or file name stands for, if any: the word alone, with a number, or with what it is a
    /// part of (`train2017`, `test_images`, `val-set`).
    pub(crate) fn named(name: &str) -> Option<Self> {
        const PLAIN: [&str; 8] = ["images", "image", "imgs", "img", "data", "set", "split", "dataset"];
        let mut found = None;
        for word in words(name) {
            match Self::of_word(word.to_ascii_lowercase().as_str()) {
                Some(split) if found.is_none() => found = Some(split),
                Some(_) => return None,
                None if PLAIN.contains(&word.to_ascii_lowercase().as_str()) => {}
                None => return None,
            }
        }
        found
    }

    fn of_word(word: &str) -> Option<Self> {
        match word.trim_end_matches(|c: char| c.is_ascii_digit()) {
            "train" | "training" => Some(Self::Train),
            "test" | "testing" => Some(Self::Test),
            "validation" | "valid" | "val" | "dev" => Some(Self::Validation),
            "all" if word == "all" => Some(Self::All),
            _ => None,
        }
    }

    /// The split that a file belongs to by a word in its name: `train-images...`, `t10k-...`, `test_batch.bin`.
    pub(crate) fn in_name(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        if name.starts_with("data_batch") {
            return Some(Self::Train);
        }
        words(&name).find_map(|word| match word {
            "t10k" => Some(Self::Test),
            "all" => None,
            word => Self::of_word(word),
        })
    }

    /// Whether a part that belongs to `other` (`None`: to no split) is wanted.
    pub(crate) fn takes(self, other: Option<Self>) -> bool {
        self == Self::All || other.is_none_or(|other| other == self)
    }

    /// The name to show.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Test => "test",
            Self::Validation => "validation",
            Self::All => "all",
        }
    }
}

/// What stands between signs and spaces.
fn words(name: &str) -> impl Iterator<Item = &str> {
    name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}

/// The part that is opened, whether it was asked for by name, and what ends its opening.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub split: Split,
    pub asked: bool,
    pub stop: &'a Stop,
}

impl Wanted<'_> {
    /// Goes on, or ends the opening.
    ///
    /// # Errors
    /// Interrupted.
    pub fn check(self) -> Result<()> {
        self.stop.check(OPENING)
    }

    /// Leaves the other parts of a set aside, each with its number of images, unless this one was asked for.
    pub fn leave(self, aside: &mut LeftAside, others: impl IntoIterator<Item = (Option<Split>, u64)>) {
        if self.asked {
            return;
        }
        let mut counts = std::collections::BTreeMap::<&str, u64>::new();
        for (part, count) in others {
            *counts.entry(part.map_or("unnamed", Split::name)).or_default() += count;
        }
        for (part, count) in counts {
            aside.add(OTHER_PARTS, format!("{part} with {count} images, opened by #{part}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_are_whole_words() {
        let named = |name| Split::named(name);
        assert_eq!(named("train"), Some(Split::Train));
        assert_eq!(named("train2017"), Some(Split::Train));
        assert_eq!(named("Test_Images"), Some(Split::Test));
        assert_eq!(named("val"), Some(Split::Validation));
        for other in ["trainer", "train station", "contest", "test tube", "value", "train_test", "images", ""]
        {
            assert_eq!(named(other), None, "{other}");
        }
        let within = |name| Split::in_name(name);
        assert_eq!(within("t10k-images-idx3-ubyte.gz"), Some(Split::Test));
        assert_eq!(within("emnist-letters-train-images-idx3-ubyte"), Some(Split::Train));
        assert_eq!(within("data_batch_3.bin"), Some(Split::Train));
        assert_eq!(within("validation-00000-of-00001.parquet"), Some(Split::Validation));
        assert_eq!(within("latest-contest.parquet"), None);
        assert_eq!(within("trains-0.tar"), None);
    }
}
