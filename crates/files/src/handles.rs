//! How many files may be open at once.

/// Files that may be open whatever the system says.
pub const FEWEST: usize = 128;
/// Files that a program has open in addition to those it was asked about: its libraries', terminals, data.
#[cfg(unix)]
const OTHERS: u64 = 256;

/// How many of `wanted` files may be open at once, at least [`FEWEST`]; the limit of this process is raised to what they need, as far
/// as the system lets it.
pub fn open_at_once(wanted: usize) -> usize {
    wanted.min(allowed(wanted).max(FEWEST))
}

#[cfg(unix)]
fn allowed(wanted: usize) -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let need = (wanted as u64).saturating_add(OTHERS);
    // None is no limit.
    let Some(current) = limit.current else { return wanted };
    let most = limit.maximum.unwrap_or(u64::MAX).min(need).max(current);
    let raised = Rlimit { current: Some(most), maximum: limit.maximum };
    let open = if most > current && setrlimit(Resource::Nofile, raised).is_ok() { most } else { current };
    usize::try_from(open.saturating_sub(OTHERS)).unwrap_or(usize::MAX)
}

#[cfg(not(unix))]
fn allowed(_: usize) -> usize {
    FEWEST
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_files_may_always_be_open_and_no_more_than_are_wanted() {
        assert_eq!(open_at_once(3), 3);
        assert_eq!(open_at_once(FEWEST), FEWEST);
        assert!((FEWEST..=1 << 40).contains(&open_at_once(1 << 40)));
    }
}
