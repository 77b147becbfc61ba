//! Numbers as figures write them.

/// `value` with about three figures, a true minus sign and `∞`.
///
/// ```
/// assert_eq!(langevin_figures::numbers::short(157.4), "157");
/// ```
pub fn short(value: f64) -> String {
    match value.abs() {
        size if size.is_infinite() => "∞".into(),
        0.0 => "0".into(),
        size if !(1e-3..1e5).contains(&size) => format!("{value:.1e}").replace('-', "−"),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let cases = [
            (0.0, "0"),
            (0.5, "0.500"),
            (1.0, "1.00"),
            (157.4, "157"),
            (1.2e-5, "1.2e−5"),
            (f64::INFINITY, "∞"),
        ];
        for (value, expected) in cases {
            assert_eq!(short(value), expected);
        }
    }
}
