//! Disks that fail on purpose: a test lets the k-th change of the disk fail, or be the last thing that the program does.
//!
//! Every change passes through [`crate::disk`], which asks here first. Nothing is asked for unless the variable
//! [`FAULT`] is set when the program starts.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};

/// The variable that asks for a fault: `kill:K`, `ENOSPC:K` or `EIO:K` at the K-th change of the disk, counted from 1, or
/// `log:FILE` for a line in FILE at each. After an `ENOSPC` nothing that needs room succeeds any more. For tests alone.
pub const FAULT: &str = "LANGEVIN_FAULT";

/// What is done to the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    Create,
    Folder,
    Write,
    Cut,
    Sync,
    Rename,
    Exchange,
    Remove,
}

enum Plan {
    Nothing,
    Kill(u64),
    Full(u64),
    Broken(u64),
    Log(Mutex<File>),
}

/// What happens instead of a change.
pub(crate) enum Fate {
    /// The program is killed.
    Killed,
    /// The system says no.
    Refused(io::Error),
}

impl Fate {
    /// Ends the program, or gives the system's error.
    pub(crate) fn meet(self) -> io::Error {
        match self {
            Self::Killed => kill(),
            Self::Refused(error) => error,
        }
    }
}

static PLAN: LazyLock<Plan> = LazyLock::new(|| match std::env::var(FAULT) {
    Ok(text) => Plan::of(&text).unwrap_or(Plan::Nothing),
    Err(_) => Plan::Nothing,
});
static CHANGES: AtomicU64 = AtomicU64::new(0);

const NO_SPACE: i32 = 28;
const BROKEN: i32 = 5;

impl Plan {
    fn of(text: &str) -> Option<Self> {
        let (what, rest) = text.split_once(':')?;
        Some(match what {
            "kill" => Self::Kill(rest.parse().ok()?),
            "ENOSPC" => Self::Full(rest.parse().ok()?),
            "EIO" => Self::Broken(rest.parse().ok()?),
            "log" => Self::Log(Mutex::new(OpenOptions::new().create(true).append(true).open(rest).ok()?)),
            _ => return None,
        })
    }
}

/// What happens instead of `change` to `path`, if anything is to.
pub(crate) fn fate(change: Change, path: &Path) -> Option<Fate> {
    let number = match &*PLAN {
        Plan::Nothing => return None,
        _ => CHANGES.fetch_add(1, Ordering::Relaxed) + 1,
    };
    let refused = |code| Some(Fate::Refused(io::Error::from_raw_os_error(code)));
    let grows = matches!(change, Change::Create | Change::Folder | Change::Write);
    match &*PLAN {
        Plan::Kill(at) if number == *at => Some(Fate::Killed),
        Plan::Full(at) if number == *at || (number > *at && grows) => refused(NO_SPACE),
        Plan::Broken(at) if number == *at => refused(BROKEN),
        Plan::Log(file) => {
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
            let _ = writeln!(file, "{change:?} {}", path.display());
            None
        }
        _ => None,
    }
}

/// Lets `change` of `path` happen, or not.
pub(crate) fn point(change: Change, path: &Path) -> io::Result<()> {
    fate(change, path).map_or(Ok(()), |fate| Err(fate.meet()))
}

/// Ends the program as nothing can prevent: no handler runs, nothing is cleaned up.
fn kill() -> ! {
    #[cfg(unix)]
    {
        unsafe extern "C" {
            fn raise(signal: std::ffi::c_int) -> std::ffi::c_int;
        }
        // SAFETY: `raise` of the C library takes any number; 9 is SIGKILL on every Unix.
        unsafe { raise(9) };
    }
    std::process::abort()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_are_read_and_nonsense_is_no_plan() {
        assert!(matches!(Plan::of("kill:3"), Some(Plan::Kill(3))));
        assert!(matches!(Plan::of("ENOSPC:1"), Some(Plan::Full(1))));
        assert!(matches!(Plan::of("EIO:12"), Some(Plan::Broken(12))));
        assert!(Plan::of("kill:x").is_none() && Plan::of("kill").is_none() && Plan::of("EPERM:1").is_none());
    }
}
