//! Damage to JSON: to a value deep inside, with the rest as it was.

use fastrand::Rng;
use serde_json::{Map, Value, json};

/// One damage to the whole, or to a line of JSON lines. What is no JSON is damaged as text.
pub fn damage(bytes: &mut Vec<u8>, rng: &mut Rng) {
    if let Ok(mut value) = serde_json::from_slice::<Value>(bytes) {
        change(&mut value, rng);
        *bytes = value.to_string().into_bytes();
        return;
    }
    let mut lines: Vec<Vec<u8>> = bytes.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    let at = rng.usize(..lines.len());
    match serde_json::from_slice::<Value>(&lines[at]) {
        Ok(mut value) => {
            change(&mut value, rng);
            lines[at] = value.to_string().into_bytes();
            *bytes = lines.join(&b'\n');
        }
        Err(_) => super::text::damage(bytes, rng),
    }
}

/// Changes one value somewhere below `value`.
pub fn change(value: &mut Value, rng: &mut Rng) {
    let deeper = rng.u8(0..8) > 0;
    match value {
        Value::Object(fields) if deeper && !fields.is_empty() => {
            let at = rng.usize(..fields.len());
            let Some(key) = fields.keys().nth(at).cloned() else { return };
            match rng.u8(0..10) {
                0 => drop(fields.remove(&key)),
                1 => {
                    let inner = fields.remove(&key).unwrap_or_default();
                    fields.insert(super::text::value(rng), inner);
                }
                _ => fields.values_mut().nth(at).into_iter().for_each(|inner| change(inner, rng)),
            }
        }
        Value::Array(items) if deeper && !items.is_empty() => {
            let at = rng.usize(..items.len());
            match rng.u8(0..10) {
                0 => drop(items.remove(at)),
                1 => items.push(items[at].clone()),
                _ => change(&mut items[at], rng),
            }
        }
        other => *other = replacement(other, rng),
    }
}

fn replacement(old: &Value, rng: &mut Rng) -> Value {
    match rng.u8(0..10) {
        0 => Value::Null,
        1 => json!(rng.bool()),
        2 => json!(super::text::value(rng)),
        3 => json!([old, old]),
        4 => Value::Object(Map::from_iter([("x".to_owned(), old.clone())])),
        5 => (0..rng.u32(1..200)).fold(old.clone(), |inner, _| json!([inner])),
        6 => json!(f64::from_bits(rng.u64(..))),
        7 => json!([-1, 0, 1, i64::MAX, i64::MIN][rng.usize(..5)]),
        8 => json!(u64::MAX >> rng.u32(0..64)),
        _ => match old.as_f64() {
            Some(number) => json!(number * [0.0, -1.0, 1e-300, 1e18, 1e300][rng.usize(..5)]),
            None => json!(rng.i32(-10..100_000)),
        },
    }
}
