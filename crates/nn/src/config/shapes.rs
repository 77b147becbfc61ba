//! The shape of every block of a U-Net, from its config.

use super::network::{NetworkConfig, Resample};
use crate::attention::AttentionShape;
use crate::resnet::ResnetShape;
use crate::transformer::TransformerShape;

impl NetworkConfig {
    /// Residual block `layer` of level `level` on the way down.
    pub(crate) fn down_resnet(&self, level: usize, layer: usize) -> ResnetShape {
        let channels = self.channels[level];
        let inputs = if layer == 0 { self.channels[level.saturating_sub(1)] } else { channels };
        self.level_resnet(inputs, channels, self.down_kind(level))
    }

    /// Residual block `layer` of level `level` on the way up, which takes a skip beside what comes from below.
    pub(crate) fn up_resnet(&self, level: usize, layer: usize) -> ResnetShape {
        let channels = self.channels[level];
        let from_below = self.channels[(level + 1).min(self.channels.len() - 1)];
        let last_skip = self.channels[level.saturating_sub(1)];
        let inputs = if layer == 0 { from_below } else { channels };
        let skip = if layer == self.layers_per_block { last_skip } else { channels };
        let kind = self.up_kind(level);
        let mut shape = self.level_resnet(inputs + skip, channels, kind);
        if kind == Resample::Skip && self.attends_up(level) {
            // Not a quarter of the sum: networks were published with these groups.
            shape.groups = (inputs + skip / 4).min(32);
        }
        shape
    }

    /// The residual block between level `level` and the next, which keeps the channels.
    pub(crate) fn resampler(&self, level: usize, kind: Resample) -> ResnetShape {
        self.level_resnet(self.channels[level], self.channels[level], kind)
    }

    /// The residual blocks of the middle.
    pub(crate) fn mid_resnet(&self) -> ResnetShape {
        let channels = self.channels[self.channels.len() - 1];
        let groups = self.end_groups(channels);
        let rescale = self.mid_block_scale_factor;
        ResnetShape { groups, groups_out: groups, rescale, ..self.resnet(channels, channels) }
    }

    /// The attention blocks of level `level`.
    pub(crate) fn attention(&self, level: usize, kind: Resample) -> AttentionShape {
        let channels = self.channels[level];
        let skip = kind == Resample::Skip;
        AttentionShape {
            channels,
            head_dim: self.attention_head_dim.unwrap_or(channels),
            groups: Some(if skip { 32 } else { self.norm_groups }),
            eps: self.norm_eps,
            rescale: if skip { std::f64::consts::SQRT_2 } else { self.output_scale_factor },
            zero: self.zero_init,
        }
    }

    /// The attention of the middle.
    pub(crate) fn mid_attention(&self) -> AttentionShape {
        let last = self.channels.len() - 1;
        let groups = self.mid_attention_norm_groups.unwrap_or(self.end_groups(self.channels[last]));
        AttentionShape {
            groups: (groups > 0).then_some(groups),
            rescale: self.mid_block_scale_factor,
            ..self.attention(last, Resample::Conv)
        }
    }

    /// The transformer of level `level`, where there is a text.
    pub(crate) fn transformer(&self, level: usize) -> Option<TransformerShape> {
        self.text.as_ref().map(|text| TransformerShape {
            channels: self.channels[level],
            heads: text.heads[level],
            context: text.dim,
            depth: text.depth(level),
            groups: self.norm_groups,
            linear: text.linear_projection,
            only_cross: text.only_cross_levels.contains(&level),
            zero: self.zero_init,
        })
    }

    /// The transformer of the middle, which always attends between pixels too.
    pub(crate) fn mid_transformer(&self) -> Option<TransformerShape> {
        let last = self.channels.len() - 1;
        let groups = self.end_groups(self.channels[last]);
        self.transformer(last).map(|shape| TransformerShape { groups, only_cross: false, ..shape })
    }

    /// Groups of the norms of the middle block and the end.
    pub(crate) fn end_groups(&self, channels: usize) -> usize {
        if self.quarter_groups { quarter(channels) } else { self.norm_groups }
    }

    /// Where each group norm is, its groups and its channels.
    pub(crate) fn norms(&self) -> Vec<(String, usize, usize)> {
        let mut norms = Vec::new();
        let mut of = |place: String, shape: ResnetShape| {
            norms.push((place.clone(), shape.groups, shape.inputs));
            norms.push((place, shape.groups_out, shape.outputs));
        };
        for level in 0..self.channels.len() {
            for layer in 0..self.layers_per_block {
                of(format!("of level {level}"), self.down_resnet(level, layer));
            }
            for layer in 0..=self.layers_per_block {
                of(format!("of level {level} on the way up"), self.up_resnet(level, layer));
            }
        }
        if self.mid_block {
            of("in the middle".to_owned(), self.mid_resnet());
        }
        norms.push(("at the end".to_owned(), self.end_groups(self.channels[0]), self.channels[0]));
        for level in 0..self.channels.len() {
            let place = || format!("before the attention of level {level}");
            let groups = |kind| self.attention(level, kind).groups.unwrap_or(1);
            if self.attends_down(level) {
                norms.push((place(), groups(self.down_kind(level)), self.channels[level]));
            }
            if self.attends_up(level) {
                norms.push((place(), groups(self.up_kind(level)), self.channels[level]));
            }
        }
        norms
    }

    fn level_resnet(&self, inputs: usize, outputs: usize, kind: Resample) -> ResnetShape {
        let shape = self.resnet(inputs, outputs);
        if kind != Resample::Skip {
            return shape;
        }
        let rescale = std::f64::consts::SQRT_2;
        ResnetShape { groups: quarter(inputs), groups_out: quarter(outputs), rescale, ..shape }
    }

    fn resnet(&self, inputs: usize, outputs: usize) -> ResnetShape {
        ResnetShape {
            inputs,
            outputs,
            embedding: self.embedding(),
            groups: self.norm_groups,
            groups_out: self.norm_groups,
            eps: self.norm_eps,
            dropout: self.dropout,
            scale_shift: self.scale_shift,
            rescale: self.output_scale_factor,
            zero: self.zero_init,
            activation: self.activation,
        }
    }
}

/// A quarter of the channels as groups, at most 32.
pub(crate) fn quarter(channels: usize) -> usize {
    (channels / 4).min(32)
}
