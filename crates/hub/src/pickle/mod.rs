//! PyTorch checkpoints (`.bin`, `.pt`, `.ckpt`), read without running anything.
//!
//! A pickle is a small program for a stack machine, and Python's machine may call any function it names. The one here
//! ([`machine`]) knows only lists, dictionaries, numbers, text, and the few names that rebuild tensors; any other name ends
//! the reading with an error that says which. Values are kept in one list and refer to each other by number, so neither
//! deep nesting nor values that hold themselves cost more than the bytes that describe them.

mod machine;
mod torch;

pub use torch::{is_checkpoint, is_checkpoint_file, is_pickle, read_where};
