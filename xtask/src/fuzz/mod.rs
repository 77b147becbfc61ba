//! `cargo xtask fuzz`: damaged inputs for every reader, in processes that are watched, and damaged files and options for every
//! command. A fault is a panic that is printed, a process that is ended, does not end, or takes too much memory.

mod commands;
mod readers;
mod report;

use std::path::Path;

use report::{Options, Report};

/// Runs the fuzz.
///
/// # Errors
/// Where faults were found, or nothing could be run.
pub fn run(root: &Path, args: &[&str]) -> Result<(), String> {
    let options = parse(args)?;
    crate::workspace::cargo(
        &["build", "--release", "--locked", "-p", "langevin-cli", "-p", "langevin-fuzz"],
        &[],
    )?;
    let mut reports = Vec::new();
    let mut faults = 0;
    if options.runs > 0 {
        let report = readers::run(root, &options)?;
        println!("{report}");
        faults += report.faults.len();
        reports.push(report);
    }
    if options.commands > 0 {
        let report = commands::run(root, &options)?;
        println!("{report}");
        faults += report.faults.len();
        reports.push(report);
    }
    if options.record {
        record(root, &options, &reports)?;
    }
    if faults == 0 { Ok(()) } else { Err(format!("{faults} faults")) }
}

fn parse(args: &[&str]) -> Result<Options, String> {
    let mut options = Options { runs: 1_000_000, commands: 50_000, seed: 1, keep: false, record: false };
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        let mut number = || {
            let text = rest.next().ok_or(format!("{arg} needs a number"))?;
            text.parse().map_err(|_| format!("{arg} {text}: not a number"))
        };
        match *arg {
            "--runs" => options.runs = number()?,
            "--commands" => options.commands = number()?,
            "--seed" => options.seed = number()?,
            "--keep" => options.keep = true,
            "--record" => options.record = true,
            _ => return Err(format!("fuzz has no option {arg:?}")),
        }
    }
    Ok(options)
}

/// Writes the table of the last runs into its document.
fn record(root: &Path, options: &Options, reports: &[Report]) -> Result<(), String> {
    let mut text = String::from(
        "# Fuzz\n\nDamaged inputs for every reader and parser, and damaged files and options for every command. A fault is a panic \
         that is printed, a process\nthat is ended, one that takes more than ten seconds, or more than 256 MiB beyond its input \
         (readers).\n\n",
    );
    text +=
        &format!("Last run: `cargo xtask fuzz --seed {}`, {}.\n\n", options.seed, crate::stamp::date(root));
    text += "| what | runs | seconds | faults | peak memory of a process |\n|---|---|---|---|---|\n";
    for Report { what, runs, seconds, peak, faults } in reports {
        text += &format!("| {what} | {runs} | {seconds:.0} | {} | {} MiB |\n", faults.len(), peak >> 20);
    }
    let path = root.join("docs/fuzz.md");
    std::fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))
}
