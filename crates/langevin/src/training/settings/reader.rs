//! Settings from TOML values: what cannot be read is said with its place, and the nearest of the names that could be meant.

use std::fmt::Display;

use langevin_process::{Error, nearest};
use serde::de::{self, DeserializeOwned, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;
use toml::Value;

/// What `table` says.
///
/// # Errors
/// The first thing that does not fit.
pub(super) fn read<T: DeserializeOwned>(table: toml::Table) -> Result<T, Mistake> {
    T::deserialize(Reader(Value::Table(table)))
}

/// Something in settings that does not fit.
#[derive(Debug)]
pub(super) struct Mistake {
    message: String,
    nearest: Option<&'static str>,
    /// The keys that lead there, innermost first.
    place: Vec<String>,
}

impl Mistake {
    /// The error of settings called `name`.
    pub(super) fn within(self, name: &str) -> Error {
        let place = self.place.into_iter().rev().collect::<Vec<_>>().join(".");
        let error = match self.nearest {
            Some(near) => Error::usage(self.message).hint(format!("did you mean \"{near}\"?")),
            None => Error::usage(self.message),
        };
        match place.is_empty() || name.contains(&place) {
            true => error.within(name),
            false => error.within(format!("{name}: {place}")),
        }
    }

    fn unknown(kind: &str, word: &str, known: &'static [&'static str]) -> Self {
        let near = nearest(word, known.iter().copied());
        let message = match (near, known) {
            (Some(_), _) | (None, []) => format!("unknown {kind} \"{word}\""),
            (None, known) => format!("unknown {kind} \"{word}\", there are: {}", known.join(", ")),
        };
        Self { message, nearest: near, place: Vec::new() }
    }
}

impl Display for Mistake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Mistake {}

impl de::Error for Mistake {
    fn custom<T: Display>(message: T) -> Self {
        Self { message: message.to_string(), nearest: None, place: Vec::new() }
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self::unknown("key", field, expected)
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self::unknown("value", variant, expected)
    }
}

/// A TOML value whose mistakes are [`Mistake`]s.
struct Reader(Value);

impl<'de> IntoDeserializer<'de, Mistake> for Reader {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> de::Deserializer<'de> for Reader {
    type Error = Mistake;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        match self.0 {
            Value::String(text) => visitor.visit_string(text),
            Value::Integer(number) => visitor.visit_i64(number),
            Value::Float(number) if !number.is_finite() => {
                Err(de::Error::custom(format!("{number} is not a finite number")))
            }
            Value::Float(number) => visitor.visit_f64(number),
            Value::Boolean(is) => visitor.visit_bool(is),
            Value::Datetime(time) => visitor.visit_string(time.to_string()),
            Value::Array(values) => {
                let mut values = de::value::SeqDeserializer::new(values.into_iter().map(Reader));
                let read = visitor.visit_seq(&mut values)?;
                values.end()?;
                Ok(read)
            }
            Value::Table(table) => visitor.visit_map(Entries { rest: table.into_iter(), value: None }),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        match self.0 {
            Value::String(name) => visitor.visit_enum(name.into_deserializer()),
            Value::Table(table) => {
                let entries = Entries { rest: table.into_iter(), value: None };
                visitor.visit_enum(de::value::MapAccessDeserializer::new(entries))
            }
            other => Err(de::Error::custom(format!("a name was expected, not {other}"))),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

/// The entries of a table; a mistake in a value is placed at its key.
struct Entries {
    rest: toml::map::IntoIter<String, Value>,
    value: Option<(String, Value)>,
}

impl<'de> de::MapAccess<'de> for Entries {
    type Error = Mistake;

    fn next_key_seed<K: de::DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Mistake> {
        let Some((key, value)) = self.rest.next() else { return Ok(None) };
        self.value = Some((key.clone(), value));
        seed.deserialize(IntoDeserializer::<Mistake>::into_deserializer(key)).map(Some)
    }

    fn next_value_seed<S: de::DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Mistake> {
        let (key, value) = self.value.take().expect("a key goes before its value");
        seed.deserialize(Reader(value)).map_err(|mut mistake| {
            mistake.place.push(key);
            mistake
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::training::presets::PRESETS;
    use crate::training::settings::Settings;

    #[test]
    fn settings_are_read_as_toml_reads_them() {
        for preset in PRESETS {
            let table: toml::Table = preset.text.parse().unwrap();
            let plain: Settings = table.clone().try_into().unwrap();
            assert_eq!(read::<Settings>(table).unwrap(), plain, "{}", preset.name);
        }
    }

    #[test]
    fn mistakes_have_their_place() {
        let message = |text: &str| {
            let table: toml::Table = text.parse().unwrap();
            read::<Settings>(table).unwrap_err().within("my.toml").to_string()
        };
        assert_eq!(message("[trian]"), "my.toml: unknown key \"trian\" (did you mean \"train\"?)");
        assert_eq!(
            message("[network]\nchannels = [8, true]"),
            "my.toml: network.channels: invalid type: boolean `true`, expected usize"
        );
        assert_eq!(
            message("[train]\nbatch_size = -1"),
            "my.toml: train.batch_size: invalid value: integer `-1`, expected usize"
        );
        let strange = message("[train]\ndecay = \"sideways\"");
        assert!(
            strange.starts_with("my.toml: train.decay: unknown value \"sideways\", there are: "),
            "{strange}"
        );
        assert!(strange.contains("cosine"), "{strange}");
    }
}
