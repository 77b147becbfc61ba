//! `cargo xtask bench-peers`: the same four networks in PyTorch (diffusers' `UNet2DModel` and `DiTTransformer2DModel`) and here, on the same weights,
//! in turn, on the same number of threads. Answers are compared before anything is timed; what counts is the ratio.

mod cold;
mod median;
mod peer;
mod report;
mod sides;

use std::path::Path;

use report::{Memory, Report, Timing};
use sides::{Sides, THREADS};

/// Networks of `references/bench/peers.py`.
const NETWORKS: &[&str] = &["mnist", "cifar", "ddpm", "dit"];
/// Counted rounds; one more warms up.
const ROUNDS: usize = 5;
/// Largest difference of the answers to the golden input.
const TOLERANCE: f64 = 1e-3;

/// Something that both sides do.
struct Work {
    title: &'static str,
    /// `MODE WORK IMAGES` of our side.
    ours: &'static str,
    /// The modes of PyTorch that do the same at the same precision; the fastest counts.
    modes: &'static [&'static str],
    /// Work and images of PyTorch's side.
    theirs: &'static str,
}

const WORKS: &[Work] = &[
    Work {
        title: "training step, batch 16",
        ours: "f32 step 16",
        modes: &["eager", "compile"],
        theirs: "step 16",
    },
    Work {
        title: "forward, batch 16",
        ours: "f32 forward 16",
        modes: &["eager", "channels_last", "compile"],
        theirs: "forward 16",
    },
    Work { title: "forward, batch 1", ours: "f32 forward 1", modes: &["eager"], theirs: "forward 1" },
    Work {
        title: "forward, batch 16, bf16",
        ours: "bf16 forward 16",
        modes: &["bf16"],
        theirs: "forward 16",
    },
];

struct Options {
    networks: Vec<String>,
    rounds: usize,
    compile: bool,
    record: bool,
}

impl Options {
    fn parse(args: &[&str]) -> Result<Self, String> {
        let networks = NETWORKS.iter().map(|name| (*name).to_owned()).collect();
        let mut options = Self { networks, rounds: ROUNDS, compile: true, record: false };
        let mut rest = args.iter();
        while let Some(arg) = rest.next() {
            let mut value = || rest.next().ok_or(format!("{arg} needs a value"));
            match *arg {
                "--networks" => options.networks = value()?.split(',').map(str::to_owned).collect(),
                "--rounds" => {
                    options.rounds = value()?.parse().map_err(|_| format!("{arg}: not a number"))?
                }
                "--no-compile" => options.compile = false,
                "--record" => options.record = true,
                _ => return Err(format!("bench-peers has no option {arg:?}")),
            }
        }
        if let Some(other) = options.networks.iter().find(|name| !NETWORKS.contains(&name.as_str())) {
            return Err(format!("no network {other:?}; there are {}", NETWORKS.join(", ")));
        }
        Ok(options)
    }
}

/// Runs the comparison, prints it, and with `--record` writes `docs/bench-peers.md`.
///
/// # Errors
/// When a side cannot be built or started, or the answers differ.
pub fn run(root: &Path, args: &[&str]) -> Result<(), String> {
    let options = Options::parse(args)?;
    let python = peer::python(root)?;
    crate::workspace::cargo(&["build", "--release", "-p", "langevin-cli", "--locked"], &[])?;
    crate::workspace::cargo(
        &["build", "--release", "-p", "langevin", "--example", "bench_peer", "--locked"],
        &[],
    )?;
    let folder = std::env::temp_dir().join(format!("langevin-bench-peers-{}", std::process::id()));
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let sides = Sides { python, root: root.to_owned(), folder: folder.clone() };
    let report = compare(&sides, &options);
    std::fs::remove_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let report = report?;
    println!("{}", report.table());
    if options.record { report.write(root) } else { Ok(()) }
}

fn compare(sides: &Sides, options: &Options) -> Result<Report, String> {
    let mut report = Report::new(options.rounds, THREADS);
    for network in &options.networks {
        let (mut ours, mut theirs) = (sides.ours()?, sides.theirs()?);
        let folder = sides.folder.display();
        theirs.ask(&format!("build {network} {folder}"))?;
        let found = ours.ask(&format!("load {network} {folder}/{network}.safetensors"))?;
        let difference = found["difference"].as_f64().unwrap_or(f64::INFINITY);
        if difference > TOLERANCE {
            return Err(format!("{network}: the answers differ by {difference:.1e}"));
        }
        let parameters = found["parameters"].as_u64().unwrap_or(0);
        eprintln!("{network}: {parameters} parameters, answers differ by {difference:.1e}");
        report.networks.push((network.clone(), parameters, difference));
        for work in WORKS {
            let modes: Vec<&str> =
                work.modes.iter().copied().filter(|mode| options.compile || *mode != "compile").collect();
            let mut timing = Timing::new(network, work.title, &modes);
            for round in 0..=options.rounds {
                let our_time = ours.turn(&format!("time {network} {}", work.ours))?;
                let mut their_times = Vec::new();
                for mode in &modes {
                    their_times.push(theirs.turn(&format!("time {network} {mode} {}", work.theirs))?);
                }
                if round > 0 {
                    timing.add(our_time, &their_times);
                }
            }
            eprintln!("{}", timing.line());
            report.timings.push(timing);
        }
    }
    for network in &options.networks {
        report.memory.push(memory(sides, network)?);
    }
    report.cold = Some(cold::compare(sides)?);
    Ok(report)
}

/// The most memory that a fresh process of each side takes for three training steps.
fn memory(sides: &Sides, network: &str) -> Result<Memory, String> {
    let folder = sides.folder.display();
    let mut theirs = sides.theirs()?;
    theirs.ask(&format!("build {network} {folder}"))?;
    let mut ours = sides.ours()?;
    ours.ask(&format!("train {network}"))?;
    for _ in 0..3 {
        theirs.ask(&format!("time {network} eager step 16"))?;
        ours.ask(&format!("time {network} f32 step 16"))?;
    }
    let bytes = |answer: serde_json::Value| answer["bytes"].as_u64().unwrap_or(0);
    Ok(Memory {
        network: network.to_owned(),
        ours: bytes(ours.ask("peak")?),
        theirs: bytes(theirs.ask("peak")?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read() {
        let options = Options::parse(&["--networks", "mnist,ddpm", "--rounds", "3", "--record"]).unwrap();
        assert_eq!((options.networks.len(), options.rounds, options.record), (2, 3, true));
        assert!(Options::parse(&["--networks", "imagenet"]).is_err());
        assert!(Options::parse(&["--rounds"]).is_err() && Options::parse(&["--loud"]).is_err());
    }
}
