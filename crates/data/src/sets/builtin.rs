//! The data sets that come with the program, drawn and not stored.

use std::sync::Arc;

use crate::{Dataset, Error, Result};

/// The built-in set that `name` asks for.
pub(crate) fn open(name: &str) -> Result<Arc<dyn Dataset>> {
    match name {
        "shapes" => Ok(Arc::new(super::shapes::Shapes::new(32, 0)?)),
        _ => Err(Error::usage(format!("no built-in data set is called \"{name}\"")).hint("there is: shapes")),
    }
}
