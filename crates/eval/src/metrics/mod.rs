//! The metrics, one file each. A new one is a file here and a line in [`METRICS`].

mod accuracy_score;
mod class_agreement;
mod class_kl;
mod density_coverage;
mod frechet;
mod kid;
mod memorisation;
mod ms_ssim;
mod precision_recall;
mod prompt_match;
mod psnr;
mod ssim;

use langevin_core::registry::Registry;
use langevin_core::{Error, Result};

use crate::metric::Metric;

pub use psnr::psnr;
pub use ssim::structural_similarity;

/// Every metric by name.
pub const METRICS: Registry<dyn Metric> = Registry {
    kind: "metric",
    entries: &[
        frechet::ENTRY,
        kid::ENTRY,
        precision_recall::ENTRY,
        density_coverage::ENTRY,
        class_kl::ENTRY,
        class_agreement::ENTRY,
        accuracy_score::ENTRY,
        prompt_match::ENTRY,
        memorisation::ENTRY,
        psnr::ENTRY,
        ssim::ENTRY,
        ms_ssim::ENTRY,
    ],
};

/// Checks that both sets have at least `least` images.
pub(crate) fn require(case: &crate::Case<'_>, least: usize) -> Result<()> {
    for sample in [case.judged, case.reference] {
        if sample.len() < least {
            return Err(Error::usage(format!(
                "{}: {} image{} are too few, {least} are needed",
                sample.name,
                sample.len(),
                if sample.len() == 1 { "" } else { "s" }
            ))
            .hint("part of a set is held out for comparison: give more images, and raise -n where it is less than they are"));
        }
    }
    Ok(())
}
