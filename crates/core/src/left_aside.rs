//! What a reader of data, models, masks or texts did not use, and why.

use std::fmt;

use langevin_process::{Error, Result};
use serde::{Deserialize, Serialize};

/// What was left aside, by reason. Readers return it; a door shows it in one line, or refuses it.
///
/// ```
/// use langevin_core::LeftAside;
///
/// let mut aside = LeftAside::default();
/// aside.add("thumbnails", "@eaDir/a.jpg");
/// aside.add("thumbnails", "@eaDir/b.jpg");
/// aside.add("pages after the first", "scan.tif (3)");
/// assert_eq!(aside.count(), 3);
/// assert_eq!(
///     aside.to_string(),
///     "2 thumbnails (@eaDir/a.jpg, @eaDir/b.jpg); 1 pages after the first (scan.tif (3))"
/// );
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LeftAside {
    reasons: Vec<Reason>,
}

/// Things that were left aside for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// What they are, in the plural, such as `thumbnails` or `rows without a file`.
    pub what: String,
    /// How many there are.
    pub count: u64,
    /// The first [`LeftAside::NAMED`] of them by name.
    pub examples: Vec<String>,
}

impl LeftAside {
    /// How many things are kept by name for each reason; the others are counted.
    pub const NAMED: usize = 100;
    /// How many of them stand in the one line of [`LeftAside`]'s `Display`.
    pub const SHOWN: usize = 3;

    /// Leaves one thing aside that is `what`, in the plural.
    pub fn add(&mut self, what: &str, name: impl Into<String>) {
        let reason = self.reason(what);
        reason.count += 1;
        if reason.examples.len() < Self::NAMED {
            reason.examples.push(name.into());
        }
    }

    /// Leaves `count` things aside at once, the first of which are `examples`.
    pub fn add_all(&mut self, what: &str, count: u64, examples: impl IntoIterator<Item = String>) {
        if count > 0 {
            let reason = self.reason(what);
            reason.count += count;
            let room = Self::NAMED.saturating_sub(reason.examples.len());
            reason.examples.extend(examples.into_iter().take(room));
        }
    }

    /// What another reader left aside, too.
    pub fn extend(&mut self, other: Self) {
        for Reason { what, count, examples } in other.reasons {
            self.add_all(&what, count, examples);
        }
    }

    fn reason(&mut self, what: &str) -> &mut Reason {
        let at = self.reasons.iter().position(|reason| reason.what == what).unwrap_or_else(|| {
            self.reasons.push(Reason { what: what.to_owned(), count: 0, examples: Vec::new() });
            self.reasons.len() - 1
        });
        &mut self.reasons[at]
    }

    /// The reasons in the order they came up.
    pub fn reasons(&self) -> &[Reason] {
        &self.reasons
    }

    /// How many things were left aside.
    pub fn count(&self) -> u64 {
        self.reasons.iter().map(|reason| reason.count).sum()
    }

    /// Whether everything was used.
    pub fn is_empty(&self) -> bool {
        self.reasons.is_empty()
    }

    /// Refuses what was left aside of `name`, for a user who wants everything used.
    ///
    /// # Errors
    /// Bad input, where something was left aside.
    pub fn refuse(&self, name: &str) -> Result<()> {
        if self.is_empty() {
            return Ok(());
        }
        Err(Error::bad_input(format!("{name}: left aside: {self}"))
            .hint("mend or remove what is named, or leave --strict away"))
    }
}

impl fmt::Display for LeftAside {
    /// One line: each reason with its count and its first examples.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Reason { what, count, examples }) in self.reasons.iter().enumerate() {
            let shown = &examples[..examples.len().min(Self::SHOWN)];
            let more = if *count > shown.len() as u64 && !shown.is_empty() { ", ..." } else { "" };
            let between = if index > 0 { "; " } else { "" };
            write!(f, "{between}{count} {what}")?;
            if !shown.is_empty() {
                write!(f, " ({}{more})", shown.join(", "))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_counted_and_the_first_things_named() {
        let mut aside = LeftAside::default();
        assert!(aside.is_empty() && aside.refuse("x").is_ok());
        (0..150).for_each(|k| aside.add("hidden files", format!(".{k}")));
        aside.add_all("rows without a file", 2, ["row 3".to_owned()]);
        aside.add_all("nothing", 0, []);
        assert_eq!(aside.reasons()[0].examples.len(), LeftAside::NAMED);
        assert_eq!(
            aside.to_string(),
            "150 hidden files (.0, .1, .2, ...); 2 rows without a file (row 3, ...)"
        );
        let mut both = LeftAside::default();
        both.add("hidden files", "first");
        both.extend(aside);
        assert_eq!((both.count(), both.reasons()[0].count), (153, 151));
        let refused = both.refuse("pics").unwrap_err().to_string();
        assert!(refused.starts_with("pics: left aside: 151 hidden files (first, .0, .1, ...)"), "{refused}");
    }
}
