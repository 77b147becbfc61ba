//! Tiny pipelines in the shapes of Stable Diffusion 1, 2 and XL with random weights, and the single files that hold the same under the
//! names of CompVis. The names are made here from those of diffusers, the other way round than they are read.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use langevin_core::tensor_file::{self, Storage};
use langevin_core::{NamedTensors, Numbers};
use langevin_hub::{
    AutoencoderParts, TextEncoder, TextNetwork, read_autoencoder, read_text_encoder, read_text_network,
};
use serde_json::{Value, json};

/// What a single file should be read as.
pub struct Tiny {
    pub kind: &'static str,
    pub network: TextNetwork,
    pub autoencoder: AutoencoderParts,
    pub texts: Vec<TextEncoder>,
}

fn config_in(folder: &Path, part: &str, config: &Value, stem: &str) -> PathBuf {
    let folder = folder.join(part);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("config.json"), config.to_string()).unwrap();
    let empty = tensor_file::encode(&NamedTensors::new(), &BTreeMap::new(), Storage::F32);
    std::fs::write(folder.join(format!("{stem}.safetensors")), empty).unwrap();
    folder
}

/// A tiny pipeline of `kind`: "1", "2" or "xl"; `channels` of the network's input.
pub fn tiny(kind: &'static str, channels: usize) -> Tiny {
    let root = tempfile::tempdir().unwrap();
    let device = Device::flex();
    let width = if kind == "2" { 128 } else { 64 };
    let (cross, heads, blocks) = match kind {
        "1" => (width, json!(8), json!([32, 64, 64])),
        "2" => (width, json!([1, 1, 2]), json!([64, 64, 128])),
        _ => (192, json!([1, 1, 2]), json!([64, 64, 128])),
    };
    let attends = if kind == "xl" { [false, true, true] } else { [true, true, false] };
    let types =
        |name: &str| attends.map(|attends| format!("{}{name}", if attends { "CrossAttn" } else { "" }));
    let mut up = types("UpBlock2D");
    up.reverse();
    let mut config = json!({
        "in_channels": channels, "block_out_channels": blocks, "layers_per_block": 2, "attention_head_dim": heads,
        "cross_attention_dim": cross, "down_block_types": types("DownBlock2D"), "up_block_types": up,
        "use_linear_projection": kind != "1", "sample_size": 16,
    });
    if kind == "xl" {
        config["transformer_layers_per_block"] = json!([1, 1, 2]);
        config["addition_embed_type"] = json!("text_time");
        config["addition_time_embed_dim"] = json!(8);
        config["projection_class_embeddings_input_dim"] = json!(80 + 6 * 8);
    }
    let folder = config_in(root.path(), "unet", &config, "diffusion_pytorch_model");
    let mut network = read_text_network(&folder).unwrap();
    network.tensors = langevin_nn::export(&network.network.init(1, &device).unwrap());
    let config = json!({
        "block_out_channels": [32, 64], "layers_per_block": 1, "norm_num_groups": 32, "latent_channels": 4,
        "down_block_types": vec!["DownEncoderBlock2D"; 2], "up_block_types": vec!["UpDecoderBlock2D"; 2],
        "scaling_factor": if kind == "xl" { 0.13025 } else { 0.18215 },
    });
    let folder = config_in(root.path(), "vae", &config, "diffusion_pytorch_model");
    let mut autoencoder = read_autoencoder(&folder).unwrap();
    autoencoder.tensors = langevin_nn::export(&autoencoder.network.init(2, &device).unwrap());
    let encoder = |seed: u64, width: usize, open: bool, projection: Option<usize>| {
        let class = if projection.is_some() { "CLIPTextModelWithProjection" } else { "CLIPTextModel" };
        let config = json!({
            "architectures": [class], "vocab_size": 814, "hidden_size": width, "intermediate_size": 2 * width,
            "num_hidden_layers": 3, "num_attention_heads": width / 64, "hidden_act": if open { "gelu" } else { "quick_gelu" },
            "eos_token_id": 2, "projection_dim": projection.unwrap_or(width),
        });
        let folder = config_in(root.path(), &format!("text{seed}"), &config, "model");
        let mut encoder = read_text_encoder(&folder).unwrap();
        encoder.tensors = langevin_nn::export(&encoder.encoder.init(seed, &device).unwrap());
        encoder
    };
    let texts = match kind {
        "xl" => vec![encoder(3, 64, false, None), encoder(4, 128, true, Some(80))],
        kind => vec![encoder(3, width, kind == "2", None)],
    };
    Tiny { kind, network, autoencoder, texts }
}

/// All its tensors under the names of CompVis.
pub fn compvis(tiny: &Tiny) -> NamedTensors {
    let mut all = NamedTensors::new();
    let levels_with_attention: Vec<bool> = (0..3)
        .map(|level| {
            tiny.network.tensors.keys().any(|name| name.starts_with(&format!("up_blocks.{level}.att")))
        })
        .collect();
    for (name, tensor) in &tiny.network.tensors {
        let name = network_name(name, &levels_with_attention);
        all.insert(format!("model.diffusion_model.{name}"), tensor.clone());
    }
    for (name, (shape, values)) in &tiny.autoencoder.tensors {
        let (name, convolution) = autoencoder_name(name, 2);
        let shape = if convolution { [shape.as_slice(), &[1, 1]].concat() } else { shape.clone() };
        all.insert(format!("first_stage_model.{name}"), (shape, values.clone()));
    }
    let clip = |all: &mut NamedTensors, prefix: &str, text: &TextEncoder| {
        all.extend(
            text.tensors
                .iter()
                .map(|(name, tensor)| (format!("{prefix}.transformer.{name}"), tensor.clone())),
        );
    };
    match tiny.kind {
        "1" => clip(&mut all, "cond_stage_model", &tiny.texts[0]),
        "2" => open_clip(&mut all, "cond_stage_model.model", &tiny.texts[0], true),
        _ => {
            clip(&mut all, "conditioner.embedders.0", &tiny.texts[0]);
            open_clip(&mut all, "conditioner.embedders.1.model", &tiny.texts[1], false);
        }
    }
    all.insert("alphas_cumprod".to_owned(), (vec![1000], vec![0.5; 1000].into()));
    all.insert("model_ema.diffusion_modelout2bias".to_owned(), (vec![4], vec![9.0; 4].into()));
    all
}

pub fn network_name(name: &str, attending: &[bool]) -> String {
    for (ours, theirs) in [
        ("conv_in.", "input_blocks.0.0."),
        ("time_embedding.linear_1.", "time_embed.0."),
        ("time_embedding.linear_2.", "time_embed.2."),
        ("add_embedding.linear_1.", "label_emb.0.0."),
        ("add_embedding.linear_2.", "label_emb.0.2."),
        ("conv_norm_out.", "out.0."),
        ("conv_out.", "out.2."),
    ] {
        if let Some(rest) = name.strip_prefix(ours) {
            return format!("{theirs}{rest}");
        }
    }
    let mut name = name.to_owned();
    for (ours, theirs) in [
        ("norm1", "in_layers.0"),
        ("conv1", "in_layers.2"),
        ("time_emb_proj", "emb_layers.1"),
        ("norm2", "out_layers.0"),
        ("conv2", "out_layers.3"),
        ("conv_shortcut", "skip_connection"),
    ] {
        if name.contains(".resnets.") {
            name = name.replace(&format!(".{ours}."), &format!(".{theirs}."));
        }
    }
    let parts: Vec<&str> = name.split('.').collect();
    if parts[0] == "mid_block" {
        let sub = if parts[1] == "attentions" { 1 } else { 2 * parts[2].parse::<usize>().unwrap() };
        return format!("middle_block.{sub}.{}", parts[3..].join("."));
    }
    let (level, index): (usize, usize) = (parts[1].parse().unwrap(), parts[3].parse().unwrap());
    let rest = parts[4..].join(".");
    match (parts[0], parts[2]) {
        ("down_blocks", "resnets") => format!("input_blocks.{}.0.{rest}", 3 * level + index + 1),
        ("down_blocks", "attentions") => format!("input_blocks.{}.1.{rest}", 3 * level + index + 1),
        ("down_blocks", _) => format!("input_blocks.{}.0.op.{}", 3 * level + 3, parts[5]),
        (_, "resnets") => format!("output_blocks.{}.0.{rest}", 3 * level + index),
        (_, "attentions") => format!("output_blocks.{}.1.{rest}", 3 * level + index),
        _ => format!("output_blocks.{}.{}.{rest}", 3 * level + 2, if attending[level] { 2 } else { 1 }),
    }
}

fn autoencoder_name(name: &str, levels: usize) -> (String, bool) {
    let mut new = name.replace("conv_shortcut", "nin_shortcut").replace("conv_norm_out", "norm_out");
    for (ours, theirs) in [
        ("mid_block.resnets.0", "mid.block_1"),
        ("mid_block.resnets.1", "mid.block_2"),
        ("mid_block.attentions.0.group_norm", "mid.attn_1.norm"),
        ("mid_block.attentions.0.to_out.0", "mid.attn_1.proj_out"),
        ("mid_block.attentions.0.to_", "mid.attn_1."),
    ] {
        new = new.replace(ours, theirs);
    }
    for level in 0..levels {
        new = new.replace(&format!("down_blocks.{level}."), &format!("down.{level}."));
        new = new.replace(&format!("up_blocks.{level}."), &format!("up.{}.", levels - 1 - level));
    }
    new = new.replace(".resnets.", ".block.");
    new = new.replace("downsamplers.0", "downsample").replace("upsamplers.0", "upsample");
    let convolution = new.contains("attn_1") && new.ends_with("weight") && !new.contains("norm");
    (new, convolution)
}

fn open_clip(all: &mut NamedTensors, prefix: &str, text: &TextEncoder, one_more: bool) {
    for (name, (shape, values)) in &text.tensors {
        let tensor = (shape.clone(), values.clone());
        if name == "text_projection.weight" {
            let [rows, columns] = shape[..] else { panic!("a matrix") };
            let turned = (0..columns * rows).map(|at| values[at % rows * columns + at / rows]).collect();
            all.insert(format!("{prefix}.text_projection"), (vec![columns, rows], turned));
            continue;
        }
        let mut new = name.strip_prefix("text_model.").unwrap().to_owned();
        for (ours, theirs) in [
            ("embeddings.token_embedding", "token_embedding"),
            ("embeddings.position_embedding.weight", "positional_embedding"),
            ("final_layer_norm", "ln_final"),
            ("encoder.layers", "transformer.resblocks"),
            ("layer_norm", "ln_"),
            ("self_attn.out_proj", "attn.out_proj"),
            ("mlp.fc1", "mlp.c_fc"),
            ("mlp.fc2", "mlp.c_proj"),
        ] {
            new = new.replace(ours, theirs);
        }
        if new.contains("k_proj") || new.contains("v_proj") {
            continue;
        }
        let mut put = |new: String, tensor: (Vec<usize>, Numbers)| {
            if one_more && new.contains("resblocks.0.") {
                // A last block, which is stored and not used.
                all.insert(
                    format!("{prefix}.{}", new.replace("resblocks.0.", "resblocks.3.")),
                    tensor.clone(),
                );
            }
            all.insert(format!("{prefix}.{new}"), tensor);
        };
        if new.contains("self_attn.q_proj.") {
            let of = |role: &str| text.tensors[&name.replace("q_proj", &format!("{role}_proj"))].1.to_vec();
            let joined = [of("q"), of("k"), of("v")].concat();
            let mut shape = shape.clone();
            shape[0] *= 3;
            put(new.replace("self_attn.q_proj.", "attn.in_proj_"), (shape, joined.into()));
        } else {
            put(new, tensor);
        }
    }
    all.insert(format!("{prefix}.logit_scale"), (vec![], vec![4.6].into()));
}

/// Writes the file.
pub fn write(path: &Path, tensors: &NamedTensors, metadata: &[(&str, &str)], storage: Storage) {
    let metadata = metadata.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    std::fs::write(path, tensor_file::encode(tensors, &metadata, storage)).unwrap();
}
