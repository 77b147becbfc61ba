//! The networks against PyTorch, finite differences, and its own promises.

mod blocks;
mod dit;
mod golden;
mod promises;
mod text;
mod told;
