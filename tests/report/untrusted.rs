//! Untrusted text commands nothing: random texts of what commands are made of go through every sink, and
//! the systems' own parsers read what came out.
//!
//! `SHIPGATE_PROVE_TEXTS=1000000` tries so many.

use std::collections::BTreeMap;

use shipgate::{
    event::{Event, StepState},
    report::{
        Ended, Sink, Timeline, azure, github, gitlab, html, json, json::events::JsonLines, junit,
        markdown, progress::Progress, sanitise, text::Text,
    },
};

use crate::{
    hostile::{PIECES, poison},
    oracle::{self, Command},
    support::{Buffer, ended, utc},
};

/// Texts that are tried where nothing else is asked for.
const TEXTS: usize = 4_000;
/// Texts of one run: those of its events and those of its end.
const OF_EVENTS: usize = 300;

/// Makes texts, and counts them.
struct Texts {
    random: fastrand::Rng,
    made: usize,
}

impl Texts {
    fn next(&mut self) -> String {
        self.made += 1;
        let pieces = self.random.usize(0..12);
        let piece = |random: &mut fastrand::Rng| match random.u8(0..6) {
            0 => random.char(..).to_string(),
            _ => PIECES[random.usize(..PIECES.len())].to_owned(),
        };
        (0..pieces).map(|_| piece(&mut self.random)).collect()
    }

    /// Events that show texts, each of them at once.
    fn events(&mut self) -> Vec<Event> {
        let at = utc("2025-12-02T14:00:00Z");
        let mut events = Vec::new();
        while events.len() < OF_EVENTS {
            let text = self.next();
            events.push(match self.random.u8(0..9) {
                0 => Event::Started { at, title: text },
                1 => Event::StepStarted {
                    at,
                    index: 1,
                    total: 2,
                    name: text,
                    weight: None,
                },
                2 => Event::StepFinished {
                    at,
                    index: 1,
                    state: StepState::Failed,
                    detail: text,
                },
                3 => Event::Pushed {
                    at,
                    commit: self.next(),
                    subject: text,
                    branch: self.next(),
                    retries: 0,
                },
                4 => Event::WayBack { at, reason: text },
                5 => Event::Warning(text),
                6 => Event::Note(text),
                7 => Event::Waiting {
                    at,
                    what: text,
                    elapsed: Default::default(),
                    limit: None,
                },
                _ => Event::Of {
                    service: self.next(),
                    event: Box::new(Event::Note(text)),
                },
            });
        }
        events
    }
}

/// What sinks write to one stream.
fn stream(
    make: &dyn Fn(Buffer) -> Vec<Box<dyn Sink>>,
    events: &[Event],
    ended: &Ended<'_>,
) -> String {
    let buffer = Buffer::default();
    let mut sinks = make(buffer.clone());
    for event in events {
        for sink in &mut sinks {
            sink.event(event).unwrap();
        }
    }
    for sink in &mut sinks {
        sink.make_way().unwrap();
    }
    for sink in &mut sinks {
        sink.finish(ended).unwrap();
    }
    buffer.text()
}

/// Nothing in it is a command to anybody.
fn commands_nothing(what: &str, text: &str) {
    for line in oracle::lines(text) {
        assert_eq!(oracle::github(line), None, "{what}");
        assert_eq!(oracle::azure(line), None, "{what}");
        assert_eq!(oracle::suspicious(line), None, "{what}");
    }
    assert_eq!(oracle::gitlab(text), [], "{what}");
}

fn keys(command: &Command) -> Vec<&str> {
    command.properties.keys().map(String::as_str).collect()
}

/// On GitHub there are our groups and annotations, which say what was meant.
fn on_github(events: &[Event], ended: &Ended<'_>) {
    let make = |buffer: Buffer| -> Vec<Box<dyn Sink>> {
        vec![
            Box::new(github::Commands::new(buffer.clone())),
            Box::new(Progress::new(buffer, true, None)),
        ]
    };
    let text = stream(&make, events, ended);
    let mut errors = 0;
    let mut open = 0_i32;
    for line in oracle::lines(&text) {
        let Some(command) = oracle::github(line) else {
            assert_eq!(oracle::suspicious(line), None);
            continue;
        };
        assert_eq!(oracle::azure(line), None);
        match command.name.as_str() {
            "group" => open += 1,
            "endgroup" => open -= 1,
            "error" => {
                errors += 1;
                assert_eq!(command.data, sanitise::line(&ended.outcome.reason));
                let title = format!("shipgate: {}", ended.outcome.reason_code);
                // The runner takes blanks off the ends of what stands there.
                assert_eq!(
                    command.properties["title"].trim(),
                    sanitise::line(&title).trim()
                );
            }
            "warning" => assert_eq!(command.properties["title"], "shipgate"),
            other => panic!("not ours: {other} in {line:?}"),
        }
        assert!((0..=1).contains(&open), "{text}");
        let known = |key: &&str| ["title", "file", "line"].contains(key);
        assert!(keys(&command).iter().all(known), "{command:?}");
    }
    assert_eq!((errors, open), (usize::from(ended.exit_code != 0), 0));
    assert_eq!(oracle::gitlab(&text), []);
}

/// On Azure there are our groups, issues and variables, which say what was meant.
fn on_azure(events: &[Event], ended: &Ended<'_>) {
    let make = |buffer: Buffer| -> Vec<Box<dyn Sink>> {
        vec![
            Box::new(azure::Commands::new(buffer.clone())),
            Box::new(azure::Results::new(buffer.clone(), None)),
            Box::new(Progress::new(buffer, false, None)),
        ]
    };
    let text = stream(&make, events, ended);
    let mut variables = BTreeMap::new();
    let mut errors = 0;
    for line in oracle::lines(&text) {
        let Some(command) = oracle::azure(line) else {
            assert_eq!(oracle::suspicious(line), None);
            continue;
        };
        assert!(line.starts_with("##"), "{line:?}");
        match command.name.as_str() {
            "group" | "endgroup" => {}
            "task.logissue" => {
                let known = ["type", "code", "sourcepath", "linenumber", "columnnumber"];
                assert!(
                    keys(&command).iter().all(|key| known.contains(key)),
                    "{command:?}"
                );
                if command.properties["type"] == "error" {
                    errors += 1;
                    assert_eq!(command.data, sanitise::line(&ended.outcome.reason));
                }
            }
            "task.setvariable" => {
                assert_eq!(keys(&command), ["isoutput", "variable"]);
                variables.insert(command.properties["variable"].clone(), command.data);
            }
            other => panic!("not ours: {other} in {line:?}"),
        }
    }
    let meant = github::outputs(ended).into_iter().map(|(name, value)| {
        let name = name.replace('-', "_").to_uppercase();
        (format!("GATE_{name}"), value.replace("$(", "$ ("))
    });
    assert_eq!(variables, meant.collect());
    assert_eq!(errors, usize::from(ended.exit_code != 0));
    assert_eq!(oracle::gitlab(&text), []);
}

/// On GitLab there are our sections, each of them closed.
fn on_gitlab(events: &[Event], ended: &Ended<'_>) {
    let make = |buffer: Buffer| -> Vec<Box<dyn Sink>> {
        vec![
            Box::new(gitlab::Sections::new(buffer.clone())),
            Box::new(Progress::new(buffer, true, None)),
        ]
    };
    let text = stream(&make, events, ended);
    let begins =
        |event: &&Event| matches!(event, Event::StepStarted { .. } | Event::WayBack { .. });
    let marks = oracle::gitlab(&text);
    assert_eq!(marks.len(), 2 * events.iter().filter(begins).count());
    for pair in marks.chunks(2) {
        assert_eq!((&*pair[0].0, &*pair[1].0), ("section_start", "section_end"));
        assert!(
            pair[0].1 == pair[1].1 && pair[0].1.starts_with("shipgate_"),
            "{pair:?}"
        );
    }
    for line in oracle::lines(&text) {
        assert_eq!(oracle::suspicious(line), None);
    }
}

fn try_texts(count: usize, seed: u64) -> usize {
    let mut texts = Texts {
        random: fastrand::Rng::with_seed(seed),
        made: 0,
    };
    let mut which = 0;
    while texts.made < count {
        let events = texts.events();
        let (name, outcome) = poison(which % 5, &mut || texts.next());
        which += 1;
        let ended = ended(name, &outcome);
        let plain = |what: &str, make: &dyn Fn(Buffer) -> Box<dyn Sink>| {
            let text = stream(&|buffer| vec![make(buffer)], &events, &ended);
            commands_nothing(what, &text);
        };
        plain("text", &|buffer| Box::new(Text::new(buffer, false)));
        plain("coloured text", &|buffer| Box::new(Text::new(buffer, true)));
        plain("JSON", &|buffer| Box::new(json::Json(buffer)));
        plain("JSON lines", &|buffer| Box::new(JsonLines::new(buffer)));
        plain("progress", &|buffer| {
            Box::new(Progress::new(buffer, false, None))
        });
        plain("coloured progress", &|buffer| {
            Box::new(Progress::new(buffer, true, None))
        });
        on_github(&events, &ended);
        on_azure(&events, &ended);
        on_gitlab(&events, &ended);
        // Files that somebody may print.
        let mut timeline = Timeline::default();
        events.iter().for_each(|event| timeline.event(event));
        commands_nothing("summary", &markdown::render(&ended, &timeline));
        commands_nothing("page", &html::render(&ended, &timeline));
        commands_nothing("JUnit", &junit::render(&ended).unwrap());
    }
    texts.made
}

#[test]
fn untrusted_text_commands_nothing() {
    let asked = std::env::var("SHIPGATE_PROVE_TEXTS").ok();
    let count: usize = asked.map_or(TEXTS, |count| count.parse().unwrap());
    let threads: Vec<_> = (0..2)
        .map(|seed| std::thread::spawn(move || try_texts(count.div_ceil(2), seed)))
        .collect();
    let tried: usize = threads.into_iter().map(|it| it.join().unwrap()).sum();
    assert!(tried >= count);
    println!("texts tried: {tried}");
}
