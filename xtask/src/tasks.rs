//! What the tasks are called.

/// What is said to whoever asks.
pub const HELP: &str = "cargo xtask TASK

tasks:
  tidy                 check crate edges, circles of files, features, sizes, headers, names, registries and documents
  fmt [--check]        format every crate
  rustdoc              build the documentation of the crates; a warning is an error
  docs [--check]       make docs/methods.md and the tables of docs/samplers.md and docs/parity.md again; or compare the first
  kill-test [--kills N] [--seed N] [--only PART] [--record]
                       kill a tiny training at random times, and every command that writes at every change of the disk, and
                       let each change fail: nothing lost, nothing left lying, and the same results in the end; then as `pairs`
  pairs [--each N]     two commands at once on one target: never is a result lost
  solvers [--record]   every sampler x schedule x process x 1 to 50 steps: finite, and at sigma = 0; a few minutes
  compare-binaries OLD NEW [--work DIR] [--only PART]
                       run every command with two builds of langevin; are answers and files the same to the byte
  fuzz [--runs N] [--commands N] [--seed N] [--keep] [--record]
                       damaged inputs for every reader and command: no panic, no abort, no endless work, bounded memory
  bench-peers [--networks LIST] [--rounds N] [--no-compile] [--record]
                       time the same networks here and in PyTorch, in turn; makes its own Python environment";

/// The names of the tasks, for checking that the README speaks of nothing else.
pub const TASKS: &[&str] = &[
    "tidy",
    "fmt",
    "rustdoc",
    "docs",
    "kill-test",
    "pairs",
    "solvers",
    "compare-binaries",
    "fuzz",
    "bench-peers",
];
