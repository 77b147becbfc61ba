//! Hugging Face parquet.
use crate::{Dataset, Error, Result, open::Split};
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(crate) fn open(root: &Path, _files: &[PathBuf], _split: Split) -> Result<Arc<dyn Dataset>> {
    Err(Error::bad_input(format!("{}: parquet is not read yet", root.display())))
}
