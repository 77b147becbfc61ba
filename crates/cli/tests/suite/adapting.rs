//! Stable Diffusion opened with LoRA files and skipped blocks, and what has nothing of the sort to change.

use std::collections::BTreeMap;
use std::path::Path;

use langevin::core::NamedTensors;
use langevin::core::tensor_file::{self, Storage};
use langevin::{Device, hub, nn};
use serde_json::{Value, json};

use crate::world::{World, image, plain_run};

fn encoded(tensors: &NamedTensors) -> Vec<u8> {
    tensor_file::encode(tensors, &BTreeMap::new(), Storage::F32)
}

/// Weights that make images of some contrast; as drawn, a network answers nothing, since its last layer is zero.
fn lively(mut tensors: NamedTensors) -> NamedTensors {
    tensors.values_mut().for_each(|(_, values)| {
        values.iter_mut().enumerate().for_each(|(at, value)| *value += 0.2 * (at as f32 * 1.7).sin());
    });
    tensors
}

/// A folder with a tiny Stable Diffusion 1 of random weights, whose network takes so many channels.
pub fn folder(world: &World, channels: usize) {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../references/golden/clip_tokenizer");
    for name in ["vocab.json", "merges.txt", "tokenizer_config.json"] {
        world.write(&format!("sd/tokenizer/{name}"), &std::fs::read(golden.join(name)).unwrap());
    }
    let device = Device::flex();
    let part = |name: &str, config: Value, stem: &str| {
        world.write(&format!("sd/{name}/config.json"), config.to_string().as_bytes());
        world.write(&format!("sd/{name}/{stem}.safetensors"), &encoded(&NamedTensors::new()));
        (world.path(&format!("sd/{name}")), format!("sd/{name}/{stem}.safetensors"))
    };
    let config = json!({
        "in_channels": channels, "sample_size": 8, "block_out_channels": [8], "layers_per_block": 1, "norm_num_groups": 4, "cross_attention_dim": 8,
        "attention_head_dim": 2, "down_block_types": ["CrossAttnDownBlock2D"], "up_block_types": ["CrossAttnUpBlock2D"],
    });
    let (at, file) = part("unet", config, "diffusion_pytorch_model");
    let network = hub::read_text_network(&at).unwrap().network;
    world.write(&file, &encoded(&lively(nn::export(&network.init(1, &device).unwrap()))));
    let config = json!({
        "block_out_channels": [8, 8], "norm_num_groups": 4, "latent_channels": 4, "scaling_factor": 0.2,
        "down_block_types": vec!["DownEncoderBlock2D"; 2], "up_block_types": vec!["UpDecoderBlock2D"; 2],
    });
    let (at, file) = part("vae", config, "diffusion_pytorch_model");
    let network = hub::read_autoencoder(&at).unwrap().network;
    world.write(&file, &encoded(&lively(nn::export(&network.init(2, &device).unwrap()))));
    let config = json!({
        "architectures": ["CLIPTextModel"], "vocab_size": 814, "hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 3,
        "num_attention_heads": 2, "eos_token_id": 2,
    });
    let (at, file) = part("text_encoder", config, "model");
    let network = hub::read_text_encoder(&at).unwrap().encoder;
    world.write(&file, &encoded(&nn::export(&network.init(3, &device).unwrap())));
    world.write(
        "sd/scheduler/scheduler_config.json",
        br#"{"_class_name": "DDIMScheduler", "clip_sample": false}"#,
    );
    let parts = ["unet", "vae", "text_encoder", "tokenizer", "scheduler"].map(|name| {
        let library = if matches!(name, "text_encoder" | "tokenizer") { "transformers" } else { "diffusers" };
        let class = if name == "scheduler" { "DDIMScheduler" } else { "x" };
        format!("\"{name}\": [\"{library}\", \"{class}\"]")
    });
    let index = format!("{{\"_class_name\": \"StableDiffusionPipeline\", {}}}", parts.join(", "));
    world.write("sd/model_index.json", index.as_bytes());
}

fn lora(inputs: usize) -> Vec<u8> {
    let key = "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_v";
    encoded(&NamedTensors::from([
        (
            format!("{key}.lora_down.weight"),
            (vec![1, inputs], (0..inputs).map(|at| (at as f32 * 0.9).cos()).collect()),
        ),
        (format!("{key}.lora_up.weight"), (vec![8, 1], vec![2.0; 8].into())),
        (format!("{key}.alpha"), (vec![], vec![1.0].into())),
    ]))
}

#[test]
fn a_lora_and_skipped_blocks_change_images_and_stand_in_their_recipe() {
    let world = World::new();
    folder(&world, 4);
    world.write("a:b.safetensors", &lora(8));
    let draw = |name: &str, flags: &str| {
        world
            .run(&format!("sample sd --prompt cat -n 1 --seed 3 --steps 4 --cfg-scale 2 {flags} -o {name}"))
            .ok();
        langevin::data::decode(&world.read(name), name).unwrap().samples
    };
    let plain = draw("plain.png", "");
    assert_eq!(plain, draw("same.png", "--lora a:b.safetensors:0 --clip-skip 0"));
    let (one, minus) =
        (draw("one.png", "--lora a:b.safetensors"), draw("minus.png", "--lora a:b.safetensors:-1"));
    assert!(plain != one && plain != minus && one != minus);
    assert_eq!(one, draw("twice.png", "--lora a:b.safetensors:0.5 --lora a:b.safetensors:0.5"));
    let skipped = draw("skipped.png", "--clip-skip 1 --lora a:b.safetensors:1");
    assert_ne!(skipped, one);
    world.run("sample --from skipped.png -o again.png").ok();
    assert!(world.read("again.png") == world.read("skipped.png"));
    let report = world.run("inspect skipped.png --json").ok().json();
    assert_eq!(
        (&report["recipe"]["lora"], &report["recipe"]["clip_skip"]),
        (&json!(["a:b.safetensors:1"]), &json!(1))
    );
    let text = String::from_utf8_lossy(&world.read("skipped.png")).into_owned();
    assert!(text.contains("Clip skip: 2, Lora: \"a:b.safetensors:1\""));
    world.write("photo.png", &image(16, 16, 3, 1));
    world
        .run("edit sd photo.png --prompt cat --steps 4 --lora a:b.safetensors --clip-skip 1 -o edited.png")
        .ok();
    assert!(String::from_utf8_lossy(&world.read("edited.png")).contains("Lora: "));

    let plain = plain_run();
    world.write("wide.safetensors", &lora(768));
    for (words, code, parts) in [
        ("sample sd --prompt cat --lora a:b.safetensors:nan".to_owned(), 2, vec!["strength is NaN"]),
        ("sample sd --prompt cat --lora a:b.safetensors:1e9".to_owned(), 2, vec!["strength"]),
        (
            "sample sd --prompt cat --lora none.safetensors:much".to_owned(),
            3,
            vec!["none.safetensors:much", "STRENGTH"],
        ),
        (
            "sample sd --prompt cat --lora wide.safetensors".to_owned(),
            3,
            vec!["[1, 768]", "Stable Diffusion 1"],
        ),
        (
            "sample sd --prompt cat --lora sd/unet/diffusion_pytorch_model.safetensors".to_owned(),
            3,
            vec!["no LoRA"],
        ),
        ("sample sd --prompt cat --clip-skip 3".to_owned(), 2, vec!["--clip-skip 3", "3 blocks", "0 to 2"]),
        (format!("sample {plain} --lora a:b.safetensors"), 2, vec!["is a pixel model", "--lora"]),
        (format!("sample {plain} --clip-skip 1"), 2, vec!["is a pixel model", "--clip-skip"]),
        ("sample builtin:shapes --clip-skip 1".to_owned(), 2, vec!["builtin:shapes", "--clip-skip"]),
        (format!("edit {plain} photo.png --lora a:b.safetensors"), 2, vec!["--lora"]),
        ("sample nowhere --lora a:b.safetensors".to_owned(), 3, vec!["nowhere"]),
    ] {
        world.run(&words).refused(code, &parts);
    }
}

#[test]
fn checkpoints_that_are_none_are_called_what_they_are() {
    let world = World::new();
    world.write(
        "vae.safetensors",
        &encoded(&NamedTensors::from([("first_stage_model.x".to_owned(), (vec![1], vec![0.0].into()))])),
    );
    world.write("foreign.ckpt", b"\x80\x02cposix\nsystem\nX\x04\x00\x00\x00trueq\x00\x85R.");
    world.run("sample vae.safetensors --prompt cat").refused(3, &["vae.safetensors", "no U-Net"]);
    world
        .run("sample foreign.ckpt --prompt cat")
        .refused(3, &["foreign.ckpt", "posix.system", "nothing of it was run"]);
}
