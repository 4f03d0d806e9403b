//! Numbers over time: asked of Prometheus and Graphite, judged against a limit. It must never decide what becomes of a push. Used by the runner, which watches what a push does to them, and by the pages, which show them.

pub mod graphite;
pub mod judge;
pub mod prometheus;

use std::fmt::Write as _;

/// One line of a graph: what it is called, and its points as milliseconds since 1970 and value, oldest first; only finite values.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    /// What distinguishes it from the others; empty where it is the only one.
    pub name: String,
    /// Its points.
    pub points: Vec<(i64, f64)>,
}

/// A number as people read it: three digits that count, no more.
pub fn number_words(value: f64) -> String {
    let size = value.abs();
    let digits = match size {
        _ if size >= 100.0 || size == 0.0 => 0,
        _ if size >= 10.0 => 1,
        _ if size >= 1.0 => 2,
        _ if size >= 0.001 => 3 + usize::from(size < 0.1) + usize::from(size < 0.01),
        _ => return format!("{value:.2e}"),
    };
    let text = format!("{value:.digits$}");
    let text = match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.'),
        false => text.as_str(),
    };
    grouped(text)
}

/// With a comma before each three digits of a whole number that is long.
fn grouped(text: &str) -> String {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
    if digits.len() < 5 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return text.to_owned();
    }
    let mut grouped = sign.to_owned();
    for (place, digit) in digits.chars().enumerate() {
        let comma = if place > 0 && (digits.len() - place).is_multiple_of(3) { "," } else { "" };
        // Writing into a text cannot fail.
        let _ = write!(grouped, "{comma}{digit}");
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::number_words;

    #[test]
    fn a_number_has_the_digits_that_count() {
        for (value, words) in [
            (0.0, "0"),
            (1.0, "1"),
            (0.3, "0.3"),
            (0.1 + 0.2, "0.3"),
            (0.012_34, "0.0123"),
            (0.001_234, "0.00123"),
            (0.000_012_34, "1.23e-5"),
            (1.005, "1"),
            (12.34, "12.3"),
            (123.4, "123"),
            (-1.5, "-1.5"),
            (9999.6, "10,000"),
            (1_234_567.0, "1,234,567"),
            (-12_345.0, "-12,345"),
        ] {
            assert_eq!(number_words(value), words, "{value}");
        }
    }
}
