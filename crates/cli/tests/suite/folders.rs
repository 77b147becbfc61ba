//! Folders of diffusers on the command line: a model goes out and comes back, draws the same images, and malformed
//! folders are refused.

use serde_json::Value;

use crate::world::World;

/// A run whose model diffusers can express.
fn trained(world: &World) {
    world
        .run(
            "train builtin:shapes --preset tiny --size 16 --images 32 --out run --seed 1 -q \
             --set network.patch=1 --set train.checkpoint_every=32 --set train.sample_every=1024",
        )
        .ok();
}

#[test]
fn a_model_goes_out_as_a_folder_and_comes_back() {
    let world = World::new();
    trained(&world);
    world.run("convert run folder").ok();
    for file in ["model_index.json", "unet/config.json", "scheduler/scheduler_config.json"] {
        let json: Value =
            serde_json::from_slice(&std::fs::read(world.path("folder").join(file)).unwrap()).unwrap();
        assert!(json["_class_name"].is_string(), "{file}");
    }
    let flags = "-n 2 --seed 3 --steps 4 --sampler ddim --spacing trailing --no-clip --no-metadata";
    world.run(&format!("sample run {flags} -o a/")).ok();
    world.run("convert folder back.safetensors").ok();
    world.run(&format!("sample folder {flags} -o b/")).ok();
    world.run(&format!("sample back.safetensors {flags} -o c/")).ok();
    let read = |file: &str| std::fs::read(world.path(file)).unwrap();
    assert!(read("b/0001.png") == read("c/0001.png"));
    let inspected = world.run("inspect folder --json").ok();
    let report: Value = serde_json::from_str(&inspected.out).unwrap();
    assert_eq!((report["kind"].as_str(), report["size"][0].as_u64()), (Some("model"), Some(16)));
    let single: Value = serde_json::from_str(&world.run("inspect back.safetensors --json").ok().out).unwrap();
    assert_eq!(report["hash"], single["hash"]);

    world.run("convert run folder").refused(1, &["folder", "is there already"]);
    world.run("convert run folder --force --pipeline ddim").ok();
    world.run("convert run back.safetensors").refused(1, &["exists already"]);
    world.run("bench folder --runs 1 --batch-size 1 --json").ok();
}

#[test]
fn what_cannot_be_converted_is_said() {
    let world = World::new();
    world.run("convert builtin:shapes folder").refused(2, &["builtin:shapes", "folds 2x2 pixels"]);
    assert!(!world.path("folder").exists());
    world.write("a.ckpt", b"\x80\x02cposix\nsystem\nX\x04\x00\x00\x00trueq\x00\x85R.");
    world
        .run("convert a.ckpt out.safetensors")
        .refused(3, &["a.ckpt", "posix.system", "nothing of it was run"]);
    world.run("convert a.ckpt folder").refused(3, &["a.ckpt", "posix.system", "nothing of it was run"]);
    assert!(!world.path("out.safetensors").exists());
    let whole = format!("{}/../../references/golden/hub/zip.pt", env!("CARGO_MANIFEST_DIR"));
    world.run(&format!("convert {whole} out.safetensors")).ok();
    world
        .run("sample out.safetensors -n 1 -o x/")
        .refused(3, &["no model of this program", "not a model"][1..]);
}

#[test]
fn malformed_folders_are_refused_and_nothing_is_written() {
    let world = World::new();
    trained(&world);
    world.run("convert run folder").ok();
    let weights = world.path("folder/unet/diffusion_pytorch_model.safetensors");
    let whole = std::fs::read(&weights).unwrap();
    let refused = |parts: &[&str]| {
        let parts = [&["folder"], parts].concat();
        world.run("inspect folder").refused(3, &parts);
        world.run("sample folder -n 1 -o out/").refused(3, &parts);
        world.run("convert folder out.safetensors").refused(3, &parts);
        assert!(!world.path("out").exists() && !world.path("out.safetensors").exists());
    };
    std::fs::write(&weights, &whole[..whole.len() / 2]).unwrap();
    refused(&["diffusion_pytorch_model.safetensors"]);
    std::fs::write(&weights, b"\x80\x02cposix\nsystem\nX\x04\x00\x00\x00trueq\x00\x85R.").unwrap();
    refused(&["pickle"]);
    std::fs::write(&weights, &whole).unwrap();
    let config = world.path("folder/unet/config.json");
    let text = std::fs::read_to_string(&config).unwrap();
    for (from, to, part) in [
        ("\"layers_per_block\": 1", "\"layers_per_block\": 2", "the network"),
        ("\"DownBlock2D\"", "\"CrossAttnDownBlock2D\"", "CrossAttnDownBlock2D"),
        ("\"sample_size\": 16", "\"sample_size\": 17", "multiples of 2"),
        ("\"sample_size\": 16", "\"sample_size\": 100000", "100000"),
        ("\"out_channels\": 3", "\"out_channels\": 5", "channels"),
    ] {
        assert!(text.contains(from), "{text}");
        std::fs::write(&config, text.replace(from, to)).unwrap();
        refused(&[part]);
    }
}
