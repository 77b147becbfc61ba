//! Folders of Stable Diffusion that are a few kilobytes: the names and shapes of diffusers and transformers, made-up weights.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::inputs::text;

/// The width of everything.
const WIDTH: usize = 8;
/// Entries of the vocabulary of `references/golden/clip_tokenizer`.
const WORDS: usize = 814;

/// Writes the folder `sd`, the folder `sd-hole`, whose network is told of a hole, and a LoRA file.
///
/// # Errors
/// When the tokenizer is not there, or a file cannot be written.
pub fn write(root: &Path, world: &Path) -> Result<(), String> {
    for (name, channels) in [("sd", 4), ("sd-hole", 9)] {
        let folder = world.join(name);
        part(&folder, "unet/diffusion_pytorch_model", &unet(channels), &unet_config(channels))?;
        part(&folder, "vae/diffusion_pytorch_model", &autoencoder(), &autoencoder_config())?;
        part(&folder, "text_encoder/model", &text_encoder(), &text_encoder_config())?;
        let scheduler = json!({"_class_name": "DDIMScheduler", "clip_sample": false});
        text(&folder.join("scheduler/scheduler_config.json"), scheduler.to_string().as_bytes())?;
        let index = json!({
            "_class_name": "StableDiffusionPipeline", "unet": ["diffusers", "x"], "vae": ["diffusers", "x"],
            "text_encoder": ["transformers", "x"], "tokenizer": ["transformers", "x"],
            "scheduler": ["diffusers", "DDIMScheduler"],
        });
        text(&folder.join("model_index.json"), index.to_string().as_bytes())?;
        for file in ["vocab.json", "merges.txt", "tokenizer_config.json"] {
            let from = root.join("references/golden/clip_tokenizer").join(file);
            let bytes = fs::read(&from).map_err(|error| format!("{}: {error}", from.display()))?;
            text(&folder.join("tokenizer").join(file), &bytes)?;
        }
    }
    let key = "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_v";
    let mut lora = Tensors::default();
    lora.add(&format!("{key}.lora_down.weight"), &[1, WIDTH]);
    lora.add(&format!("{key}.lora_up.weight"), &[WIDTH, 1]);
    text(&world.join("ink.safetensors"), &lora.encode())
}

fn part(folder: &Path, stem: &str, tensors: &Tensors, config: &Value) -> Result<(), String> {
    let file = folder.join(format!("{stem}.safetensors"));
    text(&file.with_file_name("config.json"), config.to_string().as_bytes())?;
    text(&file, &tensors.encode())
}

fn unet_config(channels: usize) -> Value {
    json!({
        "in_channels": channels, "sample_size": 8, "block_out_channels": [WIDTH], "layers_per_block": 1, "norm_num_groups": 4,
        "cross_attention_dim": WIDTH, "attention_head_dim": 2, "down_block_types": ["CrossAttnDownBlock2D"],
        "up_block_types": ["CrossAttnUpBlock2D"],
    })
}

fn unet(channels: usize) -> Tensors {
    let mut tensors = Tensors::default();
    tensors.convolution("conv_in", WIDTH, channels, 3);
    tensors.linear("time_embedding.linear_1", 4 * WIDTH, WIDTH);
    tensors.linear("time_embedding.linear_2", 4 * WIDTH, 4 * WIDTH);
    for (block, resnets, attentions, inputs) in
        [("down_blocks.0", 1, 1, WIDTH), ("mid_block", 2, 1, WIDTH), ("up_blocks.0", 2, 2, 2 * WIDTH)]
    {
        for at in 0..resnets {
            tensors.resnet(&format!("{block}.resnets.{at}"), inputs, Some(4 * WIDTH));
        }
        for at in 0..attentions {
            tensors.words(&format!("{block}.attentions.{at}"));
        }
    }
    tensors.norm("conv_norm_out", WIDTH);
    tensors.convolution("conv_out", 4, WIDTH, 3);
    tensors
}

fn autoencoder_config() -> Value {
    json!({
        "block_out_channels": [WIDTH, WIDTH], "norm_num_groups": 4, "latent_channels": 4, "scaling_factor": 0.2,
        "down_block_types": ["DownEncoderBlock2D", "DownEncoderBlock2D"],
        "up_block_types": ["UpDecoderBlock2D", "UpDecoderBlock2D"],
    })
}

fn autoencoder() -> Tensors {
    let mut tensors = Tensors::default();
    for (half, blocks, resnets, inputs, outputs) in
        [("encoder", "down_blocks", 1, 3, 8), ("decoder", "up_blocks", 2, 4, 3)]
    {
        tensors.convolution(&format!("{half}.conv_in"), WIDTH, inputs, 3);
        for block in 0..2 {
            for at in 0..resnets {
                tensors.resnet(&format!("{half}.{blocks}.{block}.resnets.{at}"), WIDTH, None);
            }
        }
        let sampler = if half == "encoder" { "downsamplers" } else { "upsamplers" };
        tensors.convolution(&format!("{half}.{blocks}.0.{sampler}.0.conv"), WIDTH, WIDTH, 3);
        for at in 0..2 {
            tensors.resnet(&format!("{half}.mid_block.resnets.{at}"), WIDTH, None);
        }
        let attention = format!("{half}.mid_block.attentions.0");
        tensors.norm(&format!("{attention}.group_norm"), WIDTH);
        for part in ["to_q", "to_k", "to_v", "to_out.0"] {
            tensors.linear(&format!("{attention}.{part}"), WIDTH, WIDTH);
        }
        tensors.norm(&format!("{half}.conv_norm_out"), WIDTH);
        tensors.convolution(&format!("{half}.conv_out"), outputs, WIDTH, 3);
    }
    tensors.convolution("quant_conv", 8, 8, 1);
    tensors.convolution("post_quant_conv", 4, 4, 1);
    tensors
}

fn text_encoder_config() -> Value {
    json!({
        "architectures": ["CLIPTextModel"], "vocab_size": WORDS, "hidden_size": WIDTH, "intermediate_size": 16,
        "num_hidden_layers": 3, "num_attention_heads": 2, "eos_token_id": 2,
    })
}

fn text_encoder() -> Tensors {
    let mut tensors = Tensors::default();
    tensors.add("text_model.embeddings.token_embedding.weight", &[WORDS, WIDTH]);
    tensors.add("text_model.embeddings.position_embedding.weight", &[77, WIDTH]);
    for layer in 0..3 {
        let layer = format!("text_model.encoder.layers.{layer}");
        for part in ["q_proj", "k_proj", "v_proj", "out_proj"] {
            tensors.linear(&format!("{layer}.self_attn.{part}"), WIDTH, WIDTH);
        }
        tensors.norm(&format!("{layer}.layer_norm1"), WIDTH);
        tensors.norm(&format!("{layer}.layer_norm2"), WIDTH);
        tensors.linear(&format!("{layer}.mlp.fc1"), 16, WIDTH);
        tensors.linear(&format!("{layer}.mlp.fc2"), WIDTH, 16);
    }
    tensors.norm("text_model.final_layer_norm", WIDTH);
    tensors
}

/// Tensors by name, with weights that are a function of names and places.
#[derive(Default)]
struct Tensors(BTreeMap<String, (Vec<usize>, Vec<f32>)>);

impl Tensors {
    fn add(&mut self, name: &str, shape: &[usize]) {
        let start = name.bytes().fold(0.0, |sum, byte| (sum * 1.3 + f64::from(byte)) % 100.0);
        let norm = shape.len() == 1 && name.ends_with(".weight");
        let inputs: usize = shape[1..].iter().product();
        let scale = if shape.len() == 1 { 0.1 } else { 1.2 / (inputs as f64).sqrt() };
        let value = |at: usize| (f64::from(u8::from(norm)) + scale * (start + at as f64 * 1.7).sin()) as f32;
        let count = shape.iter().product();
        self.0.insert(name.to_owned(), (shape.to_vec(), (0..count).map(value).collect()));
    }

    fn linear(&mut self, name: &str, outputs: usize, inputs: usize) {
        self.add(&format!("{name}.weight"), &[outputs, inputs]);
        self.add(&format!("{name}.bias"), &[outputs]);
    }

    fn convolution(&mut self, name: &str, outputs: usize, inputs: usize, side: usize) {
        self.add(&format!("{name}.weight"), &[outputs, inputs, side, side]);
        self.add(&format!("{name}.bias"), &[outputs]);
    }

    fn norm(&mut self, name: &str, width: usize) {
        self.add(&format!("{name}.weight"), &[width]);
        self.add(&format!("{name}.bias"), &[width]);
    }

    fn resnet(&mut self, name: &str, inputs: usize, time: Option<usize>) {
        self.norm(&format!("{name}.norm1"), inputs);
        self.convolution(&format!("{name}.conv1"), WIDTH, inputs, 3);
        if let Some(time) = time {
            self.linear(&format!("{name}.time_emb_proj"), WIDTH, time);
        }
        self.norm(&format!("{name}.norm2"), WIDTH);
        self.convolution(&format!("{name}.conv2"), WIDTH, WIDTH, 3);
        if inputs != WIDTH {
            self.convolution(&format!("{name}.conv_shortcut"), WIDTH, inputs, 1);
        }
    }

    /// Attention to the words of a text.
    fn words(&mut self, name: &str) {
        self.norm(&format!("{name}.norm"), WIDTH);
        self.convolution(&format!("{name}.proj_in"), WIDTH, WIDTH, 1);
        let block = format!("{name}.transformer_blocks.0");
        for norm in ["norm1", "norm2", "norm3"] {
            self.norm(&format!("{block}.{norm}"), WIDTH);
        }
        for attention in ["attn1", "attn2"] {
            for part in ["to_q", "to_k", "to_v"] {
                self.add(&format!("{block}.{attention}.{part}.weight"), &[WIDTH, WIDTH]);
            }
            self.linear(&format!("{block}.{attention}.to_out.0"), WIDTH, WIDTH);
        }
        self.linear(&format!("{block}.ff.net.0.proj"), 8 * WIDTH, WIDTH);
        self.linear(&format!("{block}.ff.net.2"), WIDTH, 4 * WIDTH);
        self.convolution(&format!("{name}.proj_out"), WIDTH, WIDTH, 1);
    }

    /// The bytes of a safetensors file.
    fn encode(&self) -> Vec<u8> {
        let (mut header, mut data) = (serde_json::Map::new(), Vec::new());
        for (name, (shape, values)) in &self.0 {
            let start = data.len();
            data.extend(values.iter().flat_map(|value| value.to_le_bytes()));
            let entry = json!({"dtype": "F32", "shape": shape, "data_offsets": [start, data.len()]});
            header.insert(name.clone(), entry);
        }
        let mut header = Value::Object(header).to_string();
        header.push_str(&" ".repeat(header.len().next_multiple_of(8) - header.len()));
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.into_bytes());
        bytes.extend(data);
        bytes
    }
}
