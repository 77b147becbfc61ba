//! Names that tensors of a `UNet2DModel` had in older files.

use langevin_core::NamedTensors;

/// Attention layers before diffusers 0.15, and what they are called now.
const ATTENTION: [(&str, &str); 4] =
    [(".query.", ".to_q."), (".key.", ".to_k."), (".value.", ".to_v."), (".proj_attn.", ".to_out.0.")];

/// The tensors under the names that our network gives them.
///
/// Old attention names become the new ones, and their matrices lose the two sides of a 1 x 1 convolution, but not those around
/// transformers, which are convolutions; the frequencies
/// of a Fourier projection are kept once; the table of learned time features has a module of its own here.
pub fn to_ours(tensors: NamedTensors) -> NamedTensors {
    let mut ours = NamedTensors::new();
    for (name, (mut shape, values)) in tensors {
        let mut new = name.clone();
        if new.contains("attentions.") {
            for (old, now) in ATTENTION {
                new = new.replace(old, now);
            }
            let projection = new.contains(".proj_in.") || new.contains(".proj_out.");
            if new.ends_with(".weight") && !projection && shape.len() == 4 && shape[2..] == [1, 1] {
                shape.truncate(2);
            }
        }
        if new == "time_proj.weight" && shape.len() == 2 {
            "time_table.weight".clone_into(&mut new);
        }
        if new == "time_proj.W" {
            "time_proj.weight".clone_into(&mut new);
        }
        // A convolution of old resamplers, stored beside the same one under its new name.
        new = new.replace(".Conv2d_0.", ".conv.");
        ours.insert(new, (shape, values));
    }
    ours
}

/// The names that diffusers gives our tensors.
pub fn to_theirs(tensors: NamedTensors) -> NamedTensors {
    let rename =
        |name: String| if name == "time_table.weight" { "time_proj.weight".to_owned() } else { name };
    tensors.into_iter().map(|(name, tensor)| (rename(name), tensor)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_names_become_new_ones() {
        let tensor = |shape: &[usize]| (shape.to_vec(), vec![0.0; shape.iter().product()].into());
        let old = NamedTensors::from([
            ("mid_block.attentions.0.query.weight".to_owned(), tensor(&[2, 2, 1, 1])),
            ("mid_block.attentions.0.proj_attn.bias".to_owned(), tensor(&[2])),
            ("time_proj.W".to_owned(), tensor(&[4])),
            ("down_blocks.0.resnets.0.conv_shortcut.weight".to_owned(), tensor(&[2, 2, 1, 1])),
            ("down_blocks.0.downsamplers.0.Conv2d_0.bias".to_owned(), tensor(&[2])),
        ]);
        let new = to_ours(old);
        let shapes: Vec<(&str, &[usize])> =
            new.iter().map(|(name, (shape, _))| (name.as_str(), shape.as_slice())).collect();
        assert_eq!(
            shapes,
            [
                ("down_blocks.0.downsamplers.0.conv.bias", &[2][..]),
                ("down_blocks.0.resnets.0.conv_shortcut.weight", &[2, 2, 1, 1]),
                ("mid_block.attentions.0.to_out.0.bias", &[2]),
                ("mid_block.attentions.0.to_q.weight", &[2, 2]),
                ("time_proj.weight", &[4]),
            ]
        );
    }
}
