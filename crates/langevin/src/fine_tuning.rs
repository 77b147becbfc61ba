//! Training that begins with the weights of a trained model: on other pictures, for longer, or with other settings of training.

use burn::tensor::Device;
use langevin_core::{Error, NamedTensors, Result};
use serde::{Deserialize, Serialize};

use crate::model::Model;
use crate::settings::Settings;

/// The model that a training began with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Init {
    /// Where it was.
    pub model: String,
    /// What it was.
    pub hash: String,
}

/// Makes `settings` those of a training that begins with `model`, opened as `name`: network, diffusion, task and kind of pictures
/// are the model's. Returns its weights.
///
/// # Errors
/// Usage: a model without a network.
pub fn begin_with(settings: &mut Settings, model: &Model, name: &str) -> Result<NamedTensors> {
    let Some(network) = model.denoiser.network() else {
        return Err(Error::usage(format!(
            "{name}: is known in closed form, and has no weights to begin with"
        ))
        .hint("begin with a trained model, or leave --init out"));
    };
    settings.network = network.config().clone();
    settings.diffusion = model.info.diffusion.clone();
    settings.task.clone_from(&model.info.task);
    settings.data.channels = model.info.channels;
    settings.data.class_conditional = !model.info.classes.is_empty();
    settings.init = Some(Init { model: name.to_owned(), hash: model.hash.clone() });
    Ok(langevin_nn::export(network))
}

/// As [`begin_with`], with the model that the settings of an earlier training name.
///
/// # Errors
/// As [`begin_with`] and [`Model::open_any`]; bad input, when it is another model by now.
pub fn begin_again(settings: &mut Settings, named: &Init) -> Result<NamedTensors> {
    let model = Model::open_any(&named.model, &Device::flex())?;
    if model.hash != named.hash {
        return Err(Error::bad_input(format!(
            "{}: is another model than the one that training began with ({}, and was {})",
            named.model, model.hash, named.hash
        ))
        .hint("name the right one with --init"));
    }
    begin_with(settings, &model, &named.model)
}
