//! Files that are written: weights that are no numbers, or none in 16 bits, are said, and refused where nothing may be amiss.

use langevin::core::NamedTensors;
use langevin::core::tensor_file::{self, Storage};

use crate::adapting::folder;
use crate::world::{World, plain_run};

/// The safetensors file `bytes` with `values` at the beginning of the first tensor whose name ends in `tensor`.
fn changed(bytes: &[u8], tensor: &str, values: &[f32]) -> Vec<u8> {
    let (mut tensors, metadata): (NamedTensors, _) = tensor_file::decode(bytes).unwrap();
    let (_, (_, first)) = tensors.iter_mut().find(|(name, _)| name.ends_with(tensor)).unwrap();
    first[..values.len()].copy_from_slice(values);
    tensor_file::encode(&tensors, &metadata, Storage::F32)
}

fn model(values: &[f32]) -> Vec<u8> {
    let whole = std::fs::read(format!("{}/model.safetensors", plain_run())).unwrap();
    changed(&whole, "conv_in.weight", values)
}

#[test]
fn convert_says_which_weights_are_not_finite_and_strict_refuses_them() {
    let world = World::new();
    world.write("m.safetensors", &model(&[f32::NAN, f32::INFINITY]));
    // One of several networks.
    folder(&world, 4);
    let encoder = "sd/text_encoder/model.safetensors";
    world.write(encoder, &changed(&world.read(encoder), "token_embedding.weight", &[f32::NAN; 2]));
    for (input, out, tensor) in [
        ("m.safetensors", "one.safetensors", "conv_in.weight: 2)"),
        ("sd", "folder", "text_model.embeddings.token_embedding.weight: 2)"),
    ] {
        let said = [&format!("{input}: 2 weights are not finite, in 1 tensor ("), tensor];
        world.run(&format!("convert {input} {out} --strict")).refused(3, &[said[0], said[1], "--strict"]);
        assert!(!world.path(out).exists());
        let ran = world.run(&format!("convert {input} {out}")).ok();
        assert!(said.iter().all(|said| ran.err.contains(said)), "{}", ran.err);
    }
    // What is written is what was there.
    let (tensors, _) = tensor_file::decode(&world.read("one.safetensors")).unwrap();
    assert!(tensors["conv_in.weight"].1[0].is_nan() && tensors["conv_in.weight"].1[1] == f32::INFINITY);
    // Nothing is said of a whole model.
    let ran = world.run(&format!("convert {} two.safetensors --strict", plain_run())).ok();
    assert!(!ran.err.contains("finite"), "{}", ran.err);
}

#[test]
fn weights_beyond_16_bits_are_said_where_they_are_stored_so() {
    let world = World::new();
    world.write("m.safetensors", &model(&[7e4]));
    let said = "m.safetensors: 1 weight is too large for 16 bits, and becomes infinite, in 1 tensor (conv_in.weight: 1)";
    let ran = world.run("convert m.safetensors half.safetensors --half").ok();
    assert!(ran.err.contains(said), "{}", ran.err);
    world.run("convert m.safetensors other.safetensors --half --strict").refused(3, &[said, "--half"]);
    let ran = world.run("convert m.safetensors exact.safetensors --strict").ok();
    assert!(!ran.err.contains("16 bits"), "{}", ran.err);
}

#[test]
fn averages_of_damaged_snapshots_are_said() {
    let world = World::new();
    let flags = "--preset tiny --images 96 --seed 7 --set train.ema_snapshots=32";
    world.run(&format!("train builtin:shapes {flags} --out r")).ok();
    let snapshot = "r/snapshots/images-000000000096.safetensors";
    world.write(snapshot, &changed(&world.read(snapshot), "conv_in.weight", &[f32::NAN]));
    let said = "r: 1 weight is not finite, in 1 tensor (conv_in.weight: 1)";
    world.run("ema r --width 0.1 --strict -o strict.safetensors").refused(3, &[said]);
    assert!(!world.path("strict.safetensors").exists());
    let ran = world.run("ema r --width 0.1 -o a.safetensors").ok();
    assert!(ran.err.contains(said), "{}", ran.err);
}
