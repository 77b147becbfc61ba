//! The networks against PyTorch, finite differences, and their own promises.

mod autoencoders;
mod blocks;
mod dit;
mod golden;
mod promises;
mod text;
mod text_conditioned;
