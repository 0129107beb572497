//! The events of a run as JSON lines: in order, at once, as the schema says, and as the report ends.

use std::{
    cell::RefCell,
    fs,
    io::{self, Write},
    rc::Rc,
};

use serde_json::Value;
use shipgate::{
    event::Event,
    report::{
        Place, Sink,
        json::{
            self,
            events::{self, EventFile, JsonLines},
        },
    },
};

use crate::{
    html::compared,
    support::{Buffer, all, canary, ended, rolled_back},
};

/// What the lines of a run say, read back.
fn lines(events: &[Event]) -> Vec<Value> {
    let buffer = Buffer::default();
    let mut sink = JsonLines::new(buffer.clone());
    for event in events {
        sink.event(event).unwrap();
    }
    sink.finish(&ended("deploy", &rolled_back())).unwrap();
    let text = buffer.text();
    assert!(text.ends_with('\n'));
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn each_event_is_a_line_and_the_last_one_is_the_report() {
    let mut lines = lines(&canary());
    let last = lines.pop().unwrap();
    let report = json::render(&ended("deploy", &rolled_back())).unwrap();
    assert_eq!(
        last["report"],
        serde_json::from_str::<Value>(&report).unwrap()
    );
    assert_eq!(
        (last["event"].as_str(), last["sequence"].as_u64()),
        (Some("finished"), Some(14))
    );
    let shown = |line: &Value| {
        let mut line = line.clone();
        // What the report has in the same form, and shows elsewhere.
        for long in ["verdict", "changes", "metric"] {
            if line.get(long).is_some_and(|it| !it.is_string()) {
                line[long] = "…".into();
            }
        }
        line.to_string()
    };
    let shown: Vec<String> = lines.iter().map(shown).collect();
    insta::assert_snapshot!(shown.join("\n"), @r#"
    {"schema_version":1,"sequence":1,"at":"2025-12-02T14:00:00Z","service":null,"event":"started","title":"deploy advertisements 1.1 to production"}
    {"schema_version":1,"sequence":2,"at":null,"service":null,"event":"gate","verdict":"…"}
    {"schema_version":1,"sequence":3,"at":null,"service":null,"event":"changes","changes":"…","diff":""}
    {"schema_version":1,"sequence":4,"at":null,"service":null,"event":"plan","steps":["","",""],"way_back":[],"length_seconds":1500.0}
    {"schema_version":1,"sequence":5,"at":"2025-12-02T14:01:00Z","service":null,"event":"step-started","index":1,"total":3,"name":"canary to 1.1","weight":0}
    {"schema_version":1,"sequence":6,"at":"2025-12-02T14:01:00Z","service":null,"event":"pushed","commit":"1111111111111111111111111111111111111111","subject":"advertisements 1.1 to the canary","branch":"main","retries":2}
    {"schema_version":1,"sequence":7,"at":"2025-12-02T14:02:00Z","service":null,"event":"waiting","what":"canary to run 1.1 (runs 1.0)","elapsed_seconds":61.3,"limit_seconds":600.0}
    {"schema_version":1,"sequence":8,"at":"2025-12-02T14:03:00Z","service":null,"event":"measured","metric":"…"}
    {"schema_version":1,"sequence":9,"at":null,"service":null,"event":"warning","text":"prometheus was slow"}
    {"schema_version":1,"sequence":10,"at":null,"service":null,"event":"warning","text":"prometheus was slow"}
    {"schema_version":1,"sequence":11,"at":"2025-12-02T14:03:00Z","service":null,"event":"step-finished","index":1,"state":"failed","detail":"errors failed 3 times"}
    {"schema_version":1,"sequence":12,"at":"2025-12-02T14:03:00Z","service":null,"event":"way-back","reason":"errors failed 3 times"}
    {"schema_version":1,"sequence":13,"at":null,"service":null,"event":"note","text":"weight is 0 again"}
    "#);
}

#[test]
fn every_line_keeps_to_the_published_schema() {
    let validator = jsonschema::validator_for(&events::schema()).unwrap();
    let of = |event: Event| Event::Of {
        service: "cart".to_owned(),
        event: Box::new(event),
    };
    let several: Vec<Event> = compared().into_iter().map(of).collect();
    for events in [canary(), compared(), several.clone()] {
        for line in lines(&events) {
            let errors = validator.iter_errors(&line).map(|it| it.to_string());
            assert_eq!(errors.collect::<Vec<_>>(), Vec::<String>::new(), "{line}");
        }
    }
    assert!(
        lines(&several)[..several.len()]
            .iter()
            .all(|line| line["service"] == "cart")
    );
    let line = lines(&canary()).swap_remove(4);
    for (name, wrong) in [("event", "perhaps"), ("sequence", "one"), ("index", "one")] {
        let mut line = line.clone();
        line[name] = wrong.into();
        assert!(!validator.is_valid(&line), "{name}");
    }
}

#[test]
fn a_measurement_has_its_own_poll_alone() {
    let polls = |line: &Value| line["metric"]["polls"].as_array().map(Vec::len);
    let counts: Vec<usize> = lines(&compared()).iter().filter_map(polls).collect();
    assert_eq!(counts, [1, 1, 1, 1]);
}

/// Notes what has been written and not yet passed on.
#[derive(Clone, Default)]
struct Held(Rc<RefCell<usize>>);

impl Write for Held {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        *self.0.borrow_mut() += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        *self.0.borrow_mut() = 0;
        Ok(())
    }
}

#[test]
fn no_line_waits_for_the_next_one() {
    let held = Held::default();
    let mut sink = JsonLines::new(held.clone());
    for event in canary() {
        sink.event(&event).unwrap();
        assert_eq!(*held.0.borrow(), 0);
    }
}

#[test]
fn a_file_of_events_replaces_the_one_before() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.jsonl");
    for (command, outcome) in all() {
        let mut sink = EventFile::new(Place::new("SHIPGATE_EVENTS", &path));
        sink.event(&Event::Note("one".to_owned())).unwrap();
        let early = fs::read_to_string(&path).unwrap();
        assert_eq!(early.lines().count(), 1);
        sink.finish(&ended(command, &outcome)).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
        assert_eq!(
            (text.lines().count(), &last["report"]["command"]),
            (2, &command.into())
        );
    }
    let nowhere = folder.path().join("no/such/folder");
    let mut nowhere = EventFile::new(Place::new("SHIPGATE_EVENTS", nowhere));
    assert!(nowhere.event(&Event::Note("one".to_owned())).is_err());
}
