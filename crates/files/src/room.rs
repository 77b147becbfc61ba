//! What is said where the disk takes no more, or refuses: the place, the need, the room there is, and what to try.

use std::io;
use std::path::Path;

use langevin_process::{Error, Result};

/// The hint of an error where a disk is full.
pub const MAKE_ROOM: &str = "whatever was saved before is whole; make room and run the same command again";

/// The error for a failed write of `need` bytes to `path`, telling the free space; usage, where nobody may write or no such name
/// can be.
pub fn write_error(path: &Path, need: u64, error: &io::Error) -> Error {
    let name = path.display();
    match error.kind() {
        io::ErrorKind::InvalidFilename => return too_long(path),
        io::ErrorKind::PermissionDenied
        | io::ErrorKind::ReadOnlyFilesystem
        | io::ErrorKind::NotADirectory => {
            return Error::usage(format!("{name}: writing {need} bytes failed: {error}"))
                .hint("choose a place you may write to");
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {}
        _ => {
            return Error::failed(format!("{name}: writing {need} bytes failed: {error}"))
                .hint("whatever was saved before is whole; look after the disk, or choose another place");
        }
    }
    let free = path.ancestors().map(at).find_map(free_bytes);
    let names = path.ancestors().map(at).find_map(free_names);
    match (free, names) {
        // The disk has room for bytes, and for no further file.
        (Some(free), Some(0)) if free > need => Error::failed(format!(
            "{name}: no further file fits on the disk: it has no inodes left, though {free} bytes are free there"
        ))
        .hint("whatever was saved before is whole; remove files there and run the same command again"),
        (Some(free), _) => {
            Error::failed(format!("{name}: writing {need} bytes failed: {error}; {free} bytes are free there"))
                .hint(MAKE_ROOM)
        }
        (None, _) => Error::failed(format!("{name}: writing {need} bytes failed: {error}")).hint(MAKE_ROOM),
    }
}

/// The error for a name that no file can have.
pub(crate) fn too_long(path: &Path) -> Error {
    Error::usage(format!("{}: the name is too long", path.display()))
        .hint("give a shorter one: up to 249 bytes for each part of the path")
}

/// Whether `need` bytes fit on the disk that holds `folder`, as far as the system says.
///
/// # Errors
/// Failed, with both numbers, where they do not.
pub fn check_space(folder: &Path, need: u64) -> Result<()> {
    match free_bytes(at(folder)) {
        Some(free) if free < need => Err(Error::failed(format!(
            "{}: the disk is full: {need} bytes are needed, {free} are free",
            folder.display()
        ))
        .hint(MAKE_ROOM)),
        _ => Ok(()),
    }
}

/// Bytes that are free on the disk that holds `folder`; `None` where the system does not say.
pub fn free_bytes(folder: &Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(folder).ok()?;
    Some(stat.f_bavail * stat.f_frsize)
}

/// Further files that fit on the disk that holds `folder`; `None` where the system does not count them.
fn free_names(folder: &Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(folder).ok()?;
    (stat.f_files > 0).then_some(stat.f_favail)
}

/// The folder that a relative path with nothing above it lies in.
fn at(path: &Path) -> &Path {
    if path.as_os_str().is_empty() { Path::new(".") } else { path }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_the_true_one() {
        let said = |code| {
            let error = write_error(Path::new("out.png"), 70, &io::Error::from_raw_os_error(code));
            (error.exit_code(), error.to_string())
        };
        let (code, text) = said(28);
        assert!(code == 1 && text.contains("70 bytes") && text.contains("make room"), "{text}");
        let (code, text) = said(36);
        assert!(code == 2 && text.contains("too long") && !text.contains("room"), "{text}");
        let (code, text) = said(30);
        assert!(code == 2 && text.contains("you may write to"), "{text}");
        let (code, text) = said(5);
        assert!(code == 1 && !text.contains("free") && !text.contains("make room"), "{text}");
    }
}
