//! The autoencoder against diffusers' `AutoencoderKL` and `VQModel`: every weight loaded by its name, latents, pictures and
//! gradients compared with the numbers that `references/autoencoder.py` wrote.

use burn::module::Module;
use burn::tensor::Device;
use langevin_nn::{AutoencoderConfig, export, load};

use crate::recorded::{GradientsByName, difference, read, size};

fn check(name: &str) {
    let golden = read(&format!("autoencoder_{name}"));
    let config: AutoencoderConfig = serde_json::from_str(&golden.metadata["config"]).unwrap();
    let device = Device::flex().autodiff();
    let weights = golden.starting_with("weight.");
    let model = load(config.init(0, &device).unwrap(), &weights).unwrap();
    assert_eq!(export(&model), weights, "{name}: what was loaded comes out again");
    let encoded = model.encode(golden.tensor("pictures", &device));
    let off = golden.off("mean", encoded.mean.clone());
    assert!(off < 1e-5, "{name}: latents are off by {off:.1e}");
    if let Some(log_variance) = encoded.log_variance {
        let off = golden.off("log_variance", log_variance);
        assert!(off < 1e-5, "{name}: variances are off by {off:.1e}");
    }
    if golden.tensors.contains_key("quantised") {
        let off = golden.off("quantised", model.quantised(encoded.mean.clone()));
        assert!(off < 1e-6, "{name}: vectors of the codebook are off by {off:.1e}");
    }
    let decoded = model.decode(encoded.mean);
    let off = golden.off("decoded", decoded.clone());
    assert!(off < 1e-5, "{name}: pictures are off by {off:.1e}");

    let expected = golden.starting_with("grad.");
    if expected.is_empty() {
        return;
    }
    let grads = (decoded * golden.tensor("probe", &device)).sum().backward();
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
