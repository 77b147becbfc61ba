//! The two halves of an autoencoder.

use burn::module::Module;
use burn::tensor::Tensor;

use super::config::{AutoencoderConfig, EPS};
use crate::draw::Draw;
use crate::layers::{Conv2d, GroupNorm};
use crate::resample::Resampler;
use crate::resnet::{Pass, ResnetBlock};
use crate::unet::MidBlock;

/// One level on the way to the latents.
#[derive(Module, Debug)]
struct EncoderBlock {
    resnets: Vec<ResnetBlock>,
    downsamplers: Vec<Resampler>,
}

/// One level on the way back.
#[derive(Module, Debug)]
struct DecoderBlock {
    resnets: Vec<ResnetBlock>,
    upsamplers: Vec<Resampler>,
}

/// Images to latents.
#[derive(Module, Debug)]
pub struct Encoder {
    conv_in: Conv2d,
    down_blocks: Vec<EncoderBlock>,
    mid_block: MidBlock,
    conv_norm_out: GroupNorm,
    conv_out: Conv2d,
}

/// Latents to images.
#[derive(Module, Debug)]
pub struct Decoder {
    conv_in: Conv2d,
    mid_block: MidBlock,
    up_blocks: Vec<DecoderBlock>,
    conv_norm_out: GroupNorm,
    conv_out: Conv2d,
}

/// The blocks `inputs -> outputs -> outputs...`.
fn resnets(
    draw: &Draw<'_>,
    config: &AutoencoderConfig,
    count: usize,
    inputs: usize,
    outputs: usize,
) -> Vec<ResnetBlock> {
    let block = |i: usize| {
        let shape = config.resnet(if i == 0 { inputs } else { outputs }, outputs);
        ResnetBlock::new(&draw.at("resnets").at(i), shape)
    };
    (0..count).map(block).collect()
}

impl Encoder {
    /// The encoder of `config`.
    pub fn new(draw: &Draw<'_>, config: &AutoencoderConfig) -> Self {
        let levels = &config.levels;
        let coarsest = config.coarsest();
        let block = |level: usize| {
            let draw = draw.at("down_blocks").at(level);
            let (inputs, outputs) = (levels[level.saturating_sub(1)], levels[level]);
            let down = || {
                // One zero after the last row and column, as in the published autoencoders.
                Resampler::conv_down(&draw.at("downsamplers.0"), config.resnet(outputs, outputs), 0)
            };
            EncoderBlock {
                resnets: resnets(&draw, config, config.layers_per_block, inputs, outputs),
                downsamplers: (level + 1 < levels.len()).then(down).into_iter().collect(),
            }
        };
        Self {
            conv_in: Conv2d::same(&draw.at("conv_in"), config.channels, levels[0], 3),
            down_blocks: (0..levels.len()).map(block).collect(),
            mid_block: MidBlock::of(
                &draw.at("mid_block"),
                config.resnet(coarsest, coarsest),
                config.attention().map(|pixels| (None, pixels)),
            ),
            conv_norm_out: GroupNorm::new(&draw.at("conv_norm_out"), coarsest, config.norm_groups, EPS, true),
            conv_out: Conv2d::same(&draw.at("conv_out"), coarsest, config.encoded_channels(), 3),
        }
    }

    /// `[n, h, w, channels]` -> `[n, h / factor, w / factor, encoded channels]`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let pass = Pass::plain();
        let mut x = self.conv_in.forward(x);
        for block in &self.down_blocks {
            x = block.resnets.iter().fold(x, |x, resnet| resnet.forward(x, &pass));
            x = block.downsamplers.iter().fold(x, |x, down| down.forward(x, &pass));
        }
        let x = self.mid_block.forward(x, &pass, None);
        self.conv_out.forward(self.conv_norm_out.forward(x))
    }
}

impl Decoder {
    /// The decoder of `config`.
    pub fn new(draw: &Draw<'_>, config: &AutoencoderConfig) -> Self {
        let levels = &config.levels;
        let coarsest = config.coarsest();
        let block = |i: usize| {
            let level = levels.len() - 1 - i;
            let draw = draw.at("up_blocks").at(i);
            let (inputs, outputs) = (levels[(level + 1).min(levels.len() - 1)], levels[level]);
            let up = || Resampler::conv_up(&draw.at("upsamplers.0"), config.resnet(outputs, outputs));
            DecoderBlock {
                resnets: resnets(&draw, config, config.layers_per_block + 1, inputs, outputs),
                upsamplers: (level > 0).then(up).into_iter().collect(),
            }
        };
        Self {
            conv_in: Conv2d::same(&draw.at("conv_in"), config.latent_channels, coarsest, 3),
            mid_block: MidBlock::of(
                &draw.at("mid_block"),
                config.resnet(coarsest, coarsest),
                config.attention().map(|pixels| (None, pixels)),
            ),
            up_blocks: (0..levels.len()).map(block).collect(),
            conv_norm_out: GroupNorm::new(
                &draw.at("conv_norm_out"),
                levels[0],
                config.norm_groups,
                EPS,
                true,
            ),
            conv_out: Conv2d::same(&draw.at("conv_out"), levels[0], config.channels, 3),
        }
    }

    /// `[n, h, w, latent channels]` -> `[n, factor h, factor w, channels]`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let pass = Pass::plain();
        let mut x = self.mid_block.forward(self.conv_in.forward(x), &pass, None);
        for block in &self.up_blocks {
            x = block.resnets.iter().fold(x, |x, resnet| resnet.forward(x, &pass));
            x = block.upsamplers.iter().fold(x, |x, up| up.forward(x, &pass));
        }
        self.conv_out.forward(self.conv_norm_out.forward(x))
    }
}
