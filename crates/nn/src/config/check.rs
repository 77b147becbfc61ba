//! What is wrong with a config that cannot be built.

use langevin_core::{Error, Result};

use super::network::{NetworkConfig, Resample, TimeFeatures};
use super::text::TextConfig;
use crate::dit::DitConfig;

impl NetworkConfig {
    /// Says what cannot be built, naming the field.
    ///
    /// # Errors
    /// `Usage`, for the first field that does not fit.
    pub fn check(&self) -> Result<()> {
        if let Some(dit) = self.dit() {
            return self.check_transformer(&dit);
        }
        let positive = [
            ("in_channels", self.in_channels),
            ("out_channels", self.out_channels),
            ("layers_per_block", self.layers_per_block),
            ("patch", self.patch),
            ("attention_head_dim", self.attention_head_dim.unwrap_or(1)),
            ("embedding_dim", self.embedding_dim.unwrap_or(1)),
            ("the number of channels levels", self.channels.len()),
        ];
        if let Some((name, _)) = positive.iter().find(|(_, value)| *value == 0) {
            return Err(Error::usage(format!("unet: {name} must be 1 or more")));
        }
        let bounded = [
            ("in_channels", self.in_channels, 1 << 16),
            ("condition_channels", self.condition_channels, 1 << 16),
            ("out_channels", self.out_channels, 1 << 16),
            ("layers_per_block", self.layers_per_block, 64),
            ("patch", self.patch, 64),
            ("embedding_dim", self.embedding_dim.unwrap_or(1), 1 << 18),
            ("classes", self.classes, 1 << 24),
            ("learned_steps", self.learned_steps, 1 << 24),
            ("the number of channels levels", self.channels.len(), 8),
            ("channels", self.channels.iter().copied().max().unwrap_or(0), 1 << 16),
        ];
        if let Some((name, value, most)) = bounded.iter().find(|(_, value, most)| value > most) {
            return Err(Error::usage(format!("unet: {name} = {value} is more than {most}")));
        }
        self.check_resampling()?;
        for (level, channels) in self.channels.iter().enumerate() {
            let plain =
                [self.down_kind(level), self.up_kind(level)].iter().any(|kind| *kind != Resample::Skip);
            if *channels == 0 || (plain && !divides(*channels, self.norm_groups)) {
                return Err(Error::usage(format!(
                    "unet: level {level} has {channels} channels, which do not divide into norm_groups = {} groups",
                    self.norm_groups
                ))
                .hint("make every number of channels a multiple of norm_groups"));
            }
        }
        for (place, groups, channels) in self.norms() {
            if (groups == 0 && self.norm_groups != 0) || !divides(channels, groups) {
                return Err(Error::usage(format!(
                    "unet: a norm {place} has {channels} channels, which do not divide into {groups} groups"
                )));
            }
        }
        let levels = self.attention_levels.iter().chain(self.up_attention_levels.iter().flatten());
        if let Some(level) = levels.into_iter().find(|level| **level >= self.channels.len()) {
            return Err(Error::usage(format!(
                "unet: attention at level {level}, but the levels are 0 to {}",
                self.channels.len() - 1
            )));
        }
        self.check_text(&self.levels_with_attention())?;
        for level in self.levels_with_attention().into_iter().filter(|_| self.text.is_none()) {
            let channels = self.channels[level];
            if self.attention_head_dim.is_some_and(|head_dim| head_dim > channels) {
                return Err(Error::usage(format!(
                    "unet: attention_head_dim {} is more than the {channels} channels of level {level}",
                    self.attention_head_dim.unwrap_or(channels)
                )));
            }
        }
        let coarsest = self.channels[self.channels.len() - 1];
        if self.mid_attention_norm_groups.is_some_and(|groups| groups > 0 && !coarsest.is_multiple_of(groups))
        {
            return Err(Error::usage(format!(
                "unet: mid_attention_norm_groups does not divide the {coarsest} channels of the last level"
            )));
        }
        // Beyond these the numbers of a network overflow.
        let within = |value: f64| value.abs() <= 1e6;
        let above = |value: f64| value > 0.0 && within(value);
        let finite = [
            ("norm_eps", self.norm_eps, self.norm_eps > 0.0 && self.norm_eps <= 1.0),
            ("time_scale", self.time_scale, self.time_scale != 0.0 && within(self.time_scale)),
            ("fourier_scale", self.fourier_scale, above(self.fourier_scale)),
            ("output_scale_factor", self.output_scale_factor, above(self.output_scale_factor)),
            ("mid_block_scale_factor", self.mid_block_scale_factor, above(self.mid_block_scale_factor)),
            ("dropout", self.dropout, (0.0..1.0).contains(&self.dropout)),
            ("freq_shift", self.freq_shift, self.freq_shift < (self.channels[0] / 2) as f64),
            ("input_scale", self.input_scale, self.input_scale != 0.0 && within(self.input_scale)),
            ("input_shift", self.input_shift, within(self.input_shift)),
        ];
        if let Some((name, value, _)) = finite.iter().find(|(_, value, fits)| !value.is_finite() || !fits) {
            return Err(Error::usage(format!("unet: {name} = {value} is out of range")));
        }
        if self.downsample_padding > 1 {
            return Err(Error::usage(format!(
                "unet: downsample_padding = {} keeps no half size; it is 0 or 1",
                self.downsample_padding
            )));
        }
        Ok(())
    }

    /// What is wrong with the levels' ways to change size, if anything.
    fn check_resampling(&self) -> Result<()> {
        let levels = self.channels.len();
        if [&self.down_resample, &self.up_resample].into_iter().flatten().any(|list| list.len() != levels) {
            return Err(Error::usage(format!(
                "unet: down_resample and up_resample need one entry for each of the {levels} levels"
            )));
        }
        if self.learned_steps == 0 && self.time_features == TimeFeatures::Learned {
            return Err(Error::usage("unet: learned time features need learned_steps of 1 or more"));
        }
        let kinds: [Vec<Resample>; 2] = [
            (0..levels).map(|level| self.down_kind(level)).collect(),
            (0..levels).map(|level| self.up_kind(level)).collect(),
        ];
        for kinds in kinds {
            let skips = kinds.iter().filter(|kind| **kind == Resample::Skip).count();
            // The image's branch must reach from the finest level without a gap.
            if kinds.iter().take(skips).any(|kind| *kind != Resample::Skip) {
                return Err(Error::usage(
                    "unet: levels that resample by skip must be the finest ones, without a gap",
                ));
            }
            if skips > 0 && self.condition_channels > 0 {
                return Err(Error::usage(
                    "unet: a network that resamples by skip carries the noisy image along, and cannot be conditioned on another one",
                )
                .hint("resample by conv or resnet"));
            }
            if skips > 0 && self.patch > 1 {
                return Err(Error::usage(
                    "unet: a network that resamples by skip cannot fold pixels (patch)",
                ));
            }
        }
        Ok(())
    }

    /// Says whether images of `height` x `width` fit.
    ///
    /// # Errors
    /// `Usage` where a side is not a multiple of [`Self::size_multiple`].
    pub fn check_size(&self, height: usize, width: usize) -> Result<()> {
        let multiple = self.size_multiple();
        if height == 0 || width == 0 || !height.is_multiple_of(multiple) || !width.is_multiple_of(multiple) {
            return Err(Error::usage(format!(
                "this network takes images whose sides are multiples of {multiple}, not {width}x{height}"
            )));
        }
        Ok(())
    }

    /// What is wrong with its conditioning on texts, if anything.
    fn check_text(&self, levels_with_attention: &[usize]) -> Result<()> {
        let Some(text) = &self.text else { return Ok(()) };
        let levels = self.channels.len();
        let refuse = |what: String| Err(Error::usage(format!("unet: text.{what}")));
        if text.dim == 0 || text.dim > 1 << 16 {
            return refuse(format!("dim = {} is not between 1 and 65536", text.dim));
        }
        if text.heads.len() != levels || text.depths.as_ref().is_some_and(|depths| depths.len() != levels) {
            return refuse(format!("heads and text.depths need one entry for each of the {levels} levels"));
        }
        if let Some(level) = text.only_cross_levels.iter().find(|level| **level >= levels) {
            return refuse(format!("only_cross_levels names level {level}, and the last is {}", levels - 1));
        }
        for level in levels_with_attention.iter().copied() {
            let (heads, channels) = (text.heads[level], self.channels[level]);
            if heads == 0 || !channels.is_multiple_of(heads) {
                return refuse(format!(
                    "heads: {heads} do not divide the {channels} channels of level {level}"
                ));
            }
            let depth = text.depth(level);
            if depth == 0 || depth > 64 {
                return refuse(format!("depths: level {level} has {depth}, and may have 1 to 64"));
            }
        }
        if (0..levels).any(|level| [self.down_kind(level), self.up_kind(level)].contains(&Resample::Skip)) {
            return Err(Error::usage("unet: a text-conditioned network cannot resample by skip")
                .hint("resample by conv or resnet"));
        }
        text.check_encoder()
    }

    /// What is wrong with a network that is a transformer, if anything.
    fn check_transformer(&self, dit: &DitConfig) -> Result<()> {
        let refuse = |what: &str| {
            Err(Error::usage(format!("a transformer (network.transformer) {what}"))
                .hint("leave network.transformer out for a U-Net"))
        };
        if self.condition_channels > 0 {
            return refuse("is conditioned on no image next to the noisy one, so it restores nothing");
        }
        if self.dropout != 0.0 {
            return refuse("drops nothing out, and network.dropout is not 0");
        }
        if (self.input_scale, self.input_shift) != (1.0, 0.0) {
            return refuse("does not scale its input (network.input_scale, network.input_shift)");
        }
        dit.check()?;
        self.text.as_ref().map_or(Ok(()), TextConfig::check_encoder)
    }
}

/// Whether channels divide into groups; into none they do.
fn divides(channels: usize, groups: usize) -> bool {
    groups == 0 || channels.is_multiple_of(groups)
}
