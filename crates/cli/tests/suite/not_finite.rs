//! Numbers that are no numbers: an error that says where, never a black image.

use std::collections::BTreeMap;

use langevin::core::NamedTensors;
use langevin::core::tensor_file::{self, Storage};
use langevin::figures::npy;

use crate::adapting::folder;
use crate::world::{World, image, plain_run};

/// The finished run's model, the first number of `tensor` set to `value`.
fn damaged(tensor: &str, value: f32) -> Vec<u8> {
    let bytes = std::fs::read(format!("{}/model.safetensors", plain_run())).unwrap();
    let (mut tensors, metadata) = tensor_file::decode(&bytes).unwrap();
    tensors.get_mut(tensor).unwrap().1.iter_mut().take(1).for_each(|first| *first = value);
    tensor_file::encode(&tensors, &metadata, Storage::F32)
}

#[test]
fn weights_that_are_not_finite_are_named_by_every_command() {
    let world = World::new();
    world.write("a.png", &image(32, 32, 3, 1));
    for value in [f32::NAN, f32::INFINITY] {
        world.write("m.safetensors", &damaged("conv_in.weight", value));
        for words in [
            "sample m.safetensors -n 1 --steps 2 -o out/",
            "denoise m.safetensors a.png --sigma 25 -o out/",
            "restore m.safetensors a.png --operator gray --simulate --steps 2 -o out/",
            "restore m.safetensors a.png --operator gray --simulate --method dps --steps 2 -o out/",
            "likelihood m.safetensors builtin:shapes -n 1 --trace rademacher",
            "train builtin:shapes --init m.safetensors --images 32 --out out",
            "distill m.safetensors builtin:shapes --images 32 --out out",
            "bench-samplers m.safetensors -n 2 --calls 5",
        ] {
            world.run(words).refused(3, &["m.safetensors: its tensor conv_in.weight", "not finite"]);
            assert!(!world.path("out").exists(), "{words}");
        }
    }
}

#[test]
fn start_noise_and_options_that_overflow_are_errors() {
    let world = World::new();
    let run = plain_run();
    let device = langevin::Device::flex();
    let shape = langevin::Model::open(run, &device).unwrap().shape();
    let count: usize = shape.iter().product();
    let noise = |value: f32| {
        let [c, h, w] = shape;
        npy::encode(langevin::core::signed_to_batch(vec![value; count], [1, c, h, w], &device))
    };
    world.write("noise.npy", &noise(1e38));
    let words = format!("sample {run} -n 1 --steps 3 --init-noise noise.npy -o out/");
    let ran = world.run(&words);
    let warned = ran.err.contains("noise level") || ran.err.contains("may have overflowed");
    assert!(warned, "{ran:?}");
}

#[test]
fn a_lora_that_is_not_finite_is_blamed() {
    let world = World::new();
    folder(&world, 4);
    let key = "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_v";
    let lora = |value: f32| {
        let tensors = NamedTensors::from([
            (format!("{key}.lora_down.weight"), (vec![1, 8], vec![value; 8].into())),
            (format!("{key}.lora_up.weight"), (vec![8, 1], vec![2.0; 8].into())),
        ]);
        tensor_file::encode(&tensors, &BTreeMap::new(), Storage::F32)
    };
    world.write("nan.safetensors", &lora(f32::NAN));
    let words = "sample sd --prompt x -n 1 --steps 2 --lora nan.safetensors -o out/";
    world.run(words).refused(3, &[&format!("nan.safetensors: its tensor {key}.lora_down.weight holds NaN")]);
    // Finite, and too strong: the sum overflows, which the model's answer shows.
    world.write("nan.safetensors", &lora(3e38));
    world.run(words).refused(3, &["sd: its tensor", "not finite", "--lora"]);
}
