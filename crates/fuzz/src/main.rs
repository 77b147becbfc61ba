//! Runs cases of the fuzz in this process: `langevin-fuzz MARK SEED FROM TO`. The number of the case at work stands in the file
//! MARK, for whoever watches this process; a line on stdout says of each case that panics or takes too much memory.
//! `langevin-fuzz --write FOLDER SEED NUMBER` writes the input of a case.

use std::fs;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::panic;
use std::path::Path;
use std::process::ExitCode;

use langevin::train::peak_bytes;
use langevin_fuzz::Targets;

/// What a reader may take beyond its input.
const MEMORY: u64 = 256 << 20;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [write, folder, seed, number] = &args[..]
        && write == "--write"
    {
        let (Ok(seed), Ok(number)) = (seed.parse(), number.parse()) else { return ExitCode::FAILURE };
        let targets = Targets::new();
        let (target, input) = targets.case(seed, number);
        let written = fs::write(Path::new(folder).join(format!("{}.{number}", target.name)), input);
        return if written.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let numbers: Vec<u64> = args.iter().skip(1).filter_map(|arg| arg.parse().ok()).collect();
    let ([mark, ..], [seed, from, to]) = (&args[..], &numbers[..]) else {
        eprintln!("langevin-fuzz MARK SEED FROM TO");
        return ExitCode::FAILURE;
    };
    langevin::kernels::allocator::keep_freed_memory();
    let targets = Targets::new();
    let mark = fs::File::create(mark).expect("the mark is written");
    // A reader that catches its panics has to keep them silent itself.
    panic::set_hook(Box::new(|info| println!("panic {info}")));
    for number in *from..*to {
        mark.write_all_at(format!("{number:020}").as_bytes(), 0).expect("the mark is written");
        let (target, input) = targets.case(*seed, number);
        // The peak is counted from here.
        let _ = fs::write("/proc/self/clear_refs", "5");
        let before = peak_bytes().unwrap_or(0);
        let outcome = panic::catch_unwind(panic::AssertUnwindSafe(|| target.read(&input)));
        let taken = peak_bytes().unwrap_or(0).saturating_sub(before);
        if outcome.is_err() {
            println!("fault panic {number} {}", target.name);
        }
        if taken > MEMORY + input.len() as u64 {
            println!("fault memory {number} {} {} MiB", target.name, taken >> 20);
        }
        let _ = std::io::stdout().flush();
    }
    ExitCode::SUCCESS
}
