//! Results on stdout.

use std::path::Path;

use langevin::{Error, Result};

/// Prints one line of result on stdout.
///
/// # Errors
/// Failed, when stdout is closed or full.
pub fn result(line: &str) -> Result<()> {
    bytes(line.as_bytes())
}

/// Prints a path on stdout as it is, whether it is text or not.
///
/// # Errors
/// As [`result`].
pub fn path(path: &Path) -> Result<()> {
    bytes(path.as_os_str().as_encoded_bytes())
}

fn bytes(line: &[u8]) -> Result<()> {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    match out.write_all(&[line, b"\n"].concat()) {
        // Whoever reads, like `head`, has read enough.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => Err(Error::failed(format!("stdout: {error}"))),
        Ok(()) => Ok(()),
    }
}
