//! The outcome as one HTML file that opens offline: verdict first, charts, tables, the diff folded.
//!
//! The file asks nobody for anything and runs nothing: no script, no address, and a policy in its head
//! that lets a browser apply the one style that is in it.

mod chart;
mod charts;
mod markup;
mod scale;

use std::io;

use base64::{Engine, engine::general_purpose::STANDARD};
use ring::digest::{SHA256, digest};

use super::{
    Ended, Place, Sink, Timeline, phrases, plan, sanitise,
    tables::{self, Table},
};
use crate::event::{Event, Outcome, ServiceEnd};
use chart::class_of;
use markup::Markup;

const STYLE: &str = include_str!("html/style.css");
/// Most rows of a table, and lines of the diff; the JSON report has all.
const ROWS: usize = 2_000;
/// Columns whose cells are numbers.
const NUMBERS: [&str; 7] = ["#", "weight", "took", "value", "failed", "values", "takes"];
/// Columns whose cells are words that are good or bad.
const WORDS: [&str; 7] = [
    "state", "verdict", "decision", "effect", "result", "severity", "gap",
];

/// Writes the report of any command.
pub struct File {
    place: Place,
    timeline: Timeline,
}

impl File {
    /// Writes to `place`.
    pub fn new(place: Place) -> Self {
        Self {
            place,
            timeline: Timeline::default(),
        }
    }
}

impl Sink for File {
    fn name(&self) -> &'static str {
        "the HTML report"
    }

    fn event(&mut self, event: &Event) -> io::Result<()> {
        self.timeline.event(event);
        Ok(())
    }

    fn finish(&mut self, ended: &Ended<'_>) -> io::Result<()> {
        let page = render(ended, &self.timeline);
        self.place.replace(page.as_bytes())
    }
}

/// Renders the whole page; what is charted comes from the timeline.
pub fn render(ended: &Ended<'_>, timeline: &Timeline) -> String {
    let mut page = Markup::default();
    page.own("<!DOCTYPE html>\n");
    page.element("html", &[("lang", "en")], |html| {
        html.element("head", &[], |head| self::head(ended, head));
        html.line_break();
        html.element("body", &[], |body| {
            body.element("main", &[], |main| {
                verdict(ended, main);
                facts(ended, main);
                part(ended.outcome, timeline, "run", main);
                for (index, end) in ended.outcome.services.iter().enumerate() {
                    let name = end.name(&ended.outcome.services);
                    service(&name, end, timeline, index, main);
                }
                remarks(ended.outcome, timeline, main);
                foot(ended, main);
            });
        });
    });
    page.line_break();
    page.finish()
}

fn head(ended: &Ended<'_>, head: &mut Markup) {
    let style = STANDARD.encode(digest(&SHA256, STYLE.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'"
    );
    head.void("meta", &[("charset", "utf-8")]);
    let rule = ("http-equiv", "Content-Security-Policy");
    head.void("meta", &[rule, ("content", &policy)]);
    let width = "width=device-width, initial-scale=1";
    head.void("meta", &[("name", "viewport"), ("content", width)]);
    head.void("meta", &[("name", "referrer"), ("content", "no-referrer")]);
    let what = ended.outcome.deployment.as_ref().map(phrases::deployment);
    let what = what.map(|what| format!(": {what}")).unwrap_or_default();
    let title = format!("{}{what} - shipgate", phrases::headline(ended));
    head.leaf("title", &[], &title);
    head.element("style", &[], |style| style.own(STYLE));
}

/// What a tired person reads, and perhaps nothing else.
fn verdict(ended: &Ended<'_>, main: &mut Markup) {
    let outcome = ended.outcome;
    let tone = class_of(Some(phrases::tone(outcome)));
    main.element(
        "header",
        &[("class", &format!("verdict {tone}"))],
        |header| {
            header.element("h1", &[], |title| {
                title.leaf("span", &[("class", "word")], &phrases::headline(ended));
                title.own(" ");
                title.leaf("span", &[("class", "reason")], &outcome.reason);
            });
            header.element("p", &[("class", "code")], |line| {
                line.own("exit code ");
                line.leaf("b", &[("id", "exit-code")], &ended.exit_code.to_string());
                line.own(", ");
                line.leaf("span", &[("id", "reason-code")], &outcome.reason_code);
                line.own(", of ");
                line.leaf("code", &[], &format!("shipgate {}", ended.command));
            });
            if let Some(opens) = outcome.verdict.as_ref().and_then(phrases::opens) {
                header.element("p", &[("id", "opens")], |line| {
                    line.own("<b>Opens</b> ");
                    line.text(&opens);
                });
            }
            let next = outcome.next_steps();
            if !next.is_empty() {
                header.own("<p><b>Next</b></p>");
                header.element("ul", &[("id", "next")], |list| {
                    for step in next.iter().take(ROWS) {
                        list.leaf("li", &[], step);
                    }
                });
            }
        },
    );
    main.line_break();
}

fn facts(ended: &Ended<'_>, main: &mut Markup) {
    let outcome = ended.outcome;
    let mut facts: Vec<(&str, String)> = Vec::new();
    if let Some(deployment) = &outcome.deployment {
        facts.push(("service", phrases::deployment(deployment)));
        if let Some(weight) = deployment.weight {
            facts.push(("weight at the end", weight.to_string()));
        }
        if let Some(workload) = &deployment.serves {
            facts.push(("serves", workload.clone()));
        }
        if !deployment.run.is_empty() {
            facts.push(("run", deployment.run.clone()));
        }
        if let Some(actor) = &deployment.actor {
            facts.push(("started by", actor.clone()));
        }
        if let Some(source) = &deployment.source {
            facts.push(("built from", source.clone()));
        }
    }
    if let Some(record) = &outcome.plan {
        facts.extend(plan::facts(record));
    }
    let form = "%Y-%m-%d %H:%M:%S UTC";
    let began = ended.started_at.format(form);
    let took = phrases::between(ended.started_at, ended.finished_at);
    facts.push(("began", format!("{began}, took {took}")));
    if let Some(closes) = outcome.verdict.as_ref().and_then(phrases::closes) {
        facts.push(("closes", closes));
    }
    main.element("dl", &[], |list| {
        for (label, fact) in facts {
            list.leaf("dt", &[], label);
            list.leaf("dd", &[], &fact);
        }
    });
    main.line_break();
}

/// Charts, tables and diff of one run.
fn part(outcome: &Outcome, timeline: &Timeline, id: &str, main: &mut Markup) {
    let weight = outcome.deployment.as_ref().and_then(|it| it.weight);
    let mut drawn = Markup::default();
    if charts::draw(timeline, weight, id, &mut drawn) {
        main.own("<h2>Over time (UTC)</h2>\n");
        main.append(drawn);
    }
    for table in tables::of(outcome) {
        self::table(&table, main);
    }
    diff(&outcome.diff, main);
}

/// One service among several, with a heading of its own.
fn service(name: &str, end: &ServiceEnd, timeline: &Timeline, index: usize, main: &mut Markup) {
    let nothing = Timeline::default();
    let course = timeline.service(name).or(timeline.service(&end.service));
    let outcome = &end.outcome;
    let tone = class_of(Some(phrases::tone(outcome)));
    main.element("section", &[("class", &format!("part {tone}"))], |part| {
        part.element("h2", &[], |title| {
            title.text(name);
            title.own(": ");
            title.leaf("span", &[("class", "word")], outcome.ending.result());
        });
        part.leaf("p", &[], &outcome.reason);
        self::part(
            outcome,
            course.unwrap_or(&nothing),
            &format!("s{index}"),
            part,
        );
    });
}

fn table(table: &Table, main: &mut Markup) {
    main.leaf("h2", &[], &table.title);
    let around = [("class", "scroll"), ("tabindex", "0")];
    main.element("div", &around, |around| {
        around.element("table", &[], |inside| rows(table, inside));
    });
    let more = table.rows.len().saturating_sub(ROWS);
    if more > 0 {
        let text = format!("and {more} more; the JSON report has them all");
        main.leaf("p", &[("class", "note")], &text);
    }
    if let Some(note) = &table.note {
        main.leaf("p", &[("class", "note")], note);
    }
    main.line_break();
}

fn rows(table: &Table, inside: &mut Markup) {
    let class = |column: &str| {
        if NUMBERS.contains(&column) {
            "number"
        } else {
            "text"
        }
    };
    inside.element("thead", &[], |head| {
        head.element("tr", &[], |row| {
            for column in &table.columns {
                row.leaf("th", &[("scope", "col"), ("class", class(column))], column);
            }
        });
    });
    inside.element("tbody", &[], |body| {
        for cells in table.rows.iter().take(ROWS) {
            body.element("tr", &[], |row| {
                for (column, cell) in table.columns.iter().zip(cells) {
                    let tone = phrases::word_tone(cell).filter(|_| WORDS.contains(column));
                    let class = match tone {
                        Some(tone) => format!("word {}", class_of(Some(tone))),
                        None => class(column).to_owned(),
                    };
                    row.leaf("td", &[("class", &class)], cell);
                }
            });
            body.line_break();
        }
    });
}

fn diff(diff: &str, main: &mut Markup) {
    let count = diff.lines().count();
    if count == 0 {
        return;
    }
    main.element("details", &[("id", "diff")], |details| {
        details.leaf("summary", &[], &format!("Diff, {count} lines"));
        details.element("pre", &[], |pre| {
            for line in sanitise::lines(diff).take(ROWS) {
                let class = match line.as_bytes().first() {
                    Some(b'+') => "add",
                    Some(b'-') => "take",
                    Some(b'@') => "place",
                    _ => "same",
                };
                pre.element("span", &[("class", class)], |span| span.line_of_file(&line));
            }
        });
        if count > ROWS {
            details.own("<p class=\"note\">The diff goes on; the JSON report has all of it.</p>");
        }
    });
    main.line_break();
}

fn remarks(outcome: &Outcome, timeline: &Timeline, main: &mut Markup) {
    let services = timeline.services.iter().flat_map(|(service, course)| {
        let warnings = course.warnings.iter();
        warnings.map(move |warning| format!("{service}: {warning}"))
    });
    let warnings = timeline.warnings.iter().cloned().chain(services);
    let remarks: Vec<String> = outcome.notes.iter().cloned().chain(warnings).collect();
    if remarks.is_empty() {
        return;
    }
    main.own("<h2>Remarks</h2>");
    main.element("ul", &[], |list| {
        for remark in remarks.iter().take(ROWS) {
            list.leaf("li", &[], remark);
        }
    });
}

fn foot(ended: &Ended<'_>, main: &mut Markup) {
    main.element("footer", &[], |footer| {
        let version = env!("CARGO_PKG_VERSION");
        let at = ended.finished_at.format("%Y-%m-%d %H:%M:%S UTC");
        footer.text(&format!("shipgate {version}, {at}. The same as data: "));
        let report = if ended.report.is_empty() {
            "shipgate --output json"
        } else {
            ended.report
        };
        footer.leaf("code", &[], report);
    });
}
