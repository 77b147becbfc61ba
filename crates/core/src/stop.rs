//! The one way to stop work: a token that everyone who works looks at between two evaluations of the network.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use langevin_process::{Error, ErrorKind, Result};

/// Asks work to stop. Clones are the same token.
///
/// ```
/// use langevin_core::Stop;
///
/// let stop = Stop::new();
/// let seen = stop.clone();
/// assert!(seen.check("sampling").is_ok());
/// stop.request(Stop::INTERRUPT);
/// assert!(seen.check("sampling").is_err());
/// ```
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicI32>);

impl Stop {
    /// The signal of somebody at a keyboard, SIGINT.
    pub const INTERRUPT: i32 = 2;

    /// A token that nobody has used.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks to stop; `signal` is the number of the signal that asks, which decides the exit code of a program. 0 takes it back.
    pub fn request(&self, signal: i32) {
        self.0.store(signal, Ordering::Relaxed);
    }

    /// The signal, if somebody asked.
    pub fn signal(&self) -> Option<i32> {
        Some(self.0.load(Ordering::Relaxed)).filter(|signal| *signal != 0)
    }

    /// Whether somebody asked.
    pub fn is_requested(&self) -> bool {
        self.signal().is_some()
    }

    /// Goes on, or says that `what` was interrupted.
    ///
    /// # Errors
    /// [`ErrorKind::Interrupted`], with the signal, where somebody asked to stop.
    pub fn check(&self, what: &str) -> Result<()> {
        match self.signal() {
            None => Ok(()),
            Some(signal) => {
                Err(Error::new(ErrorKind::Interrupted(signal), format!("{what} was interrupted")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signal_decides_the_exit_code() {
        let stop = Stop::new();
        assert!(!stop.is_requested() && stop.check("x").is_ok());
        stop.clone().request(15);
        let error = stop.check("training").unwrap_err();
        assert_eq!((stop.signal(), error.exit_code()), (Some(15), 143));
        assert_eq!(error.message(), "training was interrupted");
        stop.request(0);
        assert!(stop.check("training").is_ok());
    }
}
