//! Single files of Stable Diffusion: read as the pipelines they were made of, and what is none refused.

use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use langevin_core::NamedTensors;
use langevin_core::tensor_file::Storage;
use langevin_hub::{
    LatentPipeline, TOKENIZER_VARIABLE, is_single_file, read_single_file_with, read_tokenizer,
};

use crate::checkpoints::{Tiny, compvis, tiny, write};
use crate::networks::golden;

const SIZE: (&str, &str) = ("modelspec.resolution", "32x32");

fn read(path: &Path) -> langevin_core::Result<LatentPipeline> {
    read_single_file_with(path, &golden("clip_tokenizer"))
}

fn check(found: &LatentPipeline, expected: &Tiny) {
    assert_eq!(found.network.network, expected.network.network);
    assert_eq!(found.network.size, (16, 16));
    assert!(found.network.tensors == expected.network.tensors, "the network's tensors");
    assert_eq!(found.autoencoder.network, expected.autoencoder.network);
    assert_eq!(
        (&found.autoencoder.scale, &found.autoencoder.shift),
        (&expected.autoencoder.scale, &expected.autoencoder.shift)
    );
    assert!(found.autoencoder.tensors == expected.autoencoder.tensors, "the autoencoder's tensors");
    assert_eq!(found.texts.len(), expected.texts.len());
    for (found, expected) in found.texts.iter().zip(&expected.texts) {
        assert_eq!(found.encoder.encoder, expected.encoder);
        assert!(found.encoder.tensors == expected.tensors, "the encoder's tensors");
    }
    assert_eq!(found.zeros_for_empty, expected.kind == "xl");
}

#[test]
fn every_tensor_of_each_kind_finds_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    for kind in ["1", "2", "xl"] {
        let expected = tiny(kind, 4);
        let tensors = compvis(&expected);
        write(&path, &tensors, &[SIZE, ("modelspec.prediction_type", "epsilon")], Storage::F32);
        assert!(is_single_file(&path));
        let found = read(&path).unwrap();
        check(&found, &expected);
        assert_eq!(found.sampling.notes, [""; 0]);
        let schedule = &found.sampling.diffusion.schedule;
        assert!(schedule.contains("scaled_linear") && schedule.contains("0.00085"), "{schedule}");
        // The second tokenizer and that of Stable Diffusion 2 fill up with the first of all tokens.
        let pads: Vec<u32> =
            found.texts.iter().map(|text| *text.tokenizer.encode("a cat").ids.last().unwrap()).collect();
        assert_eq!(
            pads,
            match kind {
                "1" => vec![813],
                "2" => vec![0],
                _ => vec![813, 0],
            }
        );
        // Sixteen bits.
        write(&path, &tensors, &[SIZE, ("modelspec.prediction_type", "epsilon")], Storage::F16);
        let half = read(&path).unwrap();
        let (name, (_, values)) = expected.network.tensors.iter().next().unwrap();
        let off = half.network.tensors[name]
            .1
            .iter()
            .zip(values)
            .fold(0.0_f32, |worst, (a, b)| worst.max((a - b).abs()));
        assert!(off > 0.0 && off < 1e-3, "{off}");
    }
}

#[test]
fn inpainting_networks_have_nine_channels_and_averages_stand_in_for_weights() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let expected = tiny("1", 9);
    let tensors = compvis(&expected);
    write(&path, &tensors, &[SIZE], Storage::F32);
    check(&read(&path).unwrap(), &expected);
    let averaged: NamedTensors = tensors
        .into_iter()
        .filter(|(name, _)| !name.starts_with("model_ema."))
        .map(|(name, tensor)| match name.strip_prefix("model.") {
            Some(rest) => (format!("model_ema.{}", rest.replace('.', "")), tensor),
            None => (name, tensor),
        })
        .collect();
    write(&path, &averaged, &[SIZE], Storage::F32);
    assert!(is_single_file(&path));
    let found = read(&path).unwrap();
    check(&found, &expected);
    assert!(found.sampling.notes[0].contains("model_ema"), "{:?}", found.sampling.notes);
}

#[test]
fn what_no_tensor_says_is_said_beside_the_file_or_assumed_aloud() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let tensors = compvis(&tiny("2", 4));
    let predicts = |metadata: &[(&str, &str)]| {
        write(&path, &tensors, metadata, Storage::F16);
        let found = read(&path).unwrap();
        (found.sampling.diffusion.parameterisation.clone(), found.network.size, found.sampling.notes)
    };
    let (v, size, notes) = predicts(&[]);
    assert!(v.starts_with('v') && size == (384, 384), "{v} {size:?}");
    assert!(
        notes.len() == 1 && notes[0].contains("parameterization: eps") && notes[0].contains("model.yaml"),
        "{notes:?}"
    );
    let (noise, size, notes) = predicts(&[("modelspec.prediction_type", "epsilon")]);
    assert!(noise.starts_with("eps") && size == (256, 256) && notes.is_empty(), "{noise} {size:?} {notes:?}");
    assert_eq!(predicts(&[("modelspec.architecture", "stable-diffusion-v2-768-v")]).2, [""; 0]);
    std::fs::write(folder.path().join("model.yaml"), "model:\n  params:\n    parameterization: \"eps\"\n")
        .unwrap();
    let (noise, _, notes) = predicts(&[]);
    assert!(noise.starts_with("eps") && notes.is_empty());
    for (metadata, said) in
        [(("modelspec.resolution", "large"), "large"), (("modelspec.resolution", "0x0"), "0x0")]
    {
        write(&path, &tensors, &[metadata], Storage::F16);
        let message = read(&path).unwrap_err().to_string();
        assert!(message.contains("model.safetensors") && message.contains(said), "{message}");
    }
    std::fs::write(folder.path().join("model.yaml"), "parameterization: x0\n").unwrap();
    assert!(read(&path).unwrap_err().to_string().contains("\"x0\""));
    // Later checkpoints of SDXL say it by tensors.
    let path = folder.path().join("xl.safetensors");
    let mut tensors = compvis(&tiny("xl", 4));
    for mark in ["v_pred", "ztsnr"] {
        tensors.insert(mark.to_owned(), (vec![0], vec![].into()));
    }
    write(&path, &tensors, &[SIZE], Storage::F16);
    let found = read(&path).unwrap();
    assert!(found.sampling.diffusion.parameterisation.starts_with('v'));
    assert!(found.sampling.spacing.starts_with("trailing"), "{}", found.sampling.spacing);
}

#[test]
fn tokenizers_are_found_beside_the_file_and_made_of_openais_list() {
    let tensors = compvis(&tiny("1", 4));
    let from = golden("clip_tokenizer");
    let expected = read_tokenizer(&from).unwrap();
    let merges = std::fs::read_to_string(from.join("merges.txt")).unwrap();
    let list = format!("{merges}z z\nzz z\n");
    let mut gz = GzEncoder::new(Vec::new(), Compression::default());
    gz.write_all(list.as_bytes()).unwrap();
    let gz = gz.finish().unwrap();
    let copied = |name: &str| std::fs::read(from.join(name)).unwrap();
    for files in [
        vec![("vocab.json", copied("vocab.json")), ("merges.txt", copied("merges.txt"))],
        vec![("tokenizer/vocab.json", copied("vocab.json")), ("tokenizer/merges.txt", copied("merges.txt"))],
        vec![("bpe_simple_vocab_16e6.txt", list.clone().into_bytes())],
        vec![("bpe_simple_vocab_16e6.txt.gz", gz.clone())],
        vec![("elsewhere/bpe_simple_vocab_16e6.txt.gz", gz.clone())],
        vec![("elsewhere", gz)],
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors");
        write(&path, &tensors, &[SIZE], Storage::F16);
        let elsewhere = folder.path().join("elsewhere");
        let error = read_single_file_with(&path, &elsewhere).unwrap_err();
        let message = error.to_string();
        for said in ["holds no tokenizer", "next to it", "tokenizer/", TOKENIZER_VARIABLE, "elsewhere"] {
            assert!(message.contains(said) && error.exit_code() == 3, "{message}");
        }
        for (name, bytes) in &files {
            let file = folder.path().join(name);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, bytes).unwrap();
        }
        let found = read_single_file_with(&path, &elsewhere).unwrap();
        for text in ["a photo of a cat", "The QUICK brown fox, 42 times!!", "naïve café 日本", ""] {
            assert_eq!(
                found.texts[0].tokenizer.encode(text).ids,
                expected.encode(text).ids,
                "{}: {text}",
                files[0].0
            );
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    write(&path, &tensors, &[SIZE], Storage::F16);
    std::fs::write(folder.path().join("bpe_simple_vocab_16e6.txt"), "heading\na b\n").unwrap();
    let message = read(&path).unwrap_err().to_string();
    assert!(message.contains("has 1 pairs") && message.contains("300"), "{message}");
}

#[test]
fn what_is_no_whole_checkpoint_is_refused_with_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let whole = compvis(&tiny("1", 4));
    let xl = compvis(&tiny("xl", 4));
    let without = |tensors: &NamedTensors, prefixes: &[&str]| -> NamedTensors {
        let kept = tensors.iter().filter(|(name, _)| !prefixes.iter().any(|prefix| name.starts_with(prefix)));
        kept.map(|(name, tensor)| (name.clone(), tensor.clone())).collect()
    };
    let with = |tensors: &NamedTensors, name: &str, shape: &[usize]| {
        let mut tensors = tensors.clone();
        tensors.insert(name.to_owned(), (shape.to_vec(), vec![0.0; shape.iter().product()].into()));
        tensors
    };
    let renamed = |from: &str, to: &str| -> NamedTensors {
        xl.iter().map(|(name, tensor)| (name.replace(from, to), tensor.clone())).collect()
    };
    let bare: NamedTensors = whole
        .iter()
        .filter_map(|(name, tensor)| {
            Some((name.strip_prefix("model.diffusion_model.")?.to_owned(), tensor.clone()))
        })
        .collect();
    for (tensors, said) in [
        (without(&whole, &["cond_stage_model"]), "no encoder of texts"),
        (without(&xl, &["conditioner.embedders.1"]), "no encoder of texts"),
        (without(&whole, &["first_stage_model"]), "no autoencoder"),
        (without(&whole, &["model.", "model_ema."]), "no U-Net"),
        (bare, "no U-Net"),
        (NamedTensors::new(), "no U-Net"),
        (renamed("conditioner.embedders.1.", "conditioner.embedders.0."), "refiner"),
        (with(&xl, "edm_mean", &[4]), "means of their own"),
        (with(&whole, "model.diffusion_model.joint_blocks.0.x", &[1]), "Stable Diffusion 3"),
        (with(&whole, "model.diffusion_model.input_hint_block.0.weight", &[1]), "input_hint_block"),
        (with(&whole, "first_stage_model.encoder.down.0.attn.0.q.weight", &[1]), "down.0.attn.0"),
        (with(&xl, "conditioner.embedders.1.model.visual.proj", &[1]), "visual.proj"),
        (without(&whole, &["model.diffusion_model.input_blocks.2."]), "lacks all of \"input_blocks.2.\""),
        (without(&whole, &["model.diffusion_model.input_blocks.8."]), "not the same number of blocks"),
        (without(&whole, &["model.diffusion_model.middle_block.1."]), "middle"),
        (without(&whole, &["model.diffusion_model.out.2."]), "out.2.weight"),
    ] {
        write(&path, &tensors, &[SIZE], Storage::F16);
        let error = read(&path).unwrap_err();
        let message = error.to_string();
        assert!(
            error.exit_code() == 3 && message.contains("model.safetensors: ") && message.contains(said),
            "{said}: {message}"
        );
    }
    // A damaged file, at places all over it.
    write(&path, &whole, &[SIZE], Storage::F16);
    let bytes = std::fs::read(&path).unwrap();
    for part in 0..10 {
        std::fs::write(&path, &bytes[..bytes.len() * part / 10]).unwrap();
        let error = read(&path).unwrap_err();
        assert!(
            error.exit_code() == 3 && error.to_string().contains("model.safetensors: not a whole"),
            "{error}"
        );
    }
    // Pickles say that they are, and are not run.
    let path = folder.path().join("model.ckpt");
    std::fs::write(&path, b"\x80\x02cposix\nsystem\nX\x04\x00\x00\x00trueq\x00\x85R.").unwrap();
    assert!(is_single_file(&path));
    let message = read(&path).unwrap_err().to_string();
    assert!(
        message.contains("model.ckpt: a pickle checkpoint") && message.contains("posix.system"),
        "{message}"
    );
    std::fs::copy(golden("hub/wrapped.ckpt"), &path).unwrap();
    let message = read(&path).unwrap_err().to_string();
    assert!(message.contains("no U-Net"), "{message}");
    assert!(!is_single_file(&folder.path().join("nowhere.safetensors")));
}
