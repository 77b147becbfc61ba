//! A model, from its path to its denoiser: opening it in any format, its description, text conditioning and autoencoder,
//! and the one [`Pipeline`] through which every job evaluates it.
//!
//! * [`Source`] decides what a path is, and opens it.
//! * [`Model`] is a model ready to sample, with its description [`ModelInfo`].
//! * [`Pipeline`] is the one order of arithmetic, parallel parts, windows, channels, symmetries, guidance and clipping.

pub mod adaptation;
pub mod closed_form;
pub mod codec;
pub mod defaults;
pub mod denoiser;
pub mod description;
pub mod file;
pub mod guidance;
mod hash;
pub mod memory;
mod model;
pub mod open;
pub mod pipeline;
pub mod prompts;
pub mod resolve;
pub mod save;
pub mod shipped;
pub mod task;
pub mod text;
pub mod windows;

pub use adaptation::{Adaptation, Lora};
pub use closed_form::{CLOSED_FORM, ClosedFormModel};
pub use codec::{AutoencoderInfo, Codec, LatentInfo, LatentPreview, Statistics};
pub use defaults::{Grid, SampleSettings, Tuned};
pub use denoiser::ModelDenoiser;
pub use description::ModelInfo;
pub use guidance::GuidanceConfig;
pub use model::Model;
pub use open::Source;
pub use pipeline::Pipeline;
pub use prompts::Prompts;
pub use shipped::{SHIPPED, Shipped};
pub use task::{Task, TaskKind};
pub use text::{Encoders, TextConditioner, TextInfo};
