//! Folders of diffusers, read and written: `UNet2DModel` with its weights, and the scheduler that goes with it.
//!
//! * [`read_folder`]: a pipeline's network, tensors, diffusion and way to sample. Nothing of the folder is run: configs are
//!   data, and pickles are read by a machine that knows only tensors.
//! * [`write_folder`]: a folder that `DDPMPipeline.from_pretrained` loads.
//! * [`read_text_network`], [`read_text_parts`]: the parts of a text-conditioned pipeline: `UNet2DConditionModel`, and CLIP's
//!   encoder and tokenizer.
//! * [`read_autoencoder`]: an `AutoencoderKL` or `VQModel`; [`read_latent_folder`]: Stable Diffusion as a whole.
//! * [`read_single_file`]: Stable Diffusion in one file, with the names of CompVis.
//! * [`merge_lora`]: changes of low rank, added to such a pipeline.
//! * [`read_transformer`]: a `DiTTransformer2DModel`.
//! * [`read_file`]: the tensors of one file, safetensors or PyTorch checkpoint.
//!
//! ```
//! use langevin_hub::read_scheduler;
//!
//! let config = serde_json::json!({ "num_train_timesteps": 1000, "beta_schedule": "linear", "prediction_type": "epsilon" });
//! let sampling = read_scheduler("DDPMScheduler", config.as_object().unwrap())?;
//! assert_eq!((sampling.diffusion.process.as_str(), sampling.steps), ("vp", 1000));
//!
//! // What is not read is refused, with the name of the option.
//! let config = serde_json::json!({ "beta_schedule": "unheard of" });
//! assert!(read_scheduler("DDPMScheduler", config.as_object().unwrap()).is_err());
//! # Ok::<(), langevin_core::Error>(())
//! ```

mod autoencoder;
mod clip_text;
mod condition;
mod dit;
mod fields;
mod folder;
mod json;
mod latent;
mod lora;
mod names;
mod pickle;
mod refusal;
mod scheduler;
mod schedulers;
mod single_file;
mod text;
mod tiny;
mod tokenizer;
mod unet;
mod weights;
mod write;
mod write_latent;

pub use autoencoder::{AutoencoderParts, read_autoencoder};
pub use dit::{TransformerParts, read as read_transformer};
pub use folder::{Pipeline, is_folder, read_folder};
pub use latent::{LatentPipeline, is_latent_folder, read_latent_folder};
pub use lora::{lora_ranks, merge_lora};
pub use pickle::{is_checkpoint, is_checkpoint_file, is_pickle};
pub use scheduler::{Sampling, Threshold};
pub use schedulers::read as read_scheduler;
pub use single_file::{TOKENIZER_VARIABLE, is_single_file, read_single_file, read_single_file_with};
pub use text::{TextEncoder, TextNetwork, TextParts, read_text_encoder, read_text_network, read_text_parts};
pub use tiny::read_tiny_decoder;
pub use tokenizer::read as read_tokenizer;
pub use weights::{Weights, read_file};
pub use write::{Export, PIPELINES, check_folder, write_folder};
pub use write_latent::{LatentExport, LatentPart, write_latent_folder};

/// The version of diffusers whose formats are read and written.
pub const DIFFUSERS: &str = "0.42.1";
