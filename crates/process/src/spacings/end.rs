//! Where a path ends, and how many of the times it places it visits: what samplers of other programs differ in.

use super::{Level, finish};
use crate::diffusion::Diffusion;
use crate::error::{Error, Result};
use crate::registry::{OptionDoc, Options};

/// The option `end`.
pub(super) const END: OptionDoc = OptionDoc {
    key: "end",
    default: "clean",
    doc: "where the path ends: the clean image (clean), or the schedule's own lowest level (lowest)",
};

/// The option `extra`.
pub(super) const EXTRA: OptionDoc = OptionDoc {
    key: "extra",
    default: "0",
    doc: "1 places one time more than there are steps and leaves the lowest out, as DPM-Solver does in diffusers",
};

/// The end of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Clean,
    Lowest,
}

impl End {
    /// Reads [`END`].
    pub(super) fn read(options: &Options) -> Result<Self> {
        match options.text("end") {
            "clean" => Ok(Self::Clean),
            "lowest" => Ok(Self::Lowest),
            other => {
                Err(Error::usage(format!("option end={other} is not known")).hint("use clean or lowest"))
            }
        }
    }

    /// The path of these times, noisy first, with its end after them. A last time that is itself the lowest level is the
    /// end already.
    pub(super) fn path(
        self,
        diffusion: &Diffusion,
        times: impl IntoIterator<Item = f64>,
    ) -> Result<Vec<Level>> {
        let mut path: Vec<Level> = times.into_iter().map(|t| diffusion.level(t)).collect();
        if self == Self::Clean {
            return finish(path);
        }
        let lowest = diffusion.lowest();
        if path.last() == Some(&lowest) && path.len() > 1 {
            path.pop();
        }
        let mut path = finish(path)?;
        path.pop();
        path.push(lowest);
        if path.len() < 2 || path[path.len() - 2].ratio() <= lowest.ratio() {
            return Err(Error::usage("the path is at its end before the first step").hint("take more steps"));
        }
        Ok(path)
    }
}

/// Reads [`EXTRA`].
pub(super) fn extra(options: &Options) -> Result<usize> {
    match options.get::<usize>("extra")? {
        extra @ 0..=1 => Ok(extra),
        extra => Err(Error::usage(format!("option extra={extra} must be 0 or 1"))),
    }
}
