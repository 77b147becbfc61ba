//! The text encoder of CLIP (Radford et al. 2021, 2103.00020, section 2.4): a transformer whose tokens see only those before
//! them.
//!
//! Each parameter's path is the name its tensor has in a file of transformers' `CLIPTextModel`, or of
//! `CLIPTextModelWithProjection`.

use burn::module::Module;
use burn::tensor::{Bool, Device, Tensor, TensorData, activation};
use langevin_core::{Error, Result};
use langevin_kernels as kernels;
use serde::{Deserialize, Serialize};

use crate::draw::Draw;
use crate::layers::{Embedding, Linear};
use crate::norm::{LayerNorm, Unbiased};

/// The function in the middle of each block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextActivation {
    /// `x sigmoid(1.702 x)` (Hendrycks and Gimpel 2016, section 2).
    #[default]
    QuickGelu,
    /// `x Phi(x)`, with the exact normal distribution.
    Gelu,
}

impl TextActivation {
    fn of(self, x: Tensor<2>) -> Tensor<2> {
        match self {
            Self::QuickGelu => kernels::gelu(x, kernels::Gelu::Quick),
            Self::Gelu => kernels::gelu(x, kernels::Gelu::Exact),
        }
    }
}

/// What a [`ClipText`] is made of. The defaults are those of the encoder of Stable Diffusion 1, CLIP ViT-L/14's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClipTextConfig {
    /// Tokens there are. Default 49408.
    pub vocabulary: usize,
    /// Length of each token's vector. Default 768.
    pub dim: usize,
    /// Numbers in the middle of each block's second half. Default 3072.
    pub inner: usize,
    /// Blocks. Default 12.
    pub layers: usize,
    /// Heads of every attention; they divide `dim`. Default 12.
    pub heads: usize,
    /// Tokens of a text at most. Default 77.
    pub positions: usize,
    /// The function in the middle of each block. Default quick_gelu.
    pub activation: TextActivation,
    /// Epsilon of every norm. Default 1e-5.
    pub norm_eps: f64,
    /// The token that ends a text, whose vector stands for the whole; `None` takes the token with the largest number, as the
    /// first encoders did. Default `None`.
    pub end: Option<u32>,
    /// Length of the vector that a last matrix makes of it, where there is one. Default `None`.
    pub projection: Option<usize>,
}

impl Default for ClipTextConfig {
    fn default() -> Self {
        Self {
            vocabulary: 49_408,
            dim: 768,
            inner: 3072,
            layers: 12,
            heads: 12,
            positions: 77,
            activation: TextActivation::QuickGelu,
            norm_eps: 1e-5,
            end: None,
            projection: None,
        }
    }
}

impl ClipTextConfig {
    /// Says what cannot be built, naming the field.
    ///
    /// # Errors
    /// `Usage`, for the first field that does not fit.
    pub fn check(&self) -> Result<()> {
        let bounded = [
            ("vocabulary", self.vocabulary, 1 << 24),
            ("dim", self.dim, 1 << 16),
            ("inner", self.inner, 1 << 18),
            ("layers", self.layers, 256),
            ("heads", self.heads, self.dim),
            ("positions", self.positions, 1 << 16),
            ("projection", self.projection.unwrap_or(1), 1 << 16),
        ];
        if let Some((name, value, most)) = bounded.iter().find(|(_, value, most)| *value == 0 || value > most)
        {
            return Err(Error::usage(format!("text encoder: {name} = {value} is not between 1 and {most}")));
        }
        if !self.dim.is_multiple_of(self.heads) {
            return Err(Error::usage(format!(
                "text encoder: {} heads do not divide dim = {}",
                self.heads, self.dim
            )));
        }
        if !(self.norm_eps > 0.0 && self.norm_eps.is_finite()) {
            return Err(Error::usage(format!("text encoder: norm_eps = {} is out of range", self.norm_eps)));
        }
        Ok(())
    }

    /// Draws the weights from (`seed`, parameter path): linear layers as PyTorch draws them by default, tables of normal
    /// numbers of standard deviation 0.02, norms at one and zero.
    ///
    /// # Errors
    /// `Usage`, as [`Self::check`].
    pub fn init(&self, seed: u64, device: &Device) -> Result<ClipText> {
        self.check()?;
        Ok(self.at(&Draw::new(seed, device)))
    }

    /// An encoder whose weights are all 0, to be read.
    ///
    /// # Errors
    /// `Usage`, as [`Self::check`].
    pub fn blank(&self, device: &Device) -> Result<ClipText> {
        self.check()?;
        Ok(self.at(&Draw::blank(device)))
    }

    /// Draws the weights at a place of a network.
    pub(crate) fn at(&self, draw: &Draw<'_>) -> ClipText {
        let text = draw.at("text_model");
        let table = |name: &str, rows| Embedding {
            weight: text.at("embeddings").at(name).normal("weight", [rows, self.dim], 0.02),
        };
        ClipText {
            text_model: TextModel {
                embeddings: Embeddings {
                    token_embedding: table("token_embedding", self.vocabulary),
                    position_embedding: table("position_embedding", self.positions),
                },
                encoder: Encoder {
                    layers: (0..self.layers)
                        .map(|i| Layer::new(&text.at("encoder.layers").at(i), self))
                        .collect(),
                },
                final_layer_norm: LayerNorm::new(&text.at("final_layer_norm"), self.dim, self.norm_eps),
            },
            text_projection: self
                .projection
                .map(|outputs| Unbiased::new(&draw.at("text_projection"), self.dim, outputs)),
            config: self.clone(),
        }
    }

    /// Numbers in its tensors.
    pub fn parameters(&self) -> u64 {
        let [dim, inner] = [self.dim as u64, self.inner as u64];
        let layer = 4 * (dim * dim + dim) + 2 * dim * inner + inner + dim + 4 * dim;
        let tables = (self.vocabulary + self.positions) as u64 * dim;
        tables
            + self.layers as u64 * layer
            + 2 * dim
            + self.projection.map_or(0, |outputs| dim * outputs as u64)
    }
}

/// CLIP's text encoder.
#[derive(Module, Debug)]
pub struct ClipText {
    text_model: TextModel,
    text_projection: Option<Unbiased>,
    #[module(skip)]
    config: ClipTextConfig,
}

/// What an encoder makes of texts, all with the batch first.
#[derive(Debug, Clone)]
pub struct EncodedText {
    /// Each token's vector after the embedding and after each block, `[n, tokens, dim]`, without the last norm: one more than
    /// there are blocks.
    pub hidden: Vec<Tensor<3>>,
    /// The vectors after the last block and the last norm, `[n, tokens, dim]`.
    pub last: Tensor<3>,
    /// The vector of each text's end after the last norm, `[n, dim]`.
    pub pooled: Tensor<2>,
    /// What the encoder's last matrix makes of it, `[n, projection]`, where it has one.
    pub projected: Option<Tensor<2>>,
}

impl ClipText {
    /// What it is made of.
    pub fn config(&self) -> &ClipTextConfig {
        &self.config
    }

    /// Encodes texts of one length, each a list of tokens.
    ///
    /// # Errors
    /// `Usage`: no text, texts of several lengths, none or more tokens than there are positions, a token that the vocabulary
    /// lacks.
    pub fn encode(&self, texts: &[Vec<u32>]) -> Result<EncodedText> {
        let tokens = self.check_tokens(texts)?;
        let (n, dim) = (texts.len(), self.config.dim);
        let rows: Vec<usize> = texts.iter().flatten().map(|token| *token as usize).collect();
        let places: Vec<usize> = (0..n).flat_map(|_| 0..tokens).collect();
        let Embeddings { token_embedding, position_embedding } = &self.text_model.embeddings;
        // Rows of tokens, all texts one below the other.
        let mut x = token_embedding.forward(&rows) + position_embedding.forward(&places);
        let shaped = |x: &Tensor<2>| x.clone().reshape([n, tokens, dim]);
        let mut hidden = vec![shaped(&x)];
        let later = later_tokens(tokens, &x.device());
        for layer in &self.text_model.encoder.layers {
            x = layer.forward(x, n, &later, self.config.activation);
            hidden.push(shaped(&x));
        }
        let last = self.text_model.final_layer_norm.forward(x);
        let ends = texts.iter().enumerate().map(|(text, ids)| text * tokens + self.end(ids));
        let pooled: Vec<Tensor<2>> = ends.map(|row| last.clone().narrow(0, row, 1)).collect();
        let pooled = Tensor::cat(pooled, 0);
        let projected = self.text_projection.as_ref().map(|matrix| matrix.forward(pooled.clone()));
        Ok(EncodedText { hidden, last: shaped(&last), pooled, projected })
    }

    /// The vectors after all blocks but the last `skip`, and then the last norm: what the pipelines of Stable Diffusion attend to
    /// ("clip skip", where their 1 is 1 here and none is 0). SDXL's attend to `hidden[layers - 1 - skip]`, without the norm.
    ///
    /// # Errors
    /// `Usage`, where there are fewer blocks.
    pub fn skipping(&self, encoded: &EncodedText, skip: usize) -> Result<Tensor<3>> {
        match encoded.hidden.len().checked_sub(skip + 1) {
            Some(_) if skip == 0 => Ok(encoded.last.clone()),
            Some(at) => Ok(self.text_model.final_layer_norm.forward(encoded.hidden[at].clone())),
            None => Err(Error::usage(format!(
                "{skip} blocks of the text encoder cannot be skipped: there are {}",
                self.config.layers
            ))),
        }
    }

    /// How many tokens each text has.
    fn check_tokens(&self, texts: &[Vec<u32>]) -> Result<usize> {
        let tokens = texts.first().map_or(0, Vec::len);
        if tokens == 0 || tokens > self.config.positions || texts.iter().any(|text| text.len() != tokens) {
            return Err(Error::usage(format!(
                "texts are encoded that have 1 to {} tokens each, all alike",
                self.config.positions
            )));
        }
        match texts.iter().flatten().find(|token| **token as usize >= self.config.vocabulary) {
            Some(token) => Err(Error::usage(format!(
                "there is no token {token}: the text encoder knows {}",
                self.config.vocabulary
            ))
            .hint("use the tokenizer that belongs to it")),
            None => Ok(tokens),
        }
    }

    /// Tokens of a text before its end.
    pub fn length(&self, ids: &[u32]) -> usize {
        self.end(ids)
    }

    /// Where a text ends.
    fn end(&self, ids: &[u32]) -> usize {
        match self.config.end {
            Some(end) => ids.iter().position(|id| *id == end).unwrap_or(0),
            // The first of the largest.
            None => (0..ids.len()).rev().max_by_key(|at| ids[*at]).unwrap_or(0),
        }
    }
}

/// Which tokens come after which: `[1, tokens, tokens]`, a row for each that looks.
fn later_tokens(tokens: usize, device: &Device) -> Tensor<3, Bool> {
    let later: Vec<bool> = (0..tokens * tokens).map(|at| at % tokens > at / tokens).collect();
    Tensor::from_data(TensorData::new(later, [1, tokens, tokens]), device)
}

#[derive(Module, Debug)]
struct TextModel {
    embeddings: Embeddings,
    encoder: Encoder,
    final_layer_norm: LayerNorm,
}

#[derive(Module, Debug)]
struct Embeddings {
    token_embedding: Embedding,
    position_embedding: Embedding,
}

#[derive(Module, Debug)]
struct Encoder {
    layers: Vec<Layer>,
}

/// Attention and a network of two layers, each after a norm and added to its input.
#[derive(Module, Debug)]
struct Layer {
    layer_norm1: LayerNorm,
    self_attn: SelfAttention,
    layer_norm2: LayerNorm,
    mlp: Mlp,
}

#[derive(Module, Debug)]
struct SelfAttention {
    q_proj: Linear,
    k_proj: Linear,
    v_proj: Linear,
    out_proj: Linear,
    #[module(skip)]
    heads: usize,
}

#[derive(Module, Debug)]
struct Mlp {
    fc1: Linear,
    fc2: Linear,
}

impl Layer {
    fn new(draw: &Draw<'_>, config: &ClipTextConfig) -> Self {
        let ClipTextConfig { dim, inner, heads, norm_eps, .. } = *config;
        let attention = |name: &str| Linear::new(&draw.at("self_attn").at(name), dim, dim);
        Self {
            layer_norm1: LayerNorm::new(&draw.at("layer_norm1"), dim, norm_eps),
            self_attn: SelfAttention {
                q_proj: attention("q_proj"),
                k_proj: attention("k_proj"),
                v_proj: attention("v_proj"),
                out_proj: attention("out_proj"),
                heads,
            },
            layer_norm2: LayerNorm::new(&draw.at("layer_norm2"), dim, norm_eps),
            mlp: Mlp {
                fc1: Linear::new(&draw.at("mlp.fc1"), dim, inner),
                fc2: Linear::new(&draw.at("mlp.fc2"), inner, dim),
            },
        }
    }

    /// `x` `[n * tokens, dim]`, shape kept.
    fn forward(
        &self,
        x: Tensor<2>,
        n: usize,
        later: &Tensor<3, Bool>,
        activation: TextActivation,
    ) -> Tensor<2> {
        let x = self.self_attn.forward(self.layer_norm1.forward(x.clone()), n, later) + x;
        let inner = activation.of(self.mlp.fc1.forward(self.layer_norm2.forward(x.clone())));
        self.mlp.fc2.forward(inner) + x
    }
}

impl SelfAttention {
    fn forward(&self, x: Tensor<2>, n: usize, later: &Tensor<3, Bool>) -> Tensor<2> {
        let [rows, dim] = x.dims();
        let (tokens, each) = (rows / n, dim / self.heads);
        let heads = |layer: &Linear| {
            let split = layer.forward(x.clone()).reshape([n, tokens, self.heads, each]);
            split.swap_dims(1, 2).reshape([n * self.heads, tokens, each])
        };
        let [q, k, v] = [&self.q_proj, &self.k_proj, &self.v_proj].map(heads);
        // A text is so short that all scores fit in memory.
        let scores = q.matmul(k.transpose()) * (1.0 / (each as f64).sqrt());
        let later = later.clone().expand([n * self.heads, tokens, tokens]);
        let shares = activation::softmax(scores.mask_fill(later, f32::NEG_INFINITY), 2);
        let mixed = shares.matmul(v).reshape([n, self.heads, tokens, each]).swap_dims(1, 2);
        self.out_proj.forward(mixed.reshape([rows, dim]))
    }
}
