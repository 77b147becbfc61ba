//! The names of results: claimed as a set and in one step, so that nothing is overwritten unasked, lost, or left lying.

use std::path::Path;

use crate::world::{World, image};

/// A run whose model diffusers can express.
fn trained(world: &World) {
    let small = "--set network.patch=1 --set network.channels=[4,8] --set train.sample_every=1024";
    world
        .run(&format!(
            "train builtin:shapes --preset tiny --size 16 --images 32 --out run --seed 1 -q {small}"
        ))
        .ok();
}

/// The PNG files below, but for those in `inputs`.
fn results(world: &World, inputs: &[&str]) -> Vec<String> {
    let names = world.contents().into_iter().map(|path| path.display().to_string());
    names
        .filter(|name| name.ends_with(".png") && !inputs.iter().any(|input| name.starts_with(input)))
        .collect()
}

/// Whether anything hidden lies there.
fn hidden(world: &World) -> Vec<String> {
    let names = world.contents().into_iter().map(|path| path.display().to_string());
    names.filter(|name| name.split('/').any(|part| part.starts_with('.') && part != ".lock")).collect()
}

#[test]
fn inputs_of_one_name_have_results_of_their_own() {
    let world = World::new();
    for (index, name) in ["a/0000", "a/0001", "b/0001", "b/0002", "c/0001-2"].iter().enumerate() {
        world.write(&format!("{name}.png"), &image(16, 16, 3, index));
    }
    world.run("denoise builtin:photo a/0000.png a/0001.png b/0001.png b/0002.png c/0001-2.png --sigma 25 -o o1/").ok();
    assert_eq!(results(&world, &["a", "b", "c"]).len(), 5, "{:?}", world.contents());
    world
        .run("upscale builtin:photo-gray a/0001.png c/0001-2.png b/0001.png --scale 2 --simulate --steps 2 -o o2/")
        .ok();
    assert_eq!(results(&world, &["a", "b", "c", "o1"]).len(), 6, "{:?}", world.contents());
    // The degraded image of the one has the name of the result of the other.
    world.write("d/x.png", &image(16, 16, 1, 1));
    world.write("d/x-degraded.png", &image(16, 16, 1, 2));
    let before = world.contents();
    world
        .run("upscale builtin:photo-gray d/x.png d/x-degraded.png --scale 2 --simulate --steps 2 -o o3/")
        .refused(2, &["o3/x-degraded.png", "name of two results"]);
    assert_eq!(world.contents(), before);
}

#[test]
fn commands_at_once_have_fresh_folders_of_their_own() {
    let world = World::new();
    let words = "sample builtin:mnist -n 2 --steps 1 --threads 1";
    let running: Vec<_> = (0..4).map(|_| world.start(words)).collect();
    let folders: std::collections::BTreeSet<String> =
        running.into_iter().map(|running| running.end().ok().out.trim().to_owned()).collect();
    assert_eq!(folders.len(), 4, "{folders:?}");
    assert_eq!(results(&world, &[]).len(), 8, "{:?}", world.contents());
    assert_eq!(hidden(&world), [""; 0]);
}

#[test]
fn of_two_commands_for_one_name_one_is_refused() {
    let world = World::new();
    trained(&world);
    world.write("a.png", &image(16, 16, 3, 1));
    for words in [
        "sample builtin:mnist -n 1 --steps 1 --seed S -o o.png",
        "sample builtin:mnist -n 2 --steps 1 --seed S -o many/",
        "noise a.png --seed S -o noise/",
        "convert run m.safetensors",
        "convert run run/model.safetensors --force",
    ] {
        let before = world.contents();
        let at_once: Vec<_> = (1..4)
            .map(|seed| world.start(&format!("{} --threads 1", words.replace('S', &seed.to_string()))))
            .collect();
        let ended: Vec<_> = at_once.into_iter().map(|running| running.end()).collect();
        let done = ended.iter().filter(|ran| ran.code == Some(0)).count();
        let forced = words.contains("--force");
        assert!(done == 1 || (forced && done > 1), "{words}: {ended:?}");
        for ran in ended.iter().filter(|ran| ran.code != Some(0)) {
            let known = ["exists already", "another command is writing it", "another training runs here"];
            assert!(ran.code == Some(1) && known.iter().any(|part| ran.err.contains(part)), "{ran:?}");
        }
        assert!(forced || world.contents().len() > before.len());
        assert_eq!(hidden(&world), [""; 0], "{words}");
    }
}

#[test]
fn a_folder_may_have_dots_in_its_name() {
    let world = World::new();
    world.run("sample builtin:mnist -n 2 --steps 1 -o run.v2").ok();
    world.run("sample builtin:mnist -n 1 --steps 1 -o lr-0.001").ok();
    world.write("a.png", &image(16, 16, 3, 1));
    world.run("denoise builtin:photo a.png --sigma 25 -o clean.2026").ok();
    assert_eq!(
        results(&world, &["a.png"]),
        ["clean.2026/a.png", "lr-0.001/0000.png", "run.v2/0000.png", "run.v2/0001.png"]
    );
}

#[test]
fn names_that_cannot_be_written_are_refused_before_the_work() {
    let world = World::new();
    trained(&world);
    world.write("a.png", &image(16, 16, 3, 1));
    let before = world.contents();
    let sample = "sample builtin:mnist -n 1 --steps 1";
    for ending in ["mp4", "heic", "npy", "bmp", "tar.gz", "safetensors", "svg"] {
        world.run(&format!("{sample} -o film.{ending}")).refused(2, &["film.", "png is written"]);
        world
            .run(&format!("{sample} -n 2 -o film.{ending}").replace("-n 1 ", ""))
            .refused(2, &["png is written"]);
        world.run(&format!("{sample} --grid film.{ending}")).refused(2, &["png is written"]);
    }
    world.run(&format!("{sample} --trajectory film.mp4")).refused(2, &["gif is written"]);
    world.run("denoise builtin:photo a.png --sigma 9 -o b.mp4").refused(2, &["png is written"]);
    world.run("ema run --width 0.1 -o ema.pt").refused(2, &["ema.pt", "safetensors is written"]);
    for length in [246, 251, 300] {
        let long = "n".repeat(length);
        let parts = ["nnn", "the name is too long"];
        world.run(&format!("{sample} -o {long}.png")).refused(2, &parts);
        world.run(&format!("{sample} --grid {long}.png -o o/")).refused(2, &parts);
        world.run(&format!("convert run {long}{long}.safetensors")).refused(2, &parts);
        world.run(&format!("convert run {long}nnnn")).refused(2, &parts);
        world.run(&format!("bench-samplers builtin:mnist -n 2 --nfe 1 -o {long}{long}/x")).refused(2, &parts);
    }
    // The name of the result is longer than that of the input.
    world.write(&format!("{}.png", "m".repeat(240)), &image(16, 16, 3, 1));
    let long = format!("noise {}.png -o o/", "m".repeat(240));
    world.run(&long).refused(2, &["mmm", "the name is too long"]);
    std::fs::remove_file(world.path(&format!("{}.png", "m".repeat(240)))).unwrap();
    world.run(&format!("{sample} --force -o /dev/null/x.png")).refused(2, &["/dev/null"]);
    world.run(&format!("{sample} --force --grid /dev/null")).refused(2, &["/dev/null", "a device"]);
    assert_eq!(world.contents(), before);
}

#[test]
fn what_a_killed_command_left_goes_with_the_next() {
    let world = World::new();
    trained(&world);
    world.write("samples-000/.0000.png.part", b"half an image");
    world.write(".o.png.part", b"half an image");
    world.write(".m.safetensors.part", b"half a model");
    world.write(".folder.part/unet/config.json", b"{");
    world.run("sample builtin:mnist -n 2 --steps 1").ok();
    world.run("sample builtin:mnist -n 1 --steps 1 -o o.png").ok();
    world.run("convert run m.safetensors").ok();
    world.run("convert run folder").ok();
    world.run("convert run folder --force").ok();
    assert_eq!(hidden(&world), [""; 0]);
    assert_eq!(results(&world, &["run"]), ["o.png", "samples-000/0000.png", "samples-000/0001.png"]);
}

#[test]
fn a_link_to_a_model_or_a_folder_stays_one() {
    let world = World::new();
    trained(&world);
    world.run("convert run folder").ok();
    world.run("convert run m.safetensors").ok();
    let link = |to: &str, from: &str| std::os::unix::fs::symlink(to, world.path(from)).unwrap();
    link("folder", "link");
    link("m.safetensors", "link.safetensors");
    world.run("convert run link --force --pipeline ddim").ok();
    world.run("bench-samplers link.safetensors --nfe 2 --samplers ddim -n 2 --reference-steps 4").ok();
    for name in ["link", "link.safetensors"] {
        assert!(world.path(name).is_symlink(), "{name}");
    }
    let index = String::from_utf8(world.read("folder/model_index.json")).unwrap();
    assert!(index.contains("DDIMPipeline"), "{index}");
    assert!(world.run("inspect m.safetensors --json").ok().out.contains("tuned"));
    assert_eq!(hidden(&world), [""; 0]);
}

/// The samplers that the file of the model in `run` was found to be best with.
fn tuned(world: &World, run: &str) -> String {
    let bytes = world.read(&format!("{run}/model.safetensors"));
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header: serde_json::Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
    let text = header["__metadata__"]["langevin"].as_str().unwrap();
    let info: serde_json::Value = serde_json::from_str(text).unwrap();
    info["sample"]["tuned"].to_string() + &info["sample"]["grids"].to_string()
}

#[test]
fn training_keeps_what_was_measured_on_the_model() {
    let world = World::new();
    let train = "train builtin:shapes --preset tiny --seed 1 --set network.channels=[4,8] --out run --images";
    world.run(&format!("{train} 64")).ok();
    world
        .run("bench-samplers run --nfe 2 --samplers ddim,heun -n 2 --reference-steps 4 --optimise-grid")
        .ok();
    let measured = tuned(&world, "run");
    assert!(measured.contains("ddim") || measured.contains("heun"), "{measured}");
    let bytes = world.read("run/model.safetensors");
    world.run(&format!("{train} 64")).ok();
    assert!(world.read("run/model.safetensors") == bytes);
    world.run(&format!("{train} 128")).ok();
    assert_eq!(tuned(&world, "run"), measured);
}

#[test]
fn the_model_of_a_run_has_one_writer() {
    let world = World::new();
    let running = world.start(
        "train builtin:shapes --preset tiny --seed 1 --images 2Mi --out run --set train.checkpoint_every=64",
    );
    world.wait_for("run/model.safetensors");
    let parts = ["run: another training runs here"];
    let bench = "bench-samplers run --nfe 2 --samplers ddim -n 2 --reference-steps 4";
    world.run(bench).refused(1, &parts);
    world.run("convert run run/model.safetensors --force").refused(1, &parts);
    world.run(&format!("{bench} --no-write")).ok();
    running.signal("TERM");
    world.run(bench).ok();
    assert!(tuned(&world, "run").contains("ddim"));
}

#[test]
fn a_place_for_what_is_measured_is_asked_for_beforehand() {
    let world = World::new();
    trained(&world);
    world.run("convert run folder").ok();
    let bench = "--nfe 2 --samplers ddim -n 2 --reference-steps 4";
    let ran = world.run(&format!("bench-samplers folder {bench}"));
    // Nothing was begun.
    assert!(!ran.err.contains("seed"), "{}", ran.err);
    ran.refused(2, &["folder: has no model.safetensors", "--no-write"]);
    world.run(&format!("bench-samplers folder {bench} --no-write")).ok();
    assert!(!Path::new(&world.path("folder/.lock")).exists());
}
