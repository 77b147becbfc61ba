//! LoRA files: each way of naming adds the same, and what is none, or of another base, is refused.

use std::path::Path;

use langevin_core::tensor_file::Storage;
use langevin_core::{NamedTensors, Numbers};
use langevin_hub::{LatentPipeline, merge_lora, read_single_file_with};

use crate::checkpoints::{compvis, network_name, tiny, write};
use crate::networks::{golden, numbers};

const RANK: usize = 2;

fn pipeline(kind: &'static str) -> LatentPipeline {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let metadata = [("modelspec.resolution", "32x32"), ("modelspec.prediction_type", "epsilon")];
    write(&path, &compvis(&tiny(kind, 4)), &metadata, Storage::F32);
    read_single_file_with(&path, &golden("clip_tokenizer")).unwrap()
}

/// One matrix, one convolution, and in each encoder one matrix: `(part, weight)`.
fn changed(texts: usize) -> Vec<(usize, &'static str)> {
    let mut all = vec![
        (0, "down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k.weight"),
        (0, "up_blocks.0.upsamplers.0.conv.weight"),
        (0, "mid_block.attentions.0.transformer_blocks.0.attn1.to_out.0.weight"),
        (0, "down_blocks.1.attentions.1.proj_in.weight"),
        (1, "text_model.encoder.layers.1.self_attn.q_proj.weight"),
    ];
    all.extend((texts > 1).then_some((2, "text_model.encoder.layers.2.mlp.fc1.weight")));
    all
}

fn part(pipeline: &LatentPipeline, part: usize) -> &NamedTensors {
    match part {
        0 => &pipeline.network.tensors,
        text => &pipeline.texts[text - 1].encoder.tensors,
    }
}

fn random(seed: usize, shape: &[usize]) -> Stored {
    (shape.to_vec(), numbers(seed as u64, shape).into_iter().map(|value| value as f32).collect())
}

type Stored = (Vec<usize>, Numbers);

/// Both matrices of each change.
fn halves(pipeline: &LatentPipeline) -> Vec<(usize, &'static str, [Stored; 2])> {
    let of = |(at, (index, name)): (usize, (usize, &'static str))| {
        let shape = &part(pipeline, index)[name].0;
        let mut down = shape.clone();
        down[0] = RANK;
        let mut up = vec![1; shape.len()];
        (up[0], up[1]) = (shape[0], RANK);
        (index, name, [random(2 * at, &down), random(2 * at + 1, &up)])
    };
    changed(pipeline.texts.len()).into_iter().enumerate().map(of).collect()
}

/// The file in one of the ways.
fn named(pipeline: &LatentPipeline, way: &str) -> NamedTensors {
    let two = pipeline.texts.len() > 1;
    let attending: Vec<bool> = (0..3)
        .map(|level| {
            pipeline.network.tensors.keys().any(|name| name.starts_with(&format!("up_blocks.{level}.att")))
        })
        .collect();
    let mut file = NamedTensors::new();
    for (index, name, [down, up]) in halves(pipeline) {
        let module = name.strip_suffix(".weight").unwrap();
        match way {
            "kohya" | "compvis" => {
                let prefix = ["lora_unet_", if two { "lora_te1_" } else { "lora_te_" }, "lora_te2_"][index];
                let module = match (way, index) {
                    ("compvis", 0) => {
                        network_name(name, &attending).strip_suffix(".weight").unwrap().to_owned()
                    }
                    _ => module.to_owned(),
                };
                let flat = format!("{prefix}{}", module.replace('.', "_"));
                file.insert(format!("{flat}.lora_down.weight"), down);
                file.insert(format!("{flat}.lora_up.weight"), up);
                file.insert(format!("{flat}.alpha"), (vec![], vec![1.0].into()));
            }
            "peft" => {
                let part = ["unet", "text_encoder", "text_encoder_2"][index];
                file.insert(format!("{part}.{module}.lora_A.weight"), down);
                file.insert(format!("{part}.{module}.lora_B.weight"), up);
            }
            _ => {
                let part = ["unet", "text_encoder", "text_encoder_2"][index];
                file.insert(format!("{part}.{module}.lora.down.weight"), down);
                file.insert(format!("{part}.{module}.lora.up.weight"), up);
            }
        }
    }
    file
}

#[test]
fn each_way_of_naming_adds_the_product() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lora.safetensors");
    for (kind, ways) in
        [("1", &["kohya", "peft", "older"][..]), ("2", &["kohya"]), ("xl", &["kohya", "compvis", "peft"])]
    {
        let before = pipeline(kind);
        for way in ways {
            let scale = match *way {
                "kohya" | "compvis" => 1.0 / RANK as f32,
                _ => 1.0,
            };
            write(&path, &named(&before, way), &[], Storage::F32);
            let mut after = before.clone();
            merge_lora(&mut after, &path, -0.5).unwrap();
            let all = halves(&before);
            for (index, name, [down, up]) in &all {
                let (shape, old) = &part(&before, *index)[*name];
                let new = &part(&after, *index)[*name].1;
                let width = old.len() / shape[0];
                for (at, (new, old)) in new.iter().zip(old).enumerate() {
                    let (row, column) = (at / width, at % width);
                    let product: f32 =
                        (0..RANK).map(|k| up.1[row * RANK + k] * down.1[k * width + column]).sum();
                    assert!((new - (old - 0.5 * scale * product)).abs() < 1e-6, "{kind} {way} {name} {at}");
                }
            }
            for index in 0..=before.texts.len() {
                for (name, tensor) in part(&before, index) {
                    let touched = all.iter().any(|(part, changed, _)| *part == index && changed == name);
                    assert_eq!(part(&after, index)[name] == *tensor, !touched, "{kind} {way} {name}");
                }
            }
        }
    }
}

/// The file with each alpha of `shape` in the bytes of another kind of number, as safetensors.
fn with_alphas(file: &NamedTensors, kind: &str, shape: &[usize], alpha: &[u8]) -> Vec<u8> {
    let (mut header, mut data) = (serde_json::Map::new(), Vec::new());
    for (name, (sides, values)) in file {
        let start = data.len();
        let (kind, sides) = if name.ends_with("alpha") {
            data.extend(alpha);
            (kind, shape)
        } else {
            data.extend(values.iter().flat_map(|value| value.to_le_bytes()));
            ("F32", sides.as_slice())
        };
        let place = serde_json::json!({"dtype": kind, "shape": sides, "data_offsets": [start, data.len()]});
        header.insert(name.clone(), place);
    }
    let header = serde_json::Value::Object(header).to_string();
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &data].concat()
}

#[test]
fn an_alpha_of_every_kind_of_number_and_shape_scales_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lora.safetensors");
    let before = pipeline("1");
    let mut file = named(&before, "kohya");
    file.iter_mut().filter(|(name, _)| name.ends_with("alpha")).for_each(|(_, (_, values))| values[0] = 3.0);
    let merged = || {
        let mut after = before.clone();
        merge_lora(&mut after, &path, 1.0)
            .map(|()| (after.network.tensors, after.texts[0].encoder.tensors.clone()))
    };
    write(&path, &file, &[], Storage::F32);
    let plain = merged().unwrap();
    assert!(plain.0 != before.network.tensors);
    let half = |bits: u16| bits.to_le_bytes().to_vec();
    for (kind, alpha) in [
        ("F64", 3.0_f64.to_le_bytes().to_vec()),
        ("F16", half(0x4200)),
        ("BF16", half(0x4040)),
        ("I64", 3_i64.to_le_bytes().to_vec()),
        ("I32", 3_i32.to_le_bytes().to_vec()),
        ("I16", 3_i16.to_le_bytes().to_vec()),
        ("I8", vec![3]),
        ("U64", 3_u64.to_le_bytes().to_vec()),
        ("U32", 3_u32.to_le_bytes().to_vec()),
        ("U16", half(3)),
        ("U8", vec![3]),
    ] {
        for shape in [&[][..], &[1], &[1, 1]] {
            std::fs::write(&path, with_alphas(&file, kind, shape, &alpha)).unwrap();
            assert!(merged().unwrap() == plain, "{kind} {shape:?}");
        }
    }
    for (kind, shape, alpha, said) in [
        ("I64", &[0][..], vec![], "an alpha of 0 numbers"),
        ("F32", &[2], [3.0_f32, 4.0].map(f32::to_le_bytes).concat(), "an alpha of 2 numbers"),
        ("F16", &[], half(0x7e00), "alpha holds NaN, which is not finite"),
        ("BF16", &[], half(0x7f80), "alpha holds inf"),
        ("BOOL", &[], vec![1], "holds BOOL numbers"),
    ] {
        std::fs::write(&path, with_alphas(&file, kind, shape, &alpha)).unwrap();
        let error = merged().unwrap_err();
        let message = error.to_string();
        assert!(error.exit_code() == 3 && message.contains(said), "{said}: {message}");
        assert!(message.contains("lora.safetensors: "), "{message}");
    }
}

#[test]
fn metadata_say_what_divides_the_rank() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lora.safetensors");
    let before = pipeline("1");
    let file = named(&before, "peft");
    let after = |metadata: &[(&str, &str)], strength: f64| {
        write(&path, &file, metadata, Storage::F32);
        let mut after = before.clone();
        merge_lora(&mut after, &path, strength).unwrap();
        after
    };
    let said = r#"{"unet.lora_alpha": 8, "unet.r": 2, "text_encoder.lora_alpha": 8, "text_encoder.r": 2}"#;
    let (four, plain) = (after(&[("lora_adapter_metadata", said)], 0.25), after(&[], 1.0));
    assert!(four.network.tensors == plain.network.tensors && plain.network.tensors != before.network.tensors);
    write(&path, &file, &[("lora_adapter_metadata", r#"{"unet.use_dora": true}"#)], Storage::F32);
    let message = merge_lora(&mut before.clone(), &path, 1.0).unwrap_err().to_string();
    assert!(message.contains("DoRA"), "{message}");
}

#[test]
fn what_is_no_lora_of_this_base_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lora.safetensors");
    let base = pipeline("1");
    let plain = named(&base, "kohya");
    let refused = |file: &NamedTensors, path: &Path| {
        write(path, file, &[], Storage::F32);
        let error = merge_lora(&mut base.clone(), path, 1.0).unwrap_err();
        assert_eq!(error.exit_code(), 3);
        let message = error.to_string();
        assert!(message.contains("lora.safetensors: "), "{message}");
        message
    };
    let with = |name: &str, shape: &[usize]| {
        let mut file = plain.clone();
        file.insert(name.to_owned(), random(1, shape));
        file
    };
    let key = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k";
    let pair = |down: &[usize], up: &[usize], key: &str| {
        NamedTensors::from([
            (format!("{key}.lora_down.weight"), random(1, down)),
            (format!("{key}.lora_up.weight"), random(2, up)),
        ])
    };
    for (file, said) in [
        (pair(&[4, 768], &[32, 4], key), &["[4, 768]", "[32, 64]", "made for Stable Diffusion 1"][..]),
        (pair(&[4, 1024], &[32, 4], key), &["made for Stable Diffusion 2"]),
        (pair(&[4, 2048], &[32, 4], key), &["made for SDXL"]),
        (pair(&[4, 64], &[33, 4], key), &["[33, 4]", "another base"]),
        (
            pair(&[4, 64], &[32, 4], &key.replace("down_blocks_0", "down_blocks_7")),
            &["down_blocks_7", "lacks"],
        ),
        (
            pair(&[4, 64], &[64, 4], "lora_te2_text_model_encoder_layers_0_self_attn_q_proj"),
            &["lora_te2", "lacks"],
        ),
        (with(&format!("{key}.lora_up.weight"), &[32, 2]), &["one half", key]),
        (with(&format!("{key}.hada_w1_a"), &[2, 2]), &["LoHa", key]),
        (with(&format!("{key}.lokr_w1"), &[2, 2]), &["LoKr", key]),
        (with(&format!("{key}.dora_scale"), &[2, 2]), &["DoRA", key]),
        (with("conv_in.weight", &[2, 2]), &["no LoRA", "conv_in.weight"]),
        (NamedTensors::new(), &["no LoRA"]),
    ] {
        let message = refused(&file, &path);
        assert!(said.iter().all(|said| message.contains(said)), "{message}");
    }
    std::fs::write(&path, b"\x80\x02cposix\nsystem\nX\x04\x00\x00\x00trueq\x00\x85R.").unwrap();
    let message = merge_lora(&mut base.clone(), &path, 1.0).unwrap_err().to_string();
    assert!(message.contains("posix.system"), "{message}");
}
