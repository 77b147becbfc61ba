//! `cargo xtask solvers`: every sampler on every schedule and process with every number of steps, which is too much for the
//! tests of every day.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::stamp;

const DOCUMENT: &str = "docs/samplers.md";
const BEGIN: &str = "<!-- made by: cargo xtask solvers --record -->\n";
const END: &str = "<!-- end of the product -->\n";

/// Runs the product and prints what it says.
///
/// # Errors
/// When a walk fails, or the record cannot be written.
pub fn run(root: &Path, args: &[&str]) -> Result<(), String> {
    let record = match args {
        [] => false,
        ["--record"] => true,
        [other, ..] => return Err(format!("solvers has no option {other:?}")),
    };
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let words = "test --release --locked -p langevin-sample --test conformance -- --ignored --nocapture whole_product";
    let output = Command::new(program).args(words.split(' ')).current_dir(root).output();
    let output = output.map_err(|error| format!("cargo: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        return Err(format!("{text}{}", String::from_utf8_lossy(&output.stderr)));
    }
    let said = text.lines().find_map(|line| line.split_once("product: "));
    let (_, report) = said.ok_or_else(|| format!("the test did not say what it did:\n{text}"))?;
    println!("{report}");
    if record { write(root, report) } else { Ok(()) }
}

fn write(root: &Path, report: &str) -> Result<(), String> {
    let path = root.join(DOCUMENT);
    let failed = |error: std::io::Error| format!("{DOCUMENT}: {error}");
    let text = fs::read_to_string(&path).map_err(failed)?;
    let parts = text.split_once(BEGIN).and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let (before, after) = parts.ok_or_else(|| format!("{DOCUMENT}: lacks its marks"))?;
    let line = format!("{}, at commit {}: {report}.\n", stamp::date(root), stamp::commit(root));
    fs::write(&path, format!("{before}{BEGIN}{line}{END}{after}")).map_err(failed)
}
