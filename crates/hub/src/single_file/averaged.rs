//! The average of a U-Net's weights that some files hold beside them, or in their place: CompVis' trainer stores it under names without
//! dots.

use std::path::Path;

use langevin_core::{NamedTensors, Result};

use super::layout::UNET;
use crate::weights::read_unnamed;

/// What the names of averages begin with.
pub const PREFIX: &str = "model_ema.";
const OURS: &str = "model_ema.diffusion_model";

/// The averages in the file `path` under the names of the weights; none where there are none.
///
/// # Errors
/// As [`crate::read_file`].
pub fn read(path: &Path) -> Result<NamedTensors> {
    let (tensors, _) = read_unnamed(path, |name| name.starts_with(OURS))?;
    Ok(tensors
        .into_iter()
        .map(|(name, tensor)| (format!("{UNET}{}", dotted(&name[OURS.len()..])), tensor))
        .collect())
}

/// The words that names are made of, those that begin another after it, the longer first.
const WORDS: [&str; 30] = [
    "input_blocks",
    "output_blocks",
    "middle_block",
    "time_embed",
    "label_emb",
    "transformer_blocks",
    "in_layers",
    "emb_layers",
    "out_layers",
    "skip_connection",
    "proj_in",
    "proj_out",
    "attn1",
    "attn2",
    "norm1",
    "norm2",
    "norm3",
    "to_out",
    "to_q",
    "to_k",
    "to_v",
    "weight",
    "bias",
    "norm",
    "proj",
    "conv",
    "out",
    "net",
    "ff",
    "op",
];

/// The name with its dots, as far as its words are known: blocks are counted, and a digit after the count is a module of the block.
fn dotted(name: &str) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut rest = name;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        if digits > 0 {
            let (number, after) = rest.split_at(digits);
            let counted = matches!(parts.last().map(String::as_str), Some("input_blocks" | "output_blocks"));
            match parts.last().map(String::as_str) {
                Some("label_emb") => parts.extend(number.chars().map(String::from)),
                _ if counted && digits > 1 => {
                    let (block, module) = number.split_at(digits - 1);
                    parts.extend([block.to_owned(), module.to_owned()]);
                }
                _ => parts.push(number.to_owned()),
            }
            rest = after;
            continue;
        }
        match WORDS.iter().find(|word| rest.starts_with(**word)) {
            Some(word) => {
                parts.push((*word).to_owned());
                rest = &rest[word.len()..];
            }
            None => {
                parts.push(rest.to_owned());
                break;
            }
        }
    }
    parts.join(".")
}

#[cfg(test)]
mod tests {
    use super::dotted;

    #[test]
    fn names_get_their_dots_back() {
        for name in [
            "input_blocks.0.0.weight",
            "input_blocks.10.0.in_layers.2.bias",
            "input_blocks.4.1.transformer_blocks.0.attn1.to_out.0.weight",
            "input_blocks.3.0.op.bias",
            "middle_block.1.transformer_blocks.9.ff.net.0.proj.weight",
            "middle_block.2.out_layers.3.bias",
            "output_blocks.11.1.transformer_blocks.0.attn2.to_q.weight",
            "output_blocks.5.2.conv.weight",
            "output_blocks.5.1.proj_in.weight",
            "output_blocks.9.0.skip_connection.bias",
            "output_blocks.9.0.emb_layers.1.bias",
            "output_blocks.8.1.norm.bias",
            "output_blocks.8.1.transformer_blocks.0.norm3.bias",
            "time_embed.2.weight",
            "label_emb.0.2.weight",
            "out.2.weight",
        ] {
            assert_eq!(dotted(&name.replace('.', "")), name);
        }
    }
}
