//! Progress for people, on standard error: one line a change, few while nothing changes.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Write},
    time::Duration,
};

use anstyle::Style;
use chrono::{DateTime, TimeDelta, Utc};

use super::{
    Ended, Sink,
    live::Live,
    phrases::{self, Tone},
    style::{self, DIM, Line},
    view::{Row, Screen, View, Wait},
};
use crate::{
    event::{Event, MetricRecord, StepState},
    units::{Weight, format_duration},
};

/// Columns of what stands in front of every text: the time and a word.
const BEFORE: usize = 19;
/// Lines about metrics, warnings and notes that come at once; more come as seldom as waiting does.
const PROMPT_LINES: u32 = 60;
/// Time between two waiting lines, by the age of the run. Together with [`PROMPT_LINES`] a run of
/// six hours stays under 200 lines.
const PACES: &[(TimeDelta, TimeDelta)] = &[
    (TimeDelta::minutes(20), TimeDelta::minutes(1)),
    (TimeDelta::hours(1), TimeDelta::minutes(2)),
    (TimeDelta::MAX, TimeDelta::minutes(5)),
];

/// Prints progress.
pub struct Progress<W> {
    output: Output<W>,
    /// Of the run, where there is one.
    run: Course,
    /// Of each of several services.
    services: BTreeMap<String, Course>,
}

/// Where the lines go, and how many more may go there at once.
struct Output<W> {
    writer: W,
    colour: bool,
    live: Option<Live>,
    prompt_left: u32,
    left_out: u32,
}

/// What was said of one run.
#[derive(Default)]
struct Course {
    /// Stands before each of its lines.
    label: String,
    began: Option<DateTime<Utc>>,
    now: Option<DateTime<Utc>>,
    spoke: Option<DateTime<Utc>>,
    /// What it is.
    title: String,
    steps: Vec<Row>,
    /// Of the step that it is at.
    weight: Option<Weight>,
    wait: Option<Wait>,
    metrics: BTreeMap<String, MetricRecord>,
    printed_verdicts: BTreeMap<String, &'static str>,
    said: BTreeSet<String>,
}

impl<W: Write> Progress<W> {
    /// Prints to `writer`, with colours if `colour`; `live` where a person watches.
    pub fn new(writer: W, colour: bool, live: Option<Live>) -> Self {
        Self {
            output: Output {
                writer,
                colour,
                live,
                prompt_left: PROMPT_LINES,
                left_out: 0,
            },
            run: Course::default(),
            services: BTreeMap::new(),
        }
    }

    /// Draws how it stands where a person watches: the run, or a line for each of several.
    fn draw(&self) {
        let Some(live) = &self.output.live else {
            return;
        };
        let screen = live.screen();
        if self.services.is_empty() {
            live.show(&self.run.picture(screen));
            return;
        }
        let room = screen.rows.saturating_sub(2).max(1);
        let runs = self.services.iter().take(room);
        let lines = runs.map(|(service, run)| run.summary(service, screen));
        live.show(&lines.collect::<Vec<_>>());
    }
}

impl Course {
    fn of(service: &str) -> Self {
        Self {
            label: format!("{service}: "),
            ..Self::default()
        }
    }

    fn print(
        &self,
        output: &mut Output<impl Write>,
        style: Style,
        word: &str,
        text: &str,
    ) -> io::Result<()> {
        let time = self
            .now
            .map_or_else(|| " ".repeat(8), |at| at.format("%H:%M:%S").to_string());
        let label = if self.label.is_empty() {
            Style::new()
        } else {
            DIM
        };
        // A log has every line whole; a terminal would break it anywhere.
        let rows = match &output.live {
            Some(live) => wrapped(text, live.screen().columns, self.label.chars().count()),
            None => vec![text.to_owned()],
        };
        let mut lines = String::new();
        for (index, row) in rows.iter().enumerate() {
            let line = if index == 0 {
                Line::styled(DIM, &time)
                    .and(style, &format!("  {word:<7}"))
                    .and(label, &format!("  {}", self.label))
            } else {
                Line::plain(&" ".repeat(BEFORE + self.label.chars().count()))
            };
            lines.push_str(&line.and(Style::new(), row).render(output.colour));
            lines.push('\n');
        }
        let writer = &mut output.writer;
        let mut write = || {
            writer
                .write_all(lines.as_bytes())
                .and_then(|()| writer.flush())
        };
        match &output.live {
            Some(live) => live.above(write),
            None => write(),
        }
    }

    fn picture(&self, screen: Screen) -> Vec<Line> {
        self.view(&self.title, &self.shown_metrics()).lines(screen)
    }

    fn summary(&self, service: &str, screen: Screen) -> Line {
        self.view(service, &[]).summary(screen)
    }

    fn shown_metrics(&self) -> Vec<&MetricRecord> {
        self.metrics.values().collect()
    }

    fn view<'a>(&'a self, title: &'a str, metrics: &'a [&'a MetricRecord]) -> View<'a> {
        View {
            title,
            steps: &self.steps,
            weight: self.weight,
            wait: self.wait.as_ref(),
            metrics,
        }
    }

    /// Notes a step; what was not foreseen makes a list of its own.
    fn note(&mut self, index: usize, total: usize, state: StepState, name: Option<&str>) {
        if self.steps.len() != total {
            let row = Row {
                state: StepState::Waiting,
                name: String::new(),
            };
            self.steps = vec![row; total];
        }
        let (before, rest) = self.steps.split_at_mut(index.saturating_sub(1).min(total));
        // They go in order: what is before it was done by an earlier try.
        for row in before
            .iter_mut()
            .filter(|row| row.state == StepState::Waiting)
        {
            row.state = StepState::Skipped;
        }
        if let Some(row) = rest.first_mut() {
            row.state = state;
            if let Some(name) = name {
                name.clone_into(&mut row.name);
            }
        }
        self.wait = None;
    }

    /// Prints a line of the kind that could come without end: at once while there are few, then
    /// only as often as waiting lines.
    fn print_bounded(
        &mut self,
        output: &mut Output<impl Write>,
        style: Style,
        word: &str,
        text: &str,
    ) -> io::Result<()> {
        if output.prompt_left > 0 {
            output.prompt_left -= 1;
            return self.print(output, style, word, text);
        }
        if !self.due() {
            output.left_out += 1;
            return Ok(());
        }
        let left_out = std::mem::take(&mut output.left_out);
        if left_out == 0 {
            return self.print(output, style, word, text);
        }
        let text = format!("{text} ({left_out} lines left out before)");
        self.print(output, style, word, &text)
    }

    /// Is it time for another line? Taking the time counts as having spoken.
    fn due(&mut self) -> bool {
        let (Some(began), Some(now)) = (self.began, self.now) else {
            return true;
        };
        let pace = PACES
            .iter()
            .find(|(until, _)| now - began < *until)
            .map_or(TimeDelta::minutes(5), |(_, pace)| *pace);
        let due = self.spoke.is_none_or(|spoke| now - spoke >= pace);
        if due {
            self.spoke = self.now;
        }
        due
    }

    fn waiting(
        &mut self,
        output: &mut Output<impl Write>,
        what: &str,
        elapsed: Duration,
        limit: Option<Duration>,
    ) -> io::Result<()> {
        if output.live.is_some() {
            self.wait = Some(Wait {
                what: what.to_owned(),
                elapsed,
                limit,
            });
            return Ok(());
        }
        let mut text = format!("{what}, {}", whole(elapsed));
        if let Some(limit) = limit {
            text.push_str(&format!(" of {}", format_duration(limit)));
        }
        for metric in self.metrics.values() {
            // What is answered with yes or no has no number that could be missing.
            let has_none = metric.value.is_none() && ["pass", "fail"].contains(&metric.verdict);
            let value = if has_none {
                String::new()
            } else {
                format!("{} ", phrases::value(metric))
            };
            text.push_str(&format!(
                "; {} {value}{}",
                phrases::name(metric),
                metric.verdict
            ));
        }
        if self.due() {
            self.print(output, DIM, "wait", &text)?;
        }
        Ok(())
    }

    fn measured(
        &mut self,
        output: &mut Output<impl Write>,
        metric: &MetricRecord,
    ) -> io::Result<()> {
        self.metrics.insert(metric.name.clone(), metric.clone());
        let before = self
            .printed_verdicts
            .insert(metric.name.clone(), metric.verdict);
        if before == Some(metric.verdict) {
            return Ok(());
        }
        let style = match metric.verdict {
            "pass" | "good" => style::GREEN,
            "fail" | "worse" | "error" => style::RED,
            _ => style::YELLOW,
        };
        let name = phrases::name(metric);
        let text = format!("{name} {}: {}", metric.verdict, metric.detail);
        self.print_bounded(output, style, "metric", &text)
    }

    /// Prints something once, however often it is said.
    fn once(
        &mut self,
        output: &mut Output<impl Write>,
        style: Style,
        word: &str,
        text: &str,
    ) -> io::Result<()> {
        if self.said.insert(format!("{word} {text}")) {
            self.print_bounded(output, style, word, text)?;
        }
        Ok(())
    }

    fn take_time(&mut self, at: DateTime<Utc>) {
        self.began.get_or_insert(at);
        self.now = Some(at);
    }

    fn event(&mut self, output: &mut Output<impl Write>, event: &Event) -> io::Result<()> {
        if let Some(at) = event.at() {
            self.take_time(at);
        }
        match event {
            Event::Started { title, .. } => {
                title.clone_into(&mut self.title);
                self.print(output, style::BOLD, "start", title)
            }
            Event::Gate(verdict) => {
                let message = verdict
                    .deciding()
                    .map(|reason| format!(": {}", reason.message))
                    .unwrap_or_default();
                let tone = if verdict.lets_through() {
                    Tone::Good
                } else {
                    Tone::Bad
                };
                let text = format!("{}{message}", verdict.decision.word());
                self.print(output, style::of(tone), "gate", &text)
            }
            Event::Changes { changes, .. } => {
                for change in changes.iter().take(10) {
                    let place = phrases::change_place(change);
                    let text = format!("{place} {} -> {}", change.before(), change.after());
                    self.print(output, Style::new(), "change", &text)?;
                }
                match changes.len().saturating_sub(10) {
                    0 => Ok(()),
                    more => self.print(output, Style::new(), "change", &format!("and {more} more")),
                }
            }
            Event::Plan { steps, length, .. } => {
                let row = |step: &String| Row {
                    state: StepState::Waiting,
                    name: step
                        .split_once(". ")
                        .map_or(step.as_str(), |(_, name)| name)
                        .to_owned(),
                };
                self.steps = steps.iter().map(row).collect();
                let length = format_duration(*length);
                let text = format!("{} steps, about {length}", steps.len());
                self.print(output, Style::new(), "plan", &text)?;
                for step in steps {
                    self.print(output, Style::new(), "", step)?;
                }
                Ok(())
            }
            Event::StepStarted {
                index,
                total,
                name,
                weight,
                ..
            } => {
                self.note(*index, *total, StepState::Running, Some(name));
                self.weight = *weight;
                self.spoke = None;
                let weight = weight
                    .map(|it| format!(", weight {it}"))
                    .unwrap_or_default();
                self.print(
                    output,
                    style::BOLD,
                    "step",
                    &format!("{index}/{total} {name}{weight}"),
                )
            }
            Event::StepFinished {
                index,
                state,
                detail,
                ..
            } => {
                let style = match state {
                    StepState::Passed | StepState::Skipped => style::GREEN,
                    StepState::Failed => style::RED,
                    StepState::Held => style::YELLOW,
                    StepState::Waiting | StepState::Running => Style::new(),
                };
                let total = match self.steps.len() {
                    0 => String::new(),
                    total => format!("/{total}"),
                };
                if let Some(row) = self.steps.get_mut(index.saturating_sub(1)) {
                    row.state = *state;
                }
                self.wait = None;
                self.print(
                    output,
                    style,
                    state.word(),
                    &format!("{index}{total} {detail}"),
                )
            }
            Event::Pushed {
                commit,
                subject,
                branch,
                retries,
                ..
            } => {
                let again = match retries {
                    0 => String::new(),
                    1 => " (after 1 lost race)".to_owned(),
                    more => format!(" (after {more} lost races)"),
                };
                let commit = phrases::short(commit);
                let text = format!("{commit} on {branch}: {subject}{again}");
                self.print(output, style::CYAN, "push", &text)
            }
            Event::Waiting {
                what,
                elapsed,
                limit,
                ..
            } => self.waiting(output, what, *elapsed, *limit),
            Event::Measured { metric, .. } => self.measured(output, metric),
            Event::WayBack { reason, .. } => {
                self.steps.clear();
                self.wait = None;
                self.print(output, style::RED, "back", reason)
            }
            // The gate's line has told of it.
            Event::OverrideUsed(_) => Ok(()),
            Event::Warning(text) => self.once(output, style::YELLOW, "warning", text),
            Event::Note(text) => self.once(output, Style::new(), "note", text),
            Event::Of { event, .. } => self.event(output, event),
        }
    }
}

impl<W: Write> Sink for Progress<W> {
    fn name(&self) -> &'static str {
        "the progress"
    }

    fn event(&mut self, event: &Event) -> io::Result<()> {
        let output = &mut self.output;
        let shown = match event {
            Event::Of { service, event } => {
                let course = self.services.entry(service.clone());
                let course = course.or_insert_with(|| Course::of(service));
                course.event(output, event)
            }
            event => self.run.event(output, event),
        };
        self.draw();
        shown
    }

    fn make_way(&mut self) -> io::Result<()> {
        self.output.live = None;
        self.output.writer.flush()
    }

    fn finish(&mut self, _ended: &Ended<'_>) -> io::Result<()> {
        self.make_way()
    }
}

/// Breaks a text into rows that fit behind what stands in front of it, a longer word too.
fn wrapped(text: &str, columns: usize, label: usize) -> Vec<String> {
    let room = columns.saturating_sub(BEFORE + label + 1).max(10);
    let mut rows = Vec::new();
    for row in style::wrap(text, room) {
        let mut characters = row.chars().peekable();
        loop {
            rows.push(characters.by_ref().take(room).collect());
            if characters.peek().is_none() {
                break;
            }
        }
    }
    rows
}

fn whole(duration: Duration) -> String {
    format_duration(Duration::from_secs(duration.as_secs()))
}
