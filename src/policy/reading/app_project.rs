//! The sync windows of an Argo CD AppProject as a policy: what Argo CD lets through, is let through.
//!
//! Followed is Argo CD's own code (`SyncWindows.Matches`, `CanSync` and `SyncWindow.Validate` in
//! <https://github.com/argoproj/argo-cd/blob/master/pkg/apis/application/v1alpha1/types.go>). Where
//! it takes a slip for a wish, the slip is refused here: a zone that nobody knows (it takes UTC), a
//! window for no application (it ignores it), a schedule that never comes (it is always active) and
//! a duration that is not above zero. `syncOverrun` is about what runs already and says nothing here.

use chrono::TimeDelta;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Common, Reader};
use crate::{
    policy::{
        forms::Placement,
        rules::{Policy, TimeRule},
        scope::{NamePattern, Names, Scope},
        times::{Cron, Pattern, Schedule},
        wording::shown,
        zone::Zone,
    },
    yaml::{Finding, Located, typed},
};

/// What is read of an AppProject; its other keys are not about time.
#[derive(Debug, Deserialize, JsonSchema)]
struct AppProject {
    spec: Spec,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Spec {
    #[schemars(length(max = 1_000))]
    sync_windows: Option<Vec<SyncWindow>>,
}

/// The keys that Argo CD knows. An empty list or text is as good as none.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SyncWindow {
    kind: Kind,
    schedule: String,
    duration: String,
    #[serde(default)]
    time_zone: String,
    #[serde(default)]
    applications: Vec<String>,
    #[serde(default)]
    namespaces: Vec<String>,
    #[serde(default)]
    clusters: Vec<String>,
    #[serde(default)]
    and_operator: bool,
    #[serde(default)]
    manual_sync: bool,
    #[serde(default, rename = "syncOverrun")]
    _sync_overrun: bool,
    #[serde(default)]
    description: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Allow,
    Deny,
}

/// Argo CD refuses a longer one, in bytes.
const LONGEST_DESCRIPTION: usize = 255;
/// Longest time that a window may last.
const LONGEST_DURATION: TimeDelta = TimeDelta::days(366);

/// Reads an AppProject. `path` is where it was read, for messages and verdicts.
///
/// # Errors
/// Everything that is wrong with its sync windows, in the order of the lines, or that there are none.
pub(super) fn read(located: &Located, path: &str) -> Result<Policy, Vec<Finding>> {
    let project: AppProject = typed::check(located)?;
    let mut reader = Reader::new(located, Placement::Direct);
    let windows = project.spec.sync_windows.unwrap_or_default();
    if windows.is_empty() {
        reader.wrong(
            "/spec",
            "this AppProject has no `syncWindows`, so it says nothing about when to deploy; Argo CD \
             would let everything through",
        );
    }
    let (mut allowed, mut blocked) = (Vec::new(), Vec::new());
    for (index, window) in windows.iter().enumerate() {
        let Some(rule) = reader.sync_window(index, window) else {
            continue;
        };
        match window.kind {
            Kind::Allow => allowed.push(rule),
            Kind::Deny => blocked.push(rule),
        }
    }
    reader.not_too_often(allowed.iter().chain(&blocked));
    if !reader.findings.is_empty() {
        reader.findings.sort();
        return Err(reader.findings);
    }
    let zone = allowed.iter().chain(&blocked).next();
    let zone = zone.map_or_else(Zone::utc, |rule: &TimeRule| rule.times.zone.clone());
    Ok(Policy {
        allowed,
        blocked,
        ..Policy::without_rules(path, zone)
    })
}

impl Reader<'_> {
    fn sync_window(&mut self, index: usize, window: &SyncWindow) -> Option<TimeRule> {
        let pointer = format!("/spec/syncWindows/{index}");
        let place = |key: &str| format!("{pointer}/{key}");
        let cron = self.take(schedule(&window.schedule), &place("schedule"));
        let length = self.take(go_duration(&window.duration), &place("duration"));
        let zone = match window.time_zone.as_str() {
            "" => Some(Zone::utc()),
            name => self.sync_zone(name, &place("timeZone")),
        };
        let scope = Scope {
            services: self.patterns(&window.applications, &place("applications")),
            namespaces: self.patterns(&window.namespaces, &place("namespaces")),
            clusters: self.patterns(&window.clusters, &place("clusters")),
            any_name: !window.and_operator,
            ..Scope::default()
        };
        if scope.services.is_none() && scope.namespaces.is_none() && scope.clusters.is_none() {
            self.wrong(
                &pointer,
                "this window is for no application, so Argo CD ignores it; write `applications`, \
                 `namespaces` or `clusters`, such as `applications: [\"*\"]`",
            );
        }
        let length_of_text = window.description.len();
        if length_of_text > LONGEST_DESCRIPTION {
            self.wrong(
                &place("description"),
                &format!(
                    "{length_of_text} bytes are more than the {LONGEST_DESCRIPTION} that Argo CD takes"
                ),
            );
        }
        let words: Vec<&str> = window.description.split_whitespace().collect();
        let description = Some(words.join(" ")).filter(|text| !text.is_empty());
        let common = Common {
            name: None,
            description: description.as_ref(),
            pattern: cron
                .zip(length)
                .map(|(cron, length)| Pattern::Schedule(Schedule::new(cron, length))),
            zone,
            scope,
        };
        let rule = self.time_rule(&pointer, common)?;
        Some(TimeRule {
            rule: format!("spec.syncWindows[{index}]"),
            manual_sync: window.manual_sync,
            ..rule
        })
    }

    fn sync_zone(&mut self, name: &str, pointer: &str) -> Option<Zone> {
        let found = Zone::find(name);
        if found.is_none() {
            let unknown = self.unknown_zone(name);
            let message = format!("{unknown} (Argo CD takes UTC in its place and does not say so)");
            self.wrong(pointer, &message);
        }
        found
    }

    fn patterns(&mut self, names: &[String], pointer: &str) -> Names {
        if names.is_empty() {
            return None;
        }
        self.not_blank(names, pointer);
        let mut patterns = Vec::new();
        for (index, text) in names.iter().enumerate() {
            patterns.extend(self.take(pattern(text), &format!("{pointer}/{index}")));
        }
        Some(patterns)
    }
}

/// Reads the five fields; Argo CD does not know 7 as Sunday.
fn schedule(text: &str) -> Result<Cron, String> {
    let cron = Cron::parse(text).map_err(|message| message.replace("`timezone`", "`timeZone`"))?;
    let day_of_week = text.split_whitespace().next_back().unwrap_or_default();
    let mut numbers = day_of_week
        .split(',')
        .filter_map(|part| part.split('/').next())
        .flat_map(|range| range.split('-'));
    if numbers.any(|number| number.parse() == Ok(7)) {
        return Err(format!(
            "the day of week {} has a 7, which Argo CD refuses; write 0 or SUN",
            shown(day_of_week)
        ));
    }
    Ok(cron)
}

/// Reads a name or a pattern as Argo CD does (<https://github.com/gobwas/glob> without separators):
/// there `**` is `*`. What the two libraries read differently is refused, but for `-*-`, which that
/// one takes for `-` too.
fn pattern(text: &str) -> Result<NamePattern, String> {
    let class = |after: &str| {
        let set = after.split_once(']').map_or("", |(set, _)| set);
        let set = set.strip_prefix('!').unwrap_or(set);
        !set.is_empty() && !set.starts_with(['^', '-']) && !set.ends_with('-')
    };
    if text.contains('\\') || text.contains("{}") || !text.split('[').skip(1).all(class) {
        return Err(format!(
            "the pattern {} can be read in two ways; write `*`, `?`, `[ab]`, `[!ab]` and `{{a,b}}` \
             alone, without `\\`",
            shown(text)
        ));
    }
    let mut single = text.to_owned();
    while single.contains("**") {
        single = single.replace("**", "*");
    }
    NamePattern::parse(&single)
}

/// Reads a duration as Go's `time.ParseDuration` does: `1h30m`, `1.5h`, `90s`.
fn go_duration(text: &str) -> Result<TimeDelta, String> {
    let refused = || {
        format!(
            "{} is no duration; expected one such as 8h or 1h30m (there is no unit longer than h)",
            shown(text)
        )
    };
    let mut nanoseconds: i128 = 0;
    let mut rest = text.strip_prefix(['+', '-']).unwrap_or(text);
    if rest == "0" {
        rest = "0s";
    }
    if rest.is_empty() {
        return Err(refused());
    }
    while !rest.is_empty() {
        let numeral = |character: char| character.is_ascii_digit() || character == '.';
        let (number, after) = rest.split_at(rest.find(|it| !numeral(it)).ok_or_else(refused)?);
        let (unit, after) = after.split_at(after.find(numeral).unwrap_or(after.len()));
        let unit: i128 = match unit {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => return Err(refused()),
        };
        nanoseconds += part(number, unit).ok_or_else(refused)?;
        rest = after;
    }
    let length = i64::try_from(nanoseconds).ok().map(TimeDelta::nanoseconds);
    let possible = |length: &TimeDelta| {
        *length > TimeDelta::zero() && *length <= LONGEST_DURATION && !text.starts_with('-')
    };
    length.filter(possible).ok_or_else(|| {
        format!(
            "the duration {} is not possible here; expected more than 0 and at most 8784h",
            shown(text)
        )
    })
}

/// Returns a decimal number of some unit, in nanoseconds and without what is smaller.
fn part(number: &str, unit: i128) -> Option<i128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() || number.len() > 18 {
        return None;
    }
    let digits = |text: &str| match text {
        "" => Some(0),
        text => text.parse::<i128>().ok(),
    };
    let scale = 10_i128.pow(u32::try_from(fraction.len()).ok()?);
    Some(digits(whole)? * unit + digits(fraction)? * unit / scale)
}
