//! How an image of any size is divided into windows, as memory allows.

use langevin_core::{Error, Result, Windows};
use langevin_nn::NetworkConfig;

use crate::model::Model;

/// Largest side of a window in pixels: beyond it nothing is gained.
const LARGEST: usize = 512;
/// Pixels that neighbouring windows of a network for any size share.
const OVERLAP: usize = 48;
/// Numbers that a layer holds beside its input and output, as a share of them.
const BESIDE: f64 = 1.5;

/// How a model denoises images of one size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Plan {
    /// How an image is divided.
    pub windows: Windows,
    /// Bytes that the windows at work take, about.
    pub bytes: u64,
    /// Whether the network answers a pixel alike in an image of any size; otherwise windows have the size it was trained on.
    pub any_size: bool,
    /// Channels that the model answers at once: all colours, or one.
    pub channels: usize,
}

/// The plan for denoising an image of `colours` channels, `height` and `width` with `model` within `memory` bytes for windows.
///
/// # Errors
/// Usage: the model is of other channels, or known for images of one size only; or `memory` is too little for one window.
pub fn plan(model: &Model, shape: [usize; 3], memory: u64) -> Result<Plan> {
    plan_by(model, shape, memory, |config, side| {
        (config.estimate(side, side).sampling_bytes as f64 * BESIDE) as u64
    })
}

/// As [`plan`], for a network whose derivative is asked for: what the pass back needs is kept.
///
/// # Errors
/// As [`plan`].
pub fn plan_with_derivative(model: &Model, shape: [usize; 3], memory: u64) -> Result<Plan> {
    plan_by(model, shape, memory, |config, side| {
        let estimate = config.estimate(side, side);
        estimate.training_bytes + (estimate.sampling_bytes as f64 * BESIDE) as u64
    })
}

fn plan_by(
    model: &Model,
    [colours, height, width]: [usize; 3],
    memory: u64,
    each: impl Fn(&NetworkConfig, usize) -> u64,
) -> Result<Plan> {
    let own = model.info.channels;
    if own != 1 && own != colours {
        let kind = |channels| match channels {
            1 => "gray".to_owned(),
            3 => "colour".to_owned(),
            other => format!("of {other} channels"),
        };
        return Err(Error::usage(format!(
            "{}: its images are {}, and this one is {}",
            model.name,
            kind(own),
            kind(colours)
        ))
        .hint(match colours {
            1 => "use builtin:photo-gray, or another model of gray images",
            _ => "use a model of such images; one of gray images takes each colour by itself",
        }));
    }
    let Some(network) = model.denoiser.network() else {
        if [own, height, width] != model.shape() {
            return Err(Error::usage(format!(
                "{}: is {}, for images of its own size alone",
                model.name,
                model.denoiser.described()
            )));
        }
        let windows = Windows { side: height.max(width), overlap: 1, multiple: 1, at_once: 1 };
        return Ok(Plan { windows, bytes: 0, any_size: false, channels: own });
    };
    let config = network.config();
    let (multiple, any_size) = (config.size_multiple(), config.takes_any_size());
    let bytes = |side: usize, at_once: usize| each(config, side) * at_once as u64;
    let threads = rayon::current_num_threads().max(1);
    let (side, at_once) = if any_size {
        let least = (2 * OVERLAP).next_multiple_of(multiple);
        let needed =
            height.max(width).next_multiple_of(multiple).clamp(least, LARGEST.next_multiple_of(multiple));
        let fits = |at_once| {
            let sides = (least..=needed).rev().step_by(multiple);
            sides.map(|side| (side, at_once)).find(|(side, at_once)| bytes(*side, *at_once) <= memory)
        };
        fits(threads).or_else(|| fits(1))
    } else {
        let side = model.info.size.shorter();
        let most = (memory / bytes(side, 1).max(1)).min(8 * threads as u64) as usize;
        (most > 0).then_some((side, most))
    }
    .ok_or_else(|| {
        Error::usage(format!("{} MiB are too little for one window of this network", memory >> 20))
            .hint("allow it more with --memory")
    })?;
    let overlap = if any_size { OVERLAP } else { side / 4 };
    let windows = Windows { side, overlap, multiple, at_once };
    Ok(Plan { windows, bytes: bytes(side, at_once), any_size, channels: own })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attention_and_norms_keep_a_network_to_its_size() {
        let plain = NetworkConfig { norm_groups: 0, mid_attention: false, ..NetworkConfig::default() };
        assert!(plain.takes_any_size());
        assert!(!NetworkConfig { norm_groups: 8, ..plain.clone() }.takes_any_size());
        assert!(!NetworkConfig { attention_levels: vec![1], ..plain.clone() }.takes_any_size());
        assert!(!NetworkConfig { mid_attention: true, ..plain }.takes_any_size());
    }
}
