//! Files read whole, up to a limit: what never ends is refused before it is read, and what is too long as soon as it is.

use std::fs::{File, Metadata};
use std::io::Read;
use std::path::Path;

use langevin_process::{Error, Result};

/// What may be read beyond what an input needs: 64 MiB.
pub const SLACK: u64 = 64 << 20;

/// All of the file at `path`, which may have at most `limit` bytes. A pipe, a device or a socket is refused at once: nobody
/// knows whether it ends.
///
/// # Errors
/// Bad input, beginning with the path: missing, no ordinary file, over the limit, or unreadable.
pub fn read_bounded(path: impl AsRef<Path>, limit: u64) -> Result<Vec<u8>> {
    let path = path.as_ref();
    let (file, length) = open_ordinary(path)?;
    let too_long = |length: String| {
        let (limit, unit) = if limit < 1 << 20 { (limit >> 10, "KiB") } else { (limit >> 20, "MiB") };
        Error::bad_input(format!("{}: {length}, and at most {limit} {unit} are read here", path.display()))
    };
    if length > limit {
        return Err(too_long(format!("it has {length} bytes")));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0).min(SLACK as usize));
    // A file may grow while it is read, and those of `/proc` and the like have a length of 0.
    file.take(limit.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|error| Error::bad_input(format!("{}: {error}", path.display())))?;
    if bytes.len() as u64 > limit {
        return Err(too_long("it grows".to_owned()));
    }
    Ok(bytes)
}

/// The first bytes of the file at `path`, `count` where it has as many.
///
/// # Errors
/// As [`read_bounded`], but for its length.
pub fn read_head(path: impl AsRef<Path>, count: u64) -> Result<Vec<u8>> {
    let path = path.as_ref();
    let (file, _) = open_ordinary(path)?;
    let mut head = Vec::new();
    file.take(count)
        .read_to_end(&mut head)
        .map_err(|error| Error::bad_input(format!("{}: {error}", path.display())))?;
    Ok(head)
}

/// The file at `path`, opened to be read, and its length in bytes.
///
/// # Errors
/// Bad input, beginning with the path: missing, unreadable, a folder, or what is no ordinary file and might never end.
pub fn open_ordinary(path: impl AsRef<Path>) -> Result<(File, u64)> {
    let path = path.as_ref();
    let failed = |error: std::io::Error| Error::bad_input(format!("{}: {error}", path.display()));
    // Before it is opened: opening a pipe waits for somebody who writes into it.
    let metadata = std::fs::metadata(path).map_err(failed)?;
    if let Some(what) = not_ordinary(&metadata) {
        let error = Error::bad_input(format!("{}: {what}, not a file", path.display()));
        return Err(match metadata.is_dir() {
            true => error,
            false => error.hint("write it into a file first, and give that"),
        });
    }
    let file = File::open(path).map_err(failed)?;
    Ok((file, metadata.len()))
}

/// What something is that is no ordinary file: `a folder`, `a pipe`, `a device`, `a socket`.
pub fn not_ordinary(metadata: &Metadata) -> Option<&'static str> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        let kind = metadata.file_type();
        if kind.is_fifo() {
            return Some("a pipe");
        }
        if kind.is_socket() {
            return Some("a socket");
        }
        if kind.is_char_device() || kind.is_block_device() {
            return Some("a device");
        }
    }
    match () {
        () if metadata.is_dir() => Some("a folder"),
        () if metadata.is_file() => None,
        () => Some("something special"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message<T: std::fmt::Debug>(result: Result<T>) -> String {
        result.unwrap_err().to_string()
    }

    #[test]
    fn a_file_is_read_up_to_the_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("some");
        std::fs::write(&path, [1; 1000]).unwrap();
        assert_eq!(read_bounded(&path, 1000).unwrap(), [1; 1000]);
        assert_eq!(read_head(&path, 10).unwrap(), [1; 10]);
        let refused = message(read_bounded(&path, 999));
        assert!(refused.contains("some: it has 1000 bytes, and at most 0 KiB are read here"), "{refused}");
        assert!(message(read_bounded(folder.path(), 9)).contains("a folder, not a file"));
        assert!(message(read_bounded(folder.path().join("none"), 9)).contains("none: No such file"));
    }

    #[test]
    #[cfg(unix)]
    fn what_may_never_end_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &path,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::from_raw_mode(0o600),
            0,
        )
        .unwrap();
        assert!(message(read_bounded(&path, 1 << 20)).contains("pipe: a pipe, not a file"));
        assert!(message(read_head(&path, 9)).contains("a pipe"));
        assert!(message(read_bounded("/dev/zero", 1 << 20)).starts_with("/dev/zero: a device, not a file"));
        let socket = folder.path().join("socket");
        let _listening = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        assert!(message(read_bounded(&socket, 9)).contains("a socket"));
        // A file without a stated length is read to its end, or to the limit.
        assert!(read_bounded("/proc/self/status", 1 << 20).unwrap().len() > 100);
        assert!(message(read_bounded("/proc/self/status", 100)).contains("it grows"));
    }
}
