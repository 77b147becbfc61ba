//! Work on several images: what fails of them does not keep the others from being done.

use std::path::{Path, PathBuf};

use langevin_core::{Error, ErrorKind, Image, Result};

use super::event::{Event, Observer};

/// Images that a message names.
const NAMED: usize = 10;

/// The images of one request, of which some may fail.
#[derive(Debug, Default)]
pub struct Batch {
    of: usize,
    failed: Vec<(PathBuf, Error)>,
}

impl Batch {
    /// A batch of `of` images.
    pub fn new(of: usize) -> Self {
        Self { of, failed: Vec::new() }
    }

    /// What was made of `image`, or nothing where it failed, which is told and kept. The only image of a batch does not fail by
    /// itself, and neither does one that was interrupted.
    ///
    /// # Errors
    /// The failure of a batch of one, and an interruption.
    pub fn keep<T>(
        &mut self,
        image: &Path,
        made: Result<T>,
        observer: &mut dyn Observer,
    ) -> Result<Option<T>> {
        let error = match made {
            Ok(made) => return Ok(Some(made)),
            Err(error) => error,
        };
        if self.of == 1 || matches!(error.kind(), ErrorKind::Interrupted(_)) {
            return Err(error);
        }
        let name = image.display().to_string();
        let named =
            if error.message().starts_with(&name) { error.clone() } else { error.clone().within(&name) };
        observer.event(Event::warning(format!("{named}; this image is left out")));
        self.failed.push((image.to_owned(), error));
        Ok(None)
    }

    /// The images that failed, each with its reason.
    ///
    /// # Errors
    /// Where all of them failed: the reason of the first.
    pub fn failed(self) -> Result<Vec<(PathBuf, Error)>> {
        match self.failed.first() {
            // Of several that are refused, all are named.
            Some((_, error)) if self.failed.len() == self.of && error.kind() != ErrorKind::Refused => {
                Err(error.clone())
            }
            _ => Ok(self.failed),
        }
    }
}

/// The error of a batch of `of` images of which `failed` could not be done, after the others were.
///
/// # Errors
/// Naming what failed: bad input where that is at fault, failed where it is not.
pub fn check_failed(failed: &[(PathBuf, Error)], of: usize) -> Result<()> {
    if failed.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = failed.iter().take(NAMED).map(|(name, _)| name.display().to_string()).collect();
    let more = if failed.len() > NAMED { ", ..." } else { "" };
    let of_input =
        |error: &Error| matches!(error.kind(), ErrorKind::BadInput | ErrorKind::Usage | ErrorKind::Refused);
    let all = failed.iter().all(|(_, error)| of_input(error));
    let kind = if all { ErrorKind::BadInput } else { ErrorKind::Failed };
    let names = names.join(", ");
    let error = Error::new(kind, format!("{} of {of} images failed: {names}{more}", failed.len()));
    Err(error.hint("the others are done; the warnings say why"))
}

/// A warning of images among `made`, each with what it is called, that show nothing ([`Image::lifeless`]).
pub fn lifeless<'a>(made: impl IntoIterator<Item = (String, &'a Image)>) -> Option<Event> {
    let found: Vec<(String, &str)> =
        made.into_iter().filter_map(|(name, image)| Some((name, image.lifeless()?))).collect();
    let (name, what) = found.first()?;
    let others = match found.len() {
        1 => String::new(),
        count => format!(", and {} more such images", count - 1),
    };
    Some(Event::warning(format!(
        "{name}: is {what}{others}: what was computed may have overflowed (a high --cfg-scale, options of the sampler or the method, \
         or a model that diverged)"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::Silent;

    #[test]
    fn what_fails_does_not_keep_the_others_from_being_done() {
        let mut batch = Batch::new(3);
        let bad = || Err::<u8, _>(Error::bad_input("d.png: broken"));
        assert_eq!(batch.keep(Path::new("a.png"), Ok(1), &mut Silent).unwrap(), Some(1));
        assert_eq!(batch.keep(Path::new("d.png"), bad(), &mut Silent).unwrap(), None);
        let stopped = Err::<u8, _>(Error::new(ErrorKind::Interrupted(2), "stopped"));
        assert_eq!(batch.keep(Path::new("e.png"), stopped, &mut Silent).unwrap_err().exit_code(), 130);
        let failed = batch.failed().unwrap();
        let error = check_failed(&failed, 3).unwrap_err();
        assert!(error.to_string().starts_with("1 of 3 images failed: d.png"), "{error}");
        assert_eq!(error.exit_code(), 3);
        assert!(check_failed(&[], 3).is_ok());
    }

    #[test]
    fn a_batch_that_fails_as_a_whole_gives_its_first_reason() {
        let bad = |name: &str| Err::<u8, _>(Error::usage(format!("{name}: does not fit")));
        assert!(Batch::new(1).keep(Path::new("a"), bad("a"), &mut Silent).is_err());
        let mut batch = Batch::new(2);
        for name in ["a", "b"] {
            batch.keep(Path::new(name), bad(name), &mut Silent).unwrap();
        }
        assert_eq!(batch.failed().unwrap_err().to_string(), "a: does not fit");
    }
}
