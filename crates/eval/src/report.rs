//! The result: every number beside its floor and its ceiling.

use serde::{Serialize, Serializer};

use crate::metric::{Better, Nearest, Value};

/// One number with what it is to be compared with.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Line {
    /// Its name.
    pub name: &'static str,
    /// The number.
    #[serde(serialize_with = "finite")]
    pub value: f64,
    /// Its standard error.
    pub error: Option<f64>,
    /// How many images were judged for it.
    pub n: usize,
    /// The same number for as many real images that were held out: what perfect images would get.
    pub floor: Option<f64>,
    /// The floor's standard error.
    pub floor_error: Option<f64>,
    /// The same number for real images with their pixels shuffled, or for pairs that do not belong together.
    pub ceiling: Option<f64>,
    /// Which way is better.
    pub better: Better,
}

fn finite<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    if value.is_finite() {
        serializer.serialize_f64(*value)
    } else {
        serializer.serialize_str(&value.to_string())
    }
}

impl Line {
    /// From the number and, where they were measured, its floor and ceiling.
    pub fn new(value: &Value, floor: Option<&Value>, ceiling: Option<&Value>) -> Self {
        let of = |other: Option<&Value>| other.map(|other| other.value).filter(|value| value.is_finite());
        Self {
            name: value.name,
            value: value.value,
            error: value.error,
            n: value.count,
            floor: of(floor),
            floor_error: floor.and_then(|floor| floor.error),
            ceiling: of(ceiling),
            better: value.better,
        }
    }
}

/// What an evaluation found.
#[derive(Debug, Clone, PartialEq, Serialize, Default)]
pub struct Report {
    /// What was judged.
    pub judged: String,
    /// The data it was judged by.
    pub data: String,
    /// The features.
    pub features: String,
    /// The seed.
    pub seed: u64,
    /// The numbers.
    pub metrics: Vec<Line>,
    /// The judged images nearest to training images, nearest first, where it was asked for.
    pub nearest: Vec<Nearest>,
}

impl Report {
    /// The number called `name`.
    pub fn value(&self, name: &str) -> Option<f64> {
        self.metrics.iter().find(|line| line.name == name).map(|line| line.value)
    }

    /// The numbers as a table of plain text.
    pub fn table(&self) -> String {
        let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), short);
        let with = |value: Option<f64>, error: Option<f64>| match (value, error) {
            (Some(value), Some(error)) => format!("{} ± {}", short(value), brief(error)),
            (value, _) => number(value),
        };
        let mut rows =
            vec![["metric", "value", "floor (real)", "ceiling (shuffled)", "n", "better"].map(String::from)];
        rows.extend(self.metrics.iter().map(|line| {
            [
                line.name.to_owned(),
                with(Some(line.value), line.error),
                with(line.floor, line.floor_error),
                number(line.ceiling),
                line.n.to_string(),
                if line.better == Better::Lower { "lower" } else { "higher" }.to_owned(),
            ]
        }));
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..6).map(width).collect();
        let line = |row: &[String; 6]| {
            let cell = |(text, width): (&String, &usize)| format!("{text:<width$}", width = *width);
            row.iter().zip(&widths).map(cell).collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        rows.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}

/// Four significant digits.
fn short(value: f64) -> String {
    let size = value.abs();
    match size {
        _ if value.is_infinite() => if value > 0.0 { "inf" } else { "-inf" }.to_owned(),
        0.0 => "0".to_owned(),
        1000.0.. => format!("{value:.0}"),
        100.0..1000.0 => format!("{value:.1}"),
        10.0..100.0 => format!("{value:.2}"),
        1.0..10.0 => format!("{value:.3}"),
        0.001..1.0 => format!("{value:.4}"),
        _ => format!("{value:.2e}"),
    }
}

/// Two significant digits.
fn brief(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        10.0.. => format!("{value:.0}"),
        1.0..10.0 => format!("{value:.1}"),
        0.1..1.0 => format!("{value:.2}"),
        0.01..0.1 => format!("{value:.3}"),
        0.0001..0.01 => format!("{value:.4}"),
        _ => format!("{value:.1e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_lines_up_and_infinity_is_text() {
        let value = |value, error| Value { name: "psnr", value, error, count: 9, better: Better::Higher };
        let line = Line::new(&value(f64::INFINITY, None), None, Some(&value(12.345, Some(0.5))));
        let other = Line::new(&value(0.012_345, Some(0.001)), Some(&value(f64::INFINITY, None)), None);
        let report = Report { metrics: vec![line, other], ..Report::default() };
        let table = report.table();
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(
            lines[1].split_whitespace().collect::<Vec<_>>(),
            ["psnr", "inf", "-", "12.35", "9", "higher"]
        );
        assert!(lines[2].contains("0.0123 ± 0.0010"), "{table}");
        assert!(serde_json::to_string(&report).unwrap().contains("\"value\":\"inf\""));
    }
}
