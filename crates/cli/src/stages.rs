//! The progress of work in named stages: a bar on a terminal; elsewhere a line when a stage begins, and one now and then with how
//! much is done and how long the rest will take.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::shell::{self, Shell};

/// Time before the first plain line of a stage, which is its forecast.
const FIRST: Duration = Duration::from_secs(3);
/// Time between two plain lines.
const BETWEEN: Duration = Duration::from_secs(15);
/// A rest that is not worth a line.
const SHORT: f64 = 5.0;

/// The stages of the work.
pub struct Stages<'a> {
    shell: &'a Shell,
    bar: ProgressBar,
    stage: String,
    begun: bool,
    pace: Pace,
}

impl<'a> Stages<'a> {
    /// Before the first stage.
    pub fn new(shell: &'a Shell) -> Self {
        let bar = if shell.is_live() { ProgressBar::new(1000) } else { ProgressBar::hidden() };
        let style = ProgressStyle::with_template("{msg:20} {bar:24} {percent}% {elapsed} eta {eta}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { shell, bar, stage: String::new(), begun: false, pace: Pace::new(Instant::now()) }
    }

    /// The share `done`, from 0 to 1, of the stage `what` is done.
    pub fn at(&mut self, what: &str, done: f64) {
        let now = Instant::now();
        if self.stage != what {
            what.clone_into(&mut self.stage);
            self.bar.set_message(self.stage.clone());
            self.bar.reset();
            self.pace = Pace::new(now);
            if !self.shell.is_live() && !self.stage.is_empty() {
                self.shell.say(&self.stage);
            }
        }
        self.begun = true;
        self.bar.set_position((done * 1000.0) as u64);
        if self.shell.is_live() {
            return;
        }
        if let Some(line) = self.pace.line(now, done) {
            let stage = if what.is_empty() { String::new() } else { format!("{what}: ") };
            self.shell.say(&format!("{stage}{line}"));
        }
    }

    /// Does something else to the terminal, the bar out of its way.
    pub fn aside(&self, what: impl FnOnce()) {
        // A bar that stays empty would be drawn below.
        match self.begun {
            true => self.bar.suspend(what),
            false => what(),
        }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// When a stage has a plain line, and what it says.
struct Pace {
    begun: Instant,
    next: Instant,
    /// The share that was done when it was first looked at: what was done before says nothing of the pace.
    before: Option<f64>,
}

impl Pace {
    fn new(now: Instant) -> Self {
        Self { begun: now, next: now + FIRST, before: None }
    }

    /// The line for now, when `done` of the stage is done, if one is due.
    fn line(&mut self, now: Instant, done: f64) -> Option<String> {
        let before = *self.before.get_or_insert(if done < 1.0 { done } else { 0.0 });
        let spent = now.duration_since(self.begun).as_secs_f64();
        if now < self.next || done <= before || done >= 1.0 {
            return None;
        }
        let left = spent * (1.0 - done) / (done - before);
        if left < SHORT {
            return None;
        }
        self.next = now + BETWEEN;
        Some(format!("{:.0}% done, about {} left", (100.0 * done).floor(), shell::duration(left)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_now_and_then_with_what_is_left() {
        let start = Instant::now();
        let at = |seconds: f64| start + Duration::from_secs_f64(seconds);
        let mut pace = Pace::new(start);
        assert_eq!(pace.line(at(0.1), 0.0), None);
        assert_eq!(pace.line(at(2.0), 0.01), None);
        assert_eq!(pace.line(at(4.0), 0.02).as_deref(), Some("2% done, about 3 min 16 s left"));
        assert_eq!(pace.line(at(8.0), 0.04), None);
        assert_eq!(pace.line(at(20.0), 0.1).as_deref(), Some("10% done, about 3 min 00 s left"));
        assert_eq!(pace.line(at(190.0), 0.99), None);
        assert_eq!(pace.line(at(200.0), 1.0), None);
    }
}
