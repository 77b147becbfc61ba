//! The one error type of the workspace: what kind of failure it is decides the exit code, the message
//! names the thing and says what to try.

use std::fmt;

/// A result whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What sort of failure an [`Error`] is. The command line turns it into an exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// Something went wrong while working: exit code 1.
    Failed,
    /// A result that its own check refutes, and that was therefore not written: exit code 1.
    Refused,
    /// The caller asked for something that does not exist or does not fit: exit code 2.
    Usage,
    /// A file that was given is missing, broken or not what it should be: exit code 3.
    BadInput,
    /// Training produced a value that is not finite: exit code 4.
    Diverged,
    /// A bound asked for with `--fail-if` was missed: exit code 5.
    BoundMissed,
    /// A signal asked the work to stop and it did, with its state saved: exit code 128 + signal.
    Interrupted(i32),
}

/// An error: a kind, a lower-case message that names the thing, and where it helps, what to try.
///
/// ```
/// use langevin_process::{Error, ErrorKind};
/// let error = Error::usage("no schedule is called \"cosin\"").hint("did you mean \"cosine\"?");
/// assert_eq!(error.kind(), ErrorKind::Usage);
/// assert_eq!(error.to_string(), "no schedule is called \"cosin\" (did you mean \"cosine\"?)");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    hint: Option<String>,
}

impl Error {
    /// An error of `kind` with a lower-case `message`.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None }
    }

    /// Work that failed: exit code 1.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Failed, message)
    }

    /// A request that cannot be met: exit code 2.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Usage, message)
    }

    /// A bad input file: exit code 3. The message should begin with the file's name.
    pub fn bad_input(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::BadInput, message)
    }

    /// Adds what to try, in place of what was said before; [`Error::advice`] reads it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Puts `what: ` before the message, for naming the file or setting the error came from.
    #[must_use]
    pub fn within(mut self, what: impl fmt::Display) -> Self {
        self.message = format!("{what}: {}", self.message);
        self
    }

    /// The kind of failure.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The message without the hint.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to try, as [`Error::hint`] was given it; `None` where nothing was.
    pub fn advice(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// The process exit code that belongs to this error.
    pub fn exit_code(&self) -> i32 {
        match self.kind {
            ErrorKind::Failed | ErrorKind::Refused => 1,
            ErrorKind::Usage => 2,
            ErrorKind::BadInput => 3,
            ErrorKind::Diverged => 4,
            ErrorKind::BoundMissed => 5,
            ErrorKind::Interrupted(signal) => 128 + signal,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(hint) = &self.hint {
            write!(f, " ({hint})")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_and_advice_are_the_parts_of_what_is_shown() {
        let plain = Error::failed("the disk is full").within("out.png");
        assert_eq!((plain.message(), plain.advice()), ("out.png: the disk is full", None));
        assert_eq!(plain.to_string(), "out.png: the disk is full");
        let advised = plain.hint("make room").hint("make room, or name another disk");
        assert_eq!(advised.advice(), Some("make room, or name another disk"));
        assert_eq!(advised.to_string(), "out.png: the disk is full (make room, or name another disk)");
    }

    #[test]
    fn exit_codes_are_the_contract() {
        let code = |kind| Error::new(kind, "").exit_code();
        assert_eq!(code(ErrorKind::Failed), 1);
        assert_eq!(code(ErrorKind::Usage), 2);
        assert_eq!(code(ErrorKind::BadInput), 3);
        assert_eq!(code(ErrorKind::Diverged), 4);
        assert_eq!(code(ErrorKind::BoundMissed), 5);
        assert_eq!(code(ErrorKind::Interrupted(2)), 130);
        assert_eq!(code(ErrorKind::Interrupted(15)), 143);
    }
}
