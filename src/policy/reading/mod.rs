//! From what is written to what is meant: every slip is named with its place, nothing is guessed.

mod alerts;
mod app_project;
mod approvals;
mod calendar;
mod changes;
mod pattern;
mod plan;
mod recurrence;

use std::collections::{BTreeMap, BTreeSet};

use super::{
    calendar::is_calendar,
    document::{PolicyDocument, TrafficThresholdDocument, WindowDocument},
    forms::{self, Form, Placement},
    rules::{Policy, TimeRule, TrafficThreshold, Written},
    scope::{NamePattern, Names, Scope},
    times::{Pattern, Times},
    wording::shown,
    zone::{Zone, near},
};
use pattern::is_exact;
use recurrence::RuleKeys;

use crate::{
    units::{ProgramName, RequestsPerSecond},
    yaml::{Finding, Located, typed},
};

/// Longest name and description, in characters: they are printed in every message.
const LONGEST_NAME: usize = 100;
const LONGEST_DESCRIPTION: usize = 300;
/// How often all rules together may open a day: the two years that a verdict may have to look ahead
/// then cost less than a second.
const OPENINGS_A_DAY: usize = 5_000;
/// Looking for what may be meant takes time; after so many findings it is not done any more.
const SUGGESTIONS: usize = 20;

/// Files beside a policy, by the paths that it names them with.
pub type Files = BTreeMap<String, Vec<u8>>;

/// Returns the paths of the iCalendar files that a policy names, each once; paths that lead
/// elsewhere are left out, for [`Policy::parse_with`] refuses them.
pub fn files_named(text: &str) -> Vec<String> {
    if is_calendar(text) {
        return Vec::new();
    }
    let Ok(Form::Policy(located, _)) = forms::locate(text) else {
        return Vec::new();
    };
    let dates = located.value.get("blocked_dates");
    let dates = dates
        .and_then(|dates| dates.as_array())
        .into_iter()
        .flatten();
    let named = dates.filter_map(|date| date.get("ics")?.as_str());
    let named: BTreeSet<&str> = named
        .filter(|path| calendar::check_path(path).is_ok())
        .collect();
    named.into_iter().map(str::to_owned).collect()
}

impl Policy {
    /// Reads a policy: native YAML, the JSON form, a Kubernetes ConfigMap that holds the JSON form,
    /// the sync windows of an Argo CD AppProject, or an iCalendar file. It has no files beside it: one
    /// that it names is missing. `path` is where the text was read, for messages and verdicts.
    ///
    /// # Errors
    /// Everything that is wrong with it, in the order of the lines.
    pub fn parse(text: &str, path: &str) -> Result<Self, Vec<Finding>> {
        Self::parse_with(text, path, &Files::new())
    }

    /// Reads a policy that names files beside it; see [`files_named`]. A text that begins as an
    /// iCalendar file is a policy by itself: each of its events blocks.
    ///
    /// # Errors
    /// As [`Policy::parse`]; a file that is named and not among `files`, and everything in it that is
    /// not understood.
    pub fn parse_with(text: &str, path: &str, files: &Files) -> Result<Self, Vec<Finding>> {
        if is_calendar(text) {
            return calendar::policy(text, path);
        }
        let (located, placement) = match forms::locate(text)? {
            Form::Policy(located, placement) => (located, placement),
            Form::AppProject(located) => return app_project::read(&located, path),
        };
        let read = |located: &Located| {
            let document = typed::check::<PolicyDocument>(located)?;
            Reader::new(located, placement).policy(&document, path, files)
        };
        read(&located).map_err(|findings| placement.findings(findings))
    }
}

/// Reads one document; what is wrong is collected, so that a person mends it in one go.
struct Reader<'a> {
    located: &'a Located,
    placement: Placement,
    findings: Vec<Finding>,
}

/// What windows and blocked dates have in common.
struct Common<'a> {
    name: Option<&'a String>,
    description: Option<&'a String>,
    pattern: Option<Pattern>,
    zone: Option<Zone>,
    scope: Scope,
}

impl<'a> Reader<'a> {
    fn new(located: &'a Located, placement: Placement) -> Self {
        Self {
            located,
            placement,
            findings: Vec::new(),
        }
    }

    fn policy(
        mut self,
        document: &PolicyDocument,
        path: &str,
        files: &Files,
    ) -> Result<Policy, Vec<Finding>> {
        let default = self.zone_of(document.timezone.as_deref(), "/timezone");
        let no_default = document.timezone.is_none();
        let windows = document.allowed_windows.iter().flatten();
        let allowed = self.windows("allowed_windows", windows, document, default.as_ref());
        let windows = document.blocked_windows.iter().map(|window| &window.0);
        let blocked = self.windows("blocked_windows", windows, document, default.as_ref());
        let date_zone = match &default {
            Some(zone) => Some(zone.clone()),
            None => common_zone(&[&allowed, &blocked]),
        };
        let windows_are_read = self.findings.is_empty();
        let blocked_dates = self.blocked_dates(
            document,
            date_zone.as_ref(),
            no_default && windows_are_read,
            files,
        );
        self.not_too_often(allowed.iter().chain(&blocked).chain(&blocked_dates));
        let traffic = document
            .traffic_threshold
            .as_ref()
            .and_then(|threshold| self.traffic(threshold));
        let alerts = document.alerts.as_ref().map(|it| self.alerts(it));
        let programs = self.programs(&document.programs);
        let environments = document.environments.clone().map(|value| {
            self.not_blank(&value, "/environments");
            self.written(value, "/environments")
        });
        let versions = self.versions(&document.versions);
        let people = self.people(&document.people);
        let approvals = self.approvals(&document.approvals);
        let overriding = document
            .overriding
            .as_ref()
            .and_then(|document| self.overriding(document));
        let approval_when = self.approval_when(&document.approval_when);
        let require = document.require.as_ref().map(|it| self.require(it));
        let runway = document.runway.as_ref().and_then(|it| self.runway(it));
        if document.allowed_windows.is_none()
            && document.blocked_windows.is_empty()
            && document.blocked_dates.is_empty()
            && document.traffic_threshold.is_none()
            && document.alerts.is_none()
            && document.approval_when.is_empty()
            && document.require.is_none()
        {
            self.wrong(
                "",
                "the policy allows everything; write at least one of `allowed_windows`, \
                 `blocked_windows`, `blocked_dates`, `traffic_threshold`, `alerts`, `approval_when` or `require`",
            );
        }
        if !self.findings.is_empty() {
            self.findings.sort();
            return Err(self.findings);
        }
        let shown = default.or_else(|| {
            let mut rules = allowed.iter().chain(&blocked).chain(&blocked_dates);
            rules.next().map(|rule| rule.times.zone.clone())
        });
        let mut policy = Policy {
            environments,
            allowed,
            blocked,
            blocked_dates,
            traffic,
            alerts,
            programs,
            versions,
            people,
            approvals,
            overriding,
            approval_when,
            require,
            runway,
            overrun: document.overrun,
            behavior: document.behavior,
            dry_run: document.dry_run,
            ..Policy::without_rules(path, shown.unwrap_or_else(Zone::utc))
        };
        if let Some(actions) = &document.actions {
            policy.actions.clone_from(actions);
        }
        Ok(policy)
    }

    fn programs(&mut self, names: &[String]) -> Vec<ProgramName> {
        let read = names.iter().enumerate();
        read.filter_map(|(index, name)| {
            let program = name.parse::<ProgramName>();
            let program = program.map_err(|nonsense| nonsense.to_string());
            self.take(program, &format!("/programs/{index}"))
        })
        .collect()
    }

    fn windows<'w>(
        &mut self,
        list: &str,
        windows: impl Iterator<Item = &'w WindowDocument>,
        document: &PolicyDocument,
        default: Option<&Zone>,
    ) -> Vec<TimeRule> {
        let mut rules = Vec::new();
        for (index, window) in windows.enumerate() {
            let pointer = format!("/{list}/{index}");
            let own = window.timezone.as_deref();
            let zone = match self.zone_of_start(RuleKeys::from(window), own, &pointer) {
                Some(zone) => Some(zone),
                // Exact instants need no clock; one is named only to show them on.
                None if own.is_none() && document.timezone.is_none() && is_exact(window) => {
                    Some(Zone::utc())
                }
                None => self.window_zone(own, default, document, &pointer),
            };
            let common = Common {
                name: window.name.as_ref(),
                description: window.description.as_ref(),
                pattern: self.window_pattern(window, &pointer, zone.as_ref()),
                zone,
                scope: self.scope(window, &pointer),
            };
            let rule = self.time_rule(&pointer, common).map(|rule| TimeRule {
                approval_required: window.approval_required == Some(true),
                ..rule
            });
            rules.extend(rule);
        }
        rules
    }

    fn scope(&mut self, window: &WindowDocument, pointer: &str) -> Scope {
        Scope {
            services: self.names(window.services.as_deref(), &format!("{pointer}/services")),
            environments: self.names(
                window.environments.as_deref(),
                &format!("{pointer}/environments"),
            ),
            actions: window.actions.clone(),
            invokers: window.invokers.clone(),
            ..Scope::default()
        }
    }

    fn names(&mut self, names: Option<&[String]>, pointer: &str) -> Names {
        let names = names?;
        self.not_blank(names, pointer);
        let mut patterns = Vec::new();
        for (index, text) in names.iter().enumerate() {
            let pattern = NamePattern::parse(text);
            patterns.extend(self.take(pattern, &format!("{pointer}/{index}")));
        }
        Some(patterns)
    }

    /// `ask` is false where a missing zone follows from something that is already a finding.
    fn blocked_dates(
        &mut self,
        document: &PolicyDocument,
        default: Option<&Zone>,
        ask: bool,
        files: &Files,
    ) -> Vec<TimeRule> {
        let mut rules = Vec::new();
        for (index, date) in document.blocked_dates.iter().enumerate() {
            let fields = &date.0;
            let pointer = format!("/blocked_dates/{index}");
            let own = fields.timezone.as_deref();
            let zone = match self.zone_of_start(RuleKeys::from(fields), own, &pointer) {
                Some(zone) => Some(zone),
                None => self
                    .zone_of(own, &format!("{pointer}/timezone"))
                    .or_else(|| default.filter(|_| own.is_none()).cloned()),
            };
            if let Some(ics) = &fields.ics {
                let events = self.calendar(ics, fields, &pointer, zone.as_ref(), files);
                rules.extend(events);
                continue;
            }
            let pattern = self.date_pattern(fields, &pointer, zone.as_ref());
            if zone.is_none() && own.is_none() && ask {
                self.wrong(
                    &pointer,
                    "in which time zone is this date? Add `timezone` to it or to the policy, \
                     such as `timezone: America/New_York`",
                );
            }
            let common = Common {
                name: fields.name.as_ref(),
                description: None,
                pattern,
                zone,
                scope: Scope::default(),
            };
            rules.extend(self.time_rule(&pointer, common));
        }
        rules
    }

    fn not_too_often<'r>(&mut self, rules: impl Iterator<Item = &'r TimeRule>) {
        if let Some(rule) = too_often(rules) {
            let pointer = format!("/{}", rule.rule.replace('[', "/").replace(']', ""));
            self.wrong(&pointer, &too_often_message());
        }
    }

    /// Puts the parts of a rule together; none where a part is missing, which is a finding by now.
    fn time_rule(&mut self, pointer: &str, common: Common<'_>) -> Option<TimeRule> {
        let name = self.label(common.name, &format!("{pointer}/name"), LONGEST_NAME);
        let description = self.label(
            common.description,
            &format!("{pointer}/description"),
            LONGEST_DESCRIPTION,
        );
        Some(TimeRule {
            rule: in_words(pointer),
            line: self.written((), pointer).position.line,
            name,
            description,
            times: Times {
                pattern: common.pattern?,
                zone: common.zone?,
            },
            scope: common.scope,
            approval_required: false,
            manual_sync: false,
        })
    }

    fn traffic(
        &mut self,
        threshold: &TrafficThresholdDocument,
    ) -> Option<Written<TrafficThreshold>> {
        let pointer = "/traffic_threshold";
        let maximum = RequestsPerSecond::new(threshold.max_requests_per_second);
        let maximum = self.take(
            maximum.map_err(|error| error.to_string()),
            &format!("{pointer}/max_requests_per_second"),
        )?;
        let value = TrafficThreshold {
            maximum,
            action: threshold.action,
            query: threshold.query.clone(),
            on_unavailable: threshold.on_unavailable,
            aggregate: threshold.aggregate,
            max_age: threshold
                .max_age
                .as_deref()
                .and_then(|text| self.length(text, &format!("{pointer}/max_age"))),
        };
        Some(self.written(value, pointer))
    }

    fn window_zone(
        &mut self,
        own: Option<&str>,
        default: Option<&Zone>,
        document: &PolicyDocument,
        pointer: &str,
    ) -> Option<Zone> {
        match own {
            Some(_) => self.zone_of(own, &format!("{pointer}/timezone")),
            None if document.timezone.is_some() => default.cloned(),
            None => {
                self.wrong(
                    pointer,
                    "in which time zone is this window? Add `timezone` to it or to the policy, \
                     such as `timezone: America/New_York`",
                );
                None
            }
        }
    }

    fn zone_of(&mut self, name: Option<&str>, pointer: &str) -> Option<Zone> {
        let name = name?;
        let found = Zone::find(name);
        if found.is_none() {
            let message = self.unknown_zone(name);
            self.wrong(pointer, &message);
        }
        found
    }

    fn unknown_zone(&self, name: &str) -> String {
        let near = if self.findings.len() < SUGGESTIONS {
            near(name)
        } else {
            Vec::new()
        };
        let near: Vec<String> = near.iter().map(|near| format!("`{near}`")).collect();
        let advice = if near.is_empty() {
            "expected an IANA name such as America/New_York".to_owned()
        } else {
            format!("did you mean {}?", near.join(" or "))
        };
        format!("unknown time zone {}; {advice}", shown(name))
    }

    /// Names end up in messages: one short line, nothing that steers a terminal.
    fn label(&mut self, text: Option<&String>, pointer: &str, longest: usize) -> Option<String> {
        let text = text?;
        let length = text.chars().count();
        if text.trim().is_empty() {
            self.wrong(pointer, "expected a text that is not empty");
        } else if length > longest {
            self.wrong(
                pointer,
                &format!("{length} characters are more than the {longest} that fit a message"),
            );
        } else if text.trim_end().chars().any(char::is_control) {
            self.wrong(
                pointer,
                "expected one line of text without control characters",
            );
        }
        Some(text.trim().to_owned())
    }

    fn not_blank(&mut self, names: &[String], pointer: &str) {
        for (index, name) in names.iter().enumerate() {
            let place = format!("{pointer}/{index}");
            self.label(Some(name), &place, LONGEST_NAME);
        }
    }

    fn written<T>(&self, value: T, pointer: &str) -> Written<T> {
        let position = self.placement.position(self.located.position(pointer));
        Written { value, position }
    }

    fn take<T>(&mut self, result: Result<T, String>, pointer: &str) -> Option<T> {
        result.map_err(|message| self.wrong(pointer, &message)).ok()
    }

    fn wrong(&mut self, pointer: &str, message: &str) {
        let position = self.located.position(pointer);
        self.findings.push(Finding::new(position, message));
    }
}

/// Returns the rule with which there is too much to judge, if there is: a verdict must not take long,
/// whatever the policy says.
fn too_often<'r>(rules: impl Iterator<Item = &'r TimeRule>) -> Option<&'r TimeRule> {
    let mut openings = 0;
    let mut rules = rules;
    rules.find(|rule| {
        openings += rule.times.pattern.openings_a_day();
        openings > OPENINGS_A_DAY
    })
}

fn too_often_message() -> String {
    format!(
        "with this the rules begin more often than {OPENINGS_A_DAY} times a day in all (a recurrence \
         rule counts as 10), which is more than can be judged quickly; let them start less often and \
         last longer"
    )
}

/// Returns the zone of all these rules, if they have one and the same.
fn common_zone(groups: &[&[TimeRule]]) -> Option<Zone> {
    let mut zones = groups
        .iter()
        .flat_map(|rules| rules.iter())
        .map(|rule| &rule.times.zone);
    let first = zones.next()?;
    zones.all(|zone| zone == first).then(|| first.clone())
}

/// `/allowed_windows/0` as a person says it: `allowed_windows[0]`.
fn in_words(pointer: &str) -> String {
    match pointer.trim_start_matches('/').split_once('/') {
        Some((list, index)) => format!("{list}[{index}]"),
        None => pointer.trim_start_matches('/').to_owned(),
    }
}
