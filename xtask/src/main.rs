//! House-keeping of the workspace, run as `cargo xtask TASK`.

mod bench_peers;
mod code;
mod compare_binaries;
mod documents;
mod faults;
mod fuzz;
mod imports;
mod kill_test;
mod map;
mod pairs;
mod solvers;
mod stamp;
mod tasks;
mod tidy;
mod tree;
mod workspace;

use std::process::ExitCode;

use tasks::HELP;
use workspace::{cargo, root};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let outcome = match args.as_slice() {
        ["tidy"] => tidy::run(&root()),
        ["fmt"] => cargo(&["fmt", "--all"], &[]),
        ["fmt", "--check"] => cargo(&["fmt", "--all", "--check"], &[]),
        ["docs", rest @ ..] => documents::run(&root(), rest),
        ["rustdoc"] => cargo(
            &["doc", "--release", "--workspace", "--no-deps", "--locked"],
            &[("RUSTDOCFLAGS", "-D warnings")],
        ),
        ["kill-test", rest @ ..] => kill_test::run(&root(), rest),
        ["pairs", rest @ ..] => pairs::run(&root(), rest),
        ["solvers", rest @ ..] => solvers::run(&root(), rest),
        ["compare-binaries", rest @ ..] => compare_binaries::run(&root(), rest),
        ["fuzz", rest @ ..] => fuzz::run(&root(), rest),
        ["bench-peers", rest @ ..] => bench_peers::run(&root(), rest),
        [] | ["help" | "--help" | "-h"] => {
            println!("{HELP}");
            Ok(())
        }
        [other, ..] => Err(format!("no task is called {other:?}\n\n{HELP}")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
    }
}
