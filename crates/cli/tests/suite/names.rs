//! Help, lists and the document made from them: everything that has a name.

use std::path::Path;

use langevin::catalog::KINDS;
use langevin::jobs::JOBS;

use crate::world::World;

#[test]
fn every_help_has_an_example() {
    let world = World::new();
    let help = world.run("--help").ok();
    assert!(help.out.contains("Examples:"), "{}", help.out);
    let commands = help.out.split_once("Commands:").unwrap().1.split_once("\n\n").unwrap().0;
    // Lines that go on with what a command does are indented further.
    let names = commands.lines().filter(|line| !line.starts_with("   "));
    let commands: Vec<&str> = names.filter_map(|line| line.split_whitespace().next()).collect();
    assert!(commands.contains(&"train") && commands.contains(&"completions"), "{commands:?}");
    for command in commands.into_iter().filter(|command| *command != "help") {
        let help = world.run(&format!("{command} --help")).ok();
        let example = format!("\n  langevin {command}");
        assert!(help.out.contains("Example") && help.out.contains(&example), "{command}: {}", help.out);
        assert_eq!(help.err, "");
    }
    assert_eq!(world.run("--version").ok().lines().len(), 1);
    assert!(world.contents().is_empty());
}

#[test]
fn every_kind_lists_its_names_first_on_the_line() {
    let world = World::new();
    let kinds = world.run("list").ok();
    let all = world.run("list --json").ok().json();
    for kind in KINDS {
        assert!(
            kinds.lines().iter().any(|line| line.split_whitespace().next() == Some(kind.name)),
            "{}",
            kind.name
        );
        let names: Vec<String> = (kind.items)().into_iter().map(|item| item.name).collect();
        assert!(!names.is_empty(), "{}", kind.name);
        let listed = world.run(&format!("list {}", kind.name)).ok();
        let first = |line: &&str| {
            (!line.starts_with(' ')).then(|| line.split_whitespace().next().unwrap().to_owned())
        };
        assert_eq!(listed.lines().iter().filter_map(first).collect::<Vec<_>>(), names);
        let json = world.run(&format!("list {} --json", kind.name)).ok().json();
        assert_eq!(json[kind.name], all[kind.name]);
        let named: Vec<&str> =
            json[kind.name].as_array().unwrap().iter().filter_map(|i| i["name"].as_str()).collect();
        assert_eq!(named, names);
    }
    assert_eq!(all.as_object().unwrap().len(), KINDS.len());
    world.run("list sampler").refused(2, &["sampler", "did you mean \"samplers\"?"]);
}

#[test]
fn every_job_has_a_schema() {
    let world = World::new();
    let jobs = world.run("schema").ok();
    for job in JOBS {
        assert!(
            jobs.lines().iter().any(|line| line.split_whitespace().next() == Some(job.name)),
            "{}",
            job.name
        );
        let schema = world.run(&format!("schema {}", job.name)).ok().out;
        let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
        assert_eq!(schema["type"], "object", "{}", job.name);
        world.run(&format!("{} --help", job.name)).ok();
    }
    world.run("schema smaple").refused(2, &["smaple", "did you mean \"sample\"?"]);
}

#[test]
fn the_document_of_methods_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/methods.md");
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    let now = World::new().run("list --markdown").ok();
    assert!(stored == now.out, "docs/methods.md is out of date; run: cargo xtask docs");
}

#[test]
fn surroundings_and_completions_are_told() {
    let world = World::new();
    assert!(world.run("env").ok().out.contains("processor"));
    assert!(world.run("env --json").ok().json()["version"].is_string());
    assert!(world.run("devices").ok().out.starts_with("cpu"));
    let completions = world.run("completions bash").ok();
    assert!(completions.out.contains("langevin") && completions.out.contains("--class-conditional"));
}
