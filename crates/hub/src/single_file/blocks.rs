//! Where the modules of CompVis' U-Net are in that of diffusers.

/// The path in diffusers' network of the module or tensor that CompVis' calls `path`, both with `separator` between their parts
/// (`_` in the names of LoRA files); `None` where it has none. `layers` is how many residual blocks a level has on the way down.
///
/// CompVis counts all blocks of the way down and of the way up, each with a list of modules: a residual block, what attends, what
/// resamples.
pub fn place(path: &str, separator: char, layers: usize) -> Option<String> {
    let found = inner(path, separator, layers)?;
    Some(found.replace('.', &separator.to_string()))
}

fn inner(path: &str, separator: char, layers: usize) -> Option<String> {
    let within = |name: &str| path.strip_prefix(name).and_then(|rest| rest.strip_prefix(separator));
    for (theirs, ours) in [
        ("time_embed.0", "time_embedding.linear_1"),
        ("time_embed.2", "time_embedding.linear_2"),
        ("label_emb.0.0", "add_embedding.linear_1"),
        ("label_emb.0.2", "add_embedding.linear_2"),
        ("input_blocks.0.0", "conv_in"),
        ("out.0", "conv_norm_out"),
        ("out.2", "conv_out"),
    ] {
        let theirs = theirs.replace('.', &separator.to_string());
        if path == theirs {
            return Some(ours.to_owned());
        }
        if let Some(rest) = within(&theirs) {
            return Some(format!("{ours}.{rest}"));
        }
    }
    if let Some(rest) = within("middle_block") {
        let (sub, rest) = number(rest, separator)?;
        return match sub {
            0 | 2 => residual(rest, separator).map(|rest| format!("mid_block.resnets.{}.{rest}", sub / 2)),
            1 => Some(format!("mid_block.attentions.0.{rest}")),
            _ => None,
        };
    }
    if let Some(rest) = within("input_blocks") {
        let (block, rest) = number(rest, separator)?;
        let (sub, rest) = number(rest, separator)?;
        let (level, layer) = (block.checked_sub(1)? / (layers + 1), (block - 1) % (layers + 1));
        return match sub {
            0 if layer == layers => tail(rest, "op", separator)
                .map(|rest| format!("down_blocks.{level}.downsamplers.0.conv{rest}")),
            0 => residual(rest, separator).map(|rest| format!("down_blocks.{level}.resnets.{layer}.{rest}")),
            1 => Some(format!("down_blocks.{level}.attentions.{layer}.{rest}")),
            _ => None,
        };
    }
    let (block, rest) = number(within("output_blocks")?, separator)?;
    let (sub, rest) = number(rest, separator)?;
    let (level, layer) = (block / (layers + 1), block % (layers + 1));
    if sub == 0 {
        return residual(rest, separator).map(|rest| format!("up_blocks.{level}.resnets.{layer}.{rest}"));
    }
    // What resamples comes last, behind what attends where something does.
    if let Some(rest) = tail(rest, "conv", separator) {
        return (layer == layers && sub <= 2).then(|| format!("up_blocks.{level}.upsamplers.0.conv{rest}"));
    }
    (sub == 1).then(|| format!("up_blocks.{level}.attentions.{layer}.{rest}"))
}

/// The number that `path` begins with, and what follows it.
fn number(path: &str, separator: char) -> Option<(usize, &str)> {
    let (number, rest) = path.split_once(separator)?;
    Some((number.parse().ok().filter(|number| *number < 1 << 16)?, rest))
}

/// What follows `name` in `path`: nothing, or the rest with a dot before it.
fn tail(path: &str, name: &str, separator: char) -> Option<String> {
    match path.strip_prefix(name)? {
        "" => Some(String::new()),
        rest => rest.strip_prefix(separator).map(|rest| format!(".{rest}")),
    }
}

/// A part of a residual block.
fn residual(path: &str, separator: char) -> Option<String> {
    let parts = [
        ("in_layers.0", "norm1"),
        ("in_layers.2", "conv1"),
        ("emb_layers.1", "time_emb_proj"),
        ("out_layers.0", "norm2"),
        ("out_layers.3", "conv2"),
        ("skip_connection", "conv_shortcut"),
    ];
    parts.iter().find_map(|(theirs, ours)| {
        let theirs = theirs.replace('.', &separator.to_string());
        tail(path, &theirs, separator).map(|rest| format!("{ours}{rest}"))
    })
}

#[cfg(test)]
mod tests {
    use super::place;

    #[test]
    fn modules_of_stable_diffusion_are_where_diffusers_has_them() {
        for (theirs, ours) in [
            ("input_blocks.0.0.weight", "conv_in.weight"),
            ("input_blocks.1.1.proj_in.bias", "down_blocks.0.attentions.0.proj_in.bias"),
            ("input_blocks.3.0.op.weight", "down_blocks.0.downsamplers.0.conv.weight"),
            ("input_blocks.11.0.emb_layers.1.bias", "down_blocks.3.resnets.1.time_emb_proj.bias"),
            (
                "middle_block.1.transformer_blocks.0.norm1.bias",
                "mid_block.attentions.0.transformer_blocks.0.norm1.bias",
            ),
            ("middle_block.2.out_layers.3.weight", "mid_block.resnets.1.conv2.weight"),
            ("output_blocks.2.1.conv.weight", "up_blocks.0.upsamplers.0.conv.weight"),
            ("output_blocks.5.2.conv.bias", "up_blocks.1.upsamplers.0.conv.bias"),
            ("output_blocks.11.1.norm.weight", "up_blocks.3.attentions.2.norm.weight"),
            ("output_blocks.11.0.skip_connection.weight", "up_blocks.3.resnets.2.conv_shortcut.weight"),
            ("label_emb.0.2.weight", "add_embedding.linear_2.weight"),
            ("out.2.weight", "conv_out.weight"),
        ] {
            assert_eq!(place(theirs, '.', 2).as_deref(), Some(ours));
            // As the names of LoRA files write modules.
            let flat = |path: &str| path.rsplit_once('.').unwrap().0.replace('.', "_");
            assert_eq!(place(&flat(theirs), '_', 2), Some(flat(ours)));
        }
        for strange in [
            "input_hint_block.0.weight",
            "input_blocks.3.0.in_layers.9.weight",
            "output_blocks.1.1.conv.weight",
            "out",
        ] {
            assert_eq!(place(strange, '.', 2), None, "{strange}");
        }
    }
}
