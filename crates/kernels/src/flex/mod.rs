//! The CPU's own bodies.

use burn::backend::Flex;

use crate::ops::DiffusionOps;

impl DiffusionOps for Flex {}
