//! Results on stdout.

use langevin::{Error, Result};

/// Prints one line of result on stdout.
///
/// # Errors
/// Failed, when stdout is closed or full.
pub fn result(line: &str) -> Result<()> {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{line}") {
        // Whoever reads, like `head`, has read enough.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => Err(Error::failed(format!("stdout: {error}"))),
        Ok(()) => Ok(()),
    }
}
