//! JSON as Python writes it: with `Infinity`, `-Infinity` and `NaN`, which JSON does not have and schedulers' configs do.

use serde_json::{Map, Value};

const STRANGERS: [&[u8]; 3] = [b"-Infinity", b"Infinity", b"NaN"];

/// The object in `bytes`; numbers that are none become null, and so have their defaults.
pub fn object(bytes: &[u8]) -> serde_json::Result<Map<String, Value>> {
    serde_json::from_slice(&tidy(bytes))
}

fn tidy(bytes: &[u8]) -> Vec<u8> {
    let mut tidied = Vec::with_capacity(bytes.len());
    let (mut within_text, mut at) = (false, 0);
    while let Some(byte) = bytes.get(at) {
        let stranger = STRANGERS.iter().find(|word| !within_text && bytes[at..].starts_with(word));
        if let Some(word) = stranger {
            tidied.extend(b"null");
            at += word.len();
            continue;
        }
        tidied.push(*byte);
        at += 1;
        match byte {
            b'\\' if within_text => {
                tidied.extend(bytes.get(at));
                at += 1;
            }
            b'"' => within_text = !within_text,
            _ => (),
        }
    }
    tidied
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_are_none_become_null_and_texts_stay() {
        let read = object(br#"{"a": -Infinity, "b": [NaN, 1], "c": "say \"NaN\" \\", "Infinity": Infinity}"#)
            .unwrap();
        let expected =
            serde_json::json!({"a": null, "b": [null, 1], "c": "say \"NaN\" \\", "Infinity": null});
        assert_eq!(Value::Object(read), expected);
        assert!(object(b"{\"a\": \"\\").is_err());
    }
}
