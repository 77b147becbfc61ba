//! Damage to safetensors: to the JSON of the header, whose length stays right, or to the numbers.

use fastrand::Rng;

/// One damage. What has no whole header is damaged as bytes.
pub fn damage(bytes: &mut Vec<u8>, rng: &mut Rng) {
    let Some((head, rest)) = bytes.split_first_chunk::<8>() else { return super::bytes::damage(bytes, rng) };
    let length = usize::try_from(u64::from_le_bytes(*head)).unwrap_or(usize::MAX);
    let Some((header, numbers)) = rest.split_at_checked(length) else {
        return super::bytes::damage(bytes, rng);
    };
    let (mut header, mut numbers) = (header.to_vec(), numbers.to_vec());
    match rng.u8(0..8) {
        0 => super::bytes::damage(&mut numbers, rng),
        1 => not_finite(&mut numbers, rng),
        2 => super::text::damage(&mut header, rng),
        _ => described(&mut header, rng),
    }
    *bytes = [&(header.len() as u64).to_le_bytes()[..], &header, &numbers].concat();
}

/// Damages the JSON of the header, half of the times the JSON that stands in its metadata as text.
fn described(header: &mut Vec<u8>, rng: &mut Rng) {
    let parsed = serde_json::from_slice::<serde_json::Value>(header);
    let Ok(mut value) = parsed else { return super::text::damage(header, rng) };
    let metadata = value.get_mut("__metadata__").and_then(|metadata| metadata.as_object_mut());
    match metadata.filter(|texts| rng.bool() && !texts.is_empty()) {
        Some(texts) => {
            let at = rng.usize(..texts.len());
            if let Some(serde_json::Value::String(text)) = texts.values_mut().nth(at) {
                let mut inner = text.clone().into_bytes();
                super::json::damage(&mut inner, rng);
                *text = String::from_utf8_lossy(&inner).into_owned();
            }
        }
        None => super::json::change(&mut value, rng),
    }
    *header = value.to_string().into_bytes();
}

/// Makes some numbers f32 that are none, or far too large.
fn not_finite(numbers: &mut [u8], rng: &mut Rng) {
    let values = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 3e38, -3e38, 1e-44];
    for _ in 0..rng.u32(1..8) {
        if numbers.len() >= 4 {
            let at = rng.usize(..numbers.len() / 4) * 4;
            numbers[at..at + 4].copy_from_slice(&values[rng.usize(..values.len())].to_le_bytes());
        }
    }
}
