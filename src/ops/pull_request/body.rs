//! What a pull request says about itself. All data stands in fenced blocks, where nothing is markup,
//! a mention or a command of the forge.

use super::Proposals;
use crate::{
    ops::{
        journal::RunIdentity,
        land::{Direction, Write},
    },
    probe::is_harmless,
};

/// GitHub takes 65,536 characters and GitLab 1,048,576; the rest is for the frame.
const LONGEST_DIFF: usize = 50_000;
/// Most characters of one line.
const LONGEST_LINE: usize = 500;
/// What both forges take at most.
const LONGEST_TITLE: usize = 255;

/// Returns the title: one line.
pub(super) fn title(write: &Write<'_>) -> String {
    line(&write.subject).chars().take(LONGEST_TITLE).collect()
}

/// Returns the body, as Markdown.
pub(super) fn body(
    identity: &RunIdentity,
    write: &Write<'_>,
    proposals: &Proposals<'_>,
    diff: &str,
) -> String {
    let (from, to) = match write.direction {
        Direction::Forward => (&identity.previous_version[..], identity.version.as_str()),
        Direction::Back => (identity.version.as_str(), &identity.previous_version[..]),
    };
    let mut rows = vec![
        ("service", identity.service.clone()),
        ("environment", identity.environment.clone()),
        ("version", format!("{from} -> {to}")),
        ("run", identity.run.clone()),
    ];
    let mut add = |key, value: &Option<String>| {
        rows.extend(value.iter().map(|value| (key, value.clone())));
    };
    add("asked by", &identity.actor);
    add("pipeline", &identity.pipeline);
    add("source", &identity.source);
    add("policy", &identity.policy);
    add("reason", &write.reason.map(str::to_owned));
    add("reason", &identity.reason);
    rows.extend(proposals.gate.iter().map(|said| ("gate", said.clone())));
    rows.extend(identity.approvals.iter().map(|id| ("approval", id.clone())));
    if let Some(overridden) = &identity.overridden {
        rows.push(("override", overridden.ticket.clone()));
    }
    let facts: Vec<String> = rows
        .iter()
        .map(|(key, value)| line(&format!("{key:<12} {value}")))
        .collect();
    let intro = match write.direction {
        Direction::Forward => {
            "shipgate deploys this once it is merged: it waits until it is live, watches it, and takes it back if it is worse. \
             If no run waits for it any more when it is merged, run the same deploy again: it goes on from here."
        }
        Direction::Back => {
            "**A deployment is being taken back: please merge this now.** \
             Until then the version that is taken back stays with its users."
        }
    };
    let mut text = format!("{intro}\n\n{}\n", fenced("text", &facts));
    let (shown, cut) = cut(diff);
    if !shown.is_empty() {
        text.push_str(&format!(
            "\n<details><summary>What changes</summary>\n\n{}\n",
            fenced("diff", &shown)
        ));
        if cut {
            text.push_str("\nThe diff goes on; the changed files have all of it.\n");
        }
        text.push_str("\n</details>\n");
    }
    text.push_str("\nPlease push nothing to this branch: the run compares it with what it made.\n");
    text
}

fn cut(diff: &str) -> (Vec<String>, bool) {
    let mut room = LONGEST_DIFF;
    let mut shown = Vec::new();
    for text in diff.lines().map(line) {
        let Some(left) = room.checked_sub(text.chars().count() + 1) else {
            return (shown, true);
        };
        room = left;
        shown.push(text);
    }
    (shown, false)
}

/// Puts lines into a block whose fence is longer than any within.
fn fenced(language: &str, lines: &[String]) -> String {
    let text = lines.join("\n");
    let longest = text
        .split(|character| character != '`')
        .map(str::len)
        .max()
        .unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}{language}\n{text}\n{fence}")
}

fn line(text: &str) -> String {
    text.chars()
        .take(LONGEST_LINE)
        .map(|character| {
            if character == '\t' || is_harmless(character) {
                character
            } else {
                ' '
            }
        })
        .collect()
}
