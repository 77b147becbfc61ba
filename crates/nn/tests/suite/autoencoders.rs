//! The autoencoder against diffusers' `AutoencoderKL` and `VQModel`: every weight loaded by its name, latents, images and
//! gradients compared with the numbers that `references/golden/autoencoder.py` wrote.

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use langevin_nn::{AutoencoderConfig, export, load};

use crate::golden::{GradientsByName, difference, size, starting_with, tensors};

fn check(name: &str) {
    let (metadata, golden) = tensors(&format!("autoencoder_{name}"));
    let config: AutoencoderConfig = serde_json::from_str(&metadata["config"]).unwrap();
    let device = Device::flex().autodiff();
    let tensor = |name: &str| -> Tensor<4> {
        let (shape, values) = &golden[name];
        Tensor::from_data(TensorData::new(values.to_vec(), shape.clone()), &device)
    };
    let near = |name: &str, found: Tensor<4>| {
        let expected = &golden[name].1;
        let off = difference(&found.into_data().try_to_vec::<f32>().unwrap(), expected);
        assert!(off < 1e-5 * size(expected).max(1.0), "{name} is off by {off:.1e}");
    };
    let weights = starting_with(&golden, "weight.");
    let model = load(config.init(0, &device).unwrap(), &weights).unwrap();
    assert_eq!(export(&model), weights, "{name}: what was loaded comes out again");
    let encoded = model.encode(tensor("pictures"));
    near("mean", encoded.mean.clone());
    if let Some(log_variance) = encoded.log_variance {
        near("log_variance", log_variance);
    }
    if golden.contains_key("quantised") {
        near("quantised", model.quantised(encoded.mean.clone()));
    }
    let decoded = model.decode(encoded.mean);
    near("decoded", decoded.clone());

    let expected = starting_with(&golden, "grad.");
    if expected.is_empty() {
        return;
    }
    let grads = (decoded * tensor("probe")).sum().backward();
    let mut collector = GradientsByName::new(&grads);
    model.visit(&mut collector);
    assert!(expected.len() > 20);
    for (weight, (_, expected)) in &expected {
        let off = difference(&collector.found[weight], expected);
        assert!(off < 1e-4 * size(expected).max(0.1), "{name}: gradient by {weight} is off by {off:.1e}");
    }
}

#[test]
fn the_autoencoder_of_latent_diffusion_is_diffusers() {
    check("kl");
}

#[test]
fn one_without_attention_and_outer_convolutions_is_diffusers() {
    check("plain");
}

#[test]
fn one_with_a_codebook_is_diffusers() {
    check("vq");
}
