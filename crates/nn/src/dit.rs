//! The diffusion transformer, DiT (Peebles and Xie 2023, 2212.09748): images as squares of pixels, each a token, in blocks whose
//! norms are conditioned on noise level and class ("adaLN-Zero").
//!
//! Each parameter's path is the name its tensor has in diffusers' `DiTTransformer2DModel`.

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use langevin_core::{Cond, ContextShape, Error, Network, Result};
use langevin_kernels as kernels;
use serde::{Deserialize, Serialize};

use crate::draw::Draw;
use crate::embed::{TimeEmbedding, sinusoidal};
use crate::layers::{Conv2d, Embedding, Linear};
use crate::norm::{modulated, normalised};
use crate::transformer::{CrossAttention, FeedForward, as_pixels};

/// Features of the noise level.
const TIME_FEATURES: usize = 256;
/// Epsilon of the norms that are conditioned on the noise level, and of the last.
const EPS: f64 = 1e-6;

/// What a [`Dit`] is made of. The defaults are those of DiT-S/2 for images of 32 x 32 pixels with three channels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DitConfig {
    /// Channels of the noisy image. Default 3.
    pub in_channels: usize,
    /// Channels of the answer. Default 3.
    pub out_channels: usize,
    /// Side in pixels of the images whose places are whole numbers; those of other images are stretched to them. Default 32.
    pub size: usize,
    /// Side of the square of pixels that is one token. Default 2.
    pub patch: usize,
    /// Length of each token's vector, a multiple of 4. Default 384.
    pub dim: usize,
    /// Heads of every attention; they divide `dim`. Default 6.
    pub heads: usize,
    /// Blocks. Default 12.
    pub layers: usize,
    /// Whether each block has its own embedding of noise level and class, as files of diffusers store it, rather than that of the
    /// first. Default false.
    pub own_embeddings: bool,
    /// The noise input is multiplied by this before its features are taken. Default 1.
    pub time_scale: f64,
    /// Epsilon of the norms before the feed-forward layers and before attention to a text. Default 1e-5.
    pub norm_eps: f64,
    /// Classes the network is conditioned on; 0 makes it unconditional. Default 0.
    pub classes: usize,
    /// Length of the vectors of a text that every block attends to after its own tokens, if it is text-conditioned. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context_dim: Option<usize>,
    /// Whether what tells the norms, and the last matrix, start at zero, so that every block starts as the identity and the
    /// network by answering zero. Default true.
    pub zero_init: bool,
}

impl Default for DitConfig {
    fn default() -> Self {
        Self {
            in_channels: 3,
            out_channels: 3,
            size: 32,
            patch: 2,
            dim: 384,
            heads: 6,
            layers: 12,
            own_embeddings: false,
            time_scale: 1.0,
            norm_eps: 1e-5,
            classes: 0,
            context_dim: None,
            zero_init: true,
        }
    }
}

impl DitConfig {
    /// Says what cannot be built, naming the field.
    ///
    /// # Errors
    /// `Usage`, for the first field that does not fit.
    pub fn check(&self) -> Result<()> {
        let bounded = [
            ("in_channels", self.in_channels, 1 << 16),
            ("out_channels", self.out_channels, 1 << 16),
            ("size", self.size, 1 << 16),
            ("patch", self.patch, self.size),
            ("dim", self.dim, 1 << 16),
            ("heads", self.heads, self.dim),
            ("layers", self.layers, 256),
            ("classes", self.classes.max(1), 1 << 24),
            ("context_dim", self.context_dim.unwrap_or(1), 1 << 16),
        ];
        if let Some((name, value, most)) = bounded.iter().find(|(_, value, most)| *value == 0 || value > most)
        {
            return Err(Error::usage(format!("dit: {name} = {value} is not between 1 and {most}")));
        }
        if !self.dim.is_multiple_of(self.heads) || !self.dim.is_multiple_of(4) {
            return Err(Error::usage(format!(
                "dit: dim = {} must be a multiple of heads = {} and of 4",
                self.dim, self.heads
            )));
        }
        if !self.size.is_multiple_of(self.patch) {
            return Err(Error::usage(format!(
                "dit: patch = {} does not divide size = {}",
                self.patch, self.size
            )));
        }
        let finite = [
            ("norm_eps", self.norm_eps, self.norm_eps > 0.0),
            ("time_scale", self.time_scale, self.time_scale != 0.0),
        ];
        if let Some((name, value, _)) = finite.iter().find(|(_, value, fits)| !value.is_finite() || !fits) {
            return Err(Error::usage(format!("dit: {name} = {value} is out of range")));
        }
        Ok(())
    }

    /// Says whether images of `height` x `width` fit.
    ///
    /// # Errors
    /// `Usage` where a side is not a multiple of the patch.
    pub fn check_size(&self, height: usize, width: usize) -> Result<()> {
        if [height, width].iter().any(|side| *side == 0 || !side.is_multiple_of(self.patch)) {
            return Err(Error::usage(format!(
                "this network takes images whose sides are multiples of {}, not {width}x{height}",
                self.patch
            )));
        }
        Ok(())
    }

    /// Draws the weights from (`seed`, parameter path): matrices as PyTorch draws them by default, the table of classes of
    /// normal numbers of standard deviation 0.02, and zero where `zero_init` says so.
    ///
    /// # Errors
    /// `Usage`, as [`Self::check`].
    pub fn init(&self, seed: u64, device: &Device) -> Result<Dit> {
        self.check()?;
        Ok(self.at(&Draw::new(seed, device)))
    }

    pub(crate) fn at(&self, draw: &Draw<'_>) -> Dit {
        let Self { dim, patch, zero_init, .. } = *self;
        let options = kernels::Conv2d::padded(patch, 0);
        Dit {
            pos_embed: Places {
                proj: Conv2d::new(&draw.at("pos_embed.proj"), self.in_channels, dim, patch, options),
            },
            transformer_blocks: (0..self.layers)
                .map(|i| {
                    Block::new(&draw.at("transformer_blocks").at(i), self, i == 0 || self.own_embeddings)
                })
                .collect(),
            proj_out_1: Linear::maybe_zero(&draw.at("proj_out_1"), dim, 2 * dim, zero_init),
            proj_out_2: Linear::maybe_zero(
                &draw.at("proj_out_2"),
                dim,
                patch * patch * self.out_channels,
                zero_init,
            ),
            config: self.clone(),
        }
    }
}

/// A diffusion transformer.
#[derive(Module, Debug)]
pub struct Dit {
    pos_embed: Places,
    transformer_blocks: Vec<Block>,
    proj_out_1: Linear,
    proj_out_2: Linear,
    #[module(skip)]
    config: DitConfig,
}

/// Squares of pixels become vectors.
#[derive(Module, Debug)]
struct Places {
    proj: Conv2d,
}

/// Attention and a feed-forward layer, and between them attention to a text where there is one.
#[derive(Module, Debug)]
struct Block {
    norm1: ModulatedNorm,
    attn1: CrossAttention,
    attn2: Option<CrossAttention>,
    ff: FeedForward,
    #[module(skip)]
    eps: f64,
}

/// What makes shifts, scales and gates of noise level and class.
#[derive(Module, Debug)]
struct ModulatedNorm {
    emb: Option<Embedder>,
    linear: Linear,
}

/// The embedding of noise level and class.
#[derive(Module, Debug)]
struct Embedder {
    timestep_embedder: TimeEmbedding,
    class_embedder: Option<Classes>,
}

#[derive(Module, Debug)]
struct Classes {
    embedding_table: Embedding,
}

impl Embedder {
    fn new(draw: &Draw<'_>, config: &DitConfig) -> Self {
        let table = draw.at("class_embedder.embedding_table");
        Self {
            timestep_embedder: TimeEmbedding::new(&draw.at("timestep_embedder"), TIME_FEATURES, config.dim),
            // The last row stands for no class.
            class_embedder: (config.classes > 0).then(|| Classes {
                embedding_table: Embedding {
                    weight: table.normal("weight", [config.classes + 1, config.dim], 0.02),
                },
            }),
        }
    }

    /// `[n, dim]`, with what is `added`, through SiLU.
    fn forward(&self, features: &Tensor<2>, rows: &[usize], added: Option<&Tensor<2>>) -> Tensor<2> {
        let level = self.timestep_embedder.forward(features.clone());
        let level = match added {
            Some(added) => level + added.clone(),
            None => level,
        };
        kernels::silu(match &self.class_embedder {
            Some(classes) => level + classes.embedding_table.forward(rows),
            None => level,
        })
    }
}

impl Block {
    fn new(draw: &Draw<'_>, config: &DitConfig, embeds: bool) -> Self {
        let DitConfig { dim, heads, zero_init, .. } = *config;
        let norm1 = draw.at("norm1");
        let attention = |name: &str, from| CrossAttention::new(&draw.at(name), dim, from, heads, true);
        Self {
            norm1: ModulatedNorm {
                emb: embeds.then(|| Embedder::new(&norm1.at("emb"), config)),
                linear: Linear::maybe_zero(&norm1.at("linear"), dim, 6 * dim, zero_init),
            },
            attn1: attention("attn1", dim),
            attn2: config.context_dim.map(|context| attention("attn2", context)),
            ff: FeedForward::new(&draw.at("ff"), dim, false),
            eps: config.norm_eps,
        }
    }

    /// `x` `[n, h, w, dim]`, shape kept; `embedding` `[n, dim]`, `context` `[n, tokens, 1, dim of the text]`.
    fn forward(&self, x: Tensor<4>, embedding: Tensor<2>, context: Option<&Tensor<4>>) -> Tensor<4> {
        let parts = self.norm1.linear.forward(embedding).chunk(6, 1);
        let [shift, scale, gate, ff_shift, ff_scale, ff_gate] = parts.try_into().expect("a split in six");
        let normed = modulated(x.clone(), scale, shift, EPS);
        let x = kernels::gated_residual(x, self.attn1.forward(normed.clone(), normed), gate);
        let x = match (&self.attn2, context) {
            (Some(attention), Some(context)) => {
                attention.forward(normalised(x.clone(), self.eps), context.clone()) + x
            }
            _ => x,
        };
        let normed = modulated(x.clone(), ff_scale, ff_shift, self.eps);
        kernels::gated_residual(x, self.ff.forward(normed), ff_gate)
    }
}

/// Sines and cosines of each token's column, then of its row (Dosovitskiy et al. 2021 learn them; He et al. 2022, 2111.06377, fix
/// them): `[1, rows, columns, dim]`, in units of a token of an image of `base` tokens a side.
fn places(rows: usize, columns: usize, base: usize, dim: usize, device: &Device) -> Tensor<4> {
    let quarter = dim / 4;
    let frequency = |i: usize| libm::exp(-libm::log(10_000.0) * i as f64 / quarter as f64);
    let frequencies: Vec<f64> = (0..quarter).map(frequency).collect();
    let waves = |at: usize, count: usize| {
        let at = at as f64 * base as f64 / count as f64;
        let sines = frequencies.iter().map(move |f| libm::sin(at * f) as f32);
        sines.chain(frequencies.iter().map(move |f| libm::cos(at * f) as f32)).collect::<Vec<f32>>()
    };
    let by_column: Vec<Vec<f32>> = (0..columns).map(|column| waves(column, columns)).collect();
    let mut values = Vec::with_capacity(rows * columns * dim);
    for row in 0..rows {
        let by_row = waves(row, rows);
        for by_column in &by_column {
            values.extend_from_slice(by_column);
            values.extend_from_slice(&by_row);
        }
    }
    Tensor::from_data(TensorData::new(values, [1, rows, columns, dim]), device)
}

impl Dit {
    /// What it is made of.
    pub fn config(&self) -> &DitConfig {
        &self.config
    }

    /// The row of the table for each image's class.
    fn rows(&self, cond: &Cond, n: usize) -> Vec<usize> {
        let classes = self.config.classes;
        let unknown = vec![None; n];
        let labels = cond.labels.as_ref().unwrap_or(&unknown);
        assert_eq!(labels.len(), n, "one label for each image");
        let row = |label: &Option<u32>| label.map_or(classes, |class| class as usize);
        let rows: Vec<usize> = labels.iter().map(row).collect();
        assert!(rows.iter().all(|row| *row <= classes), "a class of {classes}");
        rows
    }
}

impl Network for Dit {
    fn forward(&self, x: Tensor<4>, noise_input: Tensor<1>, cond: &Cond) -> Tensor<4> {
        self.answer(x, noise_input, cond, None)
    }

    fn classes(&self) -> usize {
        self.config.classes
    }

    fn context(&self) -> Option<ContextShape> {
        self.config.context_dim.map(|dim| ContextShape { dim, added: None })
    }
}

impl Dit {
    /// The answer, where `added`, `[n, dim]`, joins the embedding of noise level and class.
    pub(crate) fn answer(
        &self,
        x: Tensor<4>,
        noise_input: Tensor<1>,
        cond: &Cond,
        added: Option<Tensor<2>>,
    ) -> Tensor<4> {
        let config = &self.config;
        let ([n, _, h, w], device) = (x.dims(), x.device());
        let values = noise_input.into_data().convert::<f64>().try_to_vec::<f64>().expect("converted to f64");
        let values: Vec<f64> = values.iter().map(|value| value * config.time_scale).collect();
        let features = sinusoidal(&values, TIME_FEATURES, true, 1.0, &device);
        let rows = self.rows(cond, n);
        let context = config.context_dim.map(|_| {
            let context = cond.context.as_ref().expect("a text-conditioned network needs a text");
            assert_eq!(context.len(), n, "one text for each image");
            as_pixels(context.tokens.clone().to_device(&device))
        });
        let (down, across) = (h / config.patch, w / config.patch);
        let mut x = self.pos_embed.proj.forward(kernels::channels_last(x))
            + places(down, across, config.size / config.patch, config.dim, &device);
        let mut first: Option<Tensor<2>> = None;
        for block in &self.transformer_blocks {
            let embedding = match (&block.norm1.emb, &first) {
                (Some(emb), _) => emb.forward(&features, &rows, added.as_ref()),
                (None, Some(first)) => first.clone(),
                (None, None) => unreachable!("the first block embeds"),
            };
            first.get_or_insert(embedding.clone());
            x = block.forward(x, embedding, context.as_ref());
        }
        let context = self.proj_out_1.forward(first.expect("there is a block"));
        let [shift, scale] = context.chunk(2, 1).try_into().expect("a split in two");
        let out = self.proj_out_2.forward_pixels(modulated(x, scale, shift, EPS));
        let (patch, channels) = (config.patch, config.out_channels);
        out.reshape([n, down, across, patch, patch, channels])
            .permute([0, 5, 1, 3, 2, 4])
            .reshape([n, channels, h, w])
    }
}
