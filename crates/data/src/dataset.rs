//! What a data set is: numbered images, each perhaps with a class label and a caption.

use langevin_core::LeftAside;

use crate::{Image, Result, Size};

/// What is known of a data set without decoding its images.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct DataInfo {
    /// What the user asked for: a path, or `builtin:NAME`.
    pub name: String,
    /// How it is stored: `folder`, `idx`, `cifar`, `npz`, `npy`, `parquet`, `zip`, `tar`, `shards`, `image` or `builtin`.
    pub kind: &'static str,
    /// The number of images; `None` is unlimited.
    pub len: Option<u64>,
    /// Channels of its first image: 1 gray, 2 gray and alpha, 3 colour, 4 colour and alpha.
    pub channels: usize,
    /// Class names; label `k` means `classes[k]`. Empty when there are no labels.
    pub classes: Vec<String>,
    /// Width and height of its first image, in pixels.
    pub size: Size,
    /// Whether at least one image has a caption.
    pub captions: bool,
    /// What tells its content from that of others, wherever it lies: a hash of names, lengths and first bytes. Empty for a
    /// built-in set, which its name identifies.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub identity: String,
    /// What was there and is not used, as far as it is known without reading the images.
    #[serde(skip_serializing_if = "LeftAside::is_empty")]
    pub left_aside: LeftAside,
}

/// One image of a data set.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// The image as stored: any size, 1 to 4 channels, 8 or 16 bits.
    pub image: Image,
    /// Its class, an index into [`DataInfo::classes`].
    pub label: Option<u32>,
    /// What it shows, in words.
    pub caption: Option<String>,
    /// What to call it in messages: a path or `NAME#index`.
    pub name: String,
}

/// Numbered images. Item `k` is always the same image.
pub trait Dataset: std::fmt::Debug + Send + Sync {
    /// What is known of the set.
    fn info(&self) -> &DataInfo;

    /// Image `index`, decoded.
    ///
    /// # Errors
    /// Bad input, beginning with the image's name, when it cannot be read; usage when `index` is past the
    /// end.
    fn item(&self, index: u64) -> Result<Item>;

    /// What image `index` is called, without reading it.
    fn item_name(&self, index: u64) -> String {
        format!("{}#{index}", self.info().name)
    }

    /// Bytes that must be decoded to see every image, or `None` when no item can fail because the whole set
    /// was checked as it was opened.
    fn encoded_bytes(&self) -> Option<u64> {
        None
    }

    /// What was there and is not used, with what reading images has found out so far: later pages, captions that are no
    /// text.
    fn left_aside(&self) -> LeftAside {
        self.info().left_aside.clone()
    }
}

/// The identity of a set whose content `hasher` has seen.
pub(crate) fn identity(hasher: &blake3::Hasher) -> String {
    hasher.finalize().to_hex()[..32].to_owned()
}

/// The error for an index past the end of a set.
pub(crate) fn past_end(info: &DataInfo, index: u64) -> crate::Error {
    crate::Error::usage(format!("{}: there is no image {index}, only {}", info.name, info.len.unwrap_or(0)))
}
