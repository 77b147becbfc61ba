//! Damage to files, texts and arguments, made with knowledge of what they are: the checksums and lengths around a damaged
//! part stay right, so that the damage reaches the reader behind them. Every result follows from a seed.
//!
//! ```
//! use langevin_mutate::{Form, Rng, mutated};
//!
//! let settings = "[train]\nbatch_size = 16\n";
//! let damaged = mutated(Form::Text, settings.as_bytes(), &mut Rng::with_seed(3));
//! assert_eq!(damaged, mutated(Form::Text, settings.as_bytes(), &mut Rng::with_seed(3)));
//! ```

mod bytes;
mod json;
mod png;
mod safetensors;
mod tar;
mod text;

pub use fastrand::Rng;
pub use text::value;

/// What a file is, as far as damage to it is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Bytes of which nothing is known.
    Bytes,
    /// Text of lines, words and numbers.
    Text,
    /// JSON, or a JSON value on every line.
    Json,
    /// PNG: chunks with checksums.
    Png,
    /// safetensors: a JSON header of a stated length, and numbers.
    Safetensors,
    /// tar: headers with checksums, and their files.
    Tar,
}

impl Form {
    /// The form of a file called `name`.
    pub fn of(name: &str) -> Self {
        let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
        match ending {
            "png" => Self::Png,
            "json" | "jsonl" => Self::Json,
            "toml" | "txt" | "csv" => Self::Text,
            "safetensors" => Self::Safetensors,
            "tar" => Self::Tar,
            _ => Self::Bytes,
        }
    }
}

/// `whole` with one to four damages; one in eight knows nothing of its form.
pub fn mutated(form: Form, whole: &[u8], rng: &mut Rng) -> Vec<u8> {
    let mut damaged = whole.to_vec();
    for _ in 0..rng.u32(1..=4) {
        let form = if rng.u8(0..8) == 0 { Form::Bytes } else { form };
        match form {
            Form::Bytes => bytes::damage(&mut damaged, rng),
            Form::Text => text::damage(&mut damaged, rng),
            Form::Json => json::damage(&mut damaged, rng),
            Form::Png => png::damage(&mut damaged, rng),
            Form::Safetensors => safetensors::damage(&mut damaged, rng),
            Form::Tar => tar::damage(&mut damaged, rng),
        }
    }
    damaged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_follows_from_the_seed_and_empty_files_stand_it() {
        let forms = [Form::Bytes, Form::Text, Form::Json, Form::Png, Form::Safetensors, Form::Tar];
        for (form, seed) in forms.into_iter().flat_map(|form| (0..200).map(move |seed| (form, seed))) {
            for whole in [&b""[..], b"{\"a\": [1, 2, {\"b\": \"c\"}]}", b"seven words and 16 numbers = 3.5"] {
                let once = mutated(form, whole, &mut Rng::with_seed(seed));
                assert_eq!(once, mutated(form, whole, &mut Rng::with_seed(seed)), "{form:?} {seed}");
            }
        }
    }
}
