//! Polls as somebody wrote them down: comma-separated, a poll a line.

use crate::{
    analysis::judge::{Counts, Poll},
    event::FileFinding,
    policy::Severity,
};

/// The first line of such a file, to the letter.
pub const HEADER: &str = "n_canary,bad_canary,n_stable,bad_stable";
/// Most polls of a file. What `--dispersion auto` finds at a poll depends on all polls before it, so that
/// the time grows with the square of their number: 10,000 take some seconds, ten times as many minutes.
pub const MOST_POLLS: usize = 10_000;
/// Most bytes of a file.
pub const MOST_BYTES: u64 = 2 * 1024 * 1024;

/// Reads polls. A byte order mark, Windows line ends and an empty last line are fine; nothing else
/// than the header and plain numbers is.
///
/// # Errors
/// Everything that is wrong, a finding for each bad line; `shown` is the path in them.
pub fn parse(shown: &str, text: &str) -> Result<Vec<Poll>, Vec<FileFinding>> {
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    let text = text.strip_suffix('\n').unwrap_or(text);
    let mut lines = text
        .split('\n')
        .map(|line| line.strip_suffix('\r').unwrap_or(line));
    let header = lines.next().unwrap_or_default();
    if header != HEADER {
        let found = if header.is_empty() {
            "nothing".to_owned()
        } else {
            format!("`{header}`")
        };
        let message = format!("found {found}, expected the header `{HEADER}`");
        return Err(vec![finding(shown, 1, 1, header, message)]);
    }
    let mut polls = Vec::new();
    let mut findings = Vec::new();
    for (index, line) in lines.enumerate() {
        let number = index + 2;
        if index >= MOST_POLLS {
            let message = format!("found more than {MOST_POLLS} polls, expected at most as many");
            findings.push(finding(shown, number, 1, line, message));
            break;
        }
        match poll(line) {
            Ok(poll) => polls.push(poll),
            Err((column, message)) => {
                findings.push(finding(shown, number, column, line, message));
            }
        }
    }
    if findings.is_empty() {
        Ok(polls)
    } else {
        Err(findings)
    }
}

/// Reads a line; what is wrong is said with the column where it begins.
fn poll(line: &str) -> Result<Poll, (usize, String)> {
    let fields: Vec<&str> = line.split(',').collect();
    let &[canary, bad_canary, stable, bad_stable] = fields.as_slice() else {
        let found = match fields.as_slice() {
            [""] => "an empty line".to_owned(),
            [_] => "1 value".to_owned(),
            more => format!("{} values", more.len()),
        };
        return Err((1, format!("found {found}, expected four numbers: {HEADER}")));
    };
    let mut column = 1;
    let mut at = |field: &str| {
        let begin = column;
        column += field.chars().count() + 1;
        begin
    };
    let [first, second, third, fourth] = [canary, bad_canary, stable, bad_stable].map(&mut at);
    Ok(Poll {
        canary: arm("canary", (first, canary), (second, bad_canary))?,
        stable: arm("stable", (third, stable), (fourth, bad_stable))?,
    })
}

fn arm(
    name: &str,
    (total_at, total): (usize, &str),
    (bad_at, bad): (usize, &str),
) -> Result<Counts, (usize, String)> {
    let of = |column: usize, key: &str, text: &str| {
        plain_number(text).map_err(|expected| {
            let found = if text.is_empty() {
                "nothing".to_owned()
            } else {
                format!("`{text}`")
            };
            (
                column,
                format!("found {found} as {key}_{name}, expected {expected}"),
            )
        })
    };
    let counted = Counts::new(of(total_at, "n", total)?, of(bad_at, "bad", bad)?);
    counted.map_err(|error| {
        let message = format!("found {bad} bad of {total} as {name}, but {error}");
        (bad_at, message)
    })
}

/// Reads a count as people write it: digits and at most one dot.
///
/// # Errors
/// Anything else; the text says what is expected.
pub fn plain_number(text: &str) -> Result<f64, String> {
    const PLAIN: &str = "a plain number such as 45 or 45.5";
    let is_plain = text
        .chars()
        .all(|character| character.is_ascii_digit() || character == '.');
    let number = text.parse().ok().filter(|_| is_plain);
    number.ok_or_else(|| {
        let separated =
            text.contains([',', '_', '\'']) || text.trim().contains(char::is_whitespace);
        if separated && text.contains(|character: char| character.is_ascii_digit()) {
            format!("{PLAIN}, without thousands separators")
        } else if text.contains(char::is_whitespace) {
            format!("{PLAIN}, without blanks")
        } else {
            PLAIN.to_owned()
        }
    })
}

fn finding(path: &str, line: usize, column: usize, text: &str, message: String) -> FileFinding {
    FileFinding {
        path: path.to_owned(),
        line: Some(line),
        column: Some(column),
        severity: Severity::Error,
        code: "polls".to_owned(),
        message,
        excerpt: Some(text.to_owned()),
    }
}
