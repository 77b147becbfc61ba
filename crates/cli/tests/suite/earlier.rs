//! Files that an earlier version of the program wrote (`tests/old/README.md`): its runs go on, its models generate, and its images
//! are made again.

use std::path::Path;

use langevin::core::tensor_file;

use crate::world::World;

const SETTINGS: &str = "--preset tiny --size 8 --batch-size 8 --seed 7 --set network.channels=[4] --set network.norm_groups=2 \
     --set network.mid_block=false --set network.embedding_dim=8 --set train.checkpoint_every=1024 \
     --set train.validation_images=4 --set train.keep=1";

/// A folder with copies of the files.
fn world() -> World {
    fn copy(world: &World, folder: &Path, name: &str) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = format!("{name}{}", path.file_name().unwrap().to_string_lossy());
            match path.is_dir() {
                true => copy(world, &path, &format!("{name}/")),
                false => world.write(&name, &std::fs::read(&path).unwrap()),
            }
        }
    }
    let world = World::new();
    copy(&world, &Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/old"), "");
    world
}

#[test]
fn a_run_goes_on_as_if_it_had_never_stopped() {
    let world = world();
    let words = format!("train builtin:shapes {SETTINGS} --images 64");
    let on = world.run(&format!("{words} --out run --resume")).ok();
    assert!(on.err.contains("going on after 32 images"), "{}", on.err);
    world.run(&format!("{words} --out whole")).ok();
    let weights =
        |folder: &str| tensor_file::decode(&world.read(&format!("{folder}/model.safetensors"))).unwrap().0;
    let (on, whole) = (weights("run"), weights("whole"));
    assert!(on.keys().eq(whole.keys()));
    // To the byte on the processor that began it; others round otherwise.
    let pairs = on.values().zip(whole.values()).flat_map(|((_, a), (_, b))| a.iter().zip(b));
    assert!(pairs.clone().count() > 2000);
    pairs.for_each(|(a, b)| assert!((a - b).abs() < 1e-4, "{a} {b}"));
}

#[test]
fn the_settings_a_run_keeps_are_settings() {
    let world = world();
    let printed = world.run("train builtin:shapes --preset run/run.toml --print-config").ok();
    assert!(printed.out.contains("validation_images = 4"), "{}", printed.out);
    let on = world.run("train builtin:shapes --preset run/run.toml --images 48 --out run").ok();
    assert!(on.err.contains("going on after 32 images"), "{}", on.err);
}

#[test]
fn a_model_generates_and_is_described() {
    let world = world();
    world.run("sample run -n 2 --steps 2 --seed 1 -o two/").ok();
    assert!(world.path("two/0001.png").exists());
    let found = world.run("inspect run --json").ok().json();
    assert_eq!(found["images"], 32);
}

#[test]
fn an_image_is_made_again() {
    let world = world();
    world.run("sample --from image.png -o again.png").ok();
    assert!(world.read("again.png") == world.read("image.png"));
}
