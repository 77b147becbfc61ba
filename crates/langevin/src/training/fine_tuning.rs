//! Training that begins with the weights of a trained model: on other images, for longer, or with other settings of training.

use burn::tensor::Device;
use langevin_core::{Error, NamedTensors, Result};
use langevin_model::Model;

use crate::training::settings::{Init, Settings};

/// Makes `settings` those of a training that begins with `model`, opened as `name`: network, diffusion, task and kind of images
/// are the model's. Where `settings` ask for three channels and the model draws gray, its first and last layers are spread over the
/// colours: what it knows of edges and textures stays, and the rest is learned. Returns the weights.
///
/// # Errors
/// Usage: a model without a network.
pub fn begin_with(settings: &mut Settings, model: &Model, name: &str) -> Result<NamedTensors> {
    let Some(network) = model.denoiser.network() else {
        return Err(Error::usage(format!(
            "{name}: is {}, and has no weights to begin with",
            model.denoiser.described()
        ))
        .hint("begin with a trained model, or leave --init out"));
    };
    model.check_pixels()?;
    model.check_weights()?;
    settings.network = network.config().clone();
    settings.diffusion = model.info.diffusion.clone();
    settings.task.clone_from(&model.info.task);
    let colours = if settings.data.channels == 3 && model.info.channels == 1 && model.info.task.is_none() {
        3
    } else {
        settings.data.channels = model.info.channels;
        1
    };
    settings.data.class_conditional = !model.info.classes.is_empty();
    settings.init = Some(Init { model: name.to_owned(), hash: model.hash().to_owned() });
    let mut weights = langevin_nn::export(network);
    if colours > 1 {
        settings.network.in_channels = colours;
        settings.network.out_channels = colours;
        spread(&mut weights, colours);
    }
    Ok(weights)
}

/// Makes of a gray network's weights those of one for `colours` channels, which sees their mean and answers all of them alike.
fn spread(weights: &mut NamedTensors, colours: usize) {
    if let Some((shape, values)) = weights.get_mut("conv_in.weight") {
        // [out, in, k, k]; the folded pixels of one colour follow one another.
        let row = values.len() / shape[0];
        let share = values.iter().map(|value| value / colours as f32).collect::<Vec<_>>();
        *values = share.chunks(row).flat_map(|row| row.repeat(colours)).collect();
        shape[1] *= colours;
    }
    for name in ["conv_out.weight", "conv_out.bias"] {
        if let Some((shape, values)) = weights.get_mut(name) {
            *values = values.repeat(colours).into();
            shape[0] *= colours;
        }
    }
}

/// As [`begin_with`], with the model that the settings of an earlier training name.
///
/// # Errors
/// As [`begin_with`] and [`Model::open_any`]; bad input, when it is another model by now.
pub fn begin_again(settings: &mut Settings, named: &Init) -> Result<NamedTensors> {
    let model = Model::open_any(&named.model, &Device::flex())?;
    if model.hash() != named.hash {
        return Err(Error::bad_input(format!(
            "{}: is another model than the one that training began with ({}, and was {})",
            named.model,
            model.hash(),
            named.hash
        ))
        .hint("name the right one with --init"));
    }
    begin_with(settings, &model, &named.model)
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Tensor, TensorData};
    use langevin_core::{Cond, Network};
    use langevin_nn::NetworkConfig;

    use super::*;

    #[test]
    fn a_gray_network_spread_over_colours_answers_gray_images_as_before() {
        let device = Device::flex();
        let gray = NetworkConfig {
            in_channels: 1,
            out_channels: 1,
            channels: vec![8, 8],
            layers_per_block: 1,
            mid_attention: false,
            norm_groups: 4,
            zero_init: false,
            patch: 2,
            ..NetworkConfig::default()
        };
        let colour = NetworkConfig { in_channels: 3, out_channels: 3, ..gray.clone() };
        let network = gray.init(3, &device).expect("a network");
        let mut weights = langevin_nn::export(&network);
        spread(&mut weights, 3);
        let spread = langevin_nn::load(colour.init(0, &device).expect("a network"), &weights).expect("fits");
        let values: Vec<f32> = (0..64).map(|i| (i as f32 * 0.7).sin()).collect();
        let x = Tensor::<4>::from_data(TensorData::new(values, [1, 1, 8, 8]), &device);
        let t = || Tensor::<1>::from_data([0.3_f32], &device);
        let one = network.forward(x.clone(), t(), &Cond::default());
        let three = spread.forward(x.repeat(&[1, 3, 1, 1]), t(), &Cond::default());
        let apart = (three - one.repeat(&[1, 3, 1, 1])).abs().max().into_scalar::<f32>();
        assert!(apart < 1e-5, "{apart}");
    }
}
