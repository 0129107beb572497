//! What a terminal shows of a run that goes on: its steps, how far this one is, the metrics, the verdict so
//! far. Lines that fit into the terminal, whatever it is.

use std::time::Duration;

use anstyle::Style;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::{
    phrases, sanitise,
    style::{BOLD, CYAN, DIM, GREEN, Line, PLAIN, RED, YELLOW},
};
use crate::{
    analysis::judge::Counts,
    event::{ComparedFigures, MetricRecord, StepState},
    units::{Weight, format_duration},
};

/// Columns of a bar at most, and rows of the list of steps.
const BAR: usize = 30;
const STEPS: usize = 12;
/// Columns of the words on the left.
const LABEL: usize = 10;
/// Columns of a metric's name at most.
const NAME: usize = 24;

/// A step as the list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// How far it is.
    pub state: StepState,
    /// What it does.
    pub name: String,
}

/// What is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// What for.
    pub what: String,
    /// How long already.
    pub elapsed: Duration,
    /// How long at most, where there is a limit.
    pub limit: Option<Duration>,
}

/// A run as it stands.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// What it is: `deploy advertisements 1.1 to production`.
    pub title: &'a str,
    /// Its steps, in order.
    pub steps: &'a [Row],
    /// Share of the canary in this step.
    pub weight: Option<Weight>,
    /// What is waited for.
    pub wait: Option<&'a Wait>,
    /// The metrics as they stand.
    pub metrics: &'a [&'a MetricRecord],
}

/// The terminal that lines must fit into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Screen {
    /// Rows.
    pub rows: usize,
    /// Columns.
    pub columns: usize,
    /// May characters beyond ASCII be used?
    pub unicode: bool,
}

impl Screen {
    fn marks(self) -> [&'static str; 5] {
        if self.unicode {
            ["·", "▸", "✓", "✗", "‖"]
        } else {
            [".", ">", "+", "x", "="]
        }
    }

    fn bar(self, done: f64, columns: usize) -> String {
        let (full, empty) = if self.unicode {
            ("█", "░")
        } else {
            ("#", ".")
        };
        let filled = (done.clamp(0.0, 1.0) * columns as f64).round() as usize;
        format!("{}{}", full.repeat(filled), empty.repeat(columns - filled))
    }

    /// Cuts a text where the terminal ends.
    fn fit(self, text: &str, columns: usize) -> String {
        let text = sanitise::line(text);
        if text.width() <= columns {
            return text;
        }
        let end = if self.unicode { "…" } else { "~" };
        let mut left = columns.saturating_sub(1);
        let mut kept = String::new();
        for character in text.chars() {
            let wide = character.width().unwrap_or(0);
            if wide > left {
                break;
            }
            left -= wide;
            kept.push(character);
        }
        if columns > 0 {
            kept.push_str(end);
        }
        kept
    }

    /// A line of parts, cut where the terminal ends; its last column stays free, since some terminals go to
    /// the next line with it.
    fn line(self, parts: &[(Style, String)]) -> Line {
        let mut left = self.columns.saturating_sub(1);
        let mut line = Line::default();
        for (style, text) in parts {
            let text = self.fit(text, left);
            left -= text.width();
            line = line.and(*style, &text);
        }
        line
    }
}

impl View<'_> {
    /// Returns the picture: at most as many lines as the screen has rows, but for one that stays free.
    pub fn lines(&self, screen: Screen) -> Vec<Line> {
        let mut below = Vec::new();
        self.weight_line(screen, &mut below);
        self.wait_lines(screen, &mut below);
        let names = self
            .metrics
            .iter()
            .map(|metric| phrases::name(metric).width());
        let longest = names.max().unwrap_or_default().clamp(LABEL - 1, NAME);
        for metric in self.metrics {
            below.push(metric_line(metric, longest, screen));
        }
        below.extend(self.so_far(screen));
        let room = screen.rows.saturating_sub(2);
        below.truncate(room.saturating_sub(1));
        let mut lines = vec![self.head(screen)];
        lines.extend(self.step_lines(screen, room.saturating_sub(below.len() + 1).min(STEPS)));
        lines.extend(below);
        lines
    }

    /// Returns how it stands in one line, where there are several runs.
    pub fn summary(&self, screen: Screen) -> Line {
        let mut text = self.count();
        if let Some(now) = self
            .steps
            .iter()
            .find(|row| row.state == StepState::Running)
        {
            text.push_str(&format!(" {}", now.name));
        }
        if let Some(wait) = self.wait {
            text.push_str(&format!(", {}", times(wait)));
        }
        let parts = [(BOLD, format!("{} ", self.title)), (PLAIN, text)];
        screen.line(&parts)
    }

    fn count(&self) -> String {
        let over = self.steps.iter().filter(|row| is_over(row.state)).count();
        match self.steps.len() {
            0 => String::new(),
            all => format!("{over} of {all} steps"),
        }
    }

    fn head(&self, screen: Screen) -> Line {
        // A spinner stands in front of it.
        let narrower = Screen {
            columns: screen.columns.saturating_sub(2),
            ..screen
        };
        narrower.line(&[(BOLD, format!("{}  ", self.title)), (DIM, self.count())])
    }

    /// The steps around this one.
    fn step_lines(&self, screen: Screen, room: usize) -> Vec<Line> {
        let over = self
            .steps
            .iter()
            .take_while(|row| is_over(row.state))
            .count();
        let first = (over + 1).saturating_sub(room.div_ceil(2));
        let first = first.min(self.steps.len().saturating_sub(room));
        let shown = self.steps.iter().enumerate().skip(first).take(room);
        // Of a way back nobody has said what comes.
        shown
            .filter(|(_, row)| !row.name.is_empty())
            .map(|(index, row)| {
                let [waiting, running, passed, failed, held] = screen.marks();
                let (mark, style, of_name) = match row.state {
                    StepState::Waiting => (waiting, DIM, DIM),
                    StepState::Running => (running, CYAN, BOLD),
                    StepState::Passed | StepState::Skipped => (passed, GREEN, PLAIN),
                    StepState::Failed => (failed, RED, PLAIN),
                    StepState::Held => (held, YELLOW, PLAIN),
                };
                screen.line(&[
                    (style, format!("  {mark} ")),
                    (of_name, format!("{:>2} {}", index + 1, row.name)),
                ])
            })
            .collect()
    }

    fn weight_line(&self, screen: Screen, lines: &mut Vec<Line>) {
        if let Some(weight) = self.weight {
            let bar = screen.bar(weight.ratio(), bar_columns(screen));
            lines.push(screen.line(&[
                (DIM, label("weight")),
                (CYAN, bar),
                (PLAIN, format!(" {weight}")),
            ]));
        }
    }

    fn wait_lines(&self, screen: Screen, lines: &mut Vec<Line>) {
        let Some(wait) = self.wait else {
            return;
        };
        lines.push(screen.line(&[(DIM, label("waits for")), (PLAIN, wait.what.clone())]));
        let mut parts = vec![(DIM, label("time"))];
        if let Some(limit) = wait.limit.filter(|limit| !limit.is_zero()) {
            let done = wait.elapsed.as_secs_f64() / limit.as_secs_f64();
            parts.push((CYAN, screen.bar(done, bar_columns(screen))));
            parts.push((PLAIN, " ".to_owned()));
        }
        parts.push((PLAIN, times(wait)));
        lines.push(screen.line(&parts));
    }

    /// The worst that the metrics say.
    fn so_far(&self, screen: Screen) -> Option<Line> {
        let has = |verdicts: &[&str]| {
            let mut deciding = self.metrics.iter().filter(|metric| !metric.dry_run);
            deciding.any(|metric| verdicts.contains(&metric.verdict))
        };
        if self.metrics.is_empty() {
            return None;
        }
        let (style, text) = if has(&["fail", "worse"]) {
            (RED, "worse than it may be")
        } else if has(&["error"]) {
            (YELLOW, "not everything answers")
        } else if has(&["not-yet", "hold", "inconclusive"]) {
            (YELLOW, "nothing is worse; not decided yet")
        } else {
            (GREEN, "good")
        };
        Some(screen.line(&[(DIM, label("so far")), (style, text.to_owned())]))
    }
}

fn metric_line(metric: &MetricRecord, longest: usize, screen: Screen) -> Line {
    let style = match metric.verdict {
        "pass" | "good" => GREEN,
        "fail" | "worse" | "error" => RED,
        _ => YELLOW,
    };
    let mut name = screen.fit(&phrases::name(metric), longest);
    name.push_str(&" ".repeat(longest.saturating_sub(name.width())));
    let parts = [
        (DIM, format!("  {name} ")),
        (style, format!("{:<8} ", metric.verdict)),
        (PLAIN, figures(metric)),
    ];
    screen.line(&parts)
}

/// The newest figures: the new version's beside the old one's.
fn figures(metric: &MetricRecord) -> String {
    let share = |counts: Counts| match counts.rate() {
        None => "no requests".to_owned(),
        Some(rate) => format!(
            "{}% of {}",
            phrases::number(rate * 100.0),
            phrases::number(counts.total().round())
        ),
    };
    match &metric.comparison {
        Some(record) if record.figures == ComparedFigures::Shares => {
            let (new, old) = (record.sum.canary, record.sum.stable);
            let old = match record.ratio_interval {
                None => String::new(),
                Some(_) => format!(", old {}", share(old)),
            };
            format!("new {}{old}", share(new))
        }
        Some(record) => record
            .sentence
            .lines()
            .next()
            .unwrap_or_default()
            .to_owned(),
        // What is answered with yes or no has no number.
        None if metric.value.is_none() => metric.detail.clone(),
        None => format!("{}, wanted {}", phrases::value(metric), metric.wanted),
    }
}

fn times(wait: &Wait) -> String {
    let whole = |length: Duration| format_duration(Duration::from_secs(length.as_secs()));
    match wait.limit {
        None => whole(wait.elapsed),
        Some(limit) => format!(
            "{} of {}, {} left",
            whole(wait.elapsed),
            whole(limit),
            whole(limit.saturating_sub(wait.elapsed))
        ),
    }
}

fn is_over(state: StepState) -> bool {
    !matches!(state, StepState::Waiting | StepState::Running)
}

fn label(word: &str) -> String {
    format!("  {word:<LABEL$}")
}

fn bar_columns(screen: Screen) -> usize {
    BAR.min(screen.columns.saturating_sub(LABEL + 8) / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(names: &[(&str, StepState)]) -> Vec<Row> {
        let row = |(name, state): &(&str, StepState)| Row {
            state: *state,
            name: (*name).to_owned(),
        };
        names.iter().map(row).collect()
    }

    fn metric(name: &str, verdict: &'static str) -> MetricRecord {
        MetricRecord {
            name: name.to_owned(),
            verdict,
            value: Some(0.25),
            wanted: "at most 0.5".to_owned(),
            detail: "is 0.25".to_owned(),
            measured: 1,
            failed: 0,
            errors_in_a_row: 0,
            dry_run: false,
            comparison: None,
        }
    }

    #[test]
    fn the_picture_tells_where_a_run_stands() {
        let steps = rows(&[
            ("shop-canary to 1.1", StepState::Passed),
            ("canary weight 10%", StepState::Passed),
            ("watch canary for 3m", StepState::Running),
            ("promote", StepState::Waiting),
        ]);
        let wait = Wait {
            what: "canary to prove itself".to_owned(),
            elapsed: Duration::from_millis(60_400),
            limit: Some(Duration::from_secs(180)),
        };
        let (errors, latency) = (metric("errors", "not-yet"), metric("latency_p95", "pass"));
        let metrics = [&errors, &latency];
        let view = View {
            title: "deploy shop 1.1 to production",
            steps: &steps,
            weight: Weight::new(10).ok(),
            wait: Some(&wait),
            metrics: &metrics,
        };
        let screen = Screen {
            rows: 24,
            columns: 50,
            unicode: false,
        };
        let text: Vec<String> = view
            .lines(screen)
            .iter()
            .map(|line| line.render(false))
            .collect();
        insta::assert_snapshot!(text.join("\n"), @r"
        deploy shop 1.1 to production  2 of 4 steps
          +  1 shop-canary to 1.1
          +  2 canary weight 10%
          >  3 watch canary for 3m
          .  4 promote
          weight    ##.............. 10%
          waits for canary to prove itself
          time      #####........... 1m of 3m, 1m59s left
          errors      not-yet  0.25, wanted at most 0.5
          latency_p95 pass     0.25, wanted at most 0.5
          so far    nothing is worse; not decided yet
        ");
        insta::assert_snapshot!(view.summary(screen).render(false), @"deploy shop 1.1 to production 2 of 4 steps watch~");
    }

    #[test]
    fn it_fits_into_every_screen_whatever_it_is_made_of() {
        let odd = "数据\u{1b}[2Jbase \u{0301} with a name that is far longer than any terminal would ever be wide";
        let steps: Vec<Row> = (0..40)
            .map(|index| Row {
                state: if index < 20 {
                    StepState::Passed
                } else {
                    StepState::Waiting
                },
                name: odd.to_owned(),
            })
            .collect();
        let wait = Wait {
            what: odd.to_owned(),
            elapsed: Duration::from_secs(1_000_000),
            limit: Some(Duration::from_secs(1)),
        };
        let metrics: Vec<MetricRecord> = (0..9).map(|_| metric(odd, "worse")).collect();
        let metrics: Vec<&MetricRecord> = metrics.iter().collect();
        let view = View {
            title: odd,
            steps: &steps,
            weight: Some(Weight::FULL),
            wait: Some(&wait),
            metrics: &metrics,
        };
        for columns in [1, 2, 5, 13, 20, 40, 80, 200, 1000] {
            for rows in [1, 2, 3, 10, 24, 200] {
                for unicode in [true, false] {
                    let screen = Screen {
                        rows,
                        columns,
                        unicode,
                    };
                    let mut lines = view.lines(screen);
                    assert!(
                        lines.len() < rows.max(2),
                        "{columns}x{rows}: {}",
                        lines.len()
                    );
                    // The spinner stands in front of the first one.
                    let head = lines.remove(0).render(false);
                    assert!(
                        head.width() <= columns.saturating_sub(3),
                        "{columns}: {head:?}"
                    );
                    lines.push(view.summary(screen));
                    for line in lines {
                        let line = line.render(false);
                        assert!(line.width() < columns, "{columns}: {line:?}");
                        assert!(!line.contains('\u{1b}'), "{line:?}");
                    }
                }
            }
        }
    }
}
