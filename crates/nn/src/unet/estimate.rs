//! What a U-Net costs, computed from its config alone: parameters, operations, memory.

use crate::config::{NetworkConfig, Resample, TextConfig, TimeFeatures};
use crate::dit::DitConfig;
use crate::transformer::TransformerShape;

/// Tokens of a text: as many as CLIP reads.
const TOKENS: u64 = 77;

/// What one network costs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Estimate {
    /// Numbers in the network's tensors.
    pub parameters: u64,
    /// Floating-point operations of one forward pass of one image, a multiply-add being two; convolutions, linear
    /// layers and attention, the rest being a few percent. A training step takes three times as many.
    pub flops: u64,
    /// Bytes kept from the forward to the backward pass of one image in training, at 4 bytes a number.
    pub training_bytes: u64,
    /// Bytes alive at the widest point of one image's forward pass without training: skips and the largest layer.
    pub sampling_bytes: u64,
}

impl NetworkConfig {
    /// The cost of this network on images of `height` x `width` pixels; the config must be one that passes
    /// [`NetworkConfig::check`].
    pub fn estimate(&self, height: usize, width: usize) -> Estimate {
        let mut walk = Walk { config: self, estimate: Estimate::default(), kept: 0, skips: 0, widest: 0 };
        let (down, across) = ((height / self.patch) as u64, (width / self.patch) as u64);
        match self.dit() {
            None => walk.network(down, across),
            Some(dit) => walk.dit(&dit, down * across),
        }
        Estimate {
            training_bytes: 4 * walk.kept,
            sampling_bytes: 4 * (walk.skips + walk.widest),
            ..walk.estimate
        }
    }
}

/// Walks through the layers as the forward pass does, adding up; counts numbers, not bytes.
struct Walk<'a> {
    config: &'a NetworkConfig,
    estimate: Estimate,
    kept: u64,
    skips: u64,
    widest: u64,
}

impl Walk<'_> {
    fn network(&mut self, h: u64, w: u64) {
        let config = self.config;
        let levels = config.channels.len();
        let channels: Vec<u64> = config.channels.iter().map(|c| *c as u64).collect();
        let folded = (config.patch * config.patch) as u64;
        let embedding = config.embedding() as u64;
        self.estimate.parameters += channels[0]
            * match config.time_features {
                TimeFeatures::Positional => 0,
                TimeFeatures::Fourier => 1,
                TimeFeatures::Learned => config.learned_steps as u64,
            };
        self.linear(config.time_feature_count() as u64, embedding);
        self.linear(embedding, embedding);
        self.estimate.parameters += config.class_rows() as u64 * embedding;
        if let Some(text) = &config.text {
            self.words(text, embedding);
        }

        let mut pixels = h * w;
        let mut skips = vec![channels[0] * pixels];
        let inputs = (config.in_channels + config.condition_channels) as u64 * folded;
        self.conv(inputs, channels[0], 9, pixels, pixels);
        let mut now = channels[0];
        for (level, here) in channels.iter().copied().enumerate() {
            for _ in 0..config.layers_per_block {
                self.resnet(now, here, pixels, pixels);
                now = here;
                self.attend(now, pixels, config.attends_down(level), true, config.transformer(level));
                skips.push(now * pixels);
            }
            if level + 1 < levels {
                match config.down_kind(level) {
                    Resample::Conv => self.conv(now, now, 9, pixels, pixels / 4),
                    Resample::Resnet => self.resnet(now, now, pixels, pixels / 4),
                    Resample::Skip => {
                        self.resnet(now, now, pixels, pixels / 4);
                        self.conv(now, now, 1, 0, pixels / 4);
                        self.conv(config.in_channels as u64, now, 1, pixels / 4, pixels / 4);
                    }
                }
                pixels /= 4;
                skips.push(now * pixels);
            }
        }
        self.skips = skips.iter().sum();
        if config.mid_block {
            self.resnet(now, now, pixels, pixels);
            let norm = config.mid_attention_norm_groups != Some(0);
            self.attend(now, pixels, config.mid_attention, norm, config.mid_transformer());
            self.resnet(now, now, pixels, pixels);
        }
        for level in (0..levels).rev() {
            for layer in 0..=config.layers_per_block {
                let last = layer == config.layers_per_block;
                let skip = channels[if last { level.saturating_sub(1) } else { level }];
                self.resnet(now + skip, channels[level], pixels, pixels);
                now = channels[level];
                let attends = layer < config.up_attentions(level);
                self.attend(now, pixels, attends, true, config.transformer(level));
            }
            if level > 0 {
                match config.up_kind(level) {
                    Resample::Conv => self.conv(now, now, 9, 4 * pixels, 4 * pixels),
                    Resample::Resnet => self.resnet(now, now, pixels, 4 * pixels),
                    Resample::Skip => {
                        self.norm(now, pixels);
                        self.conv(now, config.out_channels as u64, 9, pixels, pixels);
                        self.resnet(now, now, pixels, 4 * pixels);
                        self.conv(now, now, 1, 0, 4 * pixels);
                    }
                }
                pixels *= 4;
            }
        }
        self.norm(now, pixels);
        self.conv(now, config.out_channels as u64 * folded, 9, pixels, pixels);
    }

    /// The encoder of texts that is a part of the network, and what joins the embedding of so many numbers.
    fn words(&mut self, text: &TextConfig, embedding: u64) {
        if let Some(encoder) = &text.encoder {
            self.estimate.parameters += encoder.parameters();
        }
        if let Some(added) = text.added {
            self.linear(added.inputs as u64, embedding);
            self.linear(embedding, embedding);
        }
    }

    /// A diffusion transformer over so many tokens.
    fn dit(&mut self, dit: &DitConfig, tokens: u64) {
        let (dim, square) = (dit.dim as u64, (dit.patch * dit.patch) as u64);
        self.conv(dit.in_channels as u64 * square, dim, 1, tokens, tokens);
        self.linear(256, dim);
        self.linear(dim, dim);
        if dit.classes > 0 {
            self.estimate.parameters += (dit.classes as u64 + 1) * dim;
        }
        for _ in 0..dit.layers {
            self.linear(dim, 6 * dim);
            self.attention(dim, tokens, dim, tokens);
            if let Some(context) = dit.context_dim {
                self.attention(dim, tokens, context as u64, TOKENS);
            }
            // Two normed copies, and what the gates multiply.
            self.kept += 6 * dim * tokens;
            self.conv(dim, 4 * dim, 1, tokens, tokens);
            self.kept += 4 * dim * tokens;
            self.conv(4 * dim, dim, 1, tokens, tokens);
        }
        self.linear(dim, 2 * dim);
        self.conv(dim, dit.out_channels as u64 * square, 1, tokens, tokens);
        if let Some(text) = &self.config.text {
            self.words(text, dim);
        }
    }

    /// Attention with a bias in all four matrices.
    fn attention(&mut self, channels: u64, pixels: u64, context: u64, keys: u64) {
        self.conv(channels, channels, 1, pixels, pixels);
        self.conv(context, channels, 1, keys, keys);
        self.conv(context, channels, 1, 0, keys);
        self.estimate.flops += 4 * channels * pixels * keys;
        self.kept += channels * (pixels + 2 * keys);
        self.conv(channels, channels, 1, pixels, pixels);
    }

    /// A convolution over `taps` pixels from an image of `from` pixels to one of `to`; its input is kept.
    fn conv(&mut self, inputs: u64, outputs: u64, taps: u64, from: u64, to: u64) {
        self.estimate.parameters += outputs * (inputs * taps + 1);
        self.estimate.flops += 2 * inputs * outputs * taps * to;
        self.kept += inputs * from;
        self.widest = self.widest.max(inputs * from + 2 * outputs * to);
    }

    fn linear(&mut self, inputs: u64, outputs: u64) {
        self.conv(inputs, outputs, 1, 1, 1);
    }

    /// A group norm; its input is kept.
    fn norm(&mut self, channels: u64, pixels: u64) {
        self.estimate.parameters += 2 * channels;
        self.kept += channels * pixels;
    }

    /// A residual block that changes size from `from` to `to` pixels after its first norm.
    fn resnet(&mut self, inputs: u64, outputs: u64, from: u64, to: u64) {
        let modulation = if self.config.scale_shift { 2 } else { 1 };
        self.norm(inputs, from);
        self.conv(inputs, outputs, 9, to, to);
        self.linear(self.config.embedding() as u64, modulation * outputs);
        self.norm(outputs, to);
        self.conv(outputs, outputs, 9, to, to);
        if inputs != outputs {
            // The shortcut keeps the block's input, which the first norm has counted.
            self.conv(inputs, outputs, 1, 0, to);
        }
    }

    fn attend(
        &mut self,
        channels: u64,
        pixels: u64,
        attends: bool,
        norm: bool,
        text: Option<TransformerShape>,
    ) {
        if !attends {
            return;
        }
        if let Some(shape) = text {
            return self.transform(pixels, shape);
        }
        let head_dim = self.config.attention_head_dim.map_or(channels, |dim| dim as u64);
        let heads = channels / head_dim;
        let inner = heads * head_dim;
        if norm {
            self.norm(channels, pixels);
        }
        for sharing in [pixels, 0, 0] {
            self.conv(channels, inner, 1, sharing, pixels);
        }
        self.estimate.flops += 4 * inner * pixels * pixels;
        self.kept += 3 * inner * pixels;
        self.widest = self.widest.max(5 * channels * pixels + heads * pixels * pixels);
        self.conv(inner, channels, 1, pixels, pixels);
    }

    /// A stack of transformer blocks.
    fn transform(&mut self, pixels: u64, shape: TransformerShape) {
        let (channels, context) = (shape.channels as u64, shape.context as u64);
        self.norm(channels, pixels);
        self.conv(channels, channels, 1, pixels, pixels);
        for _ in 0..shape.depth {
            if shape.only_cross {
                self.cross(channels, pixels, context, TOKENS);
            } else {
                self.cross(channels, pixels, channels, pixels);
            }
            self.cross(channels, pixels, context, TOKENS);
            self.norm(channels, pixels);
            self.conv(channels, 8 * channels, 1, pixels, pixels);
            // Beside the gated numbers, both halves are kept.
            self.kept += 8 * channels * pixels;
            self.conv(4 * channels, channels, 1, pixels, pixels);
        }
        self.conv(channels, channels, 1, pixels, pixels);
    }

    /// Attention from `pixels` to `keys` vectors of `context` numbers, after a norm; scores are never all in memory.
    fn cross(&mut self, channels: u64, pixels: u64, context: u64, keys: u64) {
        self.norm(channels, pixels);
        self.conv(channels, channels, 1, pixels, pixels);
        self.conv(context, channels, 1, keys, keys);
        self.conv(context, channels, 1, 0, keys);
        // Three of the four matrices have no bias.
        self.estimate.parameters -= 3 * channels;
        self.estimate.flops += 4 * channels * pixels * keys;
        self.kept += channels * (pixels + 2 * keys);
        self.conv(channels, channels, 1, pixels, pixels);
    }
}
