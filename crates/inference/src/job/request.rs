//! Requests as JSON.

use langevin_core::{Error, Result};
use langevin_process::nearest;
use serde::de::DeserializeOwned;

/// Reads the request of a job; what `text` leaves out has its default.
///
/// ```
/// use langevin_inference::job::request_from_json;
/// use langevin_inference::sampling::SampleRequest;
///
/// let request: SampleRequest = request_from_json(r#"{"model": "builtin:shapes", "count": 4}"#)?;
/// assert_eq!(request.count, Some(4));
/// let error = request_from_json::<SampleRequest>(r#"{"modl": "builtin:shapes"}"#).unwrap_err();
/// assert_eq!(error.to_string(), "the request has an unknown field \"modl\" (did you mean \"model\"?)");
/// # Ok::<(), langevin_core::Error>(())
/// ```
///
/// # Errors
/// Usage: not JSON, an unknown field (with the nearest), a value of the wrong type.
pub fn request_from_json<T: DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| described(&error.to_string()))
}

/// The error that serde tells as `text`. Its words for an unknown name are "unknown field `count`, expected one of `a`, `b`".
fn described(text: &str) -> Error {
    let mut quoted = text.split('`').skip(1).step_by(2);
    let kind = ["unknown field", "unknown variant"].into_iter().find(|kind| text.starts_with(kind));
    let (Some(kind), Some(word)) = (kind, quoted.next()) else {
        return Error::usage(format!("the request cannot be read: {text}"));
    };
    let kind = if kind.ends_with("field") { "field" } else { "value" };
    let names: Vec<&str> = quoted.collect();
    let error = Error::usage(format!("the request has an unknown {kind} \"{word}\""));
    match nearest(word, names.iter().copied()) {
        Some(near) => error.hint(format!("did you mean \"{near}\"?")),
        None => error.hint(format!("there are: {}", names.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sampling::SampleRequest;

    fn refusal(text: &str) -> String {
        request_from_json::<SampleRequest>(text).unwrap_err().to_string()
    }

    #[test]
    fn mistakes_are_named_with_what_was_meant() {
        assert!(refusal(r#"{"cuont": 3}"#).ends_with("\"cuont\" (did you mean \"count\"?)"));
        assert!(refusal(r#"{"zzzzzzzz": 3}"#).contains("there are: model, count"));
        assert!(refusal(r#"{"dtype": "bf61"}"#).ends_with("value \"bf61\" (did you mean \"bf16\"?)"));
        assert!(refusal(r#"{"count": "three"}"#).contains("invalid type"));
        assert!(refusal("{").contains("cannot be read"));
        assert_eq!(request_from_json::<SampleRequest>("{}").unwrap(), SampleRequest::default());
    }
}
