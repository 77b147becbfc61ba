//! The three sorts of block a U-Net is built from: down, middle, up.

use burn::module::Module;
use burn::tensor::Tensor;
use langevin_kernels as kernels;

use super::config::{Resample, UNetConfig};
use crate::attention::{AttentionBlock, AttentionShape};
use crate::draw::Draw;
use crate::resample::Resampler;
use crate::resnet::{Pass, Resize, ResnetBlock, ResnetShape};

/// One level on the way down.
#[derive(Module, Debug)]
pub struct DownBlock {
    resnets: Vec<ResnetBlock>,
    attentions: Vec<AttentionBlock>,
    downsamplers: Vec<Resampler>,
}

/// The block at the coarsest level, between down and up.
#[derive(Module, Debug)]
pub struct MidBlock {
    resnets: Vec<ResnetBlock>,
    attentions: Vec<AttentionBlock>,
}

/// One level on the way up.
#[derive(Module, Debug)]
pub struct UpBlock {
    resnets: Vec<ResnetBlock>,
    attentions: Vec<AttentionBlock>,
    upsamplers: Vec<Resampler>,
}

impl DownBlock {
    /// Level `level` of `config`.
    pub fn new(draw: &Draw<'_>, config: &UNetConfig, level: usize) -> Self {
        let channels = config.channels[level];
        let first = config.channels[level.saturating_sub(1)];
        let last_level = level + 1 == config.channels.len();
        let resampler = |draw: &Draw<'_>| {
            let shape = config.resnet(channels, channels, config.output_scale_factor);
            match config.resample {
                Resample::Conv => Resampler::conv_down(draw, shape, config.downsample_padding),
                Resample::Resnet => Resampler::residual(draw, shape, Resize::Down),
            }
        };
        Self {
            resnets: (0..config.layers_per_block)
                .map(|i| {
                    let inputs = if i == 0 { first } else { channels };
                    let shape = config.resnet(inputs, channels, config.output_scale_factor);
                    ResnetBlock::new(&draw.at("resnets").at(i), shape)
                })
                .collect(),
            attentions: attentions(
                draw,
                config,
                channels,
                config.attends_down(level),
                config.layers_per_block,
            ),
            downsamplers: if last_level { vec![] } else { vec![resampler(&draw.at("downsamplers.0"))] },
        }
    }

    /// Appends what each layer leaves for the way up to `skips`.
    pub fn forward(&self, mut x: Tensor<4>, pass: &Pass<'_>, skips: &mut Vec<Tensor<4>>) -> Tensor<4> {
        for (i, resnet) in self.resnets.iter().enumerate() {
            x = resnet.forward(x, pass);
            if let Some(attention) = self.attentions.get(i) {
                x = attention.forward(x);
            }
            skips.push(x.clone());
        }
        for downsampler in &self.downsamplers {
            x = downsampler.forward(x, pass);
            skips.push(x.clone());
        }
        x
    }
}

impl MidBlock {
    /// The middle of `config`.
    pub fn new(draw: &Draw<'_>, config: &UNetConfig) -> Self {
        let channels = config.channels[config.channels.len() - 1];
        let shape = config.resnet(channels, channels, config.mid_block_scale_factor);
        let groups = config.mid_attention_norm_groups.unwrap_or(config.norm_groups);
        let attention = AttentionShape {
            groups: (groups > 0).then_some(groups),
            rescale: config.mid_block_scale_factor,
            ..config.attention(channels)
        };
        Self {
            resnets: (0..2).map(|i| ResnetBlock::new(&draw.at("resnets").at(i), shape)).collect(),
            attentions: if config.mid_attention {
                vec![AttentionBlock::new(&draw.at("attentions.0"), attention)]
            } else {
                vec![]
            },
        }
    }

    /// `[n, h, w, c]`, shape kept.
    pub fn forward(&self, mut x: Tensor<4>, pass: &Pass<'_>) -> Tensor<4> {
        for (i, resnet) in self.resnets.iter().enumerate() {
            x = resnet.forward(x, pass);
            if let Some(attention) = self.attentions.get(i) {
                x = attention.forward(x);
            }
        }
        x
    }
}

impl UpBlock {
    /// The way up's block at level `level` of `config`.
    pub fn new(draw: &Draw<'_>, config: &UNetConfig, level: usize) -> Self {
        let channels = config.channels[level];
        let layers = config.layers_per_block + 1;
        let from_below = config.channels[(level + 1).min(config.channels.len() - 1)];
        let last_skip = config.channels[level.saturating_sub(1)];
        let resampler = |draw: &Draw<'_>| {
            let shape = config.resnet(channels, channels, config.output_scale_factor);
            match config.resample {
                Resample::Conv => Resampler::conv_up(draw, shape),
                Resample::Resnet => Resampler::residual(draw, shape, Resize::Up),
            }
        };
        Self {
            resnets: (0..layers)
                .map(|i| {
                    let inputs = if i == 0 { from_below } else { channels };
                    let skip = if i + 1 == layers { last_skip } else { channels };
                    let shape = config.resnet(inputs + skip, channels, config.output_scale_factor);
                    ResnetBlock::new(&draw.at("resnets").at(i), shape)
                })
                .collect(),
            attentions: attentions(draw, config, channels, config.attends_up(level), layers),
            upsamplers: if level == 0 { vec![] } else { vec![resampler(&draw.at("upsamplers.0"))] },
        }
    }

    /// Takes back from `skips` what the way down left, last first.
    pub fn forward(&self, mut x: Tensor<4>, pass: &Pass<'_>, skips: &mut Vec<Tensor<4>>) -> Tensor<4> {
        for (i, resnet) in self.resnets.iter().enumerate() {
            let skip = skips.pop().expect("the way down left one for each layer");
            x = resnet.forward(kernels::join_channels(x, skip), pass);
            if let Some(attention) = self.attentions.get(i) {
                x = attention.forward(x);
            }
        }
        for upsampler in &self.upsamplers {
            x = upsampler.forward(x, pass);
        }
        x
    }
}

fn attentions(
    draw: &Draw<'_>,
    config: &UNetConfig,
    channels: usize,
    attends: bool,
    layers: usize,
) -> Vec<AttentionBlock> {
    let block = |i| AttentionBlock::new(&draw.at("attentions").at(i), config.attention(channels));
    if attends { (0..layers).map(block).collect() } else { Vec::new() }
}

impl UNetConfig {
    fn resnet(&self, inputs: usize, outputs: usize, rescale: f64) -> ResnetShape {
        ResnetShape {
            inputs,
            outputs,
            embedding: self.embedding(),
            groups: self.norm_groups,
            eps: self.norm_eps,
            dropout: self.dropout,
            scale_shift: self.scale_shift,
            rescale,
            zero: self.zero_init,
        }
    }

    fn attention(&self, channels: usize) -> AttentionShape {
        AttentionShape {
            channels,
            head_dim: self.attention_head_dim.unwrap_or(channels),
            groups: Some(self.norm_groups),
            eps: self.norm_eps,
            rescale: self.output_scale_factor,
            zero: self.zero_init,
        }
    }
}
