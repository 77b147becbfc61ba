//! The kinds of data set, one file each.

pub(crate) mod archive;
pub(crate) mod beside;
pub mod builtin;
pub(crate) mod cifar;
pub(crate) mod files;
pub(crate) mod folder;
pub(crate) mod idx;
pub(crate) mod labels;
pub(crate) mod metadata;
pub(crate) mod npy;
pub(crate) mod parquet;
pub(crate) mod parquet_claims;
pub(crate) mod parts;
pub(crate) mod pickle;
pub mod points;
pub(crate) mod raw;
pub mod shapes;
pub(crate) mod shards;
pub(crate) mod survey;
pub(crate) mod tree;
pub(crate) mod unpack;
