//! What differs between the settings a run was begun with and those it is asked to go on with.

use std::collections::BTreeSet;
use std::path::Path;

use langevin_core::Error;
use serde_json::Value;

/// Whether a run with the settings `stored` goes on with those that are `asked`, both JSON. Data are the same where their
/// content is, wherever they lie; of runs that did not record that, where they are called the same.
pub fn same(stored: &str, asked: &str) -> bool {
    if stored == asked {
        return true;
    }
    let parsed = |text: &str| serde_json::from_str::<Value>(text).ok();
    match (parsed(stored), parsed(asked)) {
        (Some(stored), Some(asked)) => {
            let (stored, asked) = comparable(stored, asked);
            stored == asked
        }
        _ => false,
    }
}

/// Both without what does not count: the name of the data where both know its content, the content where one does not.
fn comparable(mut stored: Value, mut asked: Value) -> (Value, Value) {
    let has = |value: &Value| value.pointer("/data/content").is_some();
    let without = if has(&stored) && has(&asked) { "name" } else { "content" };
    for value in [&mut stored, &mut asked] {
        if let Some(data) = value.get_mut("data").and_then(Value::as_object_mut) {
            data.remove(without);
        }
    }
    (stored, asked)
}

/// The error for a run in `out` with the settings `stored`, asked to go on with `asked`, both JSON.
pub fn other(out: &Path, stored: &str, asked: &str) -> Error {
    let parsed = |text: &str| serde_json::from_str(text).unwrap_or_default();
    let mut differences = Vec::new();
    let (stored, asked) = comparable(parsed(stored), parsed(asked));
    let content = |value: &Value| value.pointer("/data/content").cloned();
    if content(&stored) != content(&asked) {
        return Error::usage(format!(
            "{}: holds a run on other data: what lies there now is not what the run began with",
            out.display()
        ))
        .hint("bring back the files as they were, or choose another --out folder");
    }
    compare("", &stored, &asked, &mut differences);
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

    #[test]
    fn data_are_the_same_by_content_and_of_older_runs_by_name() {
        let of = |name: &str, content: Option<&str>, size: u32| {
            let mut data = serde_json::json!({"name": name, "size": size});
            if let Some(content) = content {
                data["content"] = content.into();
            }
            serde_json::json!({ "data": data }).to_string()
        };
        let began = of("pets", Some("1f"), 8);
        assert!(same(&began, &of("./pets/", Some("1f"), 8)));
        assert!(!same(&began, &of("pets", Some("2f"), 8)));
        assert!(!same(&began, &of("pets", Some("1f"), 9)));
        assert!(same(&of("pets", None, 8), &began));
        assert!(!same(&of("other", None, 8), &began));
        assert!(!same("no JSON", &began));
        let message = |asked: &str| other(Path::new("run"), &began, asked).to_string();
        assert!(message(&of("pets", Some("2f"), 8)).contains("run: holds a run on other data"));
        assert!(message(&of("moved", Some("1f"), 9)).contains("other settings: data.size was 8, now 9"));
    }
}
