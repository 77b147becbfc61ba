//! Pipelines of Stable Diffusion: holes filled by networks that are conditioned on them, noise that is given, folders written and read again.

use std::collections::BTreeMap;

use langevin::core::tensor_file::{self, Storage};
use langevin::data::{Samples, decode, read_profile};
use langevin::nn::TinyDecoderConfig;
use langevin::{Device, Image, Tensor, figures::npy, figures::png, nn};

use crate::adapting::folder;
use crate::world::{World, image, plain_run};

const MASK: &str = "mask.png";

/// An image, and a hole in its middle.
fn holed(world: &World) {
    world.write("a.png", &image(16, 16, 3, 4));
    let hole = |at: usize| ((5..11).contains(&(at % 16)) && (5..11).contains(&(at / 16))) as u8 * 255;
    let mask = Image::from_u8(16, 16, 1, (0..256).map(hole).collect());
    world.write(MASK, &png::encode(&mask, &[]).unwrap());
}

fn samples(world: &World, name: &str) -> Vec<u8> {
    match decode(&world.read(name), name).unwrap().samples {
        Samples::U8(samples) => samples,
        other => panic!("{name} has {:?}", other.depth()),
    }
}

#[test]
fn a_network_that_is_told_of_the_hole_fills_it_and_nothing_else() {
    let world = World::new();
    folder(&world, 9);
    holed(&world);
    let fill = "inpaint sd a.png --mask mask.png --prompt cat --steps 3 --cfg-scale 2 --seed 3";
    world.run(&format!("{fill} --threads 1 -o one.png")).ok();
    world.run(&format!("{fill} --samples 2 --threads 2 -o two")).ok();
    let (before, after) = (samples(&world, "a.png"), samples(&world, "one.png"));
    let inside = |at: usize| (5..11).contains(&(at / 3 % 16)) && (5..11).contains(&(at / 48));
    let kept = before.iter().zip(&after).enumerate().filter(|(at, _)| !inside(*at));
    assert!(kept.into_iter().all(|(_, (a, b))| a == b));
    assert_ne!(before, after);
    assert_eq!(after, samples(&world, "two/a-0000.png"));
    // The network does not see what lies in the hole.
    let mut other = before.clone();
    (0..768).filter(|at| inside(*at)).for_each(|at| other[at] = 255 - other[at]);
    world.write("b.png", &png::encode(&Image::from_u8(16, 16, 3, other), &[]).unwrap());
    world.run(&format!("{} -o other.png", fill.replace("a.png", "b.png"))).ok();
    assert_eq!(after, samples(&world, "other.png"));
    world.run(&format!("{fill} --sampler ddpm -o ddpm.png")).ok();
    assert_ne!(after, samples(&world, "ddpm.png"));
    for (words, part) in [
        ("sample sd --prompt cat -n 1 -o x.png", "generates nothing by itself"),
        ("edit sd a.png --prompt cat -o x.png", "fill in holes, and for nothing else"),
        ("inpaint sd a.png --mask mask.png --prompt cat --method ddnm -o x.png", "no --method is needed"),
        ("restore sd a.png --operator average:scale=2 --prompt cat --simulate -o x.png", "is a latent model"),
    ] {
        world.run(words).refused(2, &["sd", part]);
    }
}

#[test]
fn a_network_that_is_not_told_of_the_hole_fills_it_by_blending() {
    let world = World::new();
    folder(&world, 4);
    holed(&world);
    let fill = "inpaint sd a.png --mask mask.png --prompt cat --steps 3 --method blended:sampler=ddim";
    let noise = |seed: f32| {
        let values: Vec<f32> = (0..4 * 64).map(|at| (at as f32 * seed).sin() * 1.4).collect();
        npy::encode(Tensor::from_data(langevin::TensorData::new(values, [1, 4, 8, 8]), &Device::flex()))
    };
    world.write("one.npy", &noise(1.3));
    world.write("two.npy", &noise(0.7));
    let draw = |name: &str, flags: &str| {
        world.run(&format!("{fill} {flags} -o {name}")).ok();
        samples(&world, name)
    };
    // With a sampler that draws nothing on its way the noise says all.
    let one = draw("one.png", "--init-noise one.npy --seed 1");
    assert_eq!(one, draw("same.png", "--init-noise one.npy --seed 2"));
    assert_ne!(one, draw("two.png", "--init-noise two.npy --seed 1"));
    world
        .run(&format!("{fill} --init-noise one.npy --samples 2 -o x"))
        .refused(2, &["[1, 4, 8, 8]", "[2, 4, 8, 8]"]);
    world.run(&format!("{fill} --init-noise none.npy -o x.png")).refused(3, &["none.npy"]);
    world
        .run(&format!("{} --init-noise one.npy -o x", fill.replace("a.png", "a.png a.png")))
        .refused(2, &["one image"]);
    world
        .run("inpaint sd a.png --mask mask.png --prompt cat --sampler ddim -o x.png")
        .refused(2, &["--sampler"]);
}

#[test]
fn a_pipeline_is_written_as_it_is_read() {
    for channels in [4, 9] {
        let world = World::new();
        folder(&world, channels);
        world.run("convert sd written").ok();
        world.run("convert written again").ok();
        let files = [
            "unet/diffusion_pytorch_model.safetensors",
            "vae/diffusion_pytorch_model.safetensors",
            "text_encoder/model.safetensors",
            "unet/config.json",
            "vae/config.json",
            "text_encoder/config.json",
            "scheduler/scheduler_config.json",
            "tokenizer/vocab.json",
            "tokenizer/merges.txt",
            "model_index.json",
        ];
        for file in files {
            assert!(world.read(&format!("written/{file}")) == world.read(&format!("again/{file}")), "{file}");
        }
        world.run("convert sd written").refused(1, &["written", "--force"]);
        world.run("convert sd model.safetensors").refused(2, &["sd"]);
        if channels == 4 {
            world.run("sample sd --prompt cat -n 1 --seed 3 --steps 2 --sampler euler --spacing linspace -o a.png").ok();
            world
                .run("sample written --prompt cat -n 1 --seed 3 --steps 2 --sampler euler --spacing linspace -o b.png")
                .ok();
            assert_eq!(samples(&world, "a.png"), samples(&world, "b.png"));
        }
    }
}

#[test]
fn a_drawing_is_with_preview_decoder_a_tiny_decoder() {
    let world = World::new();
    folder(&world, 4);
    let golden = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../references/golden/hub/tiny");
    for name in ["config.json", "diffusion_pytorch_model.safetensors"] {
        world.write(&format!("tiny/{name}"), &std::fs::read(golden.join(name)).unwrap());
    }
    let draw = "sample sd --prompt cat -n 1 --steps 2 --seed 1 --trajectory film.gif";
    // Its latents are four times smaller than images, and the pipeline's two.
    world.run(&format!("{draw} --preview-decoder tiny")).refused(2, &["tiny", "4 times larger"]);
    world.run(&format!("{draw} --preview-decoder sd")).refused(3, &["config.json"]);
    let config = String::from_utf8(world.read("tiny/config.json")).unwrap();
    let config: serde_json::Value = serde_json::from_str(&config).unwrap();
    let mut config = config;
    config["decoder_block_out_channels"] = serde_json::json!([6, 6]);
    config["num_decoder_blocks"] = serde_json::json!([2, 1]);
    world.write("tiny/config.json", config.to_string().as_bytes());
    world.run(&format!("{draw} --preview-decoder tiny")).refused(3, &["tiny", "decoder.layers"]);
    world.run(&format!("{draw} -o a.png")).ok();
    let plain = world.read("film.gif");
    let fitting =
        TinyDecoderConfig { levels: vec![6, 6], blocks: vec![2, 1], ..TinyDecoderConfig::default() };
    let mut tensors = nn::export(&fitting.blank(&Device::flex()).unwrap());
    tensors.values_mut().for_each(|(_, values)| values.fill(0.05));
    world.write(
        "tiny/diffusion_pytorch_model.safetensors",
        &tensor_file::encode(&tensors, &BTreeMap::new(), Storage::F32),
    );
    world.run(&format!("{draw} --preview-decoder tiny -o b.png --force")).ok();
    assert!(world.read("film.gif") != plain && world.read("a.png") == world.read("b.png"));
    world
        .run("sample builtin:shapes -n 1 --trajectory b.gif --preview-decoder tiny")
        .refused(2, &["is a pixel model"]);
}

#[test]
fn a_colour_profile_is_kept() {
    let world = World::new();
    holed(&world);
    let mut profile = vec![7_u8; 200];
    profile[16..20].copy_from_slice(b"RGB ");
    let imaged = decode(&world.read("a.png"), "a").unwrap();
    world.write("a.png", &png::encode_with_profile(&imaged, &[], Some(&profile)).unwrap());
    let run = plain_run();
    world.run(&format!("inpaint {run} a.png --mask mask.png --steps 2 --samples 2 --seed 1 -o out")).ok();
    world.run(&format!("denoise {run} a.png --sigma 20 -o clean.png")).ok();
    for name in ["out/a-mean.png", "out/a-0001.png", "clean.png"] {
        assert_eq!(read_profile(world.path(name)), Some(profile.clone()), "{name}");
    }
    assert_eq!(read_profile(world.path("out/a-deviation.png")), None);
    assert_eq!(read_profile(world.path(MASK)), None);
}
