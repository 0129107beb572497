//! What a run said and how it ended, in a form for assertions and snapshots.

use std::fmt;

use shipgate::event::{Event, Outcome, Reporter, StepState};

use crate::runs::Hook;

/// A step that ended, or the beginning of the way back.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Mark {
    Step(usize, StepState),
    WayBack,
}

/// Writes down every event in one line; hooks may act in between.
pub struct Trail {
    lines: Vec<String>,
    step: String,
    /// The steps in short: number, how it ended, and what the way back begins with.
    short: Vec<Mark>,
    hook: Option<Hook>,
    places: Vec<(String, &'static str)>,
}

impl Trail {
    /// Starts empty. Addresses that differ from run to run get names.
    pub fn new(hook: Option<Hook>, places: Vec<(String, &'static str)>) -> Self {
        Self {
            lines: Vec::new(),
            step: String::new(),
            short: Vec::new(),
            hook,
            places,
        }
    }

    fn line(&mut self, text: String) {
        let text = self.named(&text);
        self.lines.push(text);
    }

    fn named(&self, text: &str) -> String {
        let named = self
            .places
            .iter()
            .fold(text.to_owned(), |text, (place, name)| {
                text.replace(place, name)
            });
        anonymous(&named)
    }
}

impl Reporter for Trail {
    fn event(&mut self, event: &Event) {
        match event {
            Event::Started { title, .. } => self.line(title.clone()),
            Event::Of { event, .. } => self.event(event),
            Event::Gate(verdict) => self.line(format!("gate: {:?}", verdict.decision)),
            Event::Changes { changes, .. } => self.line(format!("changes: {}", changes.len())),
            Event::Plan {
                steps, way_back, ..
            } => self.line(format!(
                "plan: {} steps, {} back",
                steps.len(),
                way_back.len()
            )),
            Event::StepStarted {
                index, total, name, ..
            } => self.step = format!("{index}/{total} {name}"),
            Event::StepFinished {
                index,
                state,
                detail,
                ..
            } => {
                self.short.push(Mark::Step(*index, *state));
                let detail = if detail.is_empty() {
                    String::new()
                } else {
                    format!(" ({detail})")
                };
                self.line(format!("{}: {}{detail}", self.step, state.word()));
            }
            Event::Pushed { retries, .. } if *retries > 0 => {
                self.line(format!("pushed after {retries} lost races"));
            }
            Event::WayBack { reason, .. } => {
                self.short.push(Mark::WayBack);
                self.line(format!("way back: {reason}"));
            }
            Event::Warning(text) => self.line(format!("warning: {text}")),
            Event::Note(text) => self.line(format!("note: {text}")),
            Event::Pushed { .. }
            | Event::Waiting { .. }
            | Event::Measured { .. }
            | Event::OverrideUsed(_) => {}
        }
        if let Some(hook) = &mut self.hook {
            hook(event);
        }
    }

    fn finish(&mut self, _outcome: &Outcome) {}
}

/// How a run ended.
pub struct End {
    /// One line an event.
    pub trail: Vec<String>,
    /// Exit code; none = killed.
    pub code: Option<u8>,
    /// The end itself; an empty one when killed.
    pub outcome: Outcome,
    short: Vec<Mark>,
    reason: String,
    hints: Vec<String>,
}

impl End {
    /// Puts an end together.
    pub fn new(trail: Trail, ended: Option<Outcome>) -> Self {
        let code = ended.as_ref().map(|outcome| outcome.ending.code().number);
        let outcome =
            ended.unwrap_or_else(|| Outcome::new(shipgate::event::Ending::Internal, "killed"));
        Self {
            reason: trail.named(&outcome.reason),
            hints: outcome.hints.iter().map(|hint| trail.named(hint)).collect(),
            trail: trail.lines,
            short: trail.short,
            code,
            outcome,
        }
    }

    /// Returns how the steps ended in the order in which they did: those that passed by their numbers,
    /// `3 failed`, `back` where the way back began.
    pub fn steps(&self) -> String {
        let is_next = |one: &Mark, other: &Mark| match (one, other) {
            (Mark::Step(one, state), Mark::Step(other, next)) => {
                *state == StepState::Passed && state == next && one + 1 == *other
            }
            _ => false,
        };
        let told = self.short.chunk_by(is_next).map(|marks| match *marks {
            [Mark::Step(number, StepState::Passed)] => number.to_string(),
            [Mark::Step(number, state)] => format!("{number} {}", state.word()),
            [Mark::Step(first, _), .., Mark::Step(last, _)] => format!("{first}-{last}"),
            _ => "back".to_owned(),
        });
        told.collect::<Vec<_>>().join(" ")
    }

    /// Asserts the exit code.
    #[track_caller]
    pub fn assert(&self, code: u8, what: &str) {
        assert_eq!(self.code, Some(code), "{what}:\n{self}");
    }

    /// Returns code, reason and hints.
    pub fn end(&self) -> String {
        let code = self
            .code
            .map_or_else(|| "killed".to_owned(), |code| code.to_string());
        let mut text = format!("{code} {}: {}", self.outcome.reason_code, self.reason);
        for hint in &self.hints {
            text.push_str(&format!("\n  hint: {hint}"));
        }
        text
    }
}

impl fmt::Display for End {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.trail {
            writeln!(formatter, "{line}")?;
        }
        formatter.write_str(&self.end())
    }
}

/// Puts a word in the place of ids, which differ from run to run.
fn anonymous(text: &str) -> String {
    // One id in some thousands has letters alone.
    let is_id = |word: &str| word.len() >= 7 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let mut out = String::new();
    let mut word = String::new();
    for character in text.chars().chain(['\n']) {
        if character.is_ascii_alphanumeric() {
            word.push(character);
            continue;
        }
        // What follows a point is the rest of a number.
        let shown = if is_id(&word) && !out.ends_with('.') {
            "ID"
        } else {
            &word
        };
        out.push_str(shown);
        word.clear();
        out.push(character);
    }
    out.pop();
    out
}
