//! The parts of pipelines that are text-conditioned, against the numbers that `references/golden/text_networks.py` and
//! `references/golden/clip_tokenizer.py` recorded.

use std::path::Path;

use burn::tensor::{Device, Tensor, TensorData};
use langevin_core::process::{Diffusion, DiffusionSpec};
use langevin_core::tensor_file::{self, Storage};
use langevin_core::{Added, Cond, Context, NamedTensors, Network, Numbers};
use langevin_hub::{
    Export, TextNetwork, read_folder, read_text_encoder, read_text_network, read_text_parts, read_tokenizer,
    read_transformer, write_folder,
};
use serde_json::{Map, Value, json};

use crate::networks::{golden, numbers, weights};

fn recorded(name: &str) -> (Map<String, Value>, NamedTensors) {
    let bytes = std::fs::read(golden(&format!("{name}.safetensors"))).unwrap();
    let (tensors, metadata) = tensor_file::decode(&bytes).unwrap();
    let metadata = metadata.into_iter().map(|(key, text)| (key, serde_json::from_str(&text).unwrap()));
    (metadata.collect(), tensors)
}

fn write(folder: &Path, config: &Value, stem: &str, tensors: &NamedTensors) {
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join("config.json"), config.to_string()).unwrap();
    let bytes = tensor_file::encode(tensors, &Default::default(), Storage::F32);
    std::fs::write(folder.join(format!("{stem}.safetensors")), bytes).unwrap();
}

fn drawn<const D: usize>(tensor: u64, shape: [usize; D], of: impl Fn(f64) -> f64) -> Tensor<D> {
    let values: Vec<f32> = numbers(tensor, &shape).into_iter().map(|value| of(value) as f32).collect();
    Tensor::from_data(TensorData::new(values, shape), &Device::flex())
}

#[test]
fn every_network_that_is_told_of_texts_gives_the_recorded_output() {
    let (metadata, outputs) = recorded("text_networks");
    let cases = metadata["cases"].as_object().unwrap();
    assert!(cases.len() >= 8);
    let device = Device::flex();
    for (name, case) in cases {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &case["config"], "diffusion_pytorch_model", &weights(case));
        let TextNetwork { network: config, tensors, size, notes } = read_text_network(folder.path()).unwrap();
        assert_eq!(notes, [""; 0], "{name}");
        let network = langevin_nn::load(config.init(0, &device).unwrap(), &tensors).unwrap();
        assert_eq!(langevin_nn::export(&network), weights(case), "{name}: under the same names and shapes");
        let claimed = config.estimate(size.1, size.0).parameters;
        assert_eq!(claimed, langevin_nn::parameter_count(&network) as u64, "{name}");
        let x = drawn(10_000, [2, config.in_channels, size.1, size.0], |value| 1.5 * value);
        let time = Tensor::<1>::from_data([17.0, 620.0].as_slice(), &device);
        let added = network.context().unwrap().added.map(|_| Added {
            pooled: drawn(10_002, [2, 10], |value| value),
            numbers: drawn(10_003, [2, 6], |value| 500.0 + 500.0 * value),
        });
        let context = Context { tokens: drawn(10_001, [2, 7, 12], |value| value), added };
        let labels = (config.classes > 0).then(|| vec![Some(1), Some(3)]);
        let cond = Cond { labels, ..Cond::texts(context, None) };
        let found = network.forward(x, time, &cond).try_into_vec_as::<f32>().unwrap();
        let expected = &outputs[name].1;
        assert_eq!(found.len(), expected.len(), "{name}");
        let off = found.iter().zip(expected).fold(0.0_f32, |worst, (a, b)| worst.max((a - b).abs()));
        assert!(off < 1e-5, "{name} is off by {off:.1e}");
    }
}

#[test]
fn what_is_not_read_of_such_a_network_is_refused_by_its_name() {
    let (metadata, _) = recorded("text_networks");
    let case = &metadata["cases"]["sd1"];
    let folder = tempfile::tempdir().unwrap();
    let read = |changes: Value| {
        let mut config = case["config"].clone();
        config.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        write(folder.path(), &config, "diffusion_pytorch_model", &NamedTensors::new());
        read_text_network(folder.path())
    };
    for (changes, said) in [
        (json!({"dual_cross_attention": true}), "\"dual_cross_attention\" is true"),
        (json!({"class_embed_type": "projection"}), "\"class_embed_type\" is \"projection\""),
        (json!({"addition_embed_type": "image"}), "\"addition_embed_type\" is \"image\""),
        (json!({"addition_embed_type": "text_time"}), "text.added"),
        (json!({"encoder_hid_dim": 8}), "\"encoder_hid_dim\" is 8"),
        (json!({"time_cond_proj_dim": 256}), "time_cond_proj_dim"),
        (json!({"conv_in_kernel": 1}), "conv_in_kernel"),
        (json!({"mid_block_type": "UNetMidBlock2DSimpleCrossAttn"}), "mid_block_type"),
        (json!({"down_block_types": ["CrossAttnDownBlock2D", "AttnDownBlock2D"]}), "AttnDownBlock2D"),
        (json!({"down_block_types": ["DownBlock2D"]}), "1 down blocks and 2 up blocks"),
        (json!({"transformer_layers_per_block": [1, [2]]}), "transformer_layers_per_block"),
        (json!({"transformer_layers_per_block": [1, 2, 3]}), "3 numbers for 2 levels"),
        (json!({"attention_head_dim": [3, 4]}), "3 do not divide the 8 channels"),
        (json!({"cross_attention_dim": [8, 12]}), "only one number for all"),
        (json!({"only_cross_attention": 3}), "only_cross_attention"),
        (json!({"act_fn": "mish"}), "\"act_fn\" is \"mish\""),
        (json!({"norm_num_groups": null}), "norm_num_groups"),
        (json!({"sample_size": null}), "size of its images"),
        (json!({"_class_name": "UNet2DModel"}), "is a UNet2DModel"),
    ] {
        let error = read(changes).unwrap_err();
        assert_eq!(error.exit_code(), 3);
        let message = error.to_string();
        assert!(message.contains("config.json") && message.contains(said), "{message}");
    }
    let notes = read(json!({"frobnicate": 3, "resnet_out_scale_factor": 1})).unwrap().notes;
    assert_eq!(notes, ["UNet2DConditionModel: ignored frobnicate"]);
    // No pipeline that is written has a text.
    let network = read(json!({})).unwrap().network;
    let diffusion = Diffusion::new(&DiffusionSpec::default()).unwrap();
    let (tensors, metadata) = (NamedTensors::new(), Default::default());
    let export = Export {
        network: &network,
        tensors,
        size: (8, 8),
        diffusion: &diffusion,
        clip: None,
        pipeline: "ddpm",
        metadata,
    };
    let message = write_folder(export, &folder.path().join("out"), false).unwrap_err().to_string();
    assert!(message.contains("text-conditioned (network.text)"), "{message}");
    // The reader of models of images says what it is.
    let message = read_folder(folder.path()).unwrap_err().to_string();
    assert!(message.contains("UNet2DConditionModel"), "{message}");
}

fn values<const D: usize>(x: Tensor<D>) -> Vec<f32> {
    x.try_into_vec_as::<f32>().unwrap()
}

fn encoder_of(name: &str) -> (Value, Vec<Vec<u32>>, NamedTensors, NamedTensors) {
    let (metadata, tensors) = recorded(&format!("clip_text_{name}"));
    let mut weights = NamedTensors::new();
    let mut others = NamedTensors::new();
    for (key, tensor) in tensors {
        match key.strip_prefix("weight.") {
            Some(name) => weights.insert(name.to_owned(), tensor),
            None => others.insert(key, tensor),
        };
    }
    let ids = serde_json::from_value(metadata["ids"].clone()).unwrap();
    (metadata["config"].clone(), ids, weights, others)
}

#[test]
fn text_encoders_give_the_recorded_vectors_under_old_and_new_names() {
    let device = Device::flex();
    for (name, result) in [("quick", "pooled"), ("projected", "projected")] {
        let (config, ids, tensors, expected) = encoder_of(name);
        let short = |(name, tensor): (&String, &(Vec<usize>, Numbers))| {
            (name.strip_prefix("text_model.").unwrap_or(name).to_owned(), tensor.clone())
        };
        let shorter: NamedTensors = tensors.iter().map(short).collect();
        let mut longer = tensors.clone();
        let positions = (vec![1, 9], (0..9).map(|at| at as f32).collect());
        longer.insert("text_model.embeddings.position_ids".to_owned(), positions);
        for stored in [longer, shorter] {
            let folder = tempfile::tempdir().unwrap();
            write(folder.path(), &config, "model", &stored);
            let read = read_text_encoder(folder.path()).unwrap();
            assert_eq!((read.notes.as_slice(), &read.tensors), (&[][..], &tensors), "{name}");
            let model = langevin_nn::load(read.encoder.init(0, &device).unwrap(), &read.tensors).unwrap();
            let encoded = model.encode(&ids).unwrap();
            let found = [
                ("last", values(encoded.last)),
                (result, values(encoded.projected.unwrap_or(encoded.pooled))),
            ];
            for (what, found) in found {
                let expected = &expected[what].1;
                assert_eq!(found.len(), expected.len());
                let off = found.iter().zip(expected).fold(0.0_f32, |worst, (a, b)| worst.max((a - b).abs()));
                assert!(off < 2e-5, "{name}: {what} is off by {off:.1e}");
            }
        }
    }
}

#[test]
fn other_encoders_are_refused() {
    let (config, _, tensors, _) = encoder_of("quick");
    let folder = tempfile::tempdir().unwrap();
    for (changes, said) in [
        (json!({"architectures": ["CLIPModel"]}), "CLIPModel"),
        (json!({"architectures": ["T5EncoderModel"], "model_type": "t5"}), "T5EncoderModel (t5)"),
        (json!({"hidden_act": "relu"}), "\"hidden_act\" is \"relu\""),
        (json!({"num_attention_heads": 5}), "5 heads do not divide"),
        (json!({"eos_token_id": [1, 2]}), "eos_token_id"),
    ] {
        let mut config = config.clone();
        config.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        write(folder.path(), &config, "model", &tensors);
        let message = read_text_encoder(folder.path()).unwrap_err().to_string();
        assert!(message.contains("config.json") && message.contains(said), "{message}");
    }
    std::fs::remove_file(folder.path().join("model.safetensors")).unwrap();
    std::fs::write(folder.path().join("config.json"), config.to_string()).unwrap();
    let message = read_text_encoder(folder.path()).unwrap_err().to_string();
    assert!(message.contains("model.safetensors or pytorch_model.bin"), "{message}");
}

fn json_of(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn tokenizers_of_both_sorts_give_the_recorded_tokens() {
    for (folder, end) in [("clip_tokenizer", 813), ("clip_tokenizer_json", 0)] {
        let folder = golden(folder);
        let tokenizer = read_tokenizer(&folder).unwrap();
        let cases = json_of(&folder.join("cases.json"));
        let cases = cases.as_array().unwrap();
        assert!(cases.len() > 200);
        for case in cases {
            let text = case["text"].as_str().unwrap();
            let mut expected: Vec<u32> = serde_json::from_value(case["ids"].clone()).unwrap();
            assert_eq!(tokenizer.tokens(text), expected, "{text:?}");
            expected.truncate(75);
            expected.insert(0, 812);
            expected.push(813);
            expected.resize(77, end);
            assert_eq!(tokenizer.encode(text).ids, expected, "{text:?}");
        }
    }
}

#[test]
fn special_tokens_are_found_as_the_folder_says() {
    let from = golden("clip_tokenizer");
    let variants = json_of(&from.join("variants.json"));
    assert_eq!(variants.as_array().unwrap().len(), 4);
    for variant in variants.as_array().unwrap() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["vocab.json", "merges.txt"] {
            std::fs::copy(from.join(name), folder.path().join(name)).unwrap();
        }
        std::fs::write(folder.path().join("tokenizer_config.json"), variant["config"].to_string()).unwrap();
        std::fs::write(folder.path().join("special_tokens_map.json"), variant["map"].to_string()).unwrap();
        let tokenizer = read_tokenizer(folder.path()).unwrap();
        let expected: Vec<u32> = serde_json::from_value(variant["ids"].clone()).unwrap();
        let found = tokenizer.encode(variant["text"].as_str().unwrap()).ids;
        assert_eq!(found[..expected.len()], expected, "{variant}");
    }
}

#[test]
fn malformed_tokenizers_are_refused_with_the_file() {
    let from = golden("clip_tokenizer");
    let whole = json_of(&golden("clip_tokenizer_json").join("tokenizer.json"));
    let refused = |name: &str, text: &str| {
        let folder = tempfile::tempdir().unwrap();
        for name in ["vocab.json", "merges.txt", "tokenizer_config.json"] {
            std::fs::copy(from.join(name), folder.path().join(name)).unwrap();
        }
        std::fs::write(folder.path().join(name), text).unwrap();
        let error = read_tokenizer(folder.path()).unwrap_err();
        assert_eq!(error.exit_code(), 3);
        error.to_string()
    };
    for (name, text, said) in [
        ("merges.txt", "#version: 0.2\na b\nabc\n".to_owned(), "line 3"),
        ("merges.txt", "zz zzz\n".to_owned(), "\"zz\""),
        ("vocab.json", "{\"a\": -1}".to_owned(), "\"a\" has no number"),
        ("vocab.json", "{}".to_owned(), "lacks"),
        ("vocab.json", "[".to_owned(), "vocab.json"),
        ("tokenizer_config.json", "{\"pad_token\": \"<pad>\"}".to_owned(), "<pad>"),
        ("tokenizer.json", "{}".to_owned(), "no model"),
        (
            "tokenizer.json",
            {
                let mut other = whole.clone();
                other["model"]["type"] = json!("Unigram");
                other.to_string()
            },
            "Unigram",
        ),
        (
            "tokenizer.json",
            {
                let mut other = whole.clone();
                other["added_tokens"][0]["lstrip"] = json!(true);
                other.to_string()
            },
            "lstrip",
        ),
    ] {
        let message = refused(name, &text);
        assert!(message.contains(said), "{message}");
    }
}

#[test]
fn an_encoder_and_its_tokenizer_are_read_together() {
    let root = tempfile::tempdir().unwrap();
    let (config, _, tensors, _) = encoder_of("projected");
    write(&root.path().join("text_encoder_2"), &config, "model", &tensors);
    let folder = root.path().join("tokenizer_2");
    std::fs::create_dir(&folder).unwrap();
    for name in ["tokenizer.json", "tokenizer_config.json"] {
        std::fs::copy(golden("clip_tokenizer_json").join(name), folder.join(name)).unwrap();
    }
    let parts = read_text_parts(root.path(), true).unwrap();
    assert_eq!((parts.tokenizer.length(), parts.encoder.encoder.projection), (77, Some(10)));
    let message = read_text_parts(root.path(), false).unwrap_err().to_string();
    assert!(message.contains("text_encoder/config.json: is missing"), "{message}");
}

#[test]
fn diffusion_transformers_give_the_recorded_output_with_one_embedding_where_all_are_one() {
    let (metadata, tensors) = recorded("dit_classes");
    let config = json!({
        "_class_name": "DiTTransformer2DModel", "num_attention_heads": 2, "attention_head_dim": 4, "in_channels": 3,
        "out_channels": 6, "num_layers": 2, "sample_size": 8, "patch_size": 2, "num_embeds_ada_norm": 5, "odd": 1,
    });
    let weights: NamedTensors = tensors
        .iter()
        .filter_map(|(name, tensor)| Some((name.strip_prefix("weight.")?.to_owned(), tensor.clone())))
        .collect();
    let labels: Vec<Option<u32>> = serde_json::from_value(metadata["labels"].clone()).unwrap();
    let device = Device::flex();
    let of = |name: &str| tensors[name].clone();
    let answer = |weights: &NamedTensors| {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &config, "diffusion_pytorch_model", weights);
        let read = read_transformer(folder.path()).unwrap();
        assert_eq!(
            (read.size, read.notes.as_slice()),
            ((8, 8), &["DiTTransformer2DModel: ignored odd".to_owned()][..])
        );
        let model = langevin_nn::load(read.network.init(0, &device).unwrap(), &read.tensors).unwrap();
        let x = Tensor::<4>::from_data(TensorData::new(of("input").1.into_vec(), of("input").0), &device);
        let time = Tensor::<1>::from_data(of("time").1.as_slice(), &device);
        (read.network.own_embeddings, values(model.forward(x, time, &Cond::classes(labels.clone()))))
    };
    let (own, found) = answer(&weights);
    let expected = of("output").1;
    let off = found.iter().zip(&expected).fold(0.0_f32, |worst, (a, b)| worst.max((a - b).abs()));
    assert!(own && found.len() == expected.len() && off < 1e-5, "off by {off:.1e}");

    // Published files repeat the first block's embedding in each.
    let mut alike = weights.clone();
    for (name, tensor) in &mut alike {
        if name.contains("blocks.1.norm1.emb") {
            *tensor = weights[&name.replace("blocks.1", "blocks.0")].clone();
        }
    }
    let mut apart = alike.clone();
    apart.get_mut("transformer_blocks.1.norm1.emb.class_embedder.embedding_table.weight").unwrap().1[47] +=
        1.0;
    let ((one, found), (two, other)) = (answer(&alike), answer(&apart));
    assert!(!one && two);
    assert_ne!(found, other, "the row of no class has changed in one of them");
    let same = found.iter().zip(&other).take(found.len() / 2).all(|(a, b)| a == b);
    assert!(same, "and the first image has a class");
}

#[test]
fn other_transformers_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (config, said) in [
        (json!({"_class_name": "PixArtTransformer2DModel"}), "PixArtTransformer2DModel"),
        (json!({"norm_type": "ada_norm_single"}), "\"norm_type\" is \"ada_norm_single\""),
        (json!({"activation_fn": "geglu"}), "activation_fn"),
        (json!({"attention_bias": false}), "attention_bias"),
        (json!({"norm_elementwise_affine": true}), "norm_elementwise_affine"),
        (json!({"patch_size": 3}), "patch = 3"),
    ] {
        write(folder.path(), &config, "diffusion_pytorch_model", &NamedTensors::new());
        let message = read_transformer(folder.path()).unwrap_err().to_string();
        assert!(message.contains("config.json") && message.contains(said), "{message}");
    }
}
