//! # Figures: numbers as people read them
//!
//! Problem: 1204331 and 0.000093 say little at a glance.
//! Idea: groups of three digits, and three digits that count; the unit stands beside them.
//! Leaves out: locales.
//! Read next: `load/report.rs`.
//! Try: `cargo test figures`

use std::time::Duration;

/// Writes a whole number in groups of three digits: `1,204,331`.
///
/// ```
/// assert_eq!(dormouse_study::figures::grouped(1_204_331), "1,204,331");
/// ```
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Writes a figure with about three digits that count: `0.04`, `7.31`, `42.0`, `1,234`.
///
/// ```
/// assert_eq!(dormouse_study::figures::short(7.314), "7.31");
/// ```
pub fn short(figure: f64) -> String {
    match figure.abs() {
        0.0 => "0".into(),
        less if less < 9.995 => format!("{figure:.2}"),
        less if less < 99.95 => format!("{figure:.1}"),
        _ => grouped(whole(figure)),
    }
}

/// Rounds to a whole number; what is below zero or no number at all becomes zero.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
pub fn whole(figure: f64) -> u64 {
    figure.round() as u64
}

/// A count as a factor in a figure: exact up to 2^53, far above all that is counted here.
#[allow(clippy::cast_precision_loss, reason = "see above")]
pub fn float(count: u64) -> f64 {
    count as f64
}

/// A time in microseconds.
pub fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_have_three_digits() {
        let cases =
            [(0, "0"), (999, "999"), (1000, "1,000"), (123_456, "123,456"), (1 << 20, "1,048,576")];
        for (number, text) in cases {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn a_figure_keeps_the_digits_that_count() {
        let cases = [
            (0.0, "0"),
            (0.042, "0.04"),
            (9.99, "9.99"),
            (9.999, "10.0"),
            (99.94, "99.9"),
            (99.96, "100"),
            (86_123.4, "86,123"),
        ];
        for (figure, text) in cases {
            assert_eq!(short(figure), text);
        }
    }
}
