//! Named methods: every schedule, process, spacing, sampler... is one [`Entry`] in one [`Registry`], and is
//! asked for with `name:key=value,key=value`. Help, docs, the command line and the conformance suites
//! are made from these lists.

use crate::error::{Error, Result};
use crate::limits::shown;
use crate::spelling::{folded, nearest};

/// One option of a method: its key, its default as the user would type it, and what it means.
#[derive(Debug, Clone, Copy)]
pub struct OptionDoc {
    /// The key before the `=`.
    pub key: &'static str,
    /// The default, as typed.
    pub default: &'static str,
    /// What it means, its unit and range.
    pub doc: &'static str,
}

/// One method a user can name.
pub struct Entry<T: ?Sized> {
    /// What users type.
    pub name: &'static str,
    /// Other names accepted for the same thing.
    pub aliases: &'static [&'static str],
    /// One line: what it is.
    pub summary: &'static str,
    /// The paper and equation it comes from.
    pub source: &'static str,
    /// Its options.
    pub options: &'static [OptionDoc],
    /// The specs, `name` or `name:key=value`, that the conformance tests of its kind run: its defaults, and the options that
    /// change what it does. Empty for kinds without such tests.
    pub cases: &'static [&'static str],
    /// The specs that a comparison of its kind chooses the best from where nothing is said. Empty for what is not compared.
    pub candidates: &'static [&'static str],
    /// Makes it from parsed options.
    pub build: fn(&Options) -> Result<Box<T>>,
}

impl<T: ?Sized> Entry<T> {
    /// An entry that says nothing and makes nothing, for the fields that a method leaves out: `..Entry::BLANK`.
    pub const BLANK: Self = Self {
        name: "",
        aliases: &[],
        summary: "",
        source: "",
        options: &[],
        cases: &[],
        candidates: &[],
        build: |options| {
            Err(Error::failed(format!("{}: its entry does not say how it is made", options.method)))
        },
    };
}

impl<T: ?Sized> std::fmt::Debug for Entry<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entry").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The values given for one method's options; keys not given have the documented default.
#[derive(Debug, Clone)]
pub struct Options {
    method: String,
    docs: &'static [OptionDoc],
    given: Vec<(String, String)>,
}

impl Options {
    /// The text of option `key`: what was given, else the documented default.
    ///
    /// # Panics
    /// If the method's own list of options lacks `key`, which is a bug in the method.
    pub fn text(&self, key: &str) -> &str {
        let doc = self.docs.iter().find(|doc| doc.key == key);
        let doc = doc.unwrap_or_else(|| panic!("{} does not document option {key}", self.method));
        self.given.iter().find(|(given, _)| given == key).map_or(doc.default, |(_, value)| value)
    }

    /// Whether the caller gave `key`.
    pub fn is_given(&self, key: &str) -> bool {
        self.given.iter().any(|(given, _)| given == key)
    }

    /// Option `key` as a value of type `V` (a number, a boolean, a string).
    ///
    /// # Errors
    /// Usage, naming method, key and text, when the text does not parse.
    pub fn get<V: std::str::FromStr>(&self, key: &str) -> Result<V> {
        let text = self.text(key);
        text.parse().map_err(|_| {
            let kind = match std::any::type_name::<V>() {
                "f64" | "f32" => "a number",
                "bool" => "true or false",
                "usize" | "u64" | "u32" => "a whole number",
                other => other.rsplit("::").next().unwrap_or("such a value"),
            };
            Error::usage(format!("{}: option {key}={text} is not {kind}", self.method))
        })
    }

    /// Option `key` as a finite number in `low..=high`.
    ///
    /// # Errors
    /// Usage when it does not parse or lies outside.
    pub fn number(&self, key: &str, low: f64, high: f64) -> Result<f64> {
        let value: f64 = self.get(key)?;
        if value.is_finite() && (low..=high).contains(&value) {
            return Ok(value);
        }
        Err(Error::usage(format!(
            "{}: option {key}={} must lie in [{}, {}]",
            self.method,
            shown(&value),
            shown(&low),
            shown(&high)
        )))
    }
}

/// The list of all methods of one kind.
pub struct Registry<T: ?Sized + 'static> {
    /// What one entry is called in messages: `schedule`, `sampler`...
    pub kind: &'static str,
    /// The entries in the order they are listed.
    pub entries: &'static [Entry<T>],
}

impl<T: ?Sized + 'static> Registry<T> {
    /// All names, in order.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.entries.iter().map(|entry| entry.name)
    }

    /// The entry called `name` (or one of its aliases), in any case and spelling.
    ///
    /// # Errors
    /// Usage, with the nearest name.
    pub fn find(&self, name: &str) -> Result<&'static Entry<T>> {
        self.with(&[]).find(name)
    }

    /// `spec` with the name that the registry lists, for records and messages.
    ///
    /// # Errors
    /// As [`Registry::find`].
    pub fn canonical(&self, spec: &str) -> Result<String> {
        let (name, rest) = spec.split_once(':').map_or((spec, None), |(name, rest)| (name, Some(rest)));
        let name = self.find(name.trim())?.name;
        Ok(rest.map_or_else(|| name.to_owned(), |rest| format!("{name}:{rest}")))
    }

    /// Makes the method that `spec`, `name` or `name:key=value,key=value`, asks for.
    ///
    /// # Errors
    /// Usage: unknown name or key (with the nearest), a key given twice, a value that does not parse.
    pub fn build(&self, spec: &str) -> Result<Box<T>> {
        self.with(&[]).build(spec)
    }

    /// This registry with methods of the caller's own, which are found, built and refused as the others are. A name that both have
    /// means the caller's. Methods that are made by the spec of another, such as the schedule `shifted`, look for it in the
    /// registry alone.
    ///
    /// ```
    /// use langevin_process::{Entry, SCHEDULES, Schedule};
    ///
    /// /// The log-SNR falls evenly from `10` to `-10`.
    /// #[derive(Debug)]
    /// struct Even;
    ///
    /// impl Schedule for Even {
    ///     fn log_snr(&self, t: f64) -> f64 {
    ///         10.0 - 20.0 * t.clamp(0.0, 1.0)
    ///     }
    /// }
    ///
    /// const EVEN: Entry<dyn Schedule> = Entry {
    ///     name: "even",
    ///     summary: "a log-SNR that falls evenly",
    ///     build: |_| Ok(Box::new(Even)),
    ///     ..Entry::BLANK
    /// };
    ///
    /// let extra = [EVEN];
    /// let schedules = SCHEDULES.with(&extra);
    /// assert_eq!(schedules.build("even")?.log_snr(0.5), 0.0);
    /// assert!(schedules.build("cosine:steps=0").is_ok());
    /// assert!(SCHEDULES.build("even").is_err());
    /// # Ok::<(), langevin_process::Error>(())
    /// ```
    pub fn with<'a>(&self, extra: &'a [Entry<T>]) -> Extended<'a, T> {
        Extended { kind: self.kind, entries: self.entries, extra }
    }
}

/// A [`Registry`] together with a caller's own entries: see [`Registry::with`].
#[derive(Debug)]
pub struct Extended<'a, T: ?Sized + 'static> {
    kind: &'static str,
    entries: &'static [Entry<T>],
    extra: &'a [Entry<T>],
}

impl<T: ?Sized> Clone for Extended<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: ?Sized> Copy for Extended<'_, T> {}

impl<'a, T: ?Sized + 'static> Extended<'a, T> {
    /// All entries, the registry's first; one whose name is the caller's too is left out.
    pub fn entries(self) -> impl Iterator<Item = &'a Entry<T>> {
        let replaced = move |entry: &&Entry<T>| !self.extra.iter().any(|own| own.name == entry.name);
        self.entries.iter().filter(replaced).chain(self.extra)
    }

    /// All names, in the order of [`Extended::entries`].
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        self.entries().map(|entry| entry.name)
    }

    /// The entry called `name` (or one of its aliases), the caller's before the registry's.
    ///
    /// # Errors
    /// Usage, with the nearest name.
    pub fn find(self, name: &str) -> Result<&'a Entry<T>> {
        let wanted = folded(name);
        let called = |entry: &&Entry<T>| names_of(entry).any(|known| folded(known) == wanted);
        let found = self.extra.iter().find(called).or_else(|| self.entries.iter().find(called));
        found.ok_or_else(|| {
            let error = Error::usage(format!("no {} is called \"{name}\"", self.kind));
            // A beginning that several names have is answered with all of them.
            let begins = |name: &&str| wanted.len() >= 3 && folded(name).starts_with(&wanted);
            let family: Vec<&str> = self.names().filter(begins).collect();
            if family.len() > 1 {
                return error.hint(format!("there are: {}", family.join(", ")));
            }
            // Of what is equally near, a name comes before another's alias.
            let aliases = self.entries().flat_map(|entry| entry.aliases.iter().copied());
            let near = nearest(name, self.names().chain(aliases));
            let listed = |near| self.entries().find(|entry| names_of(entry).any(|known| known == near));
            match near.and_then(listed) {
                Some(Entry { name: near, .. }) => error.hint(format!("did you mean \"{near}\"?")),
                None => error.hint(format!("there are: {}", self.names().collect::<Vec<_>>().join(", "))),
            }
        })
    }

    /// Makes the method that `spec` asks for, as [`Registry::build`].
    ///
    /// # Errors
    /// As [`Registry::build`].
    pub fn build(self, spec: &str) -> Result<Box<T>> {
        let (name, rest) = spec.split_once(':').unwrap_or((spec, ""));
        let entry = self.find(name.trim())?;
        (entry.build)(&parse_options(entry, rest)?)
    }
}

/// What an entry is called: its name, then its aliases.
fn names_of<T: ?Sized>(entry: &Entry<T>) -> impl Iterator<Item = &'static str> {
    std::iter::once(entry.name).chain(entry.aliases.iter().copied())
}

fn parse_options<T: ?Sized>(entry: &Entry<T>, text: &str) -> Result<Options> {
    let mut given: Vec<(String, String)> = Vec::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let Some((key, value)) = part.split_once('=') else {
            return Err(Error::usage(format!("{}: \"{part}\" is not of the form key=value", entry.name)));
        };
        let (key, value) = (key.trim(), value.trim());
        let known = entry.options.iter().find(|doc| folded(doc.key) == folded(key));
        let Some(OptionDoc { key, .. }) = known else {
            let error = Error::usage(format!("{} has no option \"{key}\"", entry.name));
            let keys: Vec<_> = entry.options.iter().map(|doc| doc.key).collect();
            return Err(match nearest(key, keys.iter().copied()) {
                Some(near) => error.hint(format!("did you mean \"{near}\"?")),
                None if keys.is_empty() => error.hint("it has none"),
                None => error.hint(format!("it has: {}", keys.join(", "))),
            });
        };
        if given.iter().any(|(other, _)| other == key) {
            return Err(Error::usage(format!("{}: option {key} is given twice", entry.name)));
        }
        given.push(((*key).to_owned(), value.to_owned()));
    }
    Ok(Options { method: entry.name.to_owned(), docs: entry.options, given })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn toy() -> Registry<f64> {
        const ENTRIES: &[Entry<f64>] = &[Entry {
            name: "ramp",
            aliases: &["slope"],
            summary: "a number",
            source: "",
            options: &[OptionDoc { key: "end", default: "2", doc: "where it ends" }],
            build: |options| Ok(Box::new(options.number("end", 0.0, 10.0)?)),
            ..Entry::BLANK
        }];
        Registry { kind: "toy", entries: ENTRIES }
    }

    #[test]
    fn a_spec_builds_with_defaults_options_and_aliases() {
        assert_eq!(*toy().build("ramp").unwrap(), 2.0);
        assert_eq!(*toy().build("slope:end=3.5").unwrap(), 3.5);
    }

    #[test]
    fn bad_specs_say_what_is_wrong() {
        let message = |spec: &str| toy().build(spec).unwrap_err().to_string();
        assert_eq!(message("ram"), "no toy is called \"ram\" (did you mean \"ramp\"?)");
        assert_eq!(message("ramp:ends=1"), "ramp has no option \"ends\" (did you mean \"end\"?)");
        assert_eq!(message("ramp:end"), "ramp: \"end\" is not of the form key=value");
        assert_eq!(message("ramp:end=x"), "ramp: option end=x is not a number");
        assert_eq!(message("ramp:end=11"), "ramp: option end=11 must lie in [0, 10]");
        assert_eq!(message("ramp:end=1,end=2"), "ramp: option end is given twice");
    }

    #[test]
    fn names_are_found_in_any_case_and_spelling() {
        assert_eq!(*toy().build("Ramp:END=3").unwrap(), 3.0);
        assert_eq!(toy().canonical("SLOPE:end=3").unwrap(), "ramp:end=3");
        assert_eq!(toy().canonical("Ramp").unwrap(), "ramp");
        // What is suggested is what is listed.
        assert_eq!(toy().find("slopes").unwrap_err().advice(), Some("did you mean \"ramp\"?"));
    }

    const fn constant(name: &'static str, aliases: &'static [&'static str]) -> Entry<f64> {
        Entry { name, aliases, build: |_| Ok(Box::new(7.0)), ..Entry::BLANK }
    }

    #[test]
    fn a_callers_entries_are_methods_like_the_others() {
        let extra = [constant("seven", &["vii"])];
        let all = toy().with(&extra);
        assert_eq!(all.names().collect::<Vec<_>>(), ["ramp", "seven"]);
        assert_eq!((*all.build("vii").unwrap(), *all.build("ramp:end=3").unwrap()), (7.0, 3.0));
        let message = |spec: &str| all.build(spec).unwrap_err().to_string();
        assert_eq!(message("sevem"), "no toy is called \"sevem\" (did you mean \"seven\"?)");
        assert_eq!(message("seven:end=1"), "seven has no option \"end\" (it has none)");
        assert!(toy().build("seven").is_err());
    }

    #[test]
    fn a_name_that_both_have_means_the_callers() {
        let extra = [constant("ramp", &[])];
        let all = toy().with(&extra);
        assert_eq!(all.names().collect::<Vec<_>>(), ["ramp"]);
        assert_eq!((*all.build("ramp").unwrap(), *toy().build("ramp").unwrap()), (7.0, 2.0));
    }

    #[test]
    fn an_entry_that_says_nothing_makes_nothing() {
        let extra = [Entry { name: "nothing", ..Entry::<f64>::BLANK }];
        let error = toy().with(&extra).build("nothing").unwrap_err();
        assert_eq!(error.message(), "nothing: its entry does not say how it is made");
    }
}
