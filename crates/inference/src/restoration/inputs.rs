//! The images of a request: each file read once, with what was measured of it, its operator and its noise.

use burn::tensor::Device;
use langevin_core::{Error, Result};
use langevin_data::read_image;
use langevin_model::Model;
use langevin_restore::{METHODS, Noise, noises};

use super::degraded::{Degraded, check_shape};
use super::operators::{Operators, rounding};
use super::request::{RestoreKind, RestoreRequest};
use super::sharpening::{Sharpening, blurred_noise};
use crate::job::{Event, Observer};

/// One image of a request.
pub(super) struct Input {
    /// Its file as it was named.
    pub(super) name: String,
    /// What is known of it.
    pub(super) degraded: Degraded,
    /// Its blur, where it is to be sharpened.
    pub(super) sharpening: Option<Sharpening>,
}

/// The noise that is asked for.
///
/// # Errors
/// Usage, naming the flag.
pub(super) fn noise(spec: &str, observer: &mut dyn Observer) -> Result<Box<dyn Noise>> {
    let made = noises::build(spec).map_err(|error| error.within("--noise"))?;
    if spec.parse::<f64>().is_ok_and(|sigma| sigma > 0.0 && sigma < 1.0) {
        observer.event(Event::warning(format!(
            "--noise {spec} is less than one step of 255; 25 is strong noise"
        )));
    }
    Ok(made)
}

/// Every image of `request`, each for one of `models`, read and checked, before time is spent on any; of each what it is, or why it cannot be restored: a file
/// that cannot be read, an image that goes with no operator of the kind, or not with the model.
///
/// # Errors
/// Bad input: the reference cannot be read. Usage: an unknown method.
pub(super) fn read(
    request: &RestoreRequest,
    models: &[&Model],
    operators: &Operators<'_>,
    noise: Option<&dyn Noise>,
    seed: u64,
    device: &Device,
) -> Result<Vec<Result<Input>>> {
    let truth = request.reference.as_ref().map(read_image).transpose()?;
    let rounded = is_rounded(request)?;
    let one = |(number, file): (usize, &std::path::PathBuf)| {
        let model = models[number];
        let image = read_image(file)?;
        let make = || {
            let (operator, sharpening) = match &model.info.task {
                Some(task) => (operators.trained(model, task, &image)?, None),
                None => {
                    let sharpening = Sharpening::of(request, &image, operators)?;
                    let kernel = sharpening.as_ref().map(|sharpening| sharpening.kernel.as_str());
                    let operator = operators.of(&image, model.info.channels, kernel)?;
                    check_shape(model, operator.input())?;
                    (operator, sharpening)
                }
            };
            if let Some(refuted) = sharpening.as_ref().and_then(|sharpening| sharpening.refuted.clone())
                && !request.accept
            {
                return Err(refuted);
            }
            let number = request.first + number as u64;
            let assumed;
            let noise = match noise {
                Some(noise) => noise,
                None => {
                    let sigma = match &request.kind {
                        RestoreKind::Deblur { .. } if rounded => blurred_noise(&image),
                        _ if rounded => rounding(&image),
                        _ => 0.0,
                    };
                    assumed = noises::build(&sigma.to_string())?;
                    assumed.as_ref()
                }
            };
            if request.simulate {
                let degraded = Degraded::simulated(&image, operator, noise, seed, number, device)?;
                return Ok((degraded, sharpening));
            }
            let degraded = Degraded::measured(&image, operator, noise, truth.as_ref(), number)?;
            let beyond = sharpening.as_ref().and_then(|sharpening| sharpening.beyond_the_border(request));
            let degraded = match beyond {
                Some(spec) => degraded.beyond_the_border(&|shape| operators.build(&spec, shape))?,
                None => degraded,
            };
            Ok((degraded, sharpening))
        };
        let name = file.display().to_string();
        let (degraded, sharpening) = make().map_err(|error: Error| error.within(&name))?;
        Ok(Input { name, degraded, sharpening })
    };
    Ok(request.images.iter().enumerate().map(one).collect())
}

/// Whether images without a named noise have that of their rounding: a blur makes much of it, for methods that take noise.
fn is_rounded(request: &RestoreRequest) -> Result<bool> {
    let blurred = match &request.kind {
        RestoreKind::Restore { operator } => operator.contains("blur"),
        RestoreKind::Deblur { .. } => true,
        _ => false,
    };
    if !blurred || request.simulate {
        return Ok(false);
    }
    let method = request.method.as_deref().map(|method| METHODS.build(method)).transpose()?;
    Ok(method.is_none_or(|method| !method.needs().noiseless))
}
