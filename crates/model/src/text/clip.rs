//! CLIP's text encoders of a Stable Diffusion pipeline, with their tokenizers.

use burn::tensor::{Device, Tensor, TensorData};
use langevin_core::{Added, Context, Error, Result, Size};
use langevin_nn::text::{ClipText, ClipTokenizer};

use crate::adaptation::Adaptation;

/// CLIP's encoders of a pipeline, with their tokenizers.
#[derive(Debug, Clone)]
pub struct Encoders {
    parts: Vec<(ClipText, ClipTokenizer)>,
    /// Whether the network is conditioned on a pooled vector and the sizes of images beside the tokens (SDXL).
    added: bool,
    zeros_for_empty: bool,
    /// Width and height of the images.
    size: Size,
    /// What changed the pipeline as it was opened.
    adaptation: Adaptation,
}

impl Encoders {
    /// The encoders of a pipeline whose images have the width and height `size`; `added` if the network takes a pooled vector
    /// and sizes too (SDXL), `zeros_for_empty` if the empty prompt is encoded as zeros.
    pub(crate) fn new(
        parts: Vec<(ClipText, ClipTokenizer)>,
        added: bool,
        zeros_for_empty: bool,
        size: Size,
        adaptation: Adaptation,
    ) -> Self {
        Self { parts, added, zeros_for_empty, size, adaptation }
    }

    /// The encoded `texts`, of what is wanted.
    ///
    /// The vectors are those after the last norm or, with blocks skipped, those before them after the same norm; with two encoders those of
    /// both before their last block, side by side, as SDXL was trained (Podell et al. 2023).
    ///
    /// # Errors
    /// Usage, where tokenizer and encoder do not fit.
    pub(crate) fn encode(&self, texts: &[&str]) -> Result<Context> {
        self.encode_skipping(texts, self.adaptation.clip_skip)
    }

    /// As [`Encoders::encode`], of what is not wanted: no block is skipped, as in diffusers.
    pub(crate) fn encode_negative(&self, texts: &[&str]) -> Result<Context> {
        self.encode_skipping(texts, 0)
    }

    /// What changed the pipeline as it was opened.
    pub(crate) fn adaptation(&self) -> &Adaptation {
        &self.adaptation
    }

    fn encode_skipping(&self, texts: &[&str], skip: usize) -> Result<Context> {
        let (mut tokens, mut pooled) = (Vec::new(), None);
        for (encoder, tokenizer) in &self.parts {
            let ids: Vec<Vec<u32>> = texts.iter().map(|text| tokenizer.encode(text).ids).collect();
            let encoded = encoder.encode(&ids)?;
            tokens.push(if self.added {
                encoded.hidden[encoded.hidden.len() - 2 - skip].clone()
            } else {
                encoder.skipping(&encoded, skip)?
            });
            pooled = encoded.projected;
        }
        let tokens = Tensor::cat(tokens, 2);
        let added = match (self.added, pooled) {
            (false, _) => None,
            (true, None) => {
                return Err(Error::bad_input(
                    "its last text encoder has no projection, which the network is conditioned on",
                ));
            }
            (true, Some(pooled)) => {
                Some(Added { numbers: self.sizes(texts.len(), &tokens.device()), pooled })
            }
        };
        Ok(Context { tokens, added })
    }

    /// The encoders with their tokenizers, one or two.
    pub(crate) fn parts(&self) -> &[(ClipText, ClipTokenizer)] {
        &self.parts
    }

    /// Whether the empty text is encoded as zeros.
    pub(crate) fn zeros_for_empty(&self) -> bool {
        self.zeros_for_empty
    }

    /// Their tokenizers.
    pub(crate) fn tokenizers(&self) -> impl Iterator<Item = &ClipTokenizer> {
        self.parts.iter().map(|(_, tokenizer)| tokenizer)
    }

    /// As [`Encoders::encode_negative`], of the text that says nothing: zeros, where the pipeline says so.
    pub(crate) fn encode_empty(&self, count: usize) -> Result<Context> {
        let context = self.encode_negative(&vec![""; count])?;
        if !self.zeros_for_empty {
            return Ok(context);
        }
        Ok(Context {
            tokens: context.tokens.zeros_like(),
            added: context
                .added
                .map(|added| Added { pooled: added.pooled.zeros_like(), numbers: added.numbers }),
        })
    }

    /// Height and width of the original, where it was cut, and height and width that are wanted.
    fn sizes(&self, count: usize, device: &Device) -> Tensor<2> {
        let (width, height) = (self.size.width as f32, self.size.height as f32);
        let each = [height, width, 0.0, 0.0, height, width];
        Tensor::from_data(TensorData::new(each.repeat(count), [count, 6]), device)
    }
}
