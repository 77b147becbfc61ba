//! The terminal: what is said on stderr, threads, the device and signals.

use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use clap::builder::{OsStringValueParser, StringValueParser, TypedValueParser};
use langevin::core::{LeftAside, Reason, Stop};
use langevin::sampling::random_seed;
use langevin::{Device, Error, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

/// What every command needs of its surroundings.
pub struct Shell {
    /// Say only warnings and errors.
    pub quiet: bool,
    /// Say more.
    pub verbose: bool,
    threads: Option<usize>,
    device: String,
}

impl Shell {
    /// A shell with the global flags.
    pub fn new(quiet: bool, verbose: bool, threads: Option<usize>, device: String) -> Self {
        Self { quiet, verbose, threads, device }
    }

    /// Says `text` on stderr, unless quiet.
    pub fn say(&self, text: &str) {
        if !self.quiet {
            to_stderr(text);
        }
    }

    /// Warns on stderr.
    pub fn warn(&self, text: &str) {
        to_stderr(&format!("{}: {text}", self.paint("warning", "1;33")));
    }

    /// Says what was left aside of `name`: in one line, or all that is known of it where more is wanted.
    pub fn left_aside(&self, name: &str, aside: &LeftAside) {
        if !self.verbose {
            return self.say(&format!("{name}: left aside: {aside}"));
        }
        for Reason { what, count, examples } in aside.reasons() {
            let more = if *count > examples.len() as u64 { ", ..." } else { "" };
            self.say(&format!("{name}: left aside: {count} {what}: {}{more}", examples.join(", ")));
        }
    }

    /// Whether a live progress line can be drawn.
    pub fn is_live(&self) -> bool {
        !self.quiet && std::io::stderr().is_terminal()
    }

    /// `text` in an ANSI style where stderr is a terminal and `NO_COLOR` is not set.
    pub fn paint(&self, text: &str, style: &str) -> String {
        let colour =
            std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
        if colour { format!("\x1b[{style}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// Sets the threads and opens the device; the line says what a long command begins with.
    ///
    /// # Errors
    /// Usage: a device this build does not have.
    pub fn compute(&self) -> Result<(Device, String)> {
        let threads =
            self.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, Into::into));
        // Fails only when the pool exists already, which then has the same threads.
        let _ = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global();
        self.check_device()?;
        Ok((Device::flex(), format!("device cpu, f32, {threads} threads")))
    }

    /// Whether this build has the device that is asked for, which commands that compute nothing are asked too.
    ///
    /// # Errors
    /// Usage, where it has not.
    pub fn check_device(&self) -> Result<()> {
        match self.device.as_str() {
            "cpu" => Ok(()),
            other => Err(Error::usage(format!("--device {other}: this build computes on: cpu"))
                .hint("see `langevin devices`")),
        }
    }
}

/// Writes `line` on stderr. Where that is closed or full nobody reads it, which is no reason to end the work.
pub fn to_stderr(line: &str) {
    let _ = std::io::stderr().write_all(format!("{line}\n").as_bytes());
}

/// Reads a whole number of an argument, from 1 to `MOST`.
pub fn from_1_to<const MOST: u64>() -> impl TypedValueParser<Value = usize> {
    from_to::<1, MOST>()
}

/// Reads a whole number of an argument, from `LEAST` to `MOST`.
pub fn from_to<const LEAST: u64, const MOST: u64>() -> impl TypedValueParser<Value = usize> {
    StringValueParser::new().try_map(|text| {
        let number = text.trim().parse::<u64>().ok().filter(|number| (LEAST..=MOST).contains(number));
        let number = number.and_then(|number| usize::try_from(number).ok());
        number.ok_or_else(|| format!("must be a whole number from {LEAST} to {MOST}"))
    })
}

/// Reads a seed: a whole number from 0, or -1 for a random one.
pub fn seed() -> impl TypedValueParser<Value = u64> {
    StringValueParser::new().try_map(|text| match text.trim() {
        "-1" => Ok(random_seed()),
        text => text
            .parse()
            .map_err(|_| format!("must be a whole number from 0 to {}, or -1 for a random one", u64::MAX)),
    })
}

/// Reads the seed of a training, which the same command must resume.
pub fn fixed_seed() -> impl TypedValueParser<Value = u64> {
    StringValueParser::new().try_map(|text| {
        text.trim().parse().map_err(|_| "must be a whole number from 0: the same command resumes a run")
    })
}

/// Reads the name of a model or of data, or a path, which need not be UTF-8.
pub fn spec() -> impl TypedValueParser<Value = String> {
    OsStringValueParser::new().map(langevin::core::spelled)
}

/// A token that is requested when SIGINT, SIGTERM or SIGHUP comes; the second one ends the program at once. SIGHUP stays
/// ignored where it was when the program began, as under `nohup`.
///
/// # Errors
/// Failed, when the system refuses to tell.
pub fn signals() -> Result<Stop> {
    static SIGNALS: OnceLock<Stop> = OnceLock::new();
    if let Some(stop) = SIGNALS.get() {
        return Ok(stop.clone());
    }
    let stop = Stop::new();
    let again = Arc::new(AtomicBool::new(false));
    let hangup = Some(SIGHUP).filter(|hangup| !is_ignored(*hangup));
    for signal in [SIGINT, SIGTERM].into_iter().chain(hangup) {
        let failed = |error: std::io::Error| Error::failed(format!("signals cannot be handled: {error}"));
        signal_hook::flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&again))
            .map_err(failed)?;
        let (stop, again) = (stop.clone(), Arc::clone(&again));
        let mut signals = signal_hook::iterator::Signals::new([signal]).map_err(failed)?;
        std::thread::spawn(move || {
            for signal in &mut signals {
                stop.request(signal);
                again.store(true, Ordering::Relaxed);
            }
        });
    }
    Ok(SIGNALS.get_or_init(|| stop).clone())
}

/// Whether whoever started the program had it ignore `signal`, where the system says so.
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}

/// A duration as a person says it: `45 s`, `12 min`, `3 h 5 min`.
pub fn duration(seconds: f64) -> String {
    let seconds = seconds.max(0.0).round() as u64;
    match seconds {
        0..=99 => format!("{seconds} s"),
        100..=5_999 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// A number of bytes as a person says it.
pub fn bytes(count: u64) -> String {
    match count {
        0..1_024 => format!("{count} B"),
        1_024..1_048_576 => format!("{:.1} KiB", count as f64 / 1024.0),
        1_048_576..1_073_741_824 => format!("{:.0} MiB", count as f64 / 1_048_576.0),
        _ => format!("{:.1} GiB", count as f64 / 1_073_741_824.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes_read_well() {
        assert_eq!(duration(44.6), "45 s");
        assert_eq!(duration(125.0), "2 min 05 s");
        assert_eq!(duration(3.0 * 3600.0 + 300.0), "3 h 05 min");
        assert_eq!(bytes(512), "512 B");
        assert_eq!(bytes(5 << 20), "5 MiB");
        assert_eq!(bytes(3 << 29), "1.5 GiB");
    }
}
