//! The workspace that is kept: where it lies, where it is built, cargo in it.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The workspace that cargo runs this from, which need not be the one it was built in.
pub fn root() -> PathBuf {
    let here = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    Path::new(&here).parent().expect("xtask lies in the workspace").to_owned()
}

/// Where cargo builds.
pub fn target(root: &Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from)
}

/// The program, as cargo builds it for release.
pub fn binary(root: &Path) -> PathBuf {
    target(root).join("release").join(format!("langevin{}", std::env::consts::EXE_SUFFIX))
}

/// Runs cargo in the workspace root and waits for it.
pub fn cargo(args: &[&str], environment: &[(&str, &str)]) -> Result<(), String> {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.args(args).current_dir(root()).envs(environment.iter().copied());
    let status = command.status().map_err(|error| format!("cargo {}: {error}", args.join(" ")))?;
    if status.success() { Ok(()) } else { Err(format!("cargo {} failed", args.join(" "))) }
}

/// Runs cargo with the words of `arguments` in the workspace root and gives what it prints.
pub fn cargo_says(arguments: &str) -> Result<String, String> {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(program).args(arguments.split(' ')).current_dir(root()).output();
    let output = output.map_err(|error| format!("cargo {arguments}: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(text);
    }
    Err(format!("cargo {arguments} failed:\n{text}{}", String::from_utf8_lossy(&output.stderr)))
}
