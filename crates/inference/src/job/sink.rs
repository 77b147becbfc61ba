//! Where the results of a job go: to files, whose names are claimed as a set before the work begins, or into memory.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use langevin_core::{Error, ErrorKind, Result, Stop};
use langevin_files::{Claim, Fresh, Made, check_name, open_at_once};

/// Takes the results of a job.
pub trait Sink {
    /// Makes sure that every one of `names` can be written, before time is spent on what goes into them.
    ///
    /// # Errors
    /// Where one cannot, or is taken.
    fn claim(&mut self, names: &[&Path]) -> Result<()>;

    /// Writes one result whole.
    ///
    /// # Errors
    /// Where it cannot be written.
    fn write(&mut self, name: &Path, bytes: Vec<u8>) -> Result<()>;

    /// A folder of a name that begins with `stem` and that nobody has, for results that were given no name.
    ///
    /// # Errors
    /// Where none can be made.
    fn fresh(&mut self, stem: &str) -> Result<PathBuf> {
        Ok(PathBuf::from(format!("{stem}-000")))
    }
}

/// Results as files; nothing is overwritten unasked. Names that come to nothing are free again when it is dropped, and folders that
/// were made for them and stay empty go, so that work that fails leaves nothing behind.
#[derive(Debug, Default)]
pub struct Files {
    force: bool,
    stop: Stop,
    claims: BTreeMap<PathBuf, Claim>,
    /// Whether one result is written.
    begun: bool,
    fresh: Vec<Fresh>,
    /// The folders that were made. Last: what is in them goes first.
    made: Made,
}

impl Files {
    /// Files that overwrite others if `force`.
    pub fn new(force: bool) -> Self {
        Self { force, ..Self::default() }
    }

    /// The same, which claims no further name when `stop` is asked for.
    pub fn stopped_by(self, stop: &Stop) -> Self {
        Self { stop: stop.clone(), ..self }
    }

    fn check(&self) -> Result<()> {
        let Some(signal) = self.stop.signal() else { return Ok(()) };
        let what = "stopped while the names of the results were claimed; nothing was written";
        Err(Error::new(ErrorKind::Interrupted(signal), what))
    }

    /// Claims `name`, whose folder may be one that another command has just taken away.
    fn hold(&mut self, name: &Path) -> Result<Claim> {
        for _ in 0..10 {
            self.made.make(folder_of(name))?;
            let claim = Claim::new(name, self.force);
            if claim.is_ok() || folder_of(name).is_dir() {
                return claim;
            }
        }
        Claim::new(name, self.force)
    }
}

fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

impl Sink for Files {
    /// # Errors
    /// Failed, naming it, when one is there already and nothing may be overwritten, or another command is writing it. Usage: two of
    /// one name, a folder or a device of that name, one that is too long, or one whose folder cannot be made or written to.
    fn claim(&mut self, names: &[&Path]) -> Result<()> {
        // Folders once each, by what they are rather than how they are spelled.
        let mut folders: BTreeMap<&Path, PathBuf> = BTreeMap::new();
        let mut files: BTreeSet<(PathBuf, &OsStr)> = BTreeSet::new();
        for file in names {
            self.check()?;
            check_name(file)?;
            let folder = match folders.entry(folder_of(file)) {
                Entry::Occupied(entry) => entry.into_mut(),
                Entry::Vacant(entry) => {
                    self.made.make(folder_of(file))?;
                    let folder = folder_of(file);
                    entry.insert(folder.canonicalize().unwrap_or(folder.to_owned()))
                }
            };
            if !files.insert((folder.clone(), file.file_name().unwrap_or_default())) {
                return Err(Error::usage(format!("{}: is the name of two results", file.display()))
                    .hint("give another name to one of them, or make them in two commands"));
            }
        }
        // What is taken is named as the user would look for it, the first result first.
        let free = names.iter().try_for_each(|file| {
            self.check()?;
            langevin_files::check_free(file, self.force)
        });
        // In one order for all commands, so that of two with a name in common one gets all of its names.
        let mut sorted: Vec<&Path> = names.to_vec();
        sorted.sort_unstable();
        let claimed = free.and_then(|()| {
            // All of them, where the system lets so many files be open; others are taken one by one as results are written.
            sorted.iter().take(open_at_once(sorted.len())).try_for_each(|file| {
                self.check()?;
                let claim = self.hold(file)?;
                self.claims.insert(file.to_path_buf(), claim);
                Ok(())
            })
        });
        if claimed.is_err() && !self.stop.is_requested() {
            // What a killed command left of these names does not wait for one that may have them.
            sorted.iter().for_each(|file| langevin_files::sweep_file(file));
        }
        claimed
    }

    fn write(&mut self, name: &Path, bytes: Vec<u8>) -> Result<()> {
        let claim = match self.claims.remove(name) {
            Some(claim) => claim,
            None => self.hold(name)?,
        };
        let written = claim.write(&bytes).map_err(|error| match error.advice() {
            // The same command would find its first results in its way.
            Some(langevin_files::MAKE_ROOM) if self.begun && !self.force => error
                .hint("make room, and give --force, as some of the results are there already, or another place with -o"),
            Some(langevin_files::MAKE_ROOM) => error.hint("make room and run the same command again"),
            _ => error,
        });
        self.begun |= written.is_ok();
        written
    }

    fn fresh(&mut self, stem: &str) -> Result<PathBuf> {
        let fresh = Fresh::claim(Path::new(stem), &mut self.made)?;
        let path = fresh.path().to_owned();
        self.fresh.push(fresh);
        Ok(path)
    }
}

/// Results in memory, by name.
#[derive(Debug, Default)]
pub struct Memory {
    /// What was written.
    pub files: BTreeMap<PathBuf, Vec<u8>>,
}

impl Sink for Memory {
    fn claim(&mut self, _names: &[&Path]) -> Result<()> {
        Ok(())
    }

    fn write(&mut self, name: &Path, bytes: Vec<u8>) -> Result<()> {
        self.files.insert(name.to_owned(), bytes);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_overwritten_unasked_and_no_name_is_used_twice() {
        let folder = tempfile::tempdir().unwrap();
        let [a, b] = ["a.png", "b.png"].map(|name| folder.path().join(name));
        std::fs::write(&a, "x").unwrap();
        assert!(Files::new(false).claim(&[&a]).unwrap_err().to_string().contains("--force"));
        assert!(Files::new(true).claim(&[&a]).is_ok());
        assert!(Files::new(false).claim(&[&b, &b]).unwrap_err().to_string().contains("two results"));
        let again = folder.path().join("sub/../b.png");
        assert!(Files::new(false).claim(&[&b, &again]).unwrap_err().to_string().contains("two results"));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn of_two_sets_with_a_name_in_common_one_is_claimed() {
        let folder = tempfile::tempdir().unwrap();
        let [a, b, c] = ["a.png", "b.png", "c.png"].map(|name| folder.path().join(name));
        let (mut one, mut two) = (Files::new(true), Files::new(true));
        one.claim(&[&b, &a]).unwrap();
        assert!(two.claim(&[&c, &b]).unwrap_err().to_string().contains("another command"));
        drop(two);
        one.write(&a, b"x".to_vec()).unwrap();
        drop(one);
        // What was not written is free.
        Files::new(false).claim(&[&b, &c]).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    /// As many as are held everywhere.
    const MANY: usize = langevin_files::FEWEST;

    #[test]
    fn more_names_than_are_held_are_written_all_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let files: Vec<PathBuf> = (0..MANY + 40).map(|n| folder.path().join(format!("{n:04}.png"))).collect();
        let names: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
        let mut sink = Files::new(false);
        sink.claim(&names).unwrap();
        std::fs::write(names[MANY + 30], "another's").unwrap();
        for name in &names[..MANY + 30] {
            sink.write(name, b"x".to_vec()).unwrap();
        }
        assert!(
            sink.write(names[MANY + 30], b"x".to_vec()).unwrap_err().message().contains("exists already")
        );
        drop(sink);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), MANY + 31);
        assert!(Files::new(false).claim(&names[MANY..]).is_err());
    }

    #[test]
    fn all_of_many_names_are_held() {
        let folder = tempfile::tempdir().unwrap();
        let files: Vec<PathBuf> =
            (0..MANY + 200).map(|n| folder.path().join(format!("{n:04}.png"))).collect();
        let names: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
        let mut sink = Files::new(false);
        sink.claim(&names).unwrap();
        if open_at_once(names.len()) == names.len() {
            let refused = Files::new(true).claim(&[names[MANY + 150]]).unwrap_err();
            assert!(refused.message().contains("another command"), "{refused}");
        }
        drop(sink);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn claiming_ends_when_asked_to_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let stop = Stop::new();
        stop.request(15);
        let refused = Files::new(false).stopped_by(&stop).claim(&[&folder.path().join("a/b.png")]);
        assert_eq!(refused.unwrap_err().exit_code(), 143);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn folders_that_stay_empty_go_and_others_stay() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a/b/c.png");
        let claimed = || {
            let mut files = Files::new(false);
            files.claim(&[&file]).unwrap();
            files
        };
        drop(claimed());
        assert!(!folder.path().join("a").exists());
        let mut files = claimed();
        files.write(&file, b"x".to_vec()).unwrap();
        drop(files);
        assert!(file.exists());
    }
}
