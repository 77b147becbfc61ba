//! Guidance: every one draws, is remembered in the image, and is refused where it has nothing to go by.

use langevin::core::guidance::GUIDANCES;
use langevin::figures::png;

use crate::world::{World, classed_run, plain_run};

/// Trains a model of the same images and classes for a shorter time, as `guide`.
fn train_guide(world: &World) {
    let words =
        "train builtin:shapes --preset tiny --images 32 --seed 9 --class-conditional --out guide".to_owned();
    world.run(&words).ok();
}

#[test]
fn every_guidance_draws_and_the_recipe_redraws_it() {
    let world = World::new();
    train_guide(&world);
    let base = format!("sample {} -n 1 --seed 4 --steps 4 --class 3 --spacing uniform", classed_run());
    let mut drawn: Vec<(String, Vec<f32>)> = Vec::new();
    let mut draw = |name: &str, flags: &str| {
        world.run(&format!("{base} {flags} -o {name}.png")).ok();
        let bytes = world.read(&format!("{name}.png"));
        let text = png::text(&bytes).unwrap();
        world.run(&format!("sample --from {name}.png -o again-{name}.png")).ok();
        assert!(world.read(&format!("again-{name}.png")) == bytes, "{name}");
        drawn.push((name.to_owned(), langevin::data::decode(&bytes, name).unwrap().to_signed()));
        text
    };
    draw("unguided", "");
    draw("plain", "--cfg-scale 6");
    for entry in GUIDANCES.entries {
        let name = entry.name;
        let guide = if name == "autoguidance" { "--guide guide" } else { "" };
        let text = draw(name, &format!("--cfg-scale 6 --guidance {name} {guide}"));
        let of = |key: &str| &text.iter().find(|(keyword, _)| keyword == key).unwrap().1;
        let recipe: serde_json::Value = serde_json::from_str(of("langevin")).unwrap();
        assert_eq!(recipe["guidance"].as_str(), Some(name));
        assert_eq!(recipe["guide"].as_str(), (name == "autoguidance").then_some("guide"));
        assert!(of("parameters").contains(&format!("CFG scale: 6, Guidance: \"{name}\", Seed: 4")));
    }
    draw("guided", "--cfg-scale 6 --guide guide");
    // Two ways to ask for classifier-free guidance and two for autoguidance; the rest all differ.
    let same = |a: &str, b: &str| {
        let of = |name: &str| &drawn.iter().find(|(other, _)| other == name).unwrap().1;
        of(a) == of(b)
    };
    assert!(same("plain", "cfg") && same("guided", "autoguidance"));
    let names = ["unguided", "cfg", "autoguidance", "interval", "rescaled", "apg"];
    for (at, a) in names.iter().enumerate() {
        for b in &names[..at] {
            assert!(!same(a, b), "{a} {b}");
        }
    }
}

#[test]
fn momentum_does_not_leave_the_image() {
    let world = World::new();
    let base =
        format!("sample {} --seed 4 --steps 5 --cfg-scale 5 --guidance apg:momentum=-0.5", classed_run());
    for (folder, flags) in
        [("a", "-n 5 --batch-size 5"), ("b", "-n 5 --batch-size 2 --threads 1"), ("c", "-n 5 --batch-size 1")]
    {
        world.run(&format!("{base} {flags} -o {folder}/")).ok();
    }
    world.run(&format!("{base} -n 1 --first 3 -o one.png")).ok();
    for index in 0..5 {
        let of = |folder: &str| world.read(&format!("{folder}/{index:04}.png"));
        assert!(of("a") == of("b") && of("a") == of("c"), "{index}");
    }
    assert!(world.read("one.png") == world.read("a/0003.png"));
}

#[test]
fn what_cannot_guide_is_refused_with_the_reason() {
    let world = World::new();
    let before = world.contents();
    let (classed, plain) = (classed_run(), plain_run());
    for (model, flags, code, parts) in [
        (classed, "--cfg-scale 2 --guidance apgg", 2, &["no guidance", "did you mean \"apg\""][..]),
        (classed, "--cfg-scale 2 --guidance interval:low=3,high=1", 2, &["low=3", "less than"]),
        (classed, "--cfg-scale 2 --guidance rescaled:phi=2", 2, &["phi=2", "[0, 1]"]),
        (classed, "--cfg-scale 2 --guidance autoguidance", 2, &["--guide MODEL"]),
        (classed, "--cfg-scale 1 --guidance apg", 2, &["\"apg\"", "does nothing", "--cfg-scale 2"]),
        (plain, "--cfg-scale 2 --guidance apg", 2, &["without classes", "--guide MODEL"]),
        (plain, "--cfg-scale 2", 2, &["without classes", "leave --cfg-scale out"]),
        (
            classed,
            "--cfg-scale 2 --guide builtin:gaussian",
            2,
            &["builtin:gaussian", "cannot guide", "1x1x2"],
        ),
        (classed, "--cfg-scale 2 --guide nowhere", 3, &["nowhere", "no such file"]),
        (
            classed,
            "--cfg-scale 2 --guidance apg:momentum=-0.5 --sampler dpm_adaptive",
            2,
            &["momentum=0", "sampler asks for some"],
        ),
    ] {
        world.run(&format!("sample {model} -n 3 --steps 3 --seed 1 {flags} -o out/")).refused(code, parts);
        assert_eq!(world.contents(), before, "{flags}");
    }
    let fits = "--cfg-scale 2 --guidance apg:momentum=0 --sampler dpm_adaptive";
    world.run(&format!("sample {classed} -n 3 --steps 3 --seed 1 {fits} -o out/")).ok();
}

#[test]
fn whatever_draws_takes_the_same_flags() {
    let world = World::new();
    let run = classed_run();
    let frechet = |flags: &str| {
        let words =
            "--data builtin:shapes -n 16 --steps 2 --features random --metrics frechet:groups=2 --json";
        let report = world.run(&format!("eval {run} {words} {flags}")).ok().json();
        report["metrics"][0]["value"].as_f64().unwrap()
    };
    let (plain, guided) = (frechet("--cfg-scale 1"), frechet("--cfg-scale 6"));
    assert!(plain != guided && guided == frechet("--cfg-scale 6 --guidance cfg"), "{plain} {guided}");
    assert_ne!(guided, frechet("--cfg-scale 6 --guidance apg"));
    assert_ne!(guided, frechet(&format!("--cfg-scale 6 --guide {run}")));
    world.write("m.safetensors", &std::fs::read(format!("{run}/model.safetensors")).unwrap());
    let before = world.read("m.safetensors");
    let compare = |flags: &str| {
        let words = "--samplers ddim --spacings karras --calls 2 -n 2 --reference-steps 4 --json";
        world.run(&format!("bench-samplers m.safetensors {words} {flags}")).ok()
    };
    let guided = compare("--cfg-scale 6 --guidance apg --optimise-grid");
    // What is best under another guidance is not the model's default.
    assert!(guided.err.contains("stays as it is") && world.read("m.safetensors") == before, "{}", guided.err);
    let guided = guided.json();
    assert!(guided["reference"].as_str().unwrap().ends_with("guided by apg of strength 6"), "{guided}");
    let plain = compare("--cfg-scale 1 --no-write").json();
    assert_ne!(plain["rows"][0]["rms"], guided["rows"][0]["rms"]);
    compare("");
    assert!(world.read("m.safetensors") != before);
    world.run(&format!("eval {run} --data builtin:shapes --guide nowhere")).refused(3, &["nowhere"]);
    world
        .run(&format!("eval {run} --data builtin:shapes --cfg-scale 2 --guidance agp"))
        .refused(2, &["agp", "apg"]);
    world
        .run(&format!("bench-samplers {run} --guidance autoguidance --cfg-scale 2"))
        .refused(2, &["--guide"]);
}
