//! The kinds of data set, one file each.

pub(crate) mod archive;
pub mod builtin;
pub(crate) mod cifar;
pub(crate) mod files;
pub(crate) mod idx;
pub(crate) mod metadata;
pub(crate) mod parquet;
pub mod points;
pub mod shapes;
pub(crate) mod tree;
