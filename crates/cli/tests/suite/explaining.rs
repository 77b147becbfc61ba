//! The figures of the tutorial.

use crate::world::World;

#[test]
fn figures_are_made_with_their_checks() {
    let world = World::new();
    let ran = world.run("explain --figure 1.x,3.5 -o book --json").ok().json();
    assert_eq!(ran["figures"].as_array().unwrap().len(), 2);
    for check in ran["figures"][1]["checks"].as_array().unwrap() {
        assert!(check["value"].as_f64().unwrap() < check["below"].as_f64().unwrap(), "{check}");
    }
    let page = String::from_utf8(world.read("book/index.html")).unwrap();
    assert!(page.contains("Figure 3.5") && page.contains("<svg") && !page.contains("<script"));
    assert!(world.read("book/figure-1.x.svg").starts_with(b"<svg"));
    assert!(world.read("book/figure-3.5.png").starts_with(b"\x89PNG"));
    // Computed from the seed alone.
    world.run("explain --figure 1.x,3.5 --single-file again.html").ok();
    assert!(world.read("again.html") == world.read("book/index.html"));
    world.run("explain --figure 3.5 -o book").refused(1, &["book/", "--force"]);
    world.run("explain --figure 3.55 -o b").refused(2, &["there is no figure \"3.55\"", "did you mean 3.5?"]);
    assert!(!world.path("b").exists());
}
