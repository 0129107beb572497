//! No text from outside becomes a command of a CI runner or forges a step output.
//!
//! `oracle` reads text as runners do; the `GITHUB_OUTPUT` file is read here.

use crate::oracle::{self, suspicious};
use crate::support::{Buffer, all, audited, ended, utc, written};
use proptest::prelude::*;
use shipgate::{
    event::{Ending, Event, FileFinding, Outcome},
    policy::Severity,
    report::{
        Sink, Timeline, github, gitlab, json, junit, markdown, progress::Progress, sanitise,
        text::Text,
    },
};

/// Reads a `GITHUB_OUTPUT` file: `name=value` lines and `name<<END` blocks.
fn read_outputs(file: &str) -> Result<Vec<(String, String)>, String> {
    let mut pairs = Vec::new();
    let mut lines = file.split('\n');
    while let Some(line) = lines.next() {
        if line.is_empty() {
            continue;
        }
        let equals = line.find('=').unwrap_or(usize::MAX);
        let block = line.find("<<").unwrap_or(usize::MAX);
        if equals < block {
            pairs.push((line[..equals].to_owned(), line[equals + 1..].to_owned()));
        } else if block < equals && block > 0 && line.len() > block + 2 {
            let end = &line[block + 2..];
            let mut value = Vec::new();
            loop {
                match lines.next() {
                    Some(line) if line == end => break,
                    Some(line) => value.push(line),
                    None => return Err(format!("no end {end:?}")),
                }
            }
            pairs.push((line[..block].to_owned(), value.join("\n")));
        } else {
            return Err(format!("bad line {line:?}"));
        }
    }
    Ok(pairs)
}

/// Returns Markdown without what is escaped in it: what is left could be markup.
fn without_escapes(markdown: &str) -> String {
    let mut left = String::new();
    let mut characters = markdown.chars();
    while let Some(character) = characters.next() {
        if character == '\\' {
            characters.next();
            left.push('.');
        } else {
            left.push(character);
        }
    }
    for entity in ["&amp;", "&lt;", "&gt;"] {
        left = left.replace(entity, ".");
    }
    left
}

#[test]
fn the_oracle_sees_forged_outputs() {
    let forged = read_outputs("result=blocked\nversion=1\nresult=allowed\n").unwrap();
    assert_eq!(forged.last().unwrap().1, "allowed");
    assert_eq!(
        read_outputs("a<<E\nx\ny\nE\nb=1\n").unwrap(),
        [("a".into(), "x\ny".into()), ("b".into(), "1".into())]
    );
    assert!(read_outputs("a<<E\nx\n").is_err());
}

/// What commands are made of, and what hides in between.
pub const PIECES: &[&str] = &[
    "::",
    ":",
    "#",
    "##",
    "[",
    "##[",
    "##vso[",
    "VSO[",
    "]",
    "\n",
    "\r",
    "\r\n",
    " ",
    "\t",
    "add-mask",
    "error",
    "set-output name=result",
    "stop-commands",
    "allowed",
    "result=allowed",
    "<<",
    "=",
    "EOF",
    "\u{1b}[31m",
    "\u{1b}]0;",
    "\u{7}",
    "\u{1b}",
    "\u{9b}",
    "\u{85}",
    "\u{a0}",
    "\u{2028}",
    "\u{200b}",
    "\u{ad}",
    "\u{202e}",
    "\u{feff}",
    "%0A",
    "`",
    "```",
    "|",
    "<b>",
    "</details>",
    "[x](http://evil)",
    "@all",
    "-",
    "\\",
    "\u{0}",
    "ä",
    "\u{1f600}",
    "section_start:1:a",
    "section_end:1:a\r\u{1b}[0K",
    "\r\u{1b}[0K",
    "%3B",
    "%5D",
    "%0D",
    "%25",
    "%AZP25",
    "$(",
    ";",
    "task.setvariable variable=GATE_RESULT;isOutput=true]",
    "group]",
    "stop-commands::x",
    "add-path::",
];

/// Texts made of what commands are made of, and of anything else.
pub fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => prop::sample::select(&PIECES[..]).prop_map(str::to_owned),
        1 => any::<String>(),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

/// An ending with hostile text wherever text from outside can stand.
pub fn poisoned() -> impl Strategy<Value = (&'static str, Outcome)> {
    (0..all().len(), prop::collection::vec(hostile(), 16)).prop_map(|(which, texts)| {
        let mut texts = texts.into_iter().cycle();
        poison(which, &mut || texts.next().unwrap())
    })
}

/// One of all endings, with the next text wherever text from outside can stand.
pub fn poison(which: usize, next: &mut dyn FnMut() -> String) -> (&'static str, Outcome) {
    let (name, mut outcome) = all().swap_remove(which);
    outcome.reason = next();
    outcome.reason_code = next();
    outcome.hints = vec![next(), next()];
    outcome.diff = next() + "\n" + &next();
    for refusal in &mut outcome.refusals {
        refusal.path = Some(next());
        refusal.reason = next();
        refusal.hint = Some(next());
    }
    for change in &mut outcome.changes {
        change.path = next();
        change.object.name = next();
        change.old = Some(next());
        change.new = Some(next());
    }
    for metric in &mut outcome.metrics {
        metric.name = next();
        metric.detail = next();
        metric.wanted = next();
    }
    outcome.findings = vec![FileFinding {
        path: next(),
        line: Some(3),
        column: Some(7),
        severity: [Severity::Error, Severity::Warning, Severity::Info][which % 3],
        code: next(),
        message: next(),
        excerpt: Some(next()),
    }];
    if let Some(verdict) = &mut outcome.verdict {
        verdict.timezone = next();
        verdict.policy.path = next();
        for reason in &mut verdict.reasons {
            reason.rule = next();
            reason.message = next();
        }
    }
    let mut audit = audited().audit.unwrap();
    for gap in &mut audit.gaps {
        gap.author = Some(next());
        gap.service = next();
        gap.run = Some(next());
        gap.message = next();
        if let Some(change) = &mut gap.change {
            change.path = next();
            change.key.target = next();
            change.key.object = next();
            change.new = Some(next());
        }
    }
    outcome.audit = Some(audit);
    if let Some(deployment) = &mut outcome.deployment {
        deployment.run = next();
        deployment.source = Some(next());
        deployment.reason = Some(next());
        deployment.service = next();
        deployment.previous_version = Some(next());
        deployment.actor = Some(next());
        deployment.previous_head = Some(next());
        for step in &mut deployment.steps {
            step.name = next();
        }
        for commit in &mut deployment.commits {
            commit.sha = next();
            commit.subject = next();
        }
        outcome.history = vec![deployment.clone()];
    }
    (name, outcome)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_line_is_one_harmless_line(text in hostile()) {
        let line = sanitise::line(&text);
        prop_assert_eq!(suspicious(&line), None);
        prop_assert!(!line.chars().any(char::is_control), "{line:?}");
        prop_assert!(line.chars().count() <= sanitise::LINE_LIMIT);
        prop_assert_eq!(sanitise::line(&line), line.clone());
        for line in sanitise::lines(&text) {
            prop_assert_eq!(suspicious(&line), None);
        }
        let property = sanitise::github_property(&text);
        prop_assert!(!property.contains([':', ',', '\n', '\r']));
    }

    #[test]
    fn no_result_holds_a_command((name, outcome) in poisoned()) {
        let ended = ended(name, &outcome);
        for colour in [false, true] {
            let text = written(|buffer| Box::new(Text::new(buffer, colour)), &ended);
            for line in oracle::lines(&text) {
                prop_assert_eq!(suspicious(line), None);
            }
        }
        let document = json::render(&ended).unwrap();
        for line in oracle::lines(&document) {
            prop_assert_eq!(suspicious(line), None);
        }
        let report: serde_json::Value = serde_json::from_str(&document).unwrap();
        prop_assert_eq!(&report["reason_code"], &outcome.reason_code);
        prop_assert_eq!(report["diff"].as_str().unwrap_or_default(), outcome.diff.as_str());
    }

    #[test]
    fn only_our_own_commands_reach_the_log((name, outcome) in poisoned(), text in hostile()) {
        let buffer = Buffer::default();
        let ended = ended(name, &outcome);
        let mut sinks: Vec<Box<dyn Sink>> = vec![
            Box::new(github::Commands::new(buffer.clone())),
            Box::new(Progress::new(buffer.clone(), false, None)),
        ];
        let at = utc("2025-12-02T14:00:00Z");
        let events = [
            Event::Started { at, title: text.clone() },
            Event::StepStarted { at, index: 1, total: 2, name: text.clone(), weight: None },
            Event::Waiting { at, what: text.clone(), elapsed: Default::default(), limit: None },
            Event::Warning(text.clone()),
            Event::Note(text.clone()),
            Event::WayBack { at, reason: text },
        ];
        for sink in &mut sinks {
            for event in &events {
                sink.event(event).unwrap();
            }
            sink.finish(&ended).unwrap();
        }
        for line in oracle::lines(&buffer.text()) {
            if let Some(found) = suspicious(line) {
                let ours = ["::group::", "::endgroup::", "::error title=", "::warning title="];
                prop_assert!(ours.iter().any(|start| line.starts_with(start)), "{found:?}");
                prop_assert!(!found.contains("##["), "{found:?}");
            }
        }
    }

    #[test]
    fn outputs_read_back_as_they_were_meant((name, outcome) in poisoned()) {
        let outputs = github::outputs(&ended(name, &outcome));
        let file = github::output_lines(&outputs, "0123456789abcdef0123456789abcdef").unwrap();
        let read = read_outputs(&file).unwrap();
        let meant: Vec<(String, String)> =
            outputs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        prop_assert_eq!(&read, &meant);
        prop_assert_eq!(read.len(), 14);
        for (name, value) in &read {
            prop_assert!(value.chars().count() <= 256 && !value.contains('\n'), "{name}");
        }
    }

    #[test]
    fn a_dotenv_file_reads_back_as_the_outputs((name, outcome) in poisoned()) {
        let ended = ended(name, &outcome);
        let file = gitlab::dotenv(&ended);
        let read: Vec<(String, String)> = file
            .split('\n')
            .filter(|line| !line.is_empty())
            .map(|line| line.split_once('=').expect(line))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let meant: Vec<(String, String)> = github::outputs(&ended)
            .into_iter()
            .map(|(name, value)| (format!("GATE_{}", name.replace('-', "_").to_uppercase()), value))
            .collect();
        prop_assert_eq!(&read, &meant);
        for (name, value) in &read {
            prop_assert!(name.bytes().all(|it| it == b'_' || it.is_ascii_uppercase()), "{name}");
            prop_assert!(!value.chars().any(char::is_control), "{value:?}");
        }
    }

    #[test]
    fn a_junit_file_fails_where_the_exit_code_does((name, outcome) in poisoned()) {
        let ended = ended(name, &outcome);
        let file = junit::render(&ended).unwrap();
        for line in oracle::lines(&file) {
            prop_assert_eq!(suspicious(line), None);
        }
        let read = quick_junit::Report::deserialize_from_str(&file).unwrap();
        prop_assert_eq!(read.failures > 0, ended.exit_code != 0);
        let suite = read.test_suites.last().unwrap();
        let last = &suite.test_cases.last().unwrap().status;
        let is_success = matches!(last, quick_junit::TestCaseStatus::Success { .. });
        prop_assert_eq!(is_success, ended.exit_code == 0);
    }

    #[test]
    fn escaped_text_is_only_text(text in hostile()) {
        let escaped = markdown::escape(&text);
        let left = without_escapes(&escaped);
        prop_assert!(!left.contains(['`', '*', '_', '[', ']', '<', '>', '|', '~', '@', '#', '&', '!']));
        prop_assert!(!left.contains("://") && !left.contains('\n'), "{escaped:?}");
    }

    #[test]
    fn a_summary_holds_no_markup_from_outside((name, outcome) in poisoned()) {
        let summary = markdown::render(&ended(name, &outcome), &Timeline::default());
        prop_assert!(summary.len() <= markdown::LIMIT);
        let before_diff = summary.split("<details>").next().unwrap();
        prop_assert!(!before_diff.contains('<'), "{before_diff}");
        prop_assert!(!without_escapes(before_diff).contains("://"), "{before_diff}");
        let closed = summary.matches("\n</details>").count();
        prop_assert_eq!(summary.matches("<details><summary>Diff").count(), closed.min(1));
    }
}

#[test]
fn a_value_that_guessed_the_delimiter_is_refused() {
    let outputs = vec![("reason", "shipgate_abc".to_owned())];
    assert!(github::output_lines(&outputs, "abc").is_err());
    assert!(github::output_lines(&outputs, "abd").is_ok());
    let outcome = Outcome::new(Ending::Allowed, "x".repeat(400));
    let reason = &github::outputs(&ended("check", &outcome))[4];
    assert_eq!((reason.0, reason.1.chars().count()), ("reason", 256));
}
