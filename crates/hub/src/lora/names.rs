//! What the tensors of a LoRA file are called, in each of the ways that are in use.

use langevin_core::{Error, Result};

/// Which network a change is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The network of latents.
    Network,
    /// An encoder of texts, from 0.
    Text(usize),
}

/// What a tensor is of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The matrix that is multiplied first, `[rank, inputs...]`.
    Down,
    /// The other, `[outputs, rank...]`.
    Up,
    /// What the rank divides.
    Alpha,
}

/// A tensor's name, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// Which network.
    pub part: Part,
    /// The module, with `_` between the parts of its path.
    pub module: String,
    /// Which half.
    pub role: Role,
}

const PREFIXES: [(&str, Part); 9] = [
    ("lora_unet_", Part::Network),
    ("lora_te_", Part::Text(0)),
    ("lora_te1_", Part::Text(0)),
    ("lora_te2_", Part::Text(1)),
    ("unet.", Part::Network),
    ("text_encoder.", Part::Text(0)),
    ("text_encoder_2.", Part::Text(1)),
    ("base_model.model.unet.", Part::Network),
    ("base_model.model.text_encoder.", Part::Text(0)),
];
/// Files with changes of the network alone leave its name out.
const BARE: [&str; 3] = ["down_blocks.", "mid_block.", "up_blocks."];

const ROLES: [(&str, Role); 13] = [
    (".lora_down.weight", Role::Down),
    (".lora_up.weight", Role::Up),
    (".lora_A.weight", Role::Down),
    (".lora_B.weight", Role::Up),
    (".lora_A.default.weight", Role::Down),
    (".lora_B.default.weight", Role::Up),
    (".lora_linear_layer.down.weight", Role::Down),
    (".lora_linear_layer.up.weight", Role::Up),
    (".lora.down.weight", Role::Down),
    (".lora.up.weight", Role::Up),
    ("_lora.down.weight", Role::Down),
    ("_lora.up.weight", Role::Up),
    (".alpha", Role::Alpha),
];

/// Changes that are no product of two matrices, by what their names have, and what they are called.
const OTHERS: [(&str, &str); 12] = [
    ("hada_", "a LoHa (products of matrices, number by number)"),
    ("lokr_", "a LoKr (Kronecker products)"),
    ("dora_scale", "a DoRA (magnitudes and directions apart)"),
    ("lora_magnitude_vector", "a DoRA (magnitudes and directions apart)"),
    ("lora_mid", "a LoRA with a third matrix in the middle (Tucker)"),
    ("oft_", "an OFT (rotations)"),
    ("boft_", "a BOFT (rotations)"),
    ("a1.weight", "a GLoRA"),
    ("on_input", "an IA3 (factors)"),
    (".diff", "a difference of whole weights"),
    (".lora_B.bias", "a LoRA with biases"),
    (".reshape_weight", "a LoRA that changes shapes"),
];

/// The name of a tensor; `None` for one that is of no LoRA.
///
/// # Errors
/// Bad input: a change of another sort, by its name.
pub fn read(called: &str) -> Result<Option<Name>> {
    if let Some((mark, what)) = OTHERS.iter().find(|(mark, _)| called.contains(mark)) {
        let shown: String = called.chars().take(120).collect();
        return Err(Error::bad_input(format!("is {what}, which is not read: it has \"{shown}\" ({mark})"))
            .hint("only LoRA proper is read: an up and a down matrix for each weight"));
    }
    let bare = BARE.iter().any(|begin| called.starts_with(begin)).then_some((called, Part::Network));
    let found = PREFIXES.iter().find_map(|(prefix, part)| Some((called.strip_prefix(prefix)?, *part)));
    let Some((rest, part)) = found.or(bare) else { return Ok(None) };
    let found = ROLES.iter().find_map(|(end, role)| Some((rest.strip_suffix(end)?, *role)));
    Ok(found.map(|(module, role)| Name { part, module: plain(module, part), role }))
}

/// The module's path with `_` between its parts, and as it is called today.
fn plain(module: &str, part: Part) -> String {
    // In the first files of diffusers the matrices belong to a processor beside the attention's own.
    let module = module.replace(".processor.", ".").replace('.', "_");
    let module = match module.strip_suffix("_to_out") {
        Some(before) => format!("{before}_to_out_0"),
        None => module,
    };
    if part == Part::Network {
        return module;
    }
    let today =
        [("_to_q", "_q_proj"), ("_to_k", "_k_proj"), ("_to_v", "_v_proj"), ("_to_out_0", "_out_proj")];
    let found = today.iter().find_map(|(old, new)| Some(format!("{}{new}", module.strip_suffix(old)?)));
    found.unwrap_or(module)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_of_naming_is_understood() {
        let to_q = "down_blocks_0_attentions_1_transformer_blocks_0_attn1_to_q";
        let q = "text_model_encoder_layers_3_self_attn_q_proj";
        for (called, part, module, role) in [
            (format!("lora_unet_{to_q}.lora_down.weight"), Part::Network, to_q, Role::Down),
            (format!("lora_unet_{to_q}.alpha"), Part::Network, to_q, Role::Alpha),
            (format!("lora_te_{q}.lora_up.weight"), Part::Text(0), q, Role::Up),
            (format!("lora_te2_{q}.lora_up.weight"), Part::Text(1), q, Role::Up),
            (
                "unet.down_blocks.0.attentions.1.transformer_blocks.0.attn1.to_q.lora_A.weight".to_owned(),
                Part::Network,
                to_q,
                Role::Down,
            ),
            (
                "down_blocks.0.attentions.1.transformer_blocks.0.attn1.processor.to_q_lora.up.weight"
                    .to_owned(),
                Part::Network,
                to_q,
                Role::Up,
            ),
            (
                "unet.mid_block.attentions.0.transformer_blocks.0.attn2.processor.to_out_lora.down.weight"
                    .to_owned(),
                Part::Network,
                "mid_block_attentions_0_transformer_blocks_0_attn2_to_out_0",
                Role::Down,
            ),
            (
                "text_encoder.text_model.encoder.layers.3.self_attn.to_q_lora.down.weight".to_owned(),
                Part::Text(0),
                q,
                Role::Down,
            ),
            (
                "text_encoder_2.text_model.encoder.layers.3.self_attn.q_proj.lora_linear_layer.up.weight"
                    .to_owned(),
                Part::Text(1),
                q,
                Role::Up,
            ),
        ] {
            let expected = Name { part, module: module.to_owned(), role };
            assert_eq!(read(&called).unwrap(), Some(expected), "{called}");
        }
        assert_eq!(read("conv_in.weight").unwrap(), None);
        assert_eq!(read("lora_unet_conv_in.weight").unwrap(), None);
    }

    #[test]
    fn other_changes_are_refused_by_their_name() {
        for (end, what) in [
            ("hada_w1_a", "LoHa"),
            ("lokr_w1", "LoKr"),
            ("dora_scale", "DoRA"),
            ("lora_mid.weight", "Tucker"),
            ("diff", "difference"),
        ] {
            let message = read(&format!("lora_unet_conv_in.{end}")).unwrap_err().to_string();
            assert!(message.contains(what) && message.contains("lora_unet_conv_in"), "{message}");
        }
    }
}
