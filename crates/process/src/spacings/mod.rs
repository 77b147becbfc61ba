//! Spacings: the path of levels that a sampler walks from noise to image, one file each.

mod ays;
mod beta;
mod end;
mod exponential;
mod karras;
mod lcm;
mod leading;
mod levels;
mod linspace;
mod log_snr;
mod polyexponential;
mod range;
mod trailing;

use std::fmt::Debug;

use crate::diffusion::Diffusion;
use crate::error::{Error, Result};
use crate::level::Level;
use crate::registry::Registry;

/// How the levels of a path are placed.
pub trait Spacing: Debug + Send + Sync {
    /// The path of `steps` steps: `steps + 1` levels of strictly falling noise, the noisiest first, the last
    /// clean (`sigma = 0`) unless an option says otherwise. With one step it is the schedule's noisy end and the clean
    /// image.
    ///
    /// # Errors
    /// Usage when `steps` is 0, or more than an integer-time table or the numbers can tell apart.
    fn path(&self, diffusion: &Diffusion, steps: usize) -> Result<Vec<Level>>;
}

/// Every spacing.
pub const SPACINGS: Registry<dyn Spacing> = Registry {
    kind: "spacing",
    entries: &[
        trailing::ENTRY,
        leading::ENTRY,
        linspace::ENTRY,
        karras::ENTRY,
        exponential::ENTRY,
        polyexponential::ENTRY,
        log_snr::ENTRY,
        beta::ENTRY,
        ays::ENTRY,
        lcm::ENTRY,
        levels::ENTRY,
    ],
};

/// The lowest time of a continuous schedule that a path visits, since at `t = 0` most are clean already: that
/// of the first entry of a 1000-step table.
fn first_time(steps: usize) -> f64 {
    1.0 / steps.max(1000) as f64
}

/// The path of these times, noisy first, with the clean image after them.
fn of_times(diffusion: &Diffusion, times: impl IntoIterator<Item = f64>) -> Result<Vec<Level>> {
    finish(times.into_iter().map(|t| diffusion.level(t)).collect())
}

/// Adds the clean image and checks what every path promises.
fn finish(mut path: Vec<Level>) -> Result<Vec<Level>> {
    let steps = path.len();
    path.push(Level::CLEAN);
    let falls = |pair: &[Level]| pair[0].sigma * pair[1].alpha > pair[1].sigma * pair[0].alpha;
    if steps == 0 {
        return Err(Error::usage("a path needs at least one step"));
    }
    if !path.windows(2).all(falls) {
        return Err(Error::usage(format!(
            "{steps} steps are too many for this schedule and spacing: two levels coincide"
        ))
        .hint("take fewer steps, or a wider range of noise"));
    }
    Ok(path)
}

/// Refuses more steps than an integer-time table has entries.
fn require_entries(entries: usize, steps: usize) -> Result<()> {
    if steps <= entries {
        return Ok(());
    }
    Err(Error::usage(format!("{steps} steps are more than the {entries} entries of the schedule"))
        .hint("take fewer steps, or the continuous schedule (steps=0)"))
}
