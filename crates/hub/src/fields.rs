//! The keys of a JSON config, read with defaults and types checked; what was not asked for is remembered.

use std::cell::RefCell;
use std::collections::BTreeSet;

use langevin_core::{Error, Result};
use serde_json::{Map, Value};

/// A JSON object that names the key and the file in its errors.
#[derive(Debug)]
pub struct Fields<'a> {
    map: &'a Map<String, Value>,
    asked: RefCell<BTreeSet<&'static str>>,
}

impl<'a> Fields<'a> {
    /// Wraps `map`.
    pub fn new(map: &'a Map<String, Value>) -> Self {
        Self { map, asked: RefCell::default() }
    }

    /// The value of `key`, if it is there and not null.
    pub fn value(&self, key: &'static str) -> Option<&'a Value> {
        self.asked.borrow_mut().insert(key);
        self.map.get(key).filter(|value| !value.is_null())
    }

    /// Whether `key` is there and null, which some keys distinguish from absence.
    pub fn is_null(&self, key: &'static str) -> bool {
        self.asked.borrow_mut().insert(key);
        self.map.get(key).is_some_and(Value::is_null)
    }

    /// A number of things, or `default`.
    pub fn count(&self, key: &'static str, default: usize) -> Result<usize> {
        self.of(key, default, "a whole number of 0 or more", |value| {
            let float = || value.as_f64().filter(|v| v.fract() == 0.0 && (0.0..9e15).contains(v));
            value.as_u64().or_else(|| float().map(|v| v as u64)).and_then(|v| usize::try_from(v).ok())
        })
    }

    /// A number, or `default`.
    pub fn number(&self, key: &'static str, default: f64) -> Result<f64> {
        self.of(key, default, "a number", Value::as_f64)
    }

    /// True or false, or `default`.
    pub fn flag(&self, key: &'static str, default: bool) -> Result<bool> {
        self.of(key, default, "true or false", Value::as_bool)
    }

    /// A text, or `default`.
    pub fn text(&self, key: &'static str, default: &str) -> Result<String> {
        self.of(key, default.to_owned(), "a text", |value| value.as_str().map(str::to_owned))
    }

    /// A list of texts, or `default`.
    pub fn texts(&self, key: &'static str, default: &[&str]) -> Result<Vec<String>> {
        let default = default.iter().map(|text| (*text).to_owned()).collect();
        self.of(key, default, "a list of texts", |value| {
            value.as_array()?.iter().map(|item| item.as_str().map(str::to_owned)).collect()
        })
    }

    /// A list of numbers of things, or `default`.
    pub fn counts(&self, key: &'static str, default: &[usize]) -> Result<Vec<usize>> {
        self.of(key, default.to_vec(), "a list of whole numbers", |value| {
            let count = |item: &Value| item.as_u64().and_then(|v| usize::try_from(v).ok());
            value.as_array()?.iter().map(count).collect()
        })
    }

    /// The keys with a value that nothing asked for, those of the writer's own book-keeping (`_class_name`...) left out.
    pub fn unknown(&self) -> Vec<&'a str> {
        let asked = self.asked.borrow();
        let strange = |key: &&str| !key.starts_with('_') && !asked.contains(key);
        let set = self.map.iter().filter(|(_, value)| !value.is_null());
        set.map(|(key, _)| key.as_str()).filter(strange).collect()
    }

    fn of<T>(
        &self,
        key: &'static str,
        default: T,
        wanted: &str,
        read: impl Fn(&'a Value) -> Option<T>,
    ) -> Result<T> {
        let Some(value) = self.value(key) else { return Ok(default) };
        read(value).ok_or_else(|| {
            let mut shown = value.to_string();
            if shown.chars().count() > 60 {
                shown = shown.chars().take(60).chain("...".chars()).collect();
            }
            Error::bad_input(format!("\"{key}\" is {shown}, not {wanted}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_defaults_types_and_names() {
        let json = serde_json::json!({
            "a": 3, "b": 2.0, "c": null, "d": "x", "e": ["y"], "f": [1, -1], "g": true, "_class_name": "K", "extra": 1
        });
        let fields = Fields::new(json.as_object().unwrap());
        assert_eq!((fields.count("a", 0).unwrap(), fields.count("b", 0).unwrap()), (3, 2));
        assert_eq!(fields.count("c", 7).unwrap(), 7);
        assert!(fields.is_null("c") && !fields.is_null("absent"));
        assert_eq!(fields.text("d", "").unwrap(), "x");
        assert_eq!(fields.texts("e", &[]).unwrap(), ["y"]);
        assert_eq!(fields.number("absent", 0.5).unwrap(), 0.5);
        assert!(fields.counts("f", &[]).unwrap_err().to_string().contains("\"f\" is [1,-1], not a list"));
        assert!(fields.flag("d", false).unwrap_err().to_string().contains("not true or false"));
        assert!(fields.flag("g", false).unwrap());
        assert_eq!(fields.unknown(), ["extra"]);
    }
}
