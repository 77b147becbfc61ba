//! Which models can be distilled, and with which data.

use langevin_core::{Error, Result, Size};
use langevin_data::DataInfo;
use langevin_model::{GuidanceConfig, Model};
use langevin_train::distillations::Traits;

use super::DistillRequest;

/// Whether `teacher` can teach, or be trained on, in the way that is asked for.
///
/// # Errors
/// Usage, naming the model and what stands in the way.
pub(super) fn check_teacher(teacher: &Model, request: &DistillRequest, traits: Traits) -> Result<()> {
    let name = &teacher.name;
    if teacher.denoiser.network().is_none() {
        return Err(Error::usage(format!(
            "{name}: is {} and has no network to begin from",
            teacher.denoiser.described()
        ))
        .hint("give a trained model"));
    }
    let info = &teacher.info;
    if !info.size.is_square() {
        return Err(Error::usage(format!(
            "{name}: draws images of {}, and only square ones can be trained",
            info.size
        )));
    }
    let predicts = info.diffusion.parameterisation.as_str();
    let consistent = predicts.starts_with("consistency");
    if consistent && traits.needs_teacher {
        return Err(Error::usage(format!(
            "{name}: is a consistency model, which has no trajectories to teach"
        ))
        .hint("give the model that it was distilled from"));
    }
    if traits.halves && (predicts.starts_with("epsilon") || predicts.starts_with("score")) {
        return Err(Error::usage(format!(
            "{name}: predicts the noise, from which few steps cannot tell the image where there is little signal"
        ))
        .hint("give a model that predicts v, x0, edm or velocity, or use --method consistency"));
    }
    if traits.is_consistent && !consistent && predicts.contains(':') {
        return Err(Error::usage(format!(
            "{name}: predicts {predicts}, and consistency models take no options of it"
        )));
    }
    if request.scratch && (traits.halves || traits.needs_teacher) {
        return Err(Error::usage("--scratch: a student with a teacher begins with the teacher's weights")
            .hint("leave it out, or use --method consistency_training"));
    }
    if !traits.needs_teacher && request.cfg_scale != 1.0 {
        return Err(Error::usage(format!(
            "--cfg-scale {}: this method has no teacher to guide",
            request.cfg_scale
        )));
    }
    GuidanceConfig::default().rule(teacher, request.cfg_scale)?;
    let diffusion = teacher.denoiser.diffusion();
    diffusion.coefficients(diffusion.highest()).map_err(|error| error.within(name)).map(drop)
}

/// Whether the data are images that the model can draw.
///
/// # Errors
/// Usage, naming the data, what they are and what the model draws.
pub(super) fn check_data(teacher: &Model, data: &DataInfo, spec: &str) -> Result<()> {
    let info = &teacher.info;
    let refused = |what: String| Error::usage(format!("{spec}: {what}"));
    if !info.classes.is_empty() && data.classes != info.classes {
        let named = |classes: &[String]| match classes {
            [] => "none".to_owned(),
            few if few.len() <= 12 => few.join(", "),
            many => format!("{} of them", many.len()),
        };
        return Err(refused(format!(
            "its classes are {}, those of {} are {}",
            named(&data.classes),
            teacher.name,
            named(&info.classes)
        ))
        .hint("distil with the data that the model was trained on"));
    }
    // The same data were brought to the model's size before; images of a folder are, whatever their size.
    if info.data == spec {
        return Ok(());
    }
    let (have, want) = ((data.size, data.channels), (info.size, info.channels));
    let fixed = ["idx", "cifar", "builtin"].contains(&data.kind);
    let small = data.size.shorter() < info.size.width;
    if small || (fixed && have != want) {
        let shape = |(size, channels): (Size, usize)| format!("{size}x{channels}");
        return Err(refused(format!(
            "its images are {}, and {} draws {}",
            shape(have),
            teacher.name,
            shape(want)
        ))
        .hint("distil with the data that the model was trained on, or such images"));
    }
    Ok(())
}
