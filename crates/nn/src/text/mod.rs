//! Texts: from words to tokens, and from tokens to the vectors that a network attends to.

mod bpe_trainer;
mod clip;
mod merges;
mod pretokenizer;
mod tokenizer;
mod unicode;

pub use bpe_trainer::{learned, parts};
pub use clip::{ClipText, ClipTextConfig, EncodedText, TextActivation};
pub use merges::byte_characters;
pub use tokenizer::{ClipTokenizer, Special, TokenizerParts, Tokens};
