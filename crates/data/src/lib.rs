//! Data sets of images for diffusion models: folders, IDX, CIFAR, NumPy, Hugging Face parquet, archives and
//! generated images, recognised by content; made ready, put in order and loaded in batches.
//!
//! * [`open`] turns a path or `builtin:NAME` into a [`Dataset`].
//! * [`Pool`] makes its images ready (decode, channels, size), knows which ones are usable, and splits off
//!   a held-out part.
//! * [`Loader`] yields [`Batch`]es on a thread; what image `k` of a run is depends on (seed, k) alone.
//! * [`lint`] reports on a set; [`sets::shapes`] draws images that can be read back exactly.
//!
//! ```
//! use langevin_data::{Loader, LoaderOptions, OpenOptions, Pool, PoolOptions, Prepare, open};
//!
//! let shapes = open("builtin:shapes", &OpenOptions::default())?;
//! assert_eq!(shapes.info().classes.len(), 10);
//!
//! let pool = Pool::new(shapes, Prepare::new(16, 16, 3), PoolOptions::default())?;
//! let mut loader = Loader::new(&pool, LoaderOptions { batch: 8, ..LoaderOptions::default() })?;
//! loader.next_batch()?;
//! let second = loader.next_batch()?;
//! assert_eq!((second.shape, second.first_image), ([8, 3, 16, 16], 8));
//!
//! // A loader that begins later goes on with the same images.
//! let options = LoaderOptions { batch: 8, images_seen: 8, ..LoaderOptions::default() };
//! assert_eq!(Loader::new(&pool, options)?.next_batch()?, second);
//! # Ok::<(), langevin_data::Error>(())
//! ```

mod dataset;
mod guarded;
mod image_files;
mod images;
mod lint;
mod loader;
mod open;
pub mod order;
mod png_chunks;
mod pool;
pub mod sets;
mod sniff;
mod split;
mod transforms;

pub use dataset::{DataInfo, Dataset, Item};
pub use guarded::guarded;
pub use image_files::{channels_of, hash_of_file, images_in, is_image_file, is_whole_image};
pub use images::{
    LATER_FRAMES, decode, later_frames, later_frames_of, read_image, read_image_and_profile, read_profile,
};
pub use langevin_core::{Depth, Error, ErrorKind, Image, LeftAside, Result, Samples, Size};
pub use lint::{LintReport, lint};
pub use loader::{BatchSource, Loader, LoaderOptions};
pub use open::{OpenOptions, open};
pub use pool::{Batch, Held, OnSkip, Pool, PoolOptions, Skipped};
pub use sets::builtin::BUILTINS;
pub use split::{OTHER_PARTS, Split};
pub use transforms::{Crop, Cut, Prepare, cut, fit, is_mirrored, prepare, with_channels};
