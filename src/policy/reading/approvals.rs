//! People, approvals and overrides: from what is written to what is meant.

use chrono::TimeDelta;
use regex::RegexBuilder;

use super::Reader;
use crate::{
    policy::{
        approval::{ApprovalRules, Identity, OverrideRules},
        document::{ApprovalsDocument, OverrideDocument, PersonDocument},
        people::People,
        verdict::ReasonCode,
        wording::shown,
    },
    units::parse_duration,
    yaml::typed,
};

/// Longest identity and ticket pattern, in characters.
const LONGEST: usize = 200;
/// Largest compiled ticket pattern, in bytes: a ticket is a few letters and digits.
const LARGEST_PATTERN: usize = 1 << 20;

impl Reader<'_> {
    pub(super) fn people(&mut self, entries: &[PersonDocument]) -> People {
        let mut persons = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            let pointer = format!("/people/{index}");
            let mut identities = Vec::new();
            let mut name = |key: &str, written: &Option<String>| {
                self.label(written.as_ref(), &format!("{pointer}/{key}"), LONGEST)
            };
            identities.extend(name("principal", &entry.principal).map(Identity::Principal));
            identities.extend(name("github", &entry.github).map(Identity::GitHub));
            identities.extend(name("gitlab", &entry.gitlab).map(Identity::GitLab));
            if identities.is_empty() {
                self.wrong(
                    &pointer,
                    "who is this? Expected at least one of `principal`, `github` and `gitlab`",
                );
            }
            persons.push(identities);
        }
        People::of(persons)
    }

    pub(super) fn approvals(&mut self, document: &ApprovalsDocument) -> ApprovalRules {
        let pointer = "/approvals";
        let path = format!("{pointer}/allowed_signers");
        self.label(Some(&document.allowed_signers), &path, LONGEST);
        ApprovalRules {
            minimum: document.minimum as usize,
            allowed_signers: document.allowed_signers.clone(),
            sources: document.sources.clone(),
            max_age: self.age(&document.max_age, pointer),
            written: *document != ApprovalsDocument::default(),
        }
    }

    pub(super) fn overriding(&mut self, document: &OverrideDocument) -> Option<OverrideRules> {
        let pointer = "/override";
        let ticket = self.ticket(&document.ticket);
        let max_age = self.age(&document.max_age, pointer);
        let known = ReasonCode::OVERRIDABLE.map(|code| code.word().to_owned());
        for (index, rule) in document.rules.iter().enumerate() {
            if !known.contains(rule) {
                let message = typed::unknown("reason code", rule, &known);
                self.wrong(&format!("{pointer}/rules/{index}"), &message);
            }
        }
        let place = format!("{pointer}/approvers");
        let approvers = self.names(document.approvers.as_deref(), &place);
        let announce = document.announce.as_ref();
        Some(OverrideRules {
            ticket: ticket?,
            ticket_pattern: document.ticket.clone(),
            rules: document.rules.clone(),
            minimum: document.minimum as usize,
            max_age,
            approvers,
            slack_webhook_env: announce.map(|announce| announce.slack_webhook_env.clone()),
            line: self.written((), pointer).position.line,
        })
    }

    fn ticket(&mut self, pattern: &str) -> Option<regex::Regex> {
        let pointer = "/override/ticket";
        self.label(Some(&pattern.to_owned()), pointer, LONGEST);
        // Without the second reading `a)|(b` would be a pattern of its own inside the brackets.
        let found = RegexBuilder::new(pattern)
            .size_limit(LARGEST_PATTERN)
            .build()
            .and_then(|_| {
                RegexBuilder::new(&format!(r"\A(?:{pattern})\z"))
                    .size_limit(LARGEST_PATTERN)
                    .build()
            });
        let found = found.map_err(|_| {
            format!(
                "{} is no regular expression; expected one such as INC-[0-9]+",
                shown(pattern)
            )
        });
        let found = self.take(found, pointer)?;
        if found.is_match("") {
            self.wrong(
                pointer,
                "this matches an empty ticket; expected a pattern such as INC-[0-9]+",
            );
        }
        Some(found)
    }

    /// Returns zero where it is a finding.
    fn age(&mut self, text: &str, pointer: &str) -> TimeDelta {
        let place = format!("{pointer}/max_age");
        let read = parse_duration(text).map_err(|error| error.to_string());
        let age = self.take(read, &place).map(|age| {
            // Durations are at most a year.
            TimeDelta::from_std(age).unwrap_or_default()
        });
        if age.is_some_and(|age| age <= TimeDelta::zero()) {
            self.wrong(&place, "expected a duration above 0, such as 24h");
        }
        age.unwrap_or_default()
    }
}
