//! The numbers of a request, held against the ranges that its schema states.

use langevin_core::{Error, Result};
use langevin_process::limits;
use schemars::{JsonSchema, schema_for};
use serde::Serialize;
use serde_json::{Map, Value};

/// Refuses a request with a number outside the range that its schema states, before any of it becomes work or memory.
///
/// ```
/// use langevin_inference::job::check_ranges;
/// use langevin_inference::sampling::SampleRequest;
///
/// assert!(check_ranges(&SampleRequest::default()).is_ok());
/// let huge = SampleRequest { batch_size: usize::MAX, ..SampleRequest::default() };
/// let error = check_ranges(&huge).unwrap_err();
/// assert_eq!(error.to_string(), "batch_size = 18446744073709551615 must be from 1 to 65536");
/// ```
///
/// # Errors
/// Usage, naming the field, its value and the range.
pub fn check_ranges<T: Serialize + JsonSchema>(request: &T) -> Result<()> {
    let schema = schema_for!(T).to_value();
    let value = serde_json::to_value(request).expect("a request is plain values");
    let none = Map::new();
    let defined = schema["$defs"].as_object().unwrap_or(&none);
    check(&schema, &value, "the request", defined)
}

/// Checks `value`, the field called `name`, by its `schema`.
fn check(schema: &Value, value: &Value, name: &str, defined: &Map<String, Value>) -> Result<()> {
    if let Some(reference) = schema["$ref"].as_str() {
        let target = reference.rsplit('/').next().and_then(|key| defined.get(key));
        return target.map_or(Ok(()), |target| check(target, value, name, defined));
    }
    match value {
        Value::Number(_) => return in_range(schema, value, name),
        // JSON has no other way to say NaN or an infinity.
        Value::Null if schema["type"] == "number" => {
            return Err(Error::usage(format!("{name} must be a finite number")));
        }
        Value::Object(fields) => {
            for (field, value) in fields {
                check(&schema["properties"][field.as_str()], value, field, defined)?;
            }
        }
        Value::Array(items) => {
            items.iter().try_for_each(|item| check(&schema["items"], item, name, defined))?;
        }
        _ => {}
    }
    // Of alternatives those say something that have the fields of the value.
    let alternatives = ["anyOf", "oneOf"].into_iter().filter_map(|key| schema[key].as_array()).flatten();
    alternatives.into_iter().try_for_each(|alternative| check(alternative, value, name, defined))
}

/// A number of JSON as a person writes it.
fn shown(number: &Value) -> String {
    match number.as_f64().filter(|_| number.is_f64()) {
        Some(value) => limits::shown(&value),
        None => number.to_string(),
    }
}

fn in_range(schema: &Value, value: &Value, name: &str) -> Result<()> {
    let (low, high) = (&schema["minimum"], &schema["maximum"]);
    let number = value.as_f64().unwrap_or(f64::NAN);
    let above = low.as_f64().is_none_or(|low| number >= low);
    let below = high.as_f64().is_none_or(|high| number <= high);
    if above && below {
        return Ok(());
    }
    let must = match (low.is_number(), high.is_number()) {
        (true, true) => format!("from {} to {}", shown(low), shown(high)),
        (true, false) => format!("at least {}", shown(low)),
        _ => format!("at most {}", shown(high)),
    };
    Err(Error::usage(format!("{name} = {} must be {must}", shown(value))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::restoration::{RestoreKind, RestoreRequest};
    use crate::sampling::SampleRequest;

    fn refusal(request: &SampleRequest) -> String {
        check_ranges(request).unwrap_err().to_string()
    }

    #[test]
    fn every_number_of_a_request_is_held_against_its_schema() {
        let plain = SampleRequest::default;
        assert_eq!(
            refusal(&SampleRequest { count: Some(0), ..plain() }),
            "count = 0 must be from 1 to 1000000"
        );
        let steps = SampleRequest { steps: Some(10_001), ..plain() };
        assert_eq!(refusal(&steps), "steps = 10001 must be from 1 to 10000");
        assert!(check_ranges(&SampleRequest { steps: None, ..plain() }).is_ok());
    }

    #[test]
    fn numbers_inside_of_fields_are_checked_too() {
        let scale = |scale| RestoreRequest {
            kind: RestoreKind::Upscale { scale: Some(scale), kernel: None },
            ..RestoreRequest::default()
        };
        assert!(check_ranges(&scale(4)).is_ok());
        let refused = check_ranges(&scale(65)).unwrap_err().to_string();
        assert_eq!(refused, "scale = 65 must be from 1 to 64");
    }
}
