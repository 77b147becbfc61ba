//! Restoration, from end to end: what was measured, the model, the method, and what is known of the result.

mod calibration;
mod degraded;
mod inputs;
pub mod job;
mod latent;
mod operators;
mod plan;
mod recipe;
mod report;
mod request;
mod restored;
mod sharpening;
mod solver;
pub mod trained;

use burn::tensor::Device;
use langevin_core::Result;
use langevin_model::Model;

use restored::Finishing;
use solver::Begun;

pub use calibration::{Calibrated, Calibration, Coverage, calibrate};
pub use degraded::{Degraded, check_shape, shape_of};
pub use job::{CalibrateOutcome, RestoreOutcome, RestoredImage};
pub use plan::{NEAR, RestorePlan, default_method};
pub use report::{Fit, Report, Score};
pub use request::{RestoreKind, RestoreRequest};
pub use restored::{Deviation, Restored};
pub use trained::{Mode, Trained, check_trained, known_operator, restore_trained};

/// Restores one image; `progress` gets the share that is done.
///
/// Draw `k` of image `n` of a seed is the same in any batch and with any number of draws.
///
/// # Errors
/// Usage: an unknown method or spacing, a model of another shape, a method that needs more than there is. Failed, when the memory
/// that is free does not suffice. Interrupted, when cancelled.
pub fn restore(
    model: &Model,
    mut degraded: Degraded,
    restoring: &RestorePlan,
    device: &Device,
    progress: impl FnMut(f64) + Send,
) -> Result<Restored> {
    let shape = degraded.operator.input();
    check_shape(model, shape)?;
    if let Some(codec) = &model.codec {
        return latent::restore((model, codec), degraded, restoring, device, progress);
    }
    if let Some(shown) = degraded.operator.measured().filter(|_| degraded.operator.is_mask()) {
        degraded.colours.make_opaque(|pixel| !shown[pixel]);
    }
    let begun = Begun::new(model, degraded.operator, degraded.y, degraded.sigma, restoring, device)?;
    let drawn = begun.draw(degraded.number, progress)?;
    let calls = begun.method.calls(&begun.path);
    let finishing = Finishing { problem: &begun.problem, colours: &degraded.colours, image: &degraded.image };
    finishing.restored(begun.name.clone(), calls, &drawn, begun.known.clone(), degraded.truth.as_ref())
}
