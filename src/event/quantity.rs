//! Numbers of a plan as people read them: three digits that count, for nobody can plan closer.

use std::time::Duration;

use crate::units::format_duration;

/// Longest time that is told, in seconds: a year.
const LONGEST: f64 = 31_536_000.0;

/// Prints a number of 0 or more: `0.0125`, `2.51`, `63.4`, `128`.
pub fn number(number: f64) -> String {
    let decimals = if number >= 100.0 {
        0
    } else if number >= 10.0 {
        1
    } else if number >= 1.0 {
        2
    } else {
        4
    };
    let text = format!("{number:.decimals$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// Prints a share from 0 to 1 in percent.
pub fn percent(share: f64) -> String {
    format!("{}%", number(100.0 * share))
}

/// Prints minutes, rounded up: a few to ten seconds, many to whole minutes.
pub fn length(minutes: f64) -> String {
    let unit = if minutes < 10.0 { 10.0 } else { 60.0 };
    let seconds = (60.0 * minutes / unit - 1e-9).ceil().max(0.0) * unit;
    if seconds.is_finite() && seconds <= LONGEST {
        format_duration(Duration::from_secs_f64(seconds))
    } else {
        "more than a year".to_owned()
    }
}

/// Prints a whole number in groups of three: `95,057`.
pub fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_count_and_times_are_never_too_short() {
        let numbers = [0.0, 0.0125, 2.5149, 63.42, 128.4, 1500.0].map(number);
        assert_eq!(numbers, ["0", "0.0125", "2.51", "63.4", "128", "1500"]);
        let lengths = [0.0, 1.5, 1.51, 9.99, 10.0, 10.1, 59.5, 1e9].map(length);
        let wanted = [
            "0s",
            "1m30s",
            "1m40s",
            "10m",
            "10m",
            "11m",
            "1h",
            "more than a year",
        ];
        assert_eq!(lengths, wanted);
        assert_eq!(
            [0.0, 999.0, 1000.0, 1_234_567.0].map(thousands),
            ["0", "999", "1,000", "1,234,567"]
        );
    }
}
