//! The networks against PyTorch, finite differences, and its own promises.

mod blocks;
mod golden;
mod promises;
mod text;
mod told;
