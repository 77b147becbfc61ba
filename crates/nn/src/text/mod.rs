//! Texts: from words to tokens, and from tokens to the vectors that a network attends to.

mod clip;
mod pairs;
mod pieces;
mod tokenizer;
mod unicode;

pub use clip::{ClipText, ClipTextConfig, EncodedText, TextActivation};
pub use tokenizer::{ClipTokenizer, Special, TokenizerParts, Tokens};
