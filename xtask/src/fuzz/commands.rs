//! The commands: those of the comparison of binaries, each with a damaged file, a damaged option, or both.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Component, Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use langevin_mutate::{Form, Rng, mutated, value};

use super::report::{ADDRESSES, LIMIT, Options, Report};
use crate::compare_binaries::{Case, World};

/// Memory that a command with small inputs may have.
const MEMORY: u64 = 768 << 20;
/// How long a command may take to stop once it is asked to.
const STOPPING: Duration = Duration::from_secs(10);
/// Options after which the name of a result stands.
const RESULTS: &[&str] = &["-o", "--out", "--output", "--grid", "--trajectory"];
/// Where damaged inputs and the results of a case lie, below the world.
const PLACE: &str = "fuzz";

/// Runs `options.commands` cases, two at once.
///
/// # Errors
/// Where the world they run in cannot be made, or a command cannot be started.
pub fn run(root: &Path, options: &Options) -> Result<Report, String> {
    let binary = crate::workspace::target(root).join("release/langevin");
    let folder = std::env::temp_dir().join(format!("langevin-fuzz-{}", std::process::id()));
    let started = Instant::now();
    let (worlds, cases) = worlds(root, &binary, &folder)?;
    let next = AtomicU64::new(0);
    let found = Mutex::new((Vec::new(), 0_u64));
    let worker = |world: &World| -> Result<(), String> {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= options.commands {
                return Ok(());
            }
            let mut rng = Rng::with_seed(options.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ number);
            let words = damaged(world, &cases, &mut rng)?;
            let (fault, peak) = outcome(world, &words)?;
            let mut found = found.lock().expect("no worker panics");
            found.1 = found.1.max(peak);
            if let Some(fault) = fault {
                let kept = folder.join(format!("fault-{number}"));
                let _ = fs::rename(world.path().join(PLACE), &kept);
                let fault =
                    format!("{fault} {number}: langevin {}  (files in {})", quoted(&words), kept.display());
                eprintln!("{fault}");
                found.0.push(fault);
            }
            let _ = fs::remove_dir_all(world.path().join(PLACE));
            if number % 2000 == 1999 {
                eprintln!("{} commands, {} faults", number + 1, found.0.len());
            }
        }
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(|| worker(&worlds[1]));
        worker(&worlds[0]).and(other.join().expect("no worker panics"))
    })?;
    let (faults, peak) = found.into_inner().expect("no worker panics");
    if faults.is_empty() {
        let _ = fs::remove_dir_all(&folder);
    }
    Ok(Report {
        what: "commands",
        runs: options.commands,
        seconds: started.elapsed().as_secs_f64(),
        peak,
        faults,
    })
}

/// Two folders with what the commands use, each made by the commands that make something, and the commands.
fn worlds(root: &Path, binary: &Path, folder: &Path) -> Result<([World; 2], Vec<Case>), String> {
    let first = World::new(binary.to_owned(), folder.join("0"), root)?;
    let cases = first.cases()?;
    first.make(&cases)?;
    let second = first.copied(folder.join("1"))?;
    let commands = cases.into_iter().filter(|case| !case.words[0].starts_with('@')).collect();
    Ok(([first, second], commands))
}

/// The words of a command with damage to one or two of its options, files or words.
fn damaged(world: &World, cases: &[Case], rng: &mut Rng) -> Result<Vec<String>, String> {
    let case = &cases[rng.usize(..cases.len())];
    let mut words = case.words.clone();
    let inside = format!("{PLACE}/out");
    for at in 1..words.len() {
        if RESULTS.contains(&words[at - 1].as_str()) {
            words[at] = format!("{inside}/{}", words[at]);
        }
    }
    for round in 0..rng.usize(1..=2) {
        let files: Vec<usize> = (1..words.len()).filter(|at| is_input(world, &words[*at])).collect();
        match rng.u8(0..10) {
            0..=3 if !files.is_empty() => {
                let at = files[rng.usize(..files.len())];
                words[at] = damaged_file(world, &words[at], round, rng)?;
            }
            4 | 5 if words.len() > 1 => {
                let at = rng.usize(1..words.len());
                words[at] = value(rng);
            }
            6 if words.len() > 1 => {
                let at = rng.usize(1..words.len());
                let bytes = mutated(Form::Text, words[at].as_bytes(), rng);
                words[at] = String::from_utf8_lossy(&bytes).replace('\0', "0");
            }
            7 if words.len() > 1 => drop(words.remove(rng.usize(1..words.len()))),
            8 => {
                let at = rng.usize(1..=words.len());
                words.insert(at, value(rng));
            }
            _ => {
                // An option of another command of the same name, or of any, with a value of its own or a damaged one.
                let others: Vec<&Case> = cases.iter().filter(|other| other.words[0] == words[0]).collect();
                let other = if rng.u8(0..4) == 0 {
                    &cases[rng.usize(..cases.len())]
                } else {
                    others[rng.usize(..others.len())]
                };
                let flags: Vec<usize> =
                    (1..other.words.len()).filter(|at| other.words[*at].starts_with("--")).collect();
                if !flags.is_empty() {
                    let at = flags[rng.usize(..flags.len())];
                    words.push(other.words[at].clone());
                    if let Some(next) = other.words.get(at + 1).filter(|next| !next.starts_with('-')) {
                        words.push(if rng.bool() { next.clone() } else { value(rng) });
                    }
                }
            }
        }
    }
    words.iter_mut().for_each(|word| word.retain(|sign| sign != '\0'));
    Ok(words)
}

/// Whether `word` names something that lies in the world and is not all of it.
fn is_input(world: &World, word: &str) -> bool {
    let plain = |part: Component<'_>| matches!(part, Component::Normal(_));
    !word.is_empty()
        && Path::new(word).components().all(plain)
        && !word.starts_with(PLACE)
        && world.path().join(word).exists()
}

/// The name of a damaged copy of the file, or of the folder with one of its files damaged.
fn damaged_file(world: &World, name: &str, round: usize, rng: &mut Rng) -> Result<String, String> {
    let from = world.path().join(name);
    let copy = format!("{PLACE}/in-{round}/{}", from.file_name().unwrap_or_default().to_string_lossy());
    let to = world.path().join(&copy);
    let failed = |error: std::io::Error| format!("{}: {error}", to.display());
    world.copy(&from, &to).map_err(failed)?;
    let mut files = files_of(&to);
    if files.is_empty() {
        files.push(to.clone());
    }
    let file = &files[rng.usize(..files.len())];
    if file.is_file() {
        let bytes = fs::read(file).map_err(failed)?;
        fs::write(file, mutated(Form::of(&file.to_string_lossy()), &bytes, rng)).map_err(failed)?;
    }
    Ok(copy)
}

fn files_of(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { found.extend(files_of(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// Runs a command: its fault, if it has one, and the most memory it was seen with.
fn outcome(world: &World, words: &[String]) -> Result<(Option<String>, u64), String> {
    let said = world.path().join("stderr");
    let failed = |error: std::io::Error| format!("langevin {}: {error}", quoted(words));
    let error = fs::File::create(&said).map_err(failed)?;
    let mut command = Command::new("prlimit");
    command.arg(format!("--as={ADDRESSES}")).arg(world.binary()).args(words).args(["--threads", "1"]);
    world.dress(&mut command);
    let started = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(error).spawn();
    let mut child = match started {
        Ok(child) => child,
        // Words too long for the system never reach the program.
        Err(error) if error.raw_os_error() == Some(7) => return Ok((None, 0)),
        Err(error) => return Err(failed(error)),
    };
    let (status, peak, asked) = watched(&mut child).map_err(failed)?;
    let text = String::from_utf8_lossy(&fs::read(&said).unwrap_or_default()).into_owned();
    let fault = if text.contains("panicked at") {
        Some("panic".to_owned())
    } else if let Some(signal) = status.signal() {
        Some(if asked && signal == 9 { "endless".to_owned() } else { format!("ended by signal {signal}") })
    } else if !matches!(status.code(), Some(0..=5 | 130 | 143)) {
        Some(format!("exit code {:?}", status.code()))
    } else if peak > MEMORY {
        Some(format!("{} MiB", peak >> 20))
    } else {
        None
    };
    Ok((fault, peak))
}

/// Waits for the end, which is asked for after [`LIMIT`], and forced [`STOPPING`] later: the status, the peak memory, and whether
/// it had to be asked.
fn watched(child: &mut Child) -> std::io::Result<(std::process::ExitStatus, u64, bool)> {
    let started = Instant::now();
    let (mut peak, mut asked) = (0, false);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok((status, peak, asked));
        }
        peak = peak.max(peak_of(child.id()));
        if started.elapsed() > LIMIT && !asked {
            asked = true;
            let _ = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
        }
        if started.elapsed() > LIMIT + STOPPING {
            child.kill()?;
        }
        std::thread::sleep(Duration::from_millis(3));
    }
}

/// The most memory that a process had until now.
pub fn peak_of(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|text| text.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) << 10
}

/// Words as a shell takes them.
fn quoted(words: &[String]) -> String {
    let one = |word: &String| {
        let plain = !word.is_empty()
            && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./=:,+".contains(&byte));
        if plain { word.clone() } else { format!("'{}'", word.replace('\'', r"'\''")) }
    };
    words.iter().map(one).collect::<Vec<_>>().join(" ")
}
