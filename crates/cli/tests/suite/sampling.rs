//! SamplePlan: where images go, what they carry, and that an image is the same bytes however it is drawn.

use langevin::data::{decode, read_image};
use langevin::figures::png;

use crate::world::{World, classed_run, plain_run};

fn draw(world: &World, words: &str) -> Vec<String> {
    let ran = world.run(&format!("sample {} --seed 11 --steps 4 {words}", plain_run())).ok();
    ran.lines().into_iter().map(str::to_owned).collect()
}

#[test]
fn images_go_where_they_are_told() {
    let world = World::new();
    assert_eq!(draw(&world, "-n 1 -o one.png"), ["one.png"]);
    assert_eq!(draw(&world, "-n 2 -o deep/folder/"), ["deep/folder"]);
    assert_eq!(draw(&world, "-n 2 -o named"), ["named"]);
    draw(&world, "-n 2 -o many.png");
    assert_eq!(draw(&world, "-n 3"), ["samples-000"]);
    assert_eq!(draw(&world, "-n 2"), ["samples-001"]);
    assert_eq!(draw(&world, "-n 4 --grid sheets/grid.png"), ["sheets/grid.png"]);
    assert_eq!(draw(&world, "-n 4 --grid grid.png -o both/"), ["both", "grid.png"]);
    for name in [
        "one.png",
        "deep/folder/0000.png",
        "deep/folder/0001.png",
        "named/0001.png",
        "many-0000.png",
        "many-0001.png",
        "samples-000/0002.png",
        "samples-001/0001.png",
        "both/0003.png",
    ] {
        let image = read_image(world.path(name)).unwrap();
        assert_eq!((image.width, image.height, image.channels), (16, 16, 3), "{name}");
    }
    assert!(!world.path("samples-002").exists());
    assert!(read_image(world.path("grid.png")).unwrap().width > 32);
    let json = world.run(&format!("sample {} -n 2 --steps 2 -o json/ --json", plain_run())).ok().json();
    assert_eq!(json["files"], serde_json::json!(["json/0000.png", "json/0001.png"]));
    assert!(json["seed"].is_u64() && json["model_hash"].as_str().unwrap().len() == 16);
}

#[test]
fn nothing_is_overwritten_unasked() {
    let world = World::new();
    let first = draw(&world, "-n 2 -o out/ --grid grid.png");
    let before = (world.read("out/0000.png"), world.read("grid.png"), world.contents());
    let again = |words: &str| world.run(&format!("sample {} --seed 12 --steps 4 {words}", plain_run()));
    again("-n 1 -o out/").refused(1, &["out/0000.png", "exists already", "--force"]);
    again("-n 1 -o new/ --grid grid.png").refused(1, &["grid.png", "--force"]);
    assert_eq!(before, (world.read("out/0000.png"), world.read("grid.png"), world.contents()));
    again("-n 2 -o out/ --grid grid.png --force").ok();
    assert_ne!(before.0, world.read("out/0000.png"));
    assert_eq!(first, ["out", "grid.png"]);
}

#[test]
fn a_trajectory_is_a_film() {
    let world = World::new();
    assert_eq!(draw(&world, "-n 4 --trajectory film.gif"), ["film.gif"]);
    let bytes = world.read("film.gif");
    assert!(bytes.starts_with(b"GIF89a") && bytes.ends_with(b";"));
    // One graphic control extension before each frame: one for each of the four steps, and the result.
    let frames = |bytes: &[u8]| {
        bytes.windows(4).filter(|w| *w == [0x21, 0xf9, 4, 0] || *w == [0x21, 0xf9, 4, 4]).count()
    };
    assert_eq!(frames(&bytes), 5);
    // The noisy images and the predicted clean ones, both of a visible size.
    assert!(decode(&bytes, "film.gif").unwrap().width > 2 * 256);
    assert_eq!(world.contents().len(), 1);

    // In batches it is the same film, and all points of a set are in it: each leaves its ink.
    world
        .run(&format!("sample {} -n 4 --steps 4 --seed 3 --batch-size 3 --trajectory b.gif", plain_run()))
        .ok();
    world.run(&format!("sample {} -n 4 --steps 4 --seed 3 --trajectory a.gif", plain_run())).ok();
    assert!(world.read("a.gif") == world.read("b.gif"));
    let ink = |count: usize| {
        world
            .run(&format!("sample builtin:ring8 -n {count} --seed 1 --steps 4 --trajectory p{count}.gif"))
            .ok();
        let first = decode(&world.read(&format!("p{count}.gif")), "film").unwrap();
        first.to_bytes().iter().map(|v| u64::from(255 - v)).sum::<u64>()
    };
    let (few, many) = (ink(20), ink(60));
    assert!(many > few + 40 * 540, "{few} and {many}");
}

#[test]
fn an_image_is_the_same_bytes_in_any_batch_on_any_threads() {
    let world = World::new();
    // This sampler adds noise at every step, which must be each image's own.
    let sample = format!("sample {} -n 16 --seed 5 --steps 4 --sampler ddpm", classed_run());
    let mut all: Vec<Vec<Vec<u8>>> = Vec::new();
    for (folder, flags) in [
        ("a", "--batch-size 16 --threads 2"),
        ("b", "--batch-size 16 --threads 1"),
        ("c", "--batch-size 3 --threads 2"),
        ("d", "--batch-size 1 --threads 2"),
        ("e", "--batch-size 1 --threads 1"),
    ] {
        world.run(&format!("{sample} {flags} -o {folder}/")).ok();
        all.push((0..16).map(|index| world.read(&format!("{folder}/{index:04}.png"))).collect());
    }
    for images in &all[1..] {
        assert!(*images == all[0]);
    }
    world.run(&format!("{} --first 9 -o one.png", sample.replace("-n 16", "-n 1"))).ok();
    assert!(world.read("one.png") == all[0][9]);
}

#[test]
fn images_carry_their_recipe_and_it_redraws_them() {
    let world = World::new();
    let classes = classed_run();
    world.run(&format!("sample {classes} -n 3 --seed 8 --steps 4 --cfg-scale 1.5 --class 2 -o out/")).ok();
    let original = world.read("out/0002.png");
    let text = png::text(&original).unwrap();
    let of = |key: &str| &text.iter().find(|(keyword, _)| keyword == key).unwrap().1;
    for part in [
        "Steps: 4",
        "Sampler: dpmpp_2m",
        "Schedule type: ",
        "CFG scale: 1.5",
        "Seed: 8",
        "Image: 2",
        "Size: 16x16",
    ] {
        assert!(of("parameters").contains(part), "{part}: {}", of("parameters"));
    }
    let recipe: serde_json::Value = serde_json::from_str(of("langevin")).unwrap();
    assert_eq!((recipe["command"].as_str(), recipe["seed"].as_u64()), (Some("sample"), Some(8)));
    assert_eq!(recipe["model"].as_str(), Some(classes));

    world.run("sample --from out/0002.png -o again.png").ok();
    assert!(world.read("again.png") == original);
    let found = world.run("inspect out/0002.png --json").ok().json();
    assert_eq!(
        (&found["recipe"], &found["redraw"]),
        (&recipe, &"langevin sample --from out/0002.png".into())
    );

    world.run(&format!("sample {classes} -n 1 --seed 8 --steps 4 --no-metadata -o bare.png")).ok();
    assert!(png::text(&world.read("bare.png")).unwrap().is_empty());
    world.run("sample --from bare.png -o x.png").refused(3, &["bare.png", "recipe", "--no-metadata"]);
    world.run("sample --from missing.png").refused(3, &["missing.png"]);
    assert!(!world.path("x.png").exists());
}

#[test]
fn noise_of_another_program_starts_the_same_images() {
    let world = World::new();
    let noise = |shape: &str, count: usize| {
        let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({shape}), }}\n");
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.bytes());
        bytes.extend((0..count).flat_map(|index| ((index % 7) as f32 - 3.0).to_le_bytes()));
        bytes
    };
    world.write("noise.npy", &noise("2, 3, 16, 16", 2 * 768));
    world.write("other.npy", &noise("2, 3, 8, 8", 2 * 192));
    draw(&world, "-n 2 --init-noise noise.npy -o a/");
    draw(&world, "-n 2 --init-noise noise.npy -o b/ --batch-size 1");
    assert!(world.read("a/0001.png") == world.read("b/0001.png"));
    world.run("sample --from a/0000.png").refused(2, &["a/0000.png", "--init-noise"]);
    let wrong = |words: &str| world.run(&format!("sample {} {words} -o c/", plain_run()));
    wrong("-n 2 --init-noise other.npy").refused(3, &["other.npy", "[2, 3, 8, 8]", "[2, 3, 16, 16]"]);
    wrong("-n 4 --init-noise noise.npy").refused(3, &["noise.npy", "-n 2"]);
    wrong("-n 2 --init-noise none.npy").refused(3, &["none.npy"]);
    assert!(!world.path("c").exists());
}

#[test]
fn classes_go_by_name_number_or_all() {
    let world = World::new();
    let classes = classed_run();
    let names = world.run(&format!("inspect {classes} --json")).ok().json()["model"]["classes"].clone();
    let name = names[3].as_str().unwrap();
    world.run(&format!("sample {classes} -n 1 --seed 1 --steps 2 --class {name} -o name.png")).ok();
    world.run(&format!("sample {classes} -n 1 --seed 1 --steps 2 --class 3 -o number.png")).ok();
    world.run(&format!("sample {classes} -n 4 --seed 1 --steps 2 --class all -o all/")).ok();
    assert!(world.read("name.png") == world.read("number.png"));
    let of = |file: &str| png::text(&world.read(file)).unwrap()[1].1.clone();
    assert!(of("all/0003.png").contains(&format!("\"class\":\"{name}\"")), "{}", of("all/0003.png"));
    let slip = format!("{name}x");
    let wanted = format!("did you mean \"{name}\"?");
    world.run(&format!("sample {classes} --class {slip}")).refused(2, &[&slip, &wanted]);
}

#[test]
fn bf16_and_exact_arithmetic_are_in_the_recipe() {
    let world = World::new();
    draw(&world, "-n 1 -o f32.png");
    draw(&world, "-n 1 --dtype bf16 -o bf16.png");
    draw(&world, "-n 1 --exact -o exact.png");
    let pixels = |name: &str| read_image(world.path(name)).unwrap();
    let (f32, bf16) = (pixels("f32.png"), pixels("bf16.png"));
    assert!(world.read("f32.png") != world.read("bf16.png"));
    let far = world.run("sample --from bf16.png -o again.png").ok();
    assert!(far.err.starts_with("device cpu, bf16,"), "{}", far.err);
    assert!(world.read("again.png") == world.read("bf16.png"));
    world.run("sample --from exact.png -o again-exact.png").ok();
    assert!(world.read("again-exact.png") == world.read("exact.png"));
    assert_eq!((f32.width, f32.height), (bf16.width, bf16.height));
    world
        .run(&format!("sample {} -n 1 --dtype bf16 --exact -o both.png", plain_run()))
        .refused(2, &["--exact", "--dtype bf16"]);
    world.run(&format!("sample {} -n 1 --dtype f8 -o f8.png", plain_run())).refused(2, &["f8", "bf16"]);
}
