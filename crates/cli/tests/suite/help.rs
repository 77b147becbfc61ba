//! The help of every command: its width, its groups and their order, its examples, its words.

use crate::world::World;

/// Columns of help where the terminal is not narrower.
const WIDTH: usize = 100;
/// Columns of an example, which is copied as one line.
const EXAMPLE: usize = 82;
/// The groups of options, in their order.
const GROUPS: [&str; 7] = [
    "Options:",
    "For models trained for the task:",
    "Sampling options:",
    "Conditioning and guidance:",
    "Output:",
    "Advanced options:",
    "Common options:",
];
/// Words of ours that the field has others for.
const PRIVATE: [&str; 8] =
    ["picture", "is told", "beside", "glimpse", "passed over", "and said", "anew", "side by side of"];

fn commands(world: &World) -> Vec<String> {
    let help = world.run("--help").ok().out;
    let commands = help.split_once("Commands:").unwrap().1.split_once("\n\n").unwrap().0;
    let names = commands.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names = names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help");
    names.map(str::to_owned).collect()
}

#[test]
fn help_has_one_width_and_its_groups_in_order() {
    let world = World::new();
    let commands = commands(&world);
    assert!(commands.len() > 20, "{commands:?}");
    for command in &commands {
        let help = world.run(&format!("{command} --help")).ok().out;
        for line in help.lines() {
            assert!(line.chars().count() <= WIDTH, "{command}: {line}");
        }
        let at = |group: &&str| help.lines().position(|line| line == *group);
        let places: Vec<usize> = GROUPS.iter().filter_map(at).collect();
        assert!(places.is_sorted(), "{command}: {places:?}");
        assert!(help.contains("\nCommon options:"), "{command}");
        let common = help.split_once("Common options:").unwrap().1;
        assert!(common.contains("--help"), "{command}");
        assert!(!help.contains("--json ") || common.contains("--json "), "{command}");
        // The common options are no option of what computes nothing.
        let plain = ["list", "schema", "devices", "env", "completions", "version"];
        assert_eq!(common.contains("--threads"), !plain.contains(&command.as_str()), "{command}");
    }
}

#[test]
fn help_has_no_private_word() {
    let world = World::new();
    for command in commands(&world) {
        let help = world.run(&format!("{command} --help")).ok().out.to_lowercase();
        for word in PRIVATE {
            assert!(!help.contains(word), "{command}: {word}");
        }
    }
}

#[test]
fn every_example_is_one_line_that_parses() {
    let world = World::new();
    let mut count = 0;
    for command in commands(&world) {
        let help = world.run(&format!("{command} --help")).ok().out;
        for line in help.lines().filter(|line| line.starts_with("  langevin ")) {
            assert!(line.chars().count() <= EXAMPLE, "{line}");
            let line = line.split(" # ").next().unwrap().split(" > ").next().unwrap();
            let mut words = words(line.trim());
            words.remove(0);
            words.push("--help".to_owned());
            // Help comes before what is missing, and after what is not understood.
            world.run_words(&words.iter().map(String::as_str).collect::<Vec<_>>()).ok();
            count += 1;
        }
    }
    assert!(count > 60, "{count}");
    assert!(world.contents().is_empty());
}

/// The words of a line, as a shell takes them.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for letter in line.chars() {
        match quote {
            Some(open) if letter == open => quote = None,
            None if letter == '"' || letter == '\'' => quote = Some(letter),
            None if letter == ' ' => words.push(String::new()),
            _ => words.last_mut().unwrap().push(letter),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[test]
fn examples_that_are_cheap_run() {
    let world = World::new();
    for words in
        ["list", "list samplers", "list presets --json", "schema", "env", "env --json", "devices", "version"]
    {
        assert!(!world.run(words).ok().out.is_empty(), "{words}");
    }
    world.run("sample builtin:shapes --steps 2 -n 2 --grid shapes.png").ok();
    assert!(world.path("shapes.png").is_file());
}
