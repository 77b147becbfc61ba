//! What `inspect` says to a person: a sentence and a table, of everything that there is.

use crate::world::{World, classed_run, image};

#[test]
fn images_say_what_made_them() {
    let world = World::new();
    world.write("a.png", &image(24, 24, 3, 1));
    world.run("denoise a.png --sigma 24.91 -o b.jpg").ok();
    let shown = world.run("inspect b.jpg").ok();
    let first = shown.lines()[0];
    assert!(first.starts_with("b.jpg: denoised from a.png by builtin:photo at sigma 24.9, 20"), "{first}");
    for part in ["24x24, colour, 8 bits", "again", "langevin sample --from b.jpg"] {
        assert!(shown.out.contains(part), "{part}: {}", shown.out);
    }
    let said = world.run("inspect b.jpg --json").ok().json();
    assert_eq!((&said["kind"], &said["recipe"]["input"]), (&"image with a recipe".into(), &"a.png".into()));
    // One without a recipe is an image too, and no data set that is too small.
    let plain = world.run("inspect a.png").ok();
    assert!(plain.lines()[0].starts_with("a.png: carries no recipe of this program"), "{}", plain.out);
    assert!(!plain.out.contains("few"), "{}", plain.out);
    world.run("sample builtin:mnist --class 7 -n 1 --steps 3 --seed 5 -o 7.png").ok();
    let shown = world.run("inspect 7.png").ok();
    assert!(shown.lines()[0].contains("sampled by builtin:mnist, class 7, 3 steps of "), "{}", shown.out);
    assert!(shown.lines()[0].contains("image 0 of seed 5"), "{}", shown.out);
}

#[test]
fn models_that_ship_are_shown_and_with_their_data() {
    let world = World::new();
    let shown = world.run("inspect builtin:photo").ok();
    assert!(shown.lines()[0].starts_with("builtin:photo: a model that generates "), "{}", shown.out);
    assert!(shown.out.contains("colour photographs of any size"), "{}", shown.out);
    let shown = world.run("inspect builtin:shapes").ok();
    assert!(
        shown.out.contains("builtin:shapes: a model that generates 32x32 colour images of 10 classes"),
        "{}",
        shown.out
    );
    assert!(shown.out.contains("(the data set of this name)"), "{}", shown.out);
}

#[test]
fn a_run_shows_its_curves() {
    let world = World::new();
    let shown = world.run(&format!("inspect {}", classed_run())).ok();
    assert!(shown.lines()[0].contains(": a run of 256 images seen in "), "{}", shown.out);
    for part in ["training loss", " at 256 images", "by noise level", "log-SNR"] {
        assert!(shown.out.contains(part), "{part}: {}", shown.out);
    }
    let said = world.run(&format!("inspect {} --json", classed_run())).ok().json();
    let last = said["losses"]["training"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(last[0], 256);
    assert!(said["losses"]["by_level"][0]["loss"].is_f64(), "{said}");
}

#[test]
fn files_of_embeddings_and_loras_say_what_they_are() {
    let world = World::new();
    let file = |header: serde_json::Value, bytes: usize| {
        let header = header.to_string();
        [(header.len() as u64).to_le_bytes().as_slice(), header.as_bytes(), &vec![0; bytes]].concat()
    };
    let tensor = |shape: [usize; 2]| serde_json::json!({"dtype": "F32", "shape": shape, "data_offsets": [0, shape[0] * shape[1] * 4]});
    world.write("style.safetensors", &file(serde_json::json!({ "emb_params": tensor([3, 8]) }), 96));
    let shown = world.run("inspect style.safetensors").ok();
    assert!(shown.out.contains("style.safetensors: a textual inversion of 3 vectors"), "{}", shown.out);
    world.write("other.safetensors", &file(serde_json::json!({ "weight": tensor([3, 8]) }), 96));
    assert!(world.run("inspect other.safetensors").ok().out.contains("no model of this program"));
    let module = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q";
    let part = |from: usize, shape: [usize; 2]| serde_json::json!({"dtype": "F16", "shape": shape, "data_offsets": [from, from + 64]});
    let lora = serde_json::json!({
        format!("{module}.lora_down.weight"): part(0, [4, 8]),
        format!("{module}.lora_up.weight"): part(64, [8, 4]),
    });
    world.write("ink.safetensors", &file(lora, 128));
    let shown = world.run("inspect ink.safetensors").ok();
    assert!(shown.out.contains("a LoRA of rank 4 for Stable Diffusion"), "{}", shown.out);
    assert!(shown.out.contains("--lora ink.safetensors:0.8"), "{}", shown.out);
}
