//! Weights that are no finite numbers, or become none where they are stored: counted by tensor, said or refused.

use std::fmt;

use half::f16;
use langevin_process::{Error, Result};

use crate::tensor_file::{NamedTensors, Storage};

/// How many tensors are named in a message.
const SHOWN: usize = 3;

/// The tensors with values that are not finite, each with how many of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NotFinite {
    /// Values that are NaN or infinite already.
    lost: Vec<(String, u64)>,
    /// Values that are finite and beyond what 16 bits hold.
    beyond: Vec<(String, u64)>,
}

impl NotFinite {
    /// What is not finite of `tensors`, once they are stored as `storage`.
    pub fn of(tensors: &NamedTensors, storage: Storage) -> Self {
        let mut found = Self::default();
        for (name, (_, values)) in tensors {
            let count = |is: &dyn Fn(f32) -> bool| values.iter().filter(|value| is(**value)).count() as u64;
            let lost = count(&|value| !value.is_finite());
            found.lost.extend((lost > 0).then(|| (name.clone(), lost)));
            if storage == Storage::F16 {
                let beyond = count(&|value| value.is_finite() && !f16::from_f32(value).is_finite());
                found.beyond.extend((beyond > 0).then(|| (name.clone(), beyond)));
            }
        }
        found
    }

    /// What was found in other tensors, too.
    pub fn extend(&mut self, other: Self) {
        self.lost.extend(other.lost);
        self.beyond.extend(other.beyond);
    }

    /// Whether every value is a finite number.
    pub fn is_empty(&self) -> bool {
        self.lost.is_empty() && self.beyond.is_empty()
    }

    /// Refuses such weights of `name`, for a user who wants none.
    ///
    /// # Errors
    /// Bad input, where there are some.
    pub fn refuse(&self, name: &str) -> Result<()> {
        if self.is_empty() {
            return Ok(());
        }
        let hint = match self.lost.is_empty() {
            true => "leave --half away, or leave --strict away to store them as they become",
            false => {
                "the training that wrote them diverged, or the file is damaged: take an earlier one, or leave --strict away"
            }
        };
        Err(Error::bad_input(format!("{name}: {self}")).hint(hint))
    }
}

impl fmt::Display for NotFinite {
    /// One line, as it follows a name and a colon.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = [
            (&self.lost, "is not finite", "are not finite"),
            (
                &self.beyond,
                "is too large for 16 bits, and becomes infinite",
                "are too large for 16 bits, and become infinite",
            ),
        ];
        let mut first = true;
        for (tensors, one, more_than_one) in kinds.into_iter().filter(|(tensors, ..)| !tensors.is_empty()) {
            let values: u64 = tensors.iter().map(|(_, count)| count).sum();
            let shown: Vec<String> =
                tensors.iter().take(SHOWN).map(|(name, count)| format!("{name}: {count}")).collect();
            let more = if tensors.len() > SHOWN { ", ..." } else { "" };
            let (between, tensor) =
                (if first { "" } else { "; " }, if tensors.len() == 1 { "tensor" } else { "tensors" });
            let (count, shown) = (tensors.len(), shown.join(", "));
            let weights =
                if values == 1 { format!("weight {one}") } else { format!("weights {more_than_one}") };
            write!(f, "{between}{values} {weights}, in {count} {tensor} ({shown}{more})")?;
            first = false;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensors(all: &[(&str, &[f32])]) -> NamedTensors {
        let each = |(name, values): &(&str, &[f32])| {
            ((*name).to_owned(), (vec![values.len()], values.to_vec().into()))
        };
        all.iter().map(each).collect()
    }

    #[test]
    fn values_are_counted_by_tensor_and_storage() {
        let all =
            tensors(&[("a", &[0.0, f32::NAN, f32::INFINITY]), ("b", &[65504.0, 7e4, -1e30]), ("c", &[1.0])]);
        let exact = NotFinite::of(&all, Storage::F32);
        assert_eq!(exact.to_string(), "2 weights are not finite, in 1 tensor (a: 2)");
        let half = NotFinite::of(&all, Storage::F16);
        assert_eq!(
            half.to_string(),
            "2 weights are not finite, in 1 tensor (a: 2); 2 weights are too large for 16 bits, and become infinite, in 1 tensor (b: 2)"
        );
        assert!(NotFinite::of(&tensors(&[("b", &[7e4])]), Storage::F32).refuse("m").is_ok());
        let refused = half.refuse("m").unwrap_err();
        assert!(refused.exit_code() == 3 && refused.to_string().starts_with("m: 2 weights are not finite"));
        let many = NotFinite::of(
            &tensors(&[("a", &[f32::NAN]), ("b", &[f32::NAN]), ("c", &[f32::NAN]), ("d", &[f32::NAN])]),
            Storage::F32,
        );
        assert_eq!(many.to_string(), "4 weights are not finite, in 4 tensors (a: 1, b: 1, c: 1, ...)");
    }
}
