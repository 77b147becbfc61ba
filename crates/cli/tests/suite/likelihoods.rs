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
fn a_network_has_bits_and_a_bound_for_every_image() {
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
fn two_models_are_compared_image_by_image() {
    let world = World::new();
    let words = "-n 12 --bound-draws 2 --tolerance 1e-5 --compare";
    let words = format!("likelihood builtin:ring8 builtin:ring8 {words} builtin:grid25");
    let report = world.run(&format!("{words} --per-image each.json --json")).ok().json();
    let exact = |report: &serde_json::Value| report["exact"]["mean"].as_f64().unwrap();
    let found = report["difference"]["bits"]["mean"].as_f64().unwrap();
    let wanted = exact(&report) - exact(&report["compared"]);
    // A ring's points are unlikely under the grid.
    assert!(wanted < -0.1 && (found - wanted).abs() < 0.02, "{found} and {wanted}");
    let error = report["difference"]["bits"]["error"].as_f64().unwrap();
    assert!(error > 0.0 && report["difference"]["bound"]["mean"].as_f64().is_some(), "{report}");
    let each: serde_json::Value = serde_json::from_slice(&world.read("each.json")).unwrap();
    let of =
        |one: &serde_json::Value| one["bits"].as_f64().unwrap() - one["compared"]["bits"].as_f64().unwrap();
    let mean = each.as_array().unwrap().iter().map(of).sum::<f64>() / 12.0;
    assert!((mean - found).abs() < 1e-9, "{mean} and {found}");
    assert!(world.run(&words).ok().out.contains("difference      -"));
    // The same model, image, noise and probes.
    let same = world.run(&words.replace("grid25", "ring8").replace("-n 12", "-n 3 --json")).ok().json();
    assert_eq!(
        same["difference"],
        serde_json::json!({
            "bits": {"mean": 0.0, "error": 0.0}, "bound": {"mean": 0.0, "error": 0.0},
        })
    );
    world
        .run("likelihood builtin:ring8 builtin:ring8 --compare builtin:shapes")
        .refused(2, &["shapes", "channels"]);
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
    let image = langevin::data::read_image(world.path("ring.png")).unwrap();
    assert_eq!((image.width, image.height), (512, 512));
    assert_eq!(world.run("inspect builtin:ring8 --json").ok().json()["model"]["parameters"], 0);
}
