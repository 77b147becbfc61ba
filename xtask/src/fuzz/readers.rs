//! The readers: processes that run case after case, watched by the number of the case at work.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::commands::peak_of;
use super::report::{ADDRESSES, LIMIT, Options, Report};

/// Cases of one process.
const PART: u64 = 20_000;

/// Runs `options.runs` cases in two processes at once.
///
/// # Errors
/// Where a process cannot be started.
pub fn run(root: &Path, options: &Options) -> Result<Report, String> {
    let program = crate::workspace::target(root).join("release/langevin-fuzz");
    let started = Instant::now();
    let found = Mutex::new((Vec::new(), 0_u64));
    let parts = options.runs.div_ceil(PART);
    let next = std::sync::atomic::AtomicU64::new(0);
    let worker = |worker: usize| -> Result<(), String> {
        let mark = std::env::temp_dir().join(format!("langevin-fuzz-{}-{worker}", std::process::id()));
        loop {
            let part = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            if part >= parts {
                let _ = fs::remove_file(&mark);
                return Ok(());
            }
            let end = ((part + 1) * PART).min(options.runs);
            let mut from = part * PART;
            while from < end {
                let (next, faults, peak) = life(&program, &mark, options.seed, from, end)?;
                let mut found = found.lock().expect("no worker panics");
                found.0.extend(faults);
                found.1 = found.1.max(peak);
                from = next;
            }
        }
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(|| worker(1));
        worker(0).and(other.join().expect("no worker panics"))
    })?;
    let (faults, peak) = found.into_inner().expect("no worker panics");
    if options.keep {
        keep(root, &program, options.seed, &faults)?;
    }
    Ok(Report {
        what: "readers and parsers",
        runs: options.runs,
        seconds: started.elapsed().as_secs_f64(),
        peak,
        faults,
    })
}

/// One process from case `from`: the case to go on with, the faults, and the most memory it had.
fn life(
    program: &Path,
    mark: &Path,
    seed: u64,
    from: u64,
    to: u64,
) -> Result<(u64, Vec<String>, u64), String> {
    fs::write(mark, format!("{from:020}")).map_err(|error| format!("{}: {error}", mark.display()))?;
    let said = mark.with_extension("out");
    let out = fs::File::create(&said).map_err(|error| format!("{}: {error}", said.display()))?;
    let mut child = Command::new("prlimit")
        .arg(format!("--as={ADDRESSES}"))
        .arg(program)
        .arg(mark)
        .args([seed, from, to].map(|number| number.to_string()))
        .env("RAYON_NUM_THREADS", "1")
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("prlimit: {error}"))?;
    let at_work =
        || fs::read_to_string(mark).ok().and_then(|text| text.trim().parse::<u64>().ok()).unwrap_or(from);
    let (mut seen, mut since, mut peak) = (from, Instant::now(), 0);
    let mut faults = Vec::new();
    let next = loop {
        if let Some(status) = child.try_wait().map_err(|error| error.to_string())? {
            if status.success() {
                break to;
            }
            faults.push(format!("ended {} by {status}", at_work()));
            break at_work() + 1;
        }
        peak = peak.max(peak_of(child.id()));
        let now = at_work();
        if now != seen {
            (seen, since) = (now, Instant::now());
        } else if since.elapsed() > LIMIT {
            let _ = child.kill();
            let _ = child.wait();
            faults.push(format!("endless {now}"));
            break now + 1;
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    let text = fs::read_to_string(&said).unwrap_or_default();
    faults.extend(text.lines().filter_map(|line| line.strip_prefix("fault ")).map(str::to_owned));
    let panics = text.lines().filter(|line| line.starts_with("panic ")).count();
    let told = faults.iter().filter(|fault| fault.starts_with("panic ")).count();
    if panics > told {
        let first = text.lines().find(|line| line.starts_with("panic ")).unwrap_or_default();
        faults.push(format!("printed {} panics that were caught, from {from} on: {first}", panics - told));
    }
    let _ = fs::remove_file(said);
    Ok((next, faults, peak))
}

/// Writes the inputs of the faults into the corpus.
fn keep(root: &Path, program: &Path, seed: u64, faults: &[String]) -> Result<(), String> {
    for fault in faults {
        let Some(number) =
            fault.split(' ').nth(1).filter(|word| word.bytes().all(|byte| byte.is_ascii_digit()))
        else {
            continue;
        };
        let folder = root.join("crates/fuzz/corpus");
        let arguments = ["--write", &folder.to_string_lossy(), &seed.to_string(), number].map(str::to_owned);
        let status = Command::new(program).args(arguments).status().map_err(|error| error.to_string())?;
        if !status.success() {
            return Err(format!("case {number} cannot be kept"));
        }
    }
    Ok(())
}
