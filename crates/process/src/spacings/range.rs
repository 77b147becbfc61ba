//! The range of noise that the spacings in `sigma / alpha` place their levels in.

use super::{Level, finish};
use crate::diffusion::Diffusion;
use crate::error::{Error, Result};
use crate::registry::{OptionDoc, Options};

/// The option `sigma_min`.
pub(super) const SIGMA_MIN: OptionDoc = OptionDoc {
    key: "sigma_min",
    default: "auto",
    doc: "lowest sigma / alpha before the clean image; auto is the schedule's own, but at least 0.002",
};

/// The option `sigma_max`.
pub(super) const SIGMA_MAX: OptionDoc = OptionDoc {
    key: "sigma_max",
    default: "auto",
    doc: "highest sigma / alpha; auto starts at the schedule's noisy end",
};

/// EDM's range (2206.00364, table 1), which stands in for an end of the schedule that is infinite or zero.
const EDM_RANGE: (f64, f64) = (0.002, 80.0);

/// Above this a noisy end counts as infinite: it is visited, but the grid does not stretch to it.
const STRETCH: f64 = 1e5;

/// The range of `sigma / alpha` of a path.
#[derive(Debug)]
pub(super) struct Range {
    min: Option<f64>,
    max: Option<f64>,
}

impl Range {
    /// Reads [`SIGMA_MIN`] and [`SIGMA_MAX`].
    pub(super) fn read(options: &Options) -> Result<Self> {
        let read = |key: &str| match options.text(key) {
            "auto" => Ok(None),
            _ => options.number(key, 1e-6, STRETCH).map(Some),
        };
        Ok(Self { min: read("sigma_min")?, max: read("sigma_max")? })
    }

    /// The path whose level `i` has `ln(sigma / alpha) = grid(i / (steps - 1), ln(min), ln(max))`, where
    /// `grid` falls from max at 0 to min at 1.
    ///
    /// Unless `sigma_max` is given, level 0 is the schedule's noisy end itself. Where that is without signal
    /// (zero terminal SNR, flow) the grid's own highest value stands at 80, as in EDM, so that the other
    /// levels stay useful.
    pub(super) fn path(
        &self,
        diffusion: &Diffusion,
        steps: usize,
        grid: impl Fn(f64, f64, f64) -> f64,
    ) -> Result<Vec<Level>> {
        let (highest, lowest) = (diffusion.highest(), diffusion.lowest());
        let top = if highest.ratio() <= STRETCH { highest.ratio() } else { EDM_RANGE.1 };
        // A level given by the user is used, unless it is noisier than the model has ever seen.
        let max = self.max.map_or(top, |max| max.min(highest.ratio()));
        let min =
            self.min.map_or(lowest.ratio().max(EDM_RANGE.0.min(0.1 * max)), |min| min.max(lowest.ratio()));
        if steps > 1 && min >= max {
            return Err(Error::usage(format!(
                "the range of noise is empty: sigma_min {min} is not below sigma_max {max}"
            )));
        }
        let part = |i: usize| if i == 0 { 0.0 } else { i as f64 / (steps - 1) as f64 };
        let log_ratio = |i: usize| grid(part(i), libm::log(min), libm::log(max));
        let mut path: Vec<Level> = (0..steps).map(|i| diffusion.level_at(-2.0 * log_ratio(i))).collect();
        if let (None, Some(first)) = (self.max, path.first_mut()) {
            *first = highest;
        }
        finish(path)
    }
}
