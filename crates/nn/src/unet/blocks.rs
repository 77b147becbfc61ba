//! The three sorts of block a U-Net is built from: down, middle, up.

use burn::module::Module;
use burn::tensor::Tensor;

use super::text::Attention;
use crate::attention::AttentionShape;
use crate::config::{NetworkConfig, Resample, quarter};
use crate::draw::Draw;
use crate::fir;
use crate::layers::{Conv2d, GroupNorm};
use crate::resample::Resampler;
use crate::resnet::{Pass, Resize, ResnetBlock, ResnetShape};
use crate::transformer::TransformerShape;

/// One level on the way down.
#[derive(Module, Debug)]
pub struct DownBlock {
    resnets: Vec<ResnetBlock>,
    attentions: Vec<Attention>,
    downsamplers: Vec<Resampler>,
    /// For `Resample::Skip` in place of `downsamplers`.
    resnet_down: Option<ResnetBlock>,
    /// What the shrunken image itself adds.
    skip_conv: Option<Conv2d>,
}

/// The block at the coarsest level, between down and up.
#[derive(Module, Debug)]
pub struct MidBlock {
    resnets: Vec<ResnetBlock>,
    attentions: Vec<Attention>,
}

/// One level on the way up.
#[derive(Module, Debug)]
pub struct UpBlock {
    resnets: Vec<ResnetBlock>,
    attentions: Vec<Attention>,
    upsamplers: Vec<Resampler>,
    /// For `Resample::Skip` in place of `upsamplers`.
    resnet_up: Option<ResnetBlock>,
    skip_norm: Option<GroupNorm>,
    /// What this level adds to the image itself.
    skip_conv: Option<Conv2d>,
    #[module(skip)]
    kind: Resample,
}

impl DownBlock {
    /// Level `level` of `config`.
    pub fn new(draw: &Draw<'_>, config: &NetworkConfig, level: usize) -> Self {
        let kind = config.down_kind(level);
        let resizes = level + 1 < config.channels.len();
        let smooth = resizes && kind == Resample::Skip;
        let shape = config.resampler(level, kind);
        let down = draw.at("downsamplers.0");
        Self {
            resnets: (0..config.layers_per_block)
                .map(|i| ResnetBlock::new(&draw.at("resnets").at(i), config.down_resnet(level, i)))
                .collect(),
            attentions: attentions(draw, config, level, kind, config.down_attentions(level)),
            downsamplers: match kind {
                Resample::Conv if resizes => {
                    vec![Resampler::conv_down(&down, shape, config.downsample_padding)]
                }
                Resample::Resnet if resizes => vec![Resampler::residual(&down, shape, Resize::Down)],
                _ => Vec::new(),
            },
            resnet_down: smooth
                .then(|| ResnetBlock::resized(&draw.at("resnet_down"), shape, Resize::SmoothDown)),
            skip_conv: smooth
                .then(|| Conv2d::same(&draw.at("skip_conv"), config.in_channels, shape.outputs, 1)),
        }
    }

    /// Appends what each layer leaves for the way up to `skips`; `image` is the input itself at this level's size.
    pub fn forward(
        &self,
        mut x: Tensor<4>,
        pass: &Pass<'_>,
        skips: &mut Vec<Tensor<4>>,
        image: &mut Tensor<4>,
        context: Option<&Tensor<3>>,
    ) -> Tensor<4> {
        for (i, resnet) in self.resnets.iter().enumerate() {
            x = resnet.forward(x, pass);
            if let Some(attention) = self.attentions.get(i) {
                x = attention.forward(x, context);
            }
            skips.push(x.clone());
        }
        for downsampler in &self.downsamplers {
            x = downsampler.forward(x, pass);
            skips.push(x.clone());
        }
        if let (Some(resnet), Some(conv)) = (&self.resnet_down, &self.skip_conv) {
            *image = fir::halve(image.clone());
            x = conv.forward(image.clone()) + resnet.forward(x, pass);
            skips.push(x.clone());
        }
        x
    }
}

impl MidBlock {
    /// The middle of `config`.
    pub fn new(draw: &Draw<'_>, config: &NetworkConfig) -> Self {
        let attention = config.mid_attention.then(|| (config.mid_transformer(), config.mid_attention()));
        Self::of(draw, config.mid_resnet(), attention)
    }

    /// Two residual blocks, and attention between them if any.
    pub(crate) fn of(
        draw: &Draw<'_>,
        resnet: ResnetShape,
        attention: Option<(Option<TransformerShape>, AttentionShape)>,
    ) -> Self {
        Self {
            resnets: (0..2).map(|i| ResnetBlock::new(&draw.at("resnets").at(i), resnet)).collect(),
            attentions: attention
                .map(|(text, pixels)| Attention::new(&draw.at("attentions.0"), text, pixels))
                .into_iter()
                .collect(),
        }
    }

    /// `[n, h, w, c]`, shape kept; `context` `[n, tokens, dim]` where the network attends to a text.
    pub fn forward(&self, mut x: Tensor<4>, pass: &Pass<'_>, context: Option<&Tensor<3>>) -> Tensor<4> {
        for (i, resnet) in self.resnets.iter().enumerate() {
            x = resnet.forward(x, pass);
            if let Some(attention) = self.attentions.get(i) {
                x = attention.forward(x, context);
            }
        }
        x
    }
}

impl UpBlock {
    /// The way up's block at level `level` of `config`.
    pub fn new(draw: &Draw<'_>, config: &NetworkConfig, level: usize) -> Self {
        let kind = config.up_kind(level);
        let shape = config.resampler(level, kind);
        let channels = shape.outputs;
        let smooth = level > 0 && kind == Resample::Skip;
        let up = draw.at("upsamplers.0");
        Self {
            resnets: (0..=config.layers_per_block)
                .map(|i| ResnetBlock::new(&draw.at("resnets").at(i), config.up_resnet(level, i)))
                .collect(),
            attentions: attentions(draw, config, level, kind, config.up_attentions(level)),
            upsamplers: match kind {
                Resample::Conv if level > 0 => vec![Resampler::conv_up(&up, shape)],
                Resample::Resnet if level > 0 => vec![Resampler::residual(&up, shape, Resize::Up)],
                _ => Vec::new(),
            },
            resnet_up: smooth.then(|| ResnetBlock::resized(&draw.at("resnet_up"), shape, Resize::SmoothUp)),
            skip_norm: smooth.then(|| {
                GroupNorm::new(&draw.at("skip_norm"), channels, quarter(channels), config.norm_eps, true)
            }),
            skip_conv: smooth.then(|| {
                let draw = draw.at("skip_conv");
                Conv2d::maybe_zero(&draw, channels, config.out_channels, 3, config.zero_init)
            }),
            kind,
        }
    }

    /// Takes back from `skips` what the way down left, last first; `image` is what the levels below have added to the
    /// answer itself, at their size.
    pub fn forward(
        &self,
        mut x: Tensor<4>,
        pass: &Pass<'_>,
        skips: &mut Vec<Tensor<4>>,
        image: &mut Option<Tensor<4>>,
        context: Option<&Tensor<3>>,
    ) -> Tensor<4> {
        for (i, resnet) in self.resnets.iter().enumerate() {
            let skip = skips.pop().expect("the way down left one for each layer");
            x = resnet.forward_joined(x, skip, pass);
            if let Some(attention) = self.attentions.get(i)
                && self.kind != Resample::Skip
            {
                x = attention.forward(x, context);
            }
        }
        if self.kind == Resample::Skip {
            for attention in &self.attentions {
                x = attention.forward(x, context);
            }
            *image = image.take().map(fir::double);
        }
        if let (Some(resnet), Some(norm), Some(conv)) = (&self.resnet_up, &self.skip_norm, &self.skip_conv) {
            let own = conv.forward(norm.forward(x.clone()));
            *image = Some(match image.take() {
                Some(below) => below + own,
                None => own,
            });
            x = resnet.forward(x, pass);
        }
        for upsampler in &self.upsamplers {
            x = upsampler.forward(x, pass);
        }
        x
    }
}

fn attentions(
    draw: &Draw<'_>,
    config: &NetworkConfig,
    level: usize,
    kind: Resample,
    count: usize,
) -> Vec<Attention> {
    let (text, pixels) = (config.transformer(level), config.attention(level, kind));
    (0..count).map(|i| Attention::new(&draw.at("attentions").at(i), text, pixels)).collect()
}
