//! Folders: what is written is read again, and what is malformed is refused with the reason.

use std::path::Path;

use burn::tensor::Device;
use langevin_core::process::{Diffusion, DiffusionSpec};
use langevin_core::tensor_file::{self, Storage};
use langevin_hub::{Export, Pipeline, is_folder, read_folder, write_folder};
use langevin_nn::unet::Resample;
use langevin_nn::{NetworkConfig, export};
use serde_json::{Value, json};

use crate::networks::{cases, golden, weights, write_model};

fn spec(parameterisation: &str, schedule: &str) -> DiffusionSpec {
    DiffusionSpec {
        schedule: schedule.into(),
        parameterisation: parameterisation.into(),
        ..DiffusionSpec::default()
    }
}

fn network() -> NetworkConfig {
    NetworkConfig {
        channels: vec![4, 8],
        layers_per_block: 1,
        attention_levels: vec![1],
        attention_head_dim: Some(4),
        norm_groups: 2,
        ..NetworkConfig::default()
    }
}

fn write(
    network: &NetworkConfig,
    spec: &DiffusionSpec,
    out: &Path,
    force: bool,
) -> langevin_core::Result<()> {
    let diffusion = Diffusion::new(spec).unwrap();
    let tensors = export(&network.init(3, &Device::flex()).unwrap());
    let metadata = [("langevin".to_owned(), "{}".to_owned())].into();
    let (size, clip) = ((16, 8), Some(1.0));
    write_folder(
        Export { network, tensors, size, diffusion: &diffusion, clip, pipeline: "ddpm", metadata },
        out,
        force,
    )
}

#[test]
fn what_is_written_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let networks = [
        network(),
        NetworkConfig {
            scale_shift: true,
            resample: Resample::Resnet,
            freq_shift: 1.0,
            flip_sin_to_cos: false,
            ..network()
        },
        NetworkConfig {
            mid_block: false,
            downsample_padding: 0,
            embedding_dim: Some(20),
            classes: 3,
            ..network()
        },
        NetworkConfig {
            channels: vec![8, 16],
            attention_levels: vec![],
            resample: Resample::Skip,
            quarter_groups: true,
            up_attention_levels: Some(vec![]),
            ..network()
        },
        NetworkConfig {
            up_attention_levels: Some(vec![0]),
            attention_head_dim: None,
            mid_attention: false,
            ..network()
        },
    ];
    let specs = [
        spec("epsilon", "linear"),
        spec("v", "cosine"),
        spec("x0", "scaled_linear:steps=500"),
        spec("v", "rescaled"),
        spec("epsilon", "linear:start=0.0002,end=0.03,steps=200"),
    ];
    for (index, (network, spec)) in networks.iter().zip(&specs).enumerate() {
        let out = folder.path().join(index.to_string());
        write(network, spec, &out, false).unwrap();
        let Pipeline { network: read, tensors, size, sampling, class, metadata } = read_folder(&out).unwrap();
        assert_eq!((size, class.as_str()), ((16, 8), "DDPMPipeline"));
        assert_eq!(metadata["langevin"], "{}");
        assert_eq!(sampling.notes, [""; 0], "{index}");
        assert_eq!(tensors, export(&network.init(3, &Device::flex()).unwrap()));
        let same = read.init(3, &Device::flex()).unwrap();
        assert_eq!(export(&same), tensors, "{index}: the network is the same");
        let (ours, theirs) = (Diffusion::new(spec).unwrap(), Diffusion::new(&sampling.diffusion).unwrap());
        assert_eq!(sampling.diffusion.parameterisation, spec.parameterisation);
        for step in 0..=40 {
            let (a, b) = (ours.level(f64::from(step) / 40.0), theirs.level(f64::from(step) / 40.0));
            assert!(
                (a.alpha - b.alpha).abs() < 1e-9 && (a.sigma - b.sigma).abs() < 1e-9,
                "{index}: {a:?} {b:?}"
            );
        }
        // And once more gives the same files.
        let again = folder.path().join(format!("{index}-again"));
        let diffusion = Diffusion::new(&sampling.diffusion).unwrap();
        let clip = sampling.clip;
        let export =
            Export { network: &read, tensors, size, diffusion: &diffusion, clip, pipeline: "ddpm", metadata };
        write_folder(export, &again, false).unwrap();
        for file in ["model_index.json", "unet/config.json", "unet/diffusion_pytorch_model.safetensors"] {
            assert!(
                std::fs::read(out.join(file)).unwrap() == std::fs::read(again.join(file)).unwrap(),
                "{index}: {file}"
            );
        }
    }
}

#[test]
fn what_diffusers_cannot_say_is_refused_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let plain = spec("epsilon", "linear");
    let refused = |network: &NetworkConfig, spec: &DiffusionSpec, part: &str| {
        let error = write(network, spec, &out, false).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains(part), "{error}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    };
    refused(&NetworkConfig { patch: 2, ..network() }, &plain, "folds 2x2 pixels");
    refused(&NetworkConfig { time_scale: 10.0, ..network() }, &plain, "time_scale");
    refused(&NetworkConfig { output_scale_factor: 2.0, ..network() }, &plain, "output_scale_factor");
    let mixed = Some(vec![Resample::Conv, Resample::Resnet]);
    let mixed = NetworkConfig { attention_levels: vec![0, 1], down_resample: mixed, ..network() };
    refused(&mixed, &plain, "several ways");
    let edm = DiffusionSpec {
        schedule: "edm".into(),
        process: "edm".into(),
        parameterisation: "edm".into(),
        time_input: "log_sigma".into(),
        sigma_data: 0.5,
    };
    refused(&network(), &edm, "process is edm");
    refused(&network(), &spec("score", "linear"), "predicts score");
    refused(&network(), &spec("v", "linear:steps=0"), "continuous");
    refused(
        &network(),
        &DiffusionSpec { time_input: "log_snr".into(), ..plain.clone() },
        "conditioned on the log_snr",
    );
}

#[test]
fn a_folder_that_is_there_is_kept_unless_forced() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let plain = spec("epsilon", "linear");
    write(&network(), &plain, &out, false).unwrap();
    assert!(write(&network(), &plain, &out, false).unwrap_err().to_string().contains("is there already"));
    write(&NetworkConfig { mid_block: false, ..network() }, &plain, &out, true).unwrap();
    assert!(!read_folder(&out).unwrap().network.mid_block);
    let photos = folder.path().join("photos");
    std::fs::create_dir(&photos).unwrap();
    std::fs::write(photos.join("a.png"), b"x").unwrap();
    assert!(
        write(&network(), &plain, &photos, true).unwrap_err().to_string().contains("no folder of diffusers")
    );
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    assert!(write(&network(), &plain, &folder.path().join("no/where"), false).is_ok());
}

/// The folder of the case "plain", as a pipeline.
fn pipeline(folder: &Path) {
    let (cases, _) = cases();
    let unet = folder.join("unet");
    std::fs::create_dir_all(folder.join("scheduler")).unwrap();
    std::fs::create_dir_all(&unet).unwrap();
    write_model(&unet, &cases["plain"]);
    let index = json!({
        "_class_name": "DDPMPipeline", "_diffusers_version": "0.42.1",
        "scheduler": ["diffusers", "DDPMScheduler"], "unet": ["diffusers", "UNet2DModel"],
    });
    std::fs::write(folder.join("model_index.json"), index.to_string()).unwrap();
    std::fs::write(folder.join("scheduler/scheduler_config.json"), "{}").unwrap();
}

const WEIGHTS: &str = "unet/diffusion_pytorch_model.safetensors";

#[test]
fn malformed_folders_are_refused_with_the_reason() {
    type Change = fn(&Path);
    fn set(file: &str, path: &Path, change: impl Fn(&mut Value)) {
        let mut json: Value = serde_json::from_slice(&std::fs::read(path.join(file)).unwrap()).unwrap();
        change(&mut json);
        std::fs::write(path.join(file), json.to_string()).unwrap();
    }
    let cases: &[(Change, &[&str])] = &[
        (|p| std::fs::remove_file(p.join("unet/config.json")).unwrap(), &["config.json", "is missing"]),
        (|p| std::fs::remove_file(p.join(WEIGHTS)).unwrap(), &["unet", "no diffusion_pytorch_model"]),
        (|p| std::fs::remove_dir_all(p.join("scheduler")).unwrap(), &["scheduler_config.json is missing"]),
        (
            |p| std::fs::write(p.join("unet/config.json"), "{\"a\":").unwrap(),
            &["unet/config.json", "no JSON"],
        ),
        (
            |p| std::fs::write(p.join("unet/config.json"), "[]").unwrap(),
            &["unet/config.json", "no JSON object"],
        ),
        (
            |p| std::fs::write(p.join("model_index.json"), b"\x80\x02}.").unwrap(),
            &["model_index.json", "pickle"],
        ),
        (
            |p| set("model_index.json", p, |j| j["unet"][1] = "UNet2DConditionModel".into()),
            &["UNet2DConditionModel", "only UNet2DModel"],
        ),
        (|p| set("model_index.json", p, |j| j["unet"][0] = "my_code".into()), &["my_code", "would be run"]),
        (|p| set("model_index.json", p, |j| j["scheduler"][1] = "Nonesuch".into()), &["Nonesuch"]),
        (|p| set("model_index.json", p, |j| j["vae"] = json!(["diffusers", "AutoencoderKL"])), &["\"vae\""]),
        (
            |p| set("model_index.json", p, |j| drop(j.as_object_mut().unwrap().remove("unet"))),
            &["names no unet"],
        ),
        (
            |p| set("unet/config.json", p, |j| j["down_block_types"][0] = "KDownBlock2D".into()),
            &["KDownBlock2D"],
        ),
        (|p| set("unet/config.json", p, |j| j["block_out_channels"] = json!([4])), &["2 down blocks"]),
        (|p| set("unet/config.json", p, |j| j["sample_size"] = json!(null)), &["sample_size"]),
        (|p| set("unet/config.json", p, |j| j["norm_num_groups"] = 3.into()), &["norm_groups"]),
        (|p| set("unet/config.json", p, |j| j["act_fn"] = "tanh".into()), &["act_fn", "tanh"]),
        (
            |p| set("unet/config.json", p, |j| j["class_embed_type"] = "identity".into()),
            &["class_embed_type"],
        ),
        (|p| set("unet/config.json", p, |j| j["layers_per_block"] = json!(-1)), &["layers_per_block"]),
        (|p| set("unet/config.json", p, |j| j["time_embedding_type"] = "fourier".into()), &["fourier"]),
        (
            |p| {
                std::fs::write(p.join("scheduler/scheduler_config.json"), "{\"variance_type\":\"learned\"}")
                    .unwrap()
            },
            &["learned variance", "3"],
        ),
    ];
    for (index, (change, parts)) in cases.iter().enumerate() {
        let folder = tempfile::tempdir().unwrap();
        pipeline(folder.path());
        assert!(read_folder(folder.path()).is_ok());
        change(folder.path());
        assert!(is_folder(folder.path()));
        let error = read_folder(folder.path()).expect_err(&format!("case {index}"));
        assert_eq!(error.exit_code(), 3, "{error}");
        let message = error.to_string();
        assert!(message.starts_with(&folder.path().display().to_string()), "{message}");
        assert!(parts.iter().all(|part| message.contains(part)), "case {index}: {message}");
    }
}

/// Splits the weights into two shards with an index; gives the index.
fn shards(folder: &Path) -> Value {
    let bytes = std::fs::read(folder.join(WEIGHTS)).unwrap();
    let (tensors, _) = tensor_file::decode(&bytes).unwrap();
    std::fs::remove_file(folder.join(WEIGHTS)).unwrap();
    let mut map = serde_json::Map::new();
    let mut parts = [tensors.clone(), tensors.clone()];
    for (index, name) in tensors.keys().enumerate() {
        parts[1 - index % 2].remove(name);
        let file = format!("diffusion_pytorch_model-0000{}-of-00002.safetensors", 1 + index % 2);
        map.insert(name.clone(), file.into());
    }
    for (index, part) in parts.iter().enumerate() {
        let file = format!("unet/diffusion_pytorch_model-0000{}-of-00002.safetensors", index + 1);
        std::fs::write(folder.join(file), tensor_file::encode(part, &Default::default(), Storage::F32))
            .unwrap();
    }
    json!({"metadata": {"total_size": 1}, "weight_map": map})
}

#[test]
fn shards_are_joined_and_an_index_cannot_lead_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("model");
    pipeline(&inner);
    let whole = read_folder(&inner).unwrap().tensors;
    let index = shards(&inner);
    let file = inner.join("unet/diffusion_pytorch_model.safetensors.index.json");
    std::fs::write(&file, index.to_string()).unwrap();
    assert_eq!(read_folder(&inner).unwrap().tensors, whole);

    std::fs::write(
        folder.path().join("secret.safetensors"),
        tensor_file::encode(&whole, &Default::default(), Storage::F32),
    )
    .unwrap();
    let absolute = folder.path().join("secret.safetensors").display().to_string();
    for name in ["../../secret.safetensors", &absolute, "a/b.safetensors", "..", ""] {
        let mut index = index.clone();
        index["weight_map"]["conv_in.weight"] = name.into();
        std::fs::write(&file, index.to_string()).unwrap();
        let error = read_folder(&inner).unwrap_err();
        assert!(error.to_string().contains("not in its folder") && error.exit_code() == 3, "{error}");
    }
    for (change, part) in [
        (json!({"weight_map": {"conv_in.weight": "gone.safetensors"}}), "is missing"),
        (
            json!({"weight_map": {"nonesuch": "diffusion_pytorch_model-00001-of-00002.safetensors"}}),
            "lacks it",
        ),
        (json!({"weight_map": []}), "no weight_map"),
        (json!({"weight_map": {"a": 1}}), "names no file"),
    ] {
        std::fs::write(&file, change.to_string()).unwrap();
        let error = read_folder(&inner).unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
    }
    // A shard that is cut short.
    std::fs::write(&file, index.to_string()).unwrap();
    let shard = inner.join("unet/diffusion_pytorch_model-00002-of-00002.safetensors");
    let bytes = std::fs::read(&shard).unwrap();
    for length in [0, 7, 8, 100, bytes.len() / 2, bytes.len() - 1] {
        std::fs::write(&shard, &bytes[..length]).unwrap();
        let error = read_folder(&inner).unwrap_err();
        assert!(error.exit_code() == 3 && error.to_string().contains("-00002-of-00002"), "{error}");
    }
}

#[test]
fn pickled_weights_are_read_and_old_names_understood() {
    let folder = tempfile::tempdir().unwrap();
    pipeline(folder.path());
    std::fs::remove_file(folder.path().join(WEIGHTS)).unwrap();
    let bin = folder.path().join("unet/diffusion_pytorch_model.bin");
    std::fs::copy(golden("hub/zip.pt"), &bin).unwrap();
    assert!(read_folder(folder.path()).unwrap().tensors.contains_key("plain.weight"));
    // Content decides, not the name.
    let (cases, _) = cases();
    let case = &cases["attention"];
    let old = weights(case).into_iter().map(|(name, tensor)| {
        let mut name = name;
        for (new, old) in
            [("to_q.", "query."), ("to_k.", "key."), ("to_v.", "value."), ("to_out.0.", "proj_attn.")]
        {
            name = name.replace(new, old);
        }
        (name, tensor)
    });
    let bytes = tensor_file::encode(&old.collect(), &Default::default(), Storage::F32);
    std::fs::write(&bin, bytes).unwrap();
    std::fs::write(folder.path().join("unet/config.json"), case["config"].to_string()).unwrap();
    let pipeline = read_folder(folder.path()).unwrap();
    let network = pipeline.network.init(0, &Device::flex()).unwrap();
    assert!(langevin_nn::load(network, &pipeline.tensors).is_ok());
}

#[test]
fn a_learned_variance_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    pipeline(folder.path());
    let file = folder.path().join("unet/config.json");
    let mut config: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    config["in_channels"] = 3.into();
    config["out_channels"] = 6.into();
    std::fs::write(&file, config.to_string()).unwrap();
    let (cases, _) = cases();
    let mut tensors = weights(&cases["plain"]);
    for name in ["conv_out.weight", "conv_out.bias"] {
        let (shape, values) = tensors.get_mut(name).unwrap();
        shape[0] = 6;
        *values = [values.to_vec(), vec![9.0; values.len()]].concat().into();
    }
    std::fs::write(
        folder.path().join(WEIGHTS),
        tensor_file::encode(&tensors, &Default::default(), Storage::F32),
    )
    .unwrap();
    std::fs::write(
        folder.path().join("scheduler/scheduler_config.json"),
        "{\"variance_type\":\"learned_range\"}",
    )
    .unwrap();
    let pipeline = read_folder(folder.path()).unwrap();
    assert_eq!(pipeline.network.out_channels, 3);
    assert_eq!(pipeline.tensors, weights(&cases["plain"]));
    assert!(pipeline.sampling.notes[0].contains("variance"));
}
