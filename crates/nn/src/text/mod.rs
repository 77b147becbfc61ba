//! Texts: from words to tokens, and from tokens to the vectors that a network attends to.

mod clip;
mod learn;
mod pairs;
mod pieces;
mod tokenizer;
mod unicode;

pub use clip::{ClipText, ClipTextConfig, EncodedText, TextActivation};
pub use learn::{learned, parts};
pub use pairs::byte_characters;
pub use tokenizer::{ClipTokenizer, Special, TokenizerParts, Tokens};
