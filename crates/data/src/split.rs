//! The parts of a set, train, test and validation, and the names they go by.

/// Which part of a set is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
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
    /// The split that a folder or file name stands for, if any.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "train" | "training" => Some(Self::Train),
            "test" | "testing" => Some(Self::Test),
            "validation" | "valid" | "val" | "dev" => Some(Self::Validation),
            "all" => Some(Self::All),
            _ => None,
        }
    }

    /// The split that a file belongs to by a word in its name: `train-images...`, `t10k-...`, `test_batch.bin`.
    pub(crate) fn in_name(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
        match () {
            () if has(&["train", "data_batch"]) => Some(Self::Train),
            () if has(&["t10k", "test"]) => Some(Self::Test),
            () if has(&["valid", "-val", "_val"]) => Some(Self::Validation),
            () => None,
        }
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
