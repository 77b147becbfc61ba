//! The U-Net against diffusers' `UNet2DModel`: every weight loaded by its name, output and gradients compared with the
//! numbers that `references/unet.py` wrote.

use burn::module::Module;
use burn::tensor::Device;
use langevin_core::{Cond, Network};
use langevin_nn::{UNetConfig, export, load, parameters};

use crate::recorded::{GradientsByName, Recorded, difference, read as recorded, size};

struct Golden {
    config: UNetConfig,
    labels: Option<Vec<u32>>,
    numbers: Recorded,
}

fn read(name: &str) -> Golden {
    let numbers = recorded(&format!("unet_{name}"));
    Golden {
        config: serde_json::from_str(&numbers.metadata["config"]).unwrap(),
        labels: serde_json::from_str(&numbers.metadata["labels"]).unwrap(),
        numbers,
    }
}

fn check(name: &str) {
    let golden = read(name);
    let device = Device::flex().autodiff();
    let weights = golden.numbers.starting_with("weight.");
    let model = load(golden.config.init(0, &device).unwrap(), &weights).unwrap();
    assert_eq!(export(&model), weights, "{name}: what was loaded comes out again");
    let cond = match &golden.labels {
        Some(labels) => Cond::classes(labels.iter().map(|label| Some(*label))),
        None => Cond::none(),
    };
    let x = golden.numbers.tensor::<4>("input", &device).require_grad();
    let out = model.forward(x.clone(), golden.numbers.tensor("time", &device), &cond);
    let values = out.clone().into_data().try_to_vec::<f32>().unwrap();
    let expected = &golden.numbers.tensors["output"].1;
    let off = difference(&values, expected);
    assert!(off < 1e-5 * size(expected).max(1.0), "{name}: the output is off by {off:.1e}");

    let grads = (out * golden.numbers.tensor("probe", &device)).sum().backward();
    let by_input = x.grad(&grads).unwrap().into_data().try_to_vec::<f32>().unwrap();
    let expected = &golden.numbers.tensors["grad_input"].1;
    assert!(difference(&by_input, expected) < 1e-4 * size(expected), "{name}: gradient by the input");
    let mut collector = GradientsByName::new(&grads);
    model.visit(&mut collector);
    let expected = golden.numbers.starting_with("grad.");
    assert!(expected.len() > 20);
    for (weight, (_, expected)) in &expected {
        let off = difference(&collector.found[weight], expected);
        assert!(off < 1e-4 * size(expected).max(0.1), "{name}: gradient by {weight} is off by {off:.1e}");
    }
}

#[test]
fn ddpm_network_is_pytorchs() {
    check("ddpm");
}

#[test]
fn adm_network_is_pytorchs() {
    check("adm");
}

#[test]
fn uneven_network_is_pytorchs() {
    check("uneven");
}

#[test]
fn fourier_network_is_pytorchs() {
    check("fourier");
}

#[test]
fn tensors_that_do_not_fit_are_all_named() {
    let golden = read("ddpm");
    let device = Device::flex();
    let mut weights = golden.numbers.starting_with("weight.");
    let model = golden.config.init(0, &device).unwrap();
    assert_eq!(parameters(&model).len(), weights.len());
    weights.remove("conv_in.bias");
    weights.insert("conv_inn.bias".into(), (vec![1], vec![0.0]));
    weights.get_mut("mid_block.attentions.0.to_q.weight").unwrap().0 = vec![64];
    let message = load(model, &weights).unwrap_err().to_string();
    for part in [
        "1 missing: \"conv_in.bias\"",
        "1 not of this network: \"conv_inn.bias\"",
        "\"mid_block.attentions.0.to_q.weight\" [64] instead of [8, 8]",
    ] {
        assert!(message.contains(part), "{message}");
    }
}
