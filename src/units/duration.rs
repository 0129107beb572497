//! Durations as people write them in policies: `30s`, `10m`, `1h30m`.

use std::time::Duration;

use super::Nonsense;

const EXPECTED: &str = "a duration with a unit, such as 30s, 10m or 1h30m";

const TOO_LONG: &str = "at most 366d";

/// Longest duration: a leap year.
const LONGEST: u64 = 366 * 86_400_000;

/// Parses `250ms`, `30s`, `10m`, `2h`, `1.5h`, `1h30m`, `7d` (a day is 24 hours). A bare `0` is
/// allowed; any other number needs a unit.
///
/// # Errors
/// Not a duration, negative, longer than 366 days, or finer than a millisecond.
pub fn parse_duration(text: &str) -> Result<Duration, Nonsense> {
    let refuse = || Nonsense::new(text, EXPECTED);
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(refuse());
    }
    let mut milliseconds: u64 = 0;
    while !rest.is_empty() {
        let digits = rest
            .find(|character: char| !character.is_ascii_digit() && character != '.')
            .ok_or_else(refuse)?;
        let (number, after) = rest.split_at(digits);
        let letters = after
            .find(|character: char| !character.is_ascii_alphabetic())
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        let factor = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(refuse()),
        };
        milliseconds = times(number, factor)
            .and_then(|more| milliseconds.checked_add(more))
            .ok_or_else(refuse)?;
        rest = after.trim_start();
    }
    if milliseconds > LONGEST {
        return Err(Nonsense::new(text, TOO_LONG));
    }
    Ok(Duration::from_millis(milliseconds))
}

/// Multiplies a number that may have decimals, exactly; none where the product is no whole number.
fn times(number: &str, factor: u64) -> Option<u64> {
    let (whole, decimals) = match number.split_once('.') {
        Some((whole, decimals)) if !decimals.is_empty() => (whole, decimals),
        Some(_) => return None,
        None => (number, ""),
    };
    let scale = 10_u64.checked_pow(u32::try_from(decimals.len()).ok()?)?;
    let scaled: u64 = format!("{whole}{decimals}")
        .parse()
        .ok()
        .filter(|_| !whole.is_empty())?;
    let product = scaled.checked_mul(factor)?;
    (product % scale == 0).then_some(product / scale)
}

/// Prints a duration the way [`parse_duration`] reads it: `1h30m`, `45s`, `250ms`.
pub fn format_duration(duration: Duration) -> String {
    if duration.as_secs() == 0 && duration.subsec_millis() > 0 {
        return format!("{}ms", duration.subsec_millis());
    }
    let seconds = duration.as_secs();
    let parts = [
        (seconds / 86_400, "d"),
        (seconds / 3_600 % 24, "h"),
        (seconds / 60 % 60, "m"),
        (seconds % 60, "s"),
    ];
    let text: String = parts
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, unit)| format!("{number}{unit}"))
        .collect();
    if text.is_empty() {
        "0s".to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_print_as_they_are_read() {
        for text in ["250ms", "30s", "10m", "1h30m", "7d", "1d2h3m4s"] {
            assert_eq!(format_duration(parse_duration(text).unwrap()), text);
        }
        for (decimals, plain) in [("1.5h", "1h30m"), ("0.25s", "250ms"), ("366.0d", "366d")] {
            assert_eq!(format_duration(parse_duration(decimals).unwrap()), plain);
        }
        for bad in [
            "",
            "10",
            "m",
            "-5s",
            "5 parsecs",
            "1e3s",
            "99999d",
            "366.5d",
            "1.h",
            ".5h",
            "1.2.3h",
            "0.0001s",
            "99999999999999999999s",
        ] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }
}
