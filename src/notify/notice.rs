//! What is told, before it takes the form of any place: one thing that happened to one run.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use reqwest::Url;

use crate::{
    config::notification::NotificationEvent,
    event::{Outcome, OverrideUse, StepState},
    policy::{self, zone::Zone},
    probe::line,
};

/// Most characters of one text from outside.
const LONGEST: usize = 1_000;
/// Longest address of a pipeline run that becomes a link, in bytes.
const LONGEST_ADDRESS: usize = 1_000;

/// Which run it happened to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    /// The service.
    pub service: String,
    /// The environment.
    pub environment: String,
    /// The version asked for, where there is one.
    pub version: Option<String>,
    /// Who started it.
    pub actor: Option<String>,
    /// Address of the pipeline run.
    pub pipeline: Option<String>,
}

/// One thing that happened. Every text is one line of at most 1,000 characters without control
/// characters; markup in it is for each place to take the meaning from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Which event.
    pub event: NotificationEvent,
    /// When.
    pub at: DateTime<Utc>,
    /// Of which run.
    pub about: About,
    /// What happened in a word or two of our own; nothing from outside is in it.
    pub headline: String,
    /// What happened, or why; empty where the headline says it all.
    pub reason: String,
    /// What to do next.
    pub next: Vec<String>,
    /// The version that ran before, where that is known.
    pub previous_version: Option<String>,
    /// The run's id, where it has one.
    pub run: Option<String>,
    /// When it opens next, where it is closed: as an instant and as people read it.
    pub opens: Option<(DateTime<Utc>, String)>,
    /// The step that it is about.
    pub step: Option<Step>,
    /// How the run ended, where it has.
    pub end: Option<End>,
    /// The override that is used.
    pub override_use: Option<OverrideUse>,
    /// The text that the configuration has for it; may have several lines.
    pub text: Option<String>,
}

/// A step of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// 1-based number.
    pub index: usize,
    /// How many there are; 0 where that is not known.
    pub total: usize,
    /// What it does.
    pub name: String,
    /// The canary's weight while it runs, if there is one.
    pub weight: Option<String>,
    /// How it stands.
    pub state: StepState,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// The word of machine output.
    pub result: &'static str,
    /// Finer stable id.
    pub reason_code: String,
    /// Exit code.
    pub exit_code: u8,
}

impl Notice {
    /// Makes a notice with a headline and nothing else.
    pub fn new(
        event: NotificationEvent,
        at: DateTime<Utc>,
        about: &About,
        headline: impl Into<String>,
    ) -> Self {
        let known = |text: &Option<String>| text.as_deref().map(short);
        Self {
            event,
            at,
            about: About {
                service: short(&about.service),
                environment: short(&about.environment),
                version: known(&about.version),
                actor: known(&about.actor),
                pipeline: about.pipeline.clone(),
            },
            headline: headline.into(),
            reason: String::new(),
            next: Vec::new(),
            previous_version: None,
            run: None,
            opens: None,
            step: None,
            end: None,
            override_use: None,
            text: None,
        }
    }

    /// An override is about to be used.
    pub fn of_override(used: &OverrideUse) -> Self {
        let about = About {
            service: used.service.clone(),
            environment: used.environment.clone(),
            version: Some(used.version.clone()),
            actor: used.actor.clone(),
            pipeline: used.pipeline.clone(),
        };
        let headline = "Emergency override in use";
        Self {
            reason: short(&used.reason),
            override_use: Some(used.clone()),
            ..Self::new(NotificationEvent::Override, used.at, &about, headline)
        }
    }

    /// A run has ended.
    pub fn of_end(
        event: NotificationEvent,
        at: DateTime<Utc>,
        about: &About,
        outcome: &Outcome,
    ) -> Self {
        let result = outcome.ending.result();
        let deployment = outcome.deployment.as_ref();
        let verdict = outcome.verdict.as_ref();
        let opens = verdict.filter(|_| event == NotificationEvent::Blocked);
        let opens = opens.and_then(|verdict| {
            let at = verdict.opens_at?.to_utc();
            let zone = Zone::find(&verdict.timezone).unwrap_or_else(Zone::utc);
            Some((at, policy::appointment(at, &zone)))
        });
        Self {
            reason: short(&outcome.reason),
            next: outcome
                .next_steps()
                .iter()
                .map(|step| short(step))
                .collect(),
            previous_version: deployment
                .and_then(|run| run.previous_version.as_deref())
                .map(short),
            run: deployment.map(|run| short(&run.run)),
            opens,
            end: Some(End {
                result,
                reason_code: outcome.reason_code.clone(),
                exit_code: outcome.ending.code().number,
            }),
            ..Self::new(event, at, about, sentence(result))
        }
    }

    /// Returns the whole in one line: what a phone shows.
    pub fn summary(&self) -> String {
        if let Some(first) = self.text.as_deref().and_then(|text| text.lines().next()) {
            return first.to_owned();
        }
        let About {
            service,
            environment,
            version,
            ..
        } = &self.about;
        let version = version.as_deref().unwrap_or_default();
        if let Some(used) = &self.override_use {
            return format!(
                "{}: {} {service} {version} to {environment} ({})",
                self.headline,
                used.action,
                short(&used.ticket)
            );
        }
        let what = format!("{service} {version}");
        let what = format!("{} in {environment}", what.trim());
        match self.reason.as_str() {
            "" => format!("{}: {what}", self.headline),
            // Most ends say themselves of what they are.
            reason if reason.contains(&what) => format!("{}: {reason}", self.headline),
            reason => format!("{}: {what}: {reason}", self.headline),
        }
    }

    /// Returns what is known, each with its label: at most ten (so many fields a section of Slack
    /// holds).
    pub fn facts(&self) -> Vec<(&'static str, String)> {
        let About {
            service,
            environment,
            version,
            actor,
            ..
        } = &self.about;
        let mut facts = vec![
            ("Service", service.clone()),
            ("Environment", environment.clone()),
        ];
        if let Some(used) = &self.override_use {
            let until = used.until.to_rfc3339_opts(SecondsFormat::Secs, true);
            let actor = actor.as_deref().unwrap_or("not known");
            facts.extend([
                ("Version", short(&used.version)),
                ("Rules overridden", short(&used.rules.join(", "))),
                ("Ticket", short(&used.ticket)),
                ("Approved by", short(&used.approvers.join(", "))),
                ("Used by", actor.to_owned()),
                ("Good until", until),
            ]);
            return facts;
        }
        let version = match (&self.previous_version, version) {
            (Some(old), Some(new)) => Some(format!("{old} -> {new}")),
            (None, Some(new)) => Some(new.clone()),
            (Some(old), None) => Some(format!("from {old}")),
            (None, None) => None,
        };
        let step = self.step.as_ref().map(Step::place);
        let weight = self.step.as_ref().and_then(|step| step.weight.clone());
        let opens = self.opens.as_ref().map(|(_, text)| text.clone());
        let end = self.end.as_ref();
        let code = end.map(|end| format!("{} ({})", end.exit_code, end.reason_code));
        let more = [
            ("Version", version),
            ("Step", step),
            ("Weight", weight),
            ("Opens", opens),
            ("Started by", actor.clone()),
            ("Exit code", code),
        ];
        facts.extend(
            more.into_iter()
                .filter_map(|(label, it)| Some((label, it?))),
        );
        facts
    }

    /// Returns what has more words than a fact, each with its label: the configuration's own text
    /// without one, or what happened and what to do next.
    pub fn paragraphs(&self) -> Vec<(&'static str, String)> {
        if let Some(text) = &self.text {
            return vec![("", text.clone())];
        }
        let reason = Some(self.reason.clone()).filter(|reason| !reason.is_empty());
        let label = match self.event {
            NotificationEvent::Started | NotificationEvent::Step => "What",
            _ => "Reason",
        };
        let next = Some(self.next.join("; ")).filter(|next| !next.is_empty());
        let both = [(label, reason), ("Next", next)];
        both.into_iter()
            .filter_map(|(label, text)| Some((label, text?)))
            .collect()
    }

    /// Returns the address of the pipeline run, if it is one that a link may go to.
    pub fn pipeline(&self) -> Option<Url> {
        let url: Url = self.about.pipeline.as_deref()?.parse().ok()?;
        let is_web = matches!(url.scheme(), "https" | "http");
        let is_bare = url.username().is_empty() && url.password().is_none();
        (is_web && is_bare && url.as_str().len() <= LONGEST_ADDRESS).then_some(url)
    }

    /// Returns the instant as machines write it.
    pub(super) fn time(&self) -> String {
        self.at.to_rfc3339_opts(SecondsFormat::Secs, true)
    }

    /// Returns what the variables of a text stand for.
    pub(super) fn values(&self) -> BTreeMap<&'static str, String> {
        let About {
            service,
            environment,
            version,
            actor,
            ..
        } = &self.about;
        let known = |text: &Option<String>| text.clone().unwrap_or_default();
        let opens = self.opens.as_ref().map(|(_, text)| text.clone());
        let step = self.step.as_ref();
        [
            ("event", self.event.word().to_owned()),
            ("service", service.clone()),
            ("environment", environment.clone()),
            ("version", known(version)),
            ("previous_version", known(&self.previous_version)),
            ("headline", self.headline.clone()),
            ("reason", self.reason.clone()),
            ("next", self.next.join("; ")),
            ("opens", opens.unwrap_or_default()),
            ("step", step.map(Step::place).unwrap_or_default()),
            ("actor", known(actor)),
            ("pipeline", known(&self.pipeline().map(String::from))),
        ]
        .into()
    }
}

impl Step {
    /// Returns it as `2 of 5, canary at 10 %`.
    pub fn place(&self) -> String {
        let Self {
            index, total, name, ..
        } = self;
        match total {
            0 => format!("{index}, {name}"),
            total => format!("{index} of {total}, {name}"),
        }
    }
}

/// Makes a text from outside one harmless line.
pub(super) fn short(text: &str) -> String {
    line(text, LONGEST)
}

/// Makes a headline of a word of machine output: `rolled-back` becomes `Rolled back`.
fn sentence(word: &str) -> String {
    let words = word.replace('-', " ");
    let mut characters = words.chars();
    let first = characters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(characters).collect()
}
