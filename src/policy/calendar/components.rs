//! The components of an iCalendar file: what is between BEGIN and END.

use super::{
    Problem,
    lines::{ContentLine, content_lines},
};
use crate::policy::wording::shown;

/// Deepest nesting; a calendar has three levels.
const DEEPEST: usize = 8;
/// Most events in a file.
const MOST_EVENTS: usize = 5_000;
/// Components that say nothing about when it is blocked.
const WITHOUT_TIMES: [&str; 7] = [
    "VALARM",
    "VTIMEZONE",
    "STANDARD",
    "DAYLIGHT",
    "VTODO",
    "VJOURNAL",
    "VCALENDAR",
];

/// One `VEVENT`, without what is nested in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Component {
    pub(super) lines: Vec<ContentLine>,
    /// 1-based line of its `BEGIN`.
    pub(super) line: usize,
}

/// What of a file matters here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct File {
    pub(super) events: Vec<Component>,
    /// `X-WR-TIMEZONE`, with its line.
    pub(super) zone: Option<(String, usize)>,
}

/// Takes a file apart.
///
/// # Errors
/// It is no calendar, is cut off, or has a component that says when something is in a way that is
/// not understood.
pub(super) fn components(bytes: &[u8]) -> Result<File, Problem> {
    let lines = content_lines(bytes)?;
    let mut file = File::default();
    let mut open: Vec<(String, usize)> = Vec::new();
    let last = lines.last().map_or(1, |line| line.line);
    for line in lines {
        match (line.name.as_str(), open.len()) {
            ("BEGIN", depth) => {
                begin(&line, depth)?;
                if line.value == "VEVENT" {
                    file.events.push(Component {
                        lines: Vec::new(),
                        line: line.line,
                    });
                }
                if file.events.len() > MOST_EVENTS {
                    let message = format!("there are more than {MOST_EVENTS} events");
                    return Err(Problem::new(line.line, message));
                }
                open.push((line.value, line.line));
            }
            ("END", _) => match open.pop() {
                Some((name, _)) if name == line.value => {}
                _ => {
                    let message =
                        format!("END:{} ends nothing that began", shown_name(&line.value));
                    return Err(Problem::new(line.line, message));
                }
            },
            (_, 0) => return Err(outside(&line)),
            ("X-WR-TIMEZONE", 1) if file.zone.is_none() => {
                file.zone = Some((line.value, line.line));
            }
            _ => {
                let in_event = open.last().is_some_and(|(name, _)| name == "VEVENT");
                if let Some(event) = file.events.last_mut().filter(|_| in_event) {
                    event.lines.push(line);
                }
            }
        }
    }
    if let Some((name, begun)) = open.pop() {
        let name = shown_name(&name);
        let message = format!("the file is cut off: {name} of line {begun} has no END");
        return Err(Problem::new(last, message));
    }
    Ok(file)
}

fn begin(line: &ContentLine, depth: usize) -> Result<(), Problem> {
    let name = line.value.as_str();
    let problem = |message: String| Err(Problem::new(line.line, message));
    if (depth == 0) != (name == "VCALENDAR") {
        return problem(if depth == 0 {
            format!("expected BEGIN:VCALENDAR, found BEGIN:{}", shown_name(name))
        } else {
            "a calendar begins inside another".to_owned()
        });
    }
    if depth >= DEEPEST {
        return problem(format!(
            "components are nested deeper than {DEEPEST} levels"
        ));
    }
    if name == "VEVENT" && depth == 1 || WITHOUT_TIMES.contains(&name) || name.starts_with("X-") {
        return Ok(());
    }
    if name == "VFREEBUSY" {
        return problem(
            "VFREEBUSY says when somebody is busy and not what for; expected events".to_owned(),
        );
    }
    problem(format!(
        "BEGIN:{} is not understood here; expected events (VEVENT)",
        shown_name(name)
    ))
}

fn outside(line: &ContentLine) -> Problem {
    let name = shown(&line.name);
    Problem::new(
        line.line,
        format!("{name} is outside of BEGIN:VCALENDAR and END:VCALENDAR"),
    )
}

/// A component's name, as far as it can be one.
fn shown_name(name: &str) -> String {
    let character = |character: &char| character.is_ascii_alphanumeric() || *character == '-';
    name.chars().take_while(character).take(30).collect()
}
