//! Bounds on results, as `--fail-if` takes them: `kid>0.01` fails when the number called `kid` is more than 0.01.

use std::fmt;
use std::str::FromStr;

use langevin_core::{Error, Result};

/// A comparison that must not hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Bound {
    /// The number's name.
    pub name: String,
    relation: Relation,
    /// What it is compared with.
    pub limit: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Relation {
    More,
    AtLeast,
    Less,
    AtMost,
}

const RELATIONS: [(&str, Relation); 4] =
    [(">=", Relation::AtLeast), ("<=", Relation::AtMost), (">", Relation::More), ("<", Relation::Less)];

impl Bound {
    /// Whether `value` misses the bound. A value that is not a number does.
    pub fn is_missed(&self, value: f64) -> bool {
        value.is_nan()
            || match self.relation {
                Relation::More => value > self.limit,
                Relation::AtLeast => value >= self.limit,
                Relation::Less => value < self.limit,
                Relation::AtMost => value <= self.limit,
            }
    }
}

impl FromStr for Bound {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let bad = || {
            Error::usage(format!("\"{text}\" is not a bound")).hint("write one like kid>0.01 or recall<0.5")
        };
        let split = RELATIONS.iter().find_map(|(sign, relation)| {
            text.split_once(sign).map(|(name, limit)| (name.trim(), *relation, limit.trim()))
        });
        let (name, relation, limit) = split.ok_or_else(bad)?;
        let limit: f64 = limit.parse().map_err(|_| bad())?;
        if name.is_empty() || limit.is_nan() {
            return Err(bad());
        }
        Ok(Self { name: name.to_owned(), relation, limit })
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign =
            RELATIONS.iter().find(|(_, relation)| *relation == self.relation).map_or("", |(sign, _)| sign);
        write!(f, "{}{sign}{}", self.name, self.limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_read_and_compared() {
        let missed = |text: &str, value| text.parse::<Bound>().unwrap().is_missed(value);
        assert!(missed("kid>0.01", 0.02) && !missed("kid > 0.01", 0.01) && missed("kid>=0.01", 0.01));
        assert!(missed("recall<0.5", 0.4) && !missed("recall<0.5", 0.5) && missed("recall<=.5", 0.5));
        assert!(missed("kid>1", f64::NAN));
        assert_eq!("a >= 1e-3".parse::<Bound>().unwrap().to_string(), "a>=0.001");
        for bad in ["kid", "kid>", ">1", "kid=1", "kid>x", "kid>nan", ""] {
            assert!(bad.parse::<Bound>().is_err(), "{bad}");
        }
    }
}
