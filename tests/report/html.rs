//! The HTML report: well-formed, harmless, self-contained, and the same story as the other sinks.

use std::collections::BTreeSet;

use base64::{Engine, engine::general_purpose::STANDARD};
use proptest::prelude::*;
use quick_xml::{
    Reader,
    escape::unescape,
    events::{BytesStart, Event as Markup},
};
use shipgate::{
    analysis::judge::{Against, Counts, Dispersion, Parameters, Poll},
    event::{Event, MetricRecord, Outcome, ServiceEnd, StepState},
    ops::compare::{self, Comparison},
    report::{Timeline, html, sanitise},
    units::Weight,
};

use crate::{
    hostile::{hostile, poisoned},
    support::{all, blocked, canary, deployed, ended, rolled_back, utc},
};

/// An element: its name, its attributes, and the text that is in it and in nothing inside it.
#[derive(Debug, Default)]
pub struct Element {
    pub name: String,
    attributes: Vec<(String, String)>,
    pub text: String,
}

impl Element {
    fn of(start: &BytesStart<'_>) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let attributes = start.attributes().map(|attribute| {
            let attribute = attribute.unwrap();
            let value = text(&attribute.value);
            (
                text(attribute.key.as_ref()),
                unescape(&value).unwrap().into_owned(),
            )
        });
        Self {
            name: text(start.name().as_ref()),
            attributes: attributes.collect(),
            text: String::new(),
        }
    }

    pub fn attribute(&self, name: &str) -> Option<&str> {
        let mut attributes = self.attributes.iter();
        attributes
            .find(|(it, _)| it == name)
            .map(|(_, value)| value.as_str())
    }
}

/// Reads a page, which is XML as well: every element must be closed, every sign of markup in a text
/// written as an entity.
pub fn read(page: &str) -> Vec<Element> {
    let mut reader = Reader::from_str(page.strip_prefix("<!DOCTYPE html>").unwrap());
    reader.config_mut().check_end_names = true;
    let mut elements: Vec<Element> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    loop {
        match reader
            .read_event()
            .unwrap_or_else(|error| panic!("{error}: {page}"))
        {
            Markup::Start(start) => {
                open.push(elements.len());
                elements.push(Element::of(&start));
            }
            Markup::Empty(start) => elements.push(Element::of(&start)),
            Markup::End(_) => drop(open.pop()),
            Markup::Text(text) => {
                let text = text.decode().unwrap();
                assert!(!text.contains('<'), "{text}");
                match open.last() {
                    Some(last) => elements[*last].text.push_str(&text),
                    None => assert_eq!(text.trim(), ""),
                }
            }
            Markup::GeneralRef(name) => {
                let name = format!("&{};", name.decode().unwrap());
                elements[*open.last().unwrap()]
                    .text
                    .push_str(&unescape(&name).unwrap());
            }
            Markup::Eof => break,
            other => panic!("neither element nor text: {other:?}"),
        }
    }
    assert!(open.is_empty(), "not closed: {open:?}");
    elements
}

/// What a page may be made of: nothing that runs, loads, sends or leads anywhere.
const ELEMENTS: [&str; 39] = [
    "html",
    "head",
    "meta",
    "title",
    "style",
    "body",
    "main",
    "header",
    "h1",
    "h2",
    "p",
    "b",
    "code",
    "span",
    "ul",
    "li",
    "dl",
    "dt",
    "dd",
    "div",
    "figure",
    "figcaption",
    "svg",
    "desc",
    "path",
    "rect",
    "circle",
    "text",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "section",
    "details",
    "summary",
    "pre",
    "footer",
];
const ATTRIBUTES: [&str; 20] = [
    "lang",
    "charset",
    "http-equiv",
    "content",
    "name",
    "class",
    "id",
    "role",
    "aria-labelledby",
    "viewBox",
    "x",
    "y",
    "width",
    "height",
    "cx",
    "cy",
    "r",
    "d",
    "scope",
    "tabindex",
];

/// Reads a page and holds it against what every page promises.
fn sound(page: &str) -> Vec<Element> {
    let elements = read(page);
    let mut ids = BTreeSet::new();
    for element in &elements {
        assert!(ELEMENTS.contains(&element.name.as_str()), "{element:?}");
        for (name, value) in &element.attributes {
            assert!(ATTRIBUTES.contains(&name.as_str()), "{element:?}");
            assert!(
                !value.contains("//") && !value.contains("url("),
                "{element:?}"
            );
            if name == "id" {
                assert!(ids.insert(value.clone()), "twice: {value}");
            }
        }
    }
    for (at, element) in elements.iter().enumerate() {
        if element.name == "svg" {
            let names: Vec<&str> = elements[at + 1..at + 3]
                .iter()
                .map(|it| it.name.as_str())
                .collect();
            assert_eq!(names, ["title", "desc"]);
            for id in element.attribute("aria-labelledby").unwrap().split(' ') {
                assert!(ids.contains(id), "{id}");
            }
        }
    }
    let style: Vec<&Element> = elements.iter().filter(|it| it.name == "style").collect();
    assert_eq!(style.len(), 1);
    let style = &style[0].text;
    for word in ["@import", "url(", "http", "expression", "@font-face"] {
        assert!(!style.contains(word), "{word}");
    }
    let rule = elements
        .iter()
        .find(|it| it.attribute("http-equiv").is_some());
    let digest = ring::digest::digest(&ring::digest::SHA256, style.as_bytes());
    let wanted = format!(
        "default-src 'none'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        STANDARD.encode(digest)
    );
    assert_eq!(rule.unwrap().attribute("content"), Some(wanted.as_str()));
    elements
}

/// All that a page says, but for its style: a line for each element that says something.
fn told(elements: &[Element]) -> String {
    let told = elements.iter().filter(|it| it.name != "style");
    let lines = told.map(|it| it.text.split_whitespace().collect::<Vec<_>>().join(" "));
    let lines: Vec<String> = lines.filter(|line| !line.is_empty()).collect();
    lines.join("\n")
}

pub fn by_id<'a>(elements: &'a [Element], id: &str) -> Option<&'a Element> {
    elements.iter().find(|it| it.attribute("id") == Some(id))
}

#[test]
fn a_blocked_verdict_stands_first_with_what_to_do() {
    let outcome = blocked();
    let page = html::render(&ended("check", &outcome), &Timeline::default());
    insta::assert_snapshot!(told(&sound(&page)), @r"
    BLOCKED - shipgate
    BLOCKED
    Friday 2025-11-28 is blocked: Black Friday
    exit code , , of
    10
    blocked-date
    shipgate check
    Monday 2025-12-01 09:00 America/New_York (14:00 UTC), in 2d19h30m: the window Mon-Thu 09:00-16:00 America/New_York begins
    Opens
    Next
    deploy at the next opening that the message names
    began
    2025-12-02 14:00:00 UTC, took 25m10s
    Gate
    effect
    reason
    rule
    blocks
    Friday 2025-11-28 is blocked: Black Friday
    blocked_dates[2], line 12
    blocks
    outside every allowed window (Mon-Thu 09:00-16:00 America/New_York)
    allowed_windows, line 4
    warns
    traffic of 5200 requests/s is above the maximum of 5000 requests/s
    traffic_threshold, line 18
    Judged at Friday 2025-11-28 13:30 America/New_York (18:30 UTC) by policies/production.yaml @ 4f2a91c07b6e, sha256 9c56cc51b374
    shipgate 0.1.0, 2025-12-02 14:25:10 UTC. The same as data:
    /tmp/report.json
    ");
}

/// Errors of both arms, poll by poll.
fn errors(polls: &[(f64, f64)]) -> MetricRecord {
    let polls = polls.iter().map(|(bad, stable_bad)| Poll {
        canary: Counts::new(250.0, *bad).unwrap(),
        stable: Counts::new(2_500.0, *stable_bad).unwrap(),
    });
    let parameters = Parameters {
        dispersion: Dispersion::Fixed(1.0),
        against: Against::Stable,
        ..Parameters::default()
    };
    compare::judge(&Comparison {
        name: "errors".to_owned(),
        parameters,
        polls: polls.collect(),
    })
    .unwrap()
}

/// A canary that is compared at two weights and taken back.
pub fn compared() -> Vec<Event> {
    let start = utc("2025-12-02T14:00:00Z");
    let at = |seconds: i64| start + chrono::TimeDelta::seconds(seconds);
    let step = |seconds, index, weight| Event::StepStarted {
        at: at(seconds),
        index,
        total: 2,
        name: format!("watch at {weight}"),
        weight: Some(Weight::new(weight).unwrap()),
    };
    let done = |seconds, index, state| Event::StepFinished {
        at: at(seconds),
        index,
        state,
        detail: String::new(),
    };
    let measured = |seconds, polls: &[(f64, f64)]| Event::Measured {
        at: at(seconds),
        metric: errors(polls),
    };
    vec![
        Event::Started {
            at: at(0),
            title: "deploy".to_owned(),
        },
        step(10, 1, 10),
        measured(40, &[(1.0, 5.0)]),
        measured(70, &[(1.0, 5.0), (0.0, 6.0)]),
        done(90, 1, StepState::Passed),
        step(90, 2, 50),
        measured(120, &[(20.0, 5.0)]),
        measured(150, &[(20.0, 5.0), (30.0, 4.0)]),
        Event::Warning("the provider was slow".to_owned()),
        done(150, 2, StepState::Failed),
        Event::WayBack {
            at: at(150),
            reason: "errors".to_owned(),
        },
        Event::StepStarted {
            at: at(151),
            index: 1,
            total: 1,
            name: "back".to_owned(),
            weight: None,
        },
        Event::Pushed {
            at: at(155),
            commit: "3".repeat(40),
            subject: "back".to_owned(),
            branch: "main".to_owned(),
            retries: 0,
        },
        done(160, 1, StepState::Passed),
    ]
}

fn course(events: &[Event]) -> Timeline {
    let mut timeline = Timeline::default();
    for event in events {
        timeline.event(event);
    }
    timeline
}

#[test]
fn a_run_is_charted_from_its_events() {
    let outcome = rolled_back();
    let page = html::render(&ended("deploy", &outcome), &course(&compared()));
    let elements = sound(&page);
    let described = elements.iter().filter(|it| it.name == "desc");
    let described: Vec<&str> = described.map(|it| it.text.as_str()).collect();
    insta::assert_snapshot!(described.join("\n"), @r"
    It was given at most 50 % of the requests, and 0 % at the end.
    new version: 10 % at the end, old version: 0.18 % at the end. Last verdict: not-yet.
    sure it is worse: 98.02 % at the end, sure it is good enough: 0 % at the end.
    errors: not-yet at the end.
    ");
    let bands = elements.iter().filter(|it| {
        it.attribute("class")
            .is_some_and(|it| it.starts_with("band "))
    });
    let bands: Vec<&str> = bands.map(|it| it.attribute("class").unwrap()).collect();
    assert_eq!(bands[..3], ["band good", "band bad", "band good"]);
    assert!(told(&elements).contains("the provider was slow"));
    // Figures of a comparison begin again with each step, so that a line does too.
    let lines = elements
        .iter()
        .filter(|it| it.attribute("class") == Some("line canary"));
    let moves: Vec<usize> = lines
        .map(|it| it.attribute("d").unwrap().matches('M').count())
        .collect();
    assert_eq!(moves, [1, 1, 1]);
}

#[test]
fn every_ending_is_a_sound_page_with_its_diff_folded() {
    for (command, outcome) in all() {
        let page = html::render(&ended(command, &outcome), &course(&canary()));
        let elements = sound(&page);
        let diff = by_id(&elements, "diff");
        assert_eq!(diff.is_some(), !outcome.diff.is_empty());
        assert!(diff.is_none_or(|it| it.attribute("open").is_none()));
    }
}

#[test]
fn each_service_of_several_has_its_own_charts_and_tables() {
    let mut outcome = Outcome::new(rolled_back().ending, "1 of 2 services was taken back");
    let end = |service: &str, outcome| ServiceEnd {
        service: service.to_owned(),
        region: None,
        version: None,
        outcome: Box::new(outcome),
    };
    outcome.services = vec![end("ads", deployed()), end("cart", rolled_back())];
    let of = |event: Event| Event::Of {
        service: "cart".to_owned(),
        event: Box::new(event),
    };
    let events: Vec<Event> = compared().into_iter().map(of).collect();
    let page = html::render(&ended("deploy", &outcome), &course(&events));
    let elements = sound(&page);
    let charts = elements.iter().filter(|it| it.name == "svg");
    let ids = charts.map(|it| it.attribute("aria-labelledby").unwrap());
    let ids: Vec<&str> = ids.map(|it| it.split(' ').next().unwrap()).collect();
    assert_eq!(
        ids,
        [
            "s1-0-title",
            "s1-1-title",
            "s1-2-title",
            "s1-verdicts-title"
        ]
    );
    assert!(told(&elements).contains("cart: the provider was slow"));
}

#[test]
fn a_long_run_is_drawn_more_coarsely_and_never_grows_without_end() {
    let mut timeline = course(&compared());
    let start = utc("2025-12-02T15:00:00Z");
    for poll in 0..30_000 {
        let metric = rolled_back().metrics[0].clone();
        let at = start + chrono::TimeDelta::seconds(poll);
        timeline.event(&Event::Measured { at, metric });
    }
    let outcome = rolled_back();
    let page = html::render(&ended("deploy", &outcome), &timeline);
    assert!(page.len() < 150_000, "{}", page.len());
    sound(&page);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn hostile_text_is_only_text((name, outcome) in poisoned(), texts in prop::collection::vec(hostile(), 4)) {
        let mut timeline = Timeline::default();
        for mut event in compared() {
            match &mut event {
                Event::Measured { metric, .. } => {
                    metric.name.clone_from(&texts[0]);
                    metric.wanted.clone_from(&texts[1]);
                }
                Event::StepStarted { name, .. } => name.clone_from(&texts[2]),
                Event::Warning(text) => text.clone_from(&texts[3]),
                _ => {}
            }
            timeline.event(&event);
        }
        let page = html::render(&ended(name, &outcome), &timeline);
        let elements = sound(&page);
        let reason = elements.iter().find(|it| it.attribute("class") == Some("reason")).unwrap();
        prop_assert_eq!(&reason.text, &sanitise::line(&outcome.reason));
        let code = by_id(&elements, "reason-code").unwrap();
        prop_assert_eq!(&code.text, &sanitise::line(&outcome.reason_code));
    }
}
