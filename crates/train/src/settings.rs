//! What differs between the settings a run was begun with and those it is asked to go on with.

use std::collections::BTreeSet;
use std::path::Path;

use langevin_core::Error;
use serde_json::Value;

/// The error for a run in `out` with the settings `stored`, asked to go on with `asked`, both JSON.
pub fn other(out: &Path, stored: &str, asked: &str) -> Error {
    let parsed = |text: &str| serde_json::from_str(text).unwrap_or_default();
    let mut differences = Vec::new();
    compare("", &parsed(stored), &parsed(asked), &mut differences);
    Error::usage(format!("{}: holds a run with other settings: {}", out.display(), differences.join(", ")))
        .hint("run it with the settings it was begun with, or choose another --out folder")
}

fn compare(path: &str, old: &Value, new: &Value, out: &mut Vec<String>) {
    if let (Value::Object(a), Value::Object(b)) = (old, new) {
        let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
        for key in keys {
            let at = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            compare(&at, a.get(key).unwrap_or(&Value::Null), b.get(key).unwrap_or(&Value::Null), out);
        }
    } else if old != new {
        out.push(format!("{path} was {old}, now {new}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_difference_is_named() {
        let (stored, asked) = (r#"{"a": 1, "b": {"c": 2, "d": 3}}"#, r#"{"a": 1, "b": {"c": 4, "e": true}}"#);
        let message = other(Path::new("run"), stored, asked).to_string();
        for part in ["b.c was 2, now 4", "b.d was 3, now null", "b.e was null, now true"] {
            assert!(message.contains(part), "{message}");
        }
        assert!(!message.contains("a was"), "{message}");
    }
}
