//! Model files that are cut short, lie, or are something else: exit code 3 with name and reason, never a panic.

use serde_json::{Value, json};

use crate::world::{World, image, plain_run};

fn model() -> Vec<u8> {
    std::fs::read(format!("{}/model.safetensors", plain_run())).unwrap()
}

/// The header of a safetensors file and its data.
fn split(bytes: &[u8]) -> (Value, &[u8]) {
    let length = u64::from_le_bytes(*bytes.first_chunk().unwrap()) as usize;
    (serde_json::from_slice(&bytes[8..8 + length]).unwrap(), &bytes[8 + length..])
}

fn join(header: &str, data: &[u8]) -> Vec<u8> {
    [(header.len() as u64).to_le_bytes().as_slice(), header.as_bytes(), data].concat()
}

/// The model with its own description changed.
fn described(change: impl Fn(&mut Value)) -> Vec<u8> {
    let bytes = model();
    let (mut header, data) = split(&bytes);
    let mut description: Value =
        serde_json::from_str(header["__metadata__"]["langevin"].as_str().unwrap()).unwrap();
    change(&mut description);
    header["__metadata__"]["langevin"] = description.to_string().into();
    join(&header.to_string(), data)
}

/// Checks that both commands that read models refuse `name`, leaving nothing.
fn refused(world: &World, name: &str, parts: &[&str]) {
    let before = world.contents();
    let parts = [&[name], parts].concat();
    world.run(&format!("inspect {name}")).refused(3, &parts);
    world.run(&format!("sample {name} -n 1 -o out/")).refused(3, &parts);
    assert_eq!(world.contents(), before, "{name}");
}

#[test]
fn a_model_cut_anywhere_is_refused() {
    let world = World::new();
    let whole = model();
    let header = 8 + u64::from_le_bytes(*whole.first_chunk().unwrap()) as usize;
    let mut lengths =
        vec![0, 1, 2, 7, 8, 9, 10, 16, header - 1, header, header + 1, header + 4, whole.len() - 1];
    lengths.extend((1..24).map(|part| header * part / 24));
    lengths.extend((1..24).map(|part| header + (whole.len() - header) * part / 24));
    for (index, length) in lengths.into_iter().enumerate() {
        world.write("cut.safetensors", &whole[..length]);
        let words = ["inspect cut.safetensors", "sample cut.safetensors -n 1 -o out/"][index % 2];
        world.run(words).refused(3, &["cut.safetensors"]);
        assert!(!world.path("out").exists(), "cut at {length}");
    }
    let longer = [whole.as_slice(), b"more"].concat();
    world.write("long.safetensors", &longer);
    refused(&world, "long.safetensors", &[]);
}

#[test]
fn a_model_with_changed_bytes_is_refused_or_harmless() {
    let world = World::new();
    let whole = model();
    for at in (0..40).map(|index| index * index * 3) {
        let mut changed = whole.clone();
        changed[at] ^= 0x15;
        world.write("changed.safetensors", &changed);
        let ran = world.run("inspect changed.safetensors");
        assert!([Some(0), Some(3)].contains(&ran.code), "byte {at}: {ran:?}");
    }
}

#[test]
fn headers_that_lie_are_refused() {
    let world = World::new();
    let whole = model();
    let (header, data) = split(&whole);
    let with = |change: &dyn Fn(&mut Value)| {
        let mut header = header.clone();
        change(&mut header);
        join(&header.to_string(), data)
    };
    let name = "conv_in.weight";
    assert!(header[name].is_object(), "{header}");
    for (index, bytes) in [
        with(&|header| header[name]["shape"] = json!([1_u64 << 40, 1_u64 << 40])),
        with(&|header| header[name]["data_offsets"] = json!([0, 4])),
        with(&|header| header[name]["data_offsets"] = json!([u64::MAX - 1, u64::MAX])),
        with(&|header| header[name]["dtype"] = "I64".into()),
        with(&|header| drop(header.as_object_mut().unwrap().remove(name))),
        [u64::MAX.to_le_bytes().as_slice(), &whole[8..]].concat(),
        [(1_u64 << 40).to_le_bytes().as_slice(), &whole[8..]].concat(),
        join("{}", b""),
        join("{\"a\":", b""),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("lie-{index}.safetensors");
        world.write(&name, &bytes);
        refused(&world, &name, &[]);
    }
    // Tensors that nobody describes are no lie, and no model.
    world.write("bare.safetensors", &with(&|header| header["__metadata__"] = json!({"format": "pt"})));
    world.run("sample bare.safetensors -n 1 -o out/").refused(3, &["bare.safetensors"]);
    let bare = world.run("inspect bare.safetensors --json").ok().json();
    assert_eq!((bare["kind"].as_str(), bare["metadata"]["format"].as_str()), (Some("tensors"), Some("pt")));
}

#[test]
fn descriptions_that_lie_are_refused_before_memory_is_taken() {
    let world = World::new();
    let with = |change: &dyn Fn(&mut Value)| described(change);
    for (index, bytes) in [
        with(&|d| d["network"]["channels"] = json!([65_536, 65_536])),
        with(&|d| d["network"]["channels"] = json!([u64::MAX, 8])),
        with(&|d| d["network"]["channels"] = json!([])),
        with(&|d| d["network"]["channels"] = json!(vec![8; 70])),
        with(&|d| d["network"]["layers_per_block"] = 1_000_000_000_000_u64.into()),
        with(&|d| d["network"]["embedding_dim"] = 100_000_000_u64.into()),
        with(&|d| d["network"]["classes"] = 10.into()),
        with(&|d| d["network"]["norm_groups"] = 5.into()),
        with(&|d| d["network"]["patch"] = (1_u64 << 40).into()),
        with(&|d| d["size"] = json!([4_000_000_000_u64, 4_000_000_000_u64])),
        with(&|d| d["size"] = json!([0, 16])),
        with(&|d| d["size"] = json!([17, 16])),
        with(&|d| d["channels"] = 7.into()),
        with(&|d| d["version"] = 2.into()),
        with(&|d| d["diffusion"]["schedule"] = "nonesuch".into()),
        with(&|d| d["unknown"] = 1.into()),
        with(&|d| *d = json!("words")),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("described-{index}.safetensors");
        world.write(&name, &bytes);
        refused(&world, &name, &[]);
    }
    // The header may be as long as a pickle's first bytes read: it is still no pickle.
    let mut bytes = model();
    let (header, data) = split(&bytes);
    let mut text = header.to_string();
    let length = (text.len() + 65_536 - 0x0280).next_multiple_of(65_536) + 0x0280;
    text.extend(std::iter::repeat_n(' ', length - text.len()));
    bytes = join(&text, data);
    assert!(bytes.starts_with(&[0x80, 0x02]));
    world.write("no-pickle.safetensors", &bytes);
    world.run("inspect no-pickle.safetensors").ok();
}

#[test]
fn files_of_another_kind_are_called_what_they_are() {
    let world = World::new();
    world.write("a.safetensors", b"\x80\x02}q\x00X\x01\x00\x00\x00aq\x01K\x01s.");
    world.write("b.ckpt", b"PK\x03\x04\x00\x00\x00\x00archive/data.pkl");
    world.write("c.pt", b"\x80\x05\x95\x10\x00\x00\x00\x00\x00\x00\x00}.");
    world.write("d.safetensors", &image(8, 8, 3, 0));
    world.write("e.safetensors", b"GGUF\x03\x00\x00\x00\x00\x00\x00\x00");
    world.write("f.safetensors", b"");
    refused(&world, "a.safetensors", &["pickle", "can run code"]);
    refused(&world, "b.ckpt", &["pickle", "can run code"]);
    refused(&world, "c.pt", &["pickle", "can run code"]);
    refused(&world, "e.safetensors", &["GGUF"]);
    refused(&world, "f.safetensors", &["empty"]);
    refused(&world, "missing.safetensors", &["there is no such file or folder"]);
    world.run("sample d.safetensors").refused(3, &["d.safetensors", "an image, not a model"]);
    std::fs::create_dir(world.path("folder")).unwrap();
    world.run("sample folder").refused(3, &["folder", "model.safetensors"]);
}
