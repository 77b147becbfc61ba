//! What a record says of when and where it was made.

use std::path::Path;
use std::process::Command;

/// Today, in UTC.
pub fn date(root: &Path) -> String {
    output(root, "date", &["-u", "+%Y-%m-%d"])
}

/// The commit that is checked out.
pub fn commit(root: &Path) -> String {
    output(root, "git", &["rev-parse", "--short", "HEAD"])
}

/// The processor's name, as Linux gives it.
pub fn processor() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    name.map_or_else(|| std::env::consts::ARCH.to_owned(), |(_, name)| name.trim().to_owned())
}

fn output(root: &Path, program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).current_dir(root).output();
    output.map_or(String::new(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
