//! Likelihoods on the command line, and the models that are known in closed form.

use crate::world::{World, plain_run};

#[test]
fn a_known_model_gives_its_own_data_the_bits_of_the_closed_form() {
    let world = World::new();
    for name in ["gaussian", "ring8", "grid25"] {
        let words =
            format!("likelihood builtin:{name} builtin:{name} -n 12 --bound-draws 0 --tolerance 1e-5 --json");
        let report = world.run(&words).ok().json();
        let (found, exact) = (&report["bits"]["mean"], &report["exact"]["mean"]);
        let off = found.as_f64().unwrap() - exact.as_f64().unwrap();
        // The flow ends at a noise of 0.002 to 80, where the closed form has none.
        assert!(off.abs() < 0.02, "{name}: {found} and {exact}");
        assert_eq!((report["trace"].as_str(), report["dimensions"].as_u64()), (Some("exact"), Some(2)));
    }
}

#[test]
fn a_network_has_bits_and_a_bound_for_every_picture() {
    let world = World::new();
    let words = "builtin:shapes:size=16 -n 3 --probes 2 --bound-draws 2 --tolerance 1e-2 --per-image each.json --json";
    let words = format!("likelihood {} {words}", plain_run());
    let report = world.run(&words).ok().json();
    for value in [
        &report["bits"]["mean"],
        &report["bits"]["error"],
        &report["probe_error"],
        &report["bound"]["bits"]["mean"],
    ] {
        assert!(value.as_f64().is_some_and(f64::is_finite), "{report}");
    }
    let each: serde_json::Value = serde_json::from_slice(&world.read("each.json")).unwrap();
    let bits: Vec<f64> = each.as_array().unwrap().iter().map(|one| one["bits"].as_f64().unwrap()).collect();
    let mean = bits.iter().sum::<f64>() / 3.0;
    assert!((mean - report["bits"]["mean"].as_f64().unwrap()).abs() < 1e-9);
    // The same again, and nothing overwritten unasked.
    world.run(&words).refused(1, &["each.json", "--force"]);
    let again = world.run(&format!("{words} --force")).ok().json();
    assert_eq!(again["bits"], report["bits"]);
}

#[test]
fn impossible_requests_are_refused() {
    let world = World::new();
    world.run("likelihood builtin:ring8 nowhere").refused(3, &["nowhere"]);
    world.run("likelihood builtin:ring9 builtin:ring8").refused(2, &["ring9", "builtin:ring8"]);
    world.run("likelihood builtin:ring8 builtin:ring8 --tolerance 7").refused(2, &["tolerance 7"]);
    world.run("likelihood builtin:ring8 builtin:ring8 --sigma-min 100").refused(2, &["range of noise"]);
    world.run("bench builtin:ring8").refused(2, &["closed form"]);
    assert!(world.contents().is_empty());
}

#[test]
fn a_known_model_is_sampled_and_drawn_as_points() {
    let world = World::new();
    world.run("sample builtin:ring8 -n 64 --seed 1 --grid ring.png").ok();
    let picture = langevin::data::read_picture(world.path("ring.png")).unwrap();
    assert_eq!((picture.width, picture.height), (512, 512));
    assert_eq!(world.run("inspect builtin:ring8 --json").ok().json()["model"]["parameters"], 0);
}
