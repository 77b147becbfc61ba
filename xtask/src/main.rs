//! House-keeping of the workspace, run as `cargo xtask TASK`.

mod bench_peers;
mod code;
mod kill_test;
mod solvers;
mod stamp;
mod tidy;
mod tree;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const HELP: &str = "cargo xtask TASK

tasks:
  tidy                 check crate edges, file sizes, headers, names, registries and the README's commands
  fmt [--check]        format every crate
  docs                 build the documentation; a warning is an error
  kill-test [--kills N] [--seed N] [--record]
                       kill a tiny training at random times: no unloadable state, and the same model in the end
  solvers [--record]   every sampler x schedule x process x 1 to 50 steps: finite, and at sigma = 0; a few minutes
  bench-peers [--networks LIST] [--rounds N] [--no-compile] [--record]
                       time the same networks here and in PyTorch, in turn; makes its own Python environment";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let outcome = match args.as_slice() {
        ["tidy"] => tidy::run(&root()),
        ["fmt"] => cargo(&["fmt", "--all"], &[]),
        ["fmt", "--check"] => cargo(&["fmt", "--all", "--check"], &[]),
        ["docs"] => cargo(
            &["doc", "--release", "--workspace", "--no-deps", "--locked"],
            &[("RUSTDOCFLAGS", "-D warnings")],
        ),
        ["kill-test", rest @ ..] => kill_test::run(&root(), rest),
        ["solvers", rest @ ..] => solvers::run(&root(), rest),
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

/// The names of the tasks, for checking that the README speaks of nothing else.
const TASKS: &[&str] = &["tidy", "fmt", "docs", "kill-test", "solvers", "bench-peers"];

/// The workspace that cargo runs this from, which need not be the one it was built in.
fn root() -> PathBuf {
    let here = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    Path::new(&here).parent().expect("xtask lies in the workspace").to_owned()
}

/// Where cargo builds.
fn target(root: &Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from)
}

/// Runs cargo in the workspace root and waits for it.
fn cargo(args: &[&str], environment: &[(&str, &str)]) -> Result<(), String> {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.args(args).current_dir(root()).envs(environment.iter().copied());
    let status = command.status().map_err(|error| format!("cargo {}: {error}", args.join(" ")))?;
    if status.success() { Ok(()) } else { Err(format!("cargo {} failed", args.join(" "))) }
}
