//! The latents that a training encodes once: what is damaged, cut, or of another training is encoded anew, never learned from, and
//! what cannot be written is said.

use std::path::Path;

use crate::latents::autoencoder;
use crate::world::World;

const TRAIN: &str = "--size 16 --seed 7 --batch-size 8 --set network.channels=[8,8] --set network.layers_per_block=1 \
    --set network.norm_groups=4 --set network.attention_head_dim=8 --set train.validation_images=8 --set train.validate_every=64 \
    --set train.warmup_images=8 --threads 1";

fn train(data: &str, images: usize, out: &str) -> String {
    let latent = autoencoder();
    format!("train {data} {TRAIN} --latent {latent} --set latent.images=40 --images {images} --out {out}")
}

/// The bytes of the files of stored latents in `run`, and of its model.
fn files(world: &World, run: &str) -> [Vec<u8>; 3] {
    ["latents/latents.f32", "latents/latents.json", "model.safetensors"]
        .map(|name| world.read(&format!("{run}/{name}")))
}

#[test]
fn damaged_latents_are_encoded_anew_and_the_training_is_the_same() {
    let world = World::new();
    world.run(&train("builtin:shapes", 64, "whole")).ok();
    let whole = files(&world, "whole");
    world.run(&train("builtin:shapes", 32, "r")).ok();
    let half = ["f32", "json"].map(|ending| world.read(&format!("r/latents/latents.{ending}")));
    assert_eq!([&half[0], &half[1]], [&whole[0], &whole[1]]);
    let state = world.path("half");
    let copied = |from: &Path, to: &Path| {
        let _ = std::fs::remove_dir_all(to);
        let done = std::process::Command::new("cp").arg("-r").arg(from).arg(to).status();
        assert!(done.unwrap().success());
    };
    copied(&world.path("r"), &state);
    let text = String::from_utf8(half[1].clone()).unwrap();
    let mut bit = half[0].clone();
    bit[1000] ^= 1;
    let mut swapped = half[0].clone();
    swapped.rotate_left(256);
    let in_text = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}: {text}");
        text.replacen(from, to, 1).into_bytes()
    };
    type Damage = (&'static str, Option<Vec<u8>>, Option<Vec<u8>>);
    let damages: [Damage; 9] = [
        ("a bit", Some(bit), None),
        ("those of other images", Some(swapped), None),
        ("not a number", Some([f32::NAN.to_le_bytes().to_vec(), half[0][4..].to_vec()].concat()), None),
        ("cut", Some(half[0][..half[0].len() - 4].to_vec()), None),
        ("longer", Some([half[0].clone(), vec![0; 4]].concat()), None),
        ("a label", None, Some(in_text("\"labels\":[", "\"labels\":[3,"))),
        ("fewer variants", None, Some(in_text("\"variants\":1", "\"variants\":2"))),
        ("a cut description", None, Some(half[1][..half[1].len() / 2].to_vec())),
        ("another shape", None, Some(in_text("\"shape\":[", "\"shape\":[1,"))),
    ];
    for (what, latents, description) in damages {
        copied(&state, &world.path("r"));
        latents.iter().for_each(|bytes| world.write("r/latents/latents.f32", bytes));
        description.iter().for_each(|bytes| world.write("r/latents/latents.json", bytes));
        world.run(&train("builtin:shapes", 64, "r")).ok();
        assert!(files(&world, "r") == whole, "{what}");
    }
    // Those of an older version, which say no sum, are taken as they are.
    copied(&state, &world.path("r"));
    let at = text.find(",\"sum\":").unwrap();
    world.write("r/latents/latents.json", format!("{}}}", &text[..at]).as_bytes());
    world.run(&train("builtin:shapes", 64, "r")).ok();
    assert!(
        files(&world, "r")[2] == whole[2] && !String::from_utf8_lossy(&files(&world, "r")[1]).contains("sum")
    );
}

#[test]
fn latents_of_other_images_are_not_taken() {
    let world = World::new();
    for (name, seed) in [("one", 0), ("two", 100)] {
        for at in 0..24 {
            world.write(&format!("{name}/{at}.png"), &crate::world::image(16, 16, 3, seed + at));
        }
    }
    world.run(&train("one", 32, "first")).ok();
    world.run(&train("two", 32, "second")).ok();
    let second = files(&world, "second");
    // Under the run of other data, before it begins.
    for name in ["latents.f32", "latents.json"] {
        world.write(&format!("third/latents/{name}"), &world.read(&format!("first/latents/{name}")));
    }
    world.run(&train("two", 32, "third")).ok();
    assert!(files(&world, "third") == second && files(&world, "first")[0] != second[0]);
    // The latents alone, under the right description.
    world.run(&train("two", 16, "fourth")).ok();
    world.write("fourth/latents/latents.f32", &world.read("first/latents/latents.f32"));
    world.run(&train("two", 32, "fourth")).ok();
    assert!(files(&world, "fourth") == second);
}

#[test]
fn latents_that_cannot_be_stored_end_the_training_with_the_reason() {
    let world = World::new();
    world.write("r/latents", b"a file");
    world
        .run(&train("builtin:shapes", 32, "r"))
        .refused(2, &["r/latents", "the folder cannot be made: File exists"]);
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_langevin"));
    command.args(train("builtin:shapes", 32, "full").split_whitespace()).current_dir(world.path(""));
    let log = world.path("changes");
    let logged = command.env("LANGEVIN_FAULT", format!("log:{}", log.display())).output().unwrap();
    assert!(logged.status.success());
    let changes = std::fs::read_to_string(log).unwrap();
    let at = changes.lines().position(|line| line.starts_with("Write") && line.contains("latents.f32"));
    std::fs::remove_dir_all(world.path("full")).unwrap();
    let at = 1 + at.unwrap_or_else(|| panic!("{changes}"));
    let ended = command.env("LANGEVIN_FAULT", format!("ENOSPC:{at}")).output().unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(1), "{said}");
    for part in ["full/latents/latents.f32: writing", "No space left", "make room", "same command"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    // The same command goes on, from no half of latents.
    world.run(&train("builtin:shapes", 32, "full")).ok();
    world.run(&train("builtin:shapes", 32, "whole")).ok();
    assert!(files(&world, "full") == files(&world, "whole"));
}
