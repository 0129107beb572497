//! Several services in one run: side by side, those that others depend on first; the worst end is the
//! end of all.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    num::NonZeroUsize,
};

use futures_util::stream::{FuturesUnordered, StreamExt};

use super::{convoy::Convoy, deploy::Outside, load::Services};
use crate::{
    config::Config,
    event::{Ending, Event, Failure, Outcome, Reporter, ServiceEnd, in_region},
    probe::prometheus::Batch,
};

/// More services than this are counted in the one line, not named.
const NAMED: usize = 3;
/// Most lines of advice.
const HINTS: usize = 6;
/// The reason code of a service that was left alone, because another one did not end well first.
pub const NOT_BEGUN: &str = "not-begun";
/// The reason code of one whose dependency did not.
const DEPENDENCY_FAILED: &str = "dependency-failed";

/// How many services are under way at once, and what one that fails means for the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Most services under way at once.
    pub max_parallel: NonZeroUsize,
    /// Are services still begun after one has not ended well?
    pub keep_going: bool,
    /// Is the first commit of all of them one? Then all are under way at once, and none goes before
    /// another.
    pub one_commit: bool,
}

/// Several services, each with those among them that come before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fleet {
    names: Vec<String>,
    /// What each is to come to, where that is known.
    versions: BTreeMap<String, String>,
    before: BTreeMap<String, Vec<String>>,
    /// Do those that depend on a service come before it?
    is_reversed: bool,
}

impl Fleet {
    /// Takes the services that are meant. What a service depends on counts where it is one of them.
    /// `path` is where the configuration was read.
    ///
    /// # Errors
    /// As [`super::load::services`]; [`Ending::Usage`]: a service that is named twice.
    pub fn of(config: &Config, services: &Services, path: &str) -> Result<Self, Failure> {
        let found = super::load::services(config, services, path)?;
        let names: Vec<String> = found.iter().map(|it| it.name.clone()).collect();
        let mut seen = BTreeSet::new();
        if let Some(twice) = names.iter().find(|name| !seen.insert(name.as_str())) {
            let reason = format!("`{twice}` is named twice");
            return Err(Failure::new(Ending::Usage, reason).hint("name each service once"));
        }
        let before = found.iter().map(|service| {
            let mut needed = all_before(config, &service.name);
            needed.retain(|name| names.contains(name));
            (service.name.clone(), needed)
        });
        Ok(Self {
            before: before.collect(),
            names,
            versions: BTreeMap::new(),
            is_reversed: false,
        })
    }

    /// Returns the same services without an order: for what is the same whoever goes first.
    #[must_use]
    pub fn in_any_order(mut self) -> Self {
        self.before.values_mut().for_each(Vec::clear);
        self
    }

    /// Returns the same services the other way round: those that depend on a service end before it
    /// begins. For what is taken back.
    #[must_use]
    pub fn in_reverse(mut self) -> Self {
        let dependants = self.names.iter().map(|name| {
            let names = self.names.iter();
            let found = names.filter(|other| self.before[*other].contains(name));
            (name.clone(), found.cloned().collect())
        });
        self.before = dependants.collect();
        self.is_reversed = true;
        self
    }

    /// Returns the same services, each with the version that it is to come to.
    #[must_use]
    pub fn to(self, versions: BTreeMap<String, String>) -> Self {
        Self { versions, ..self }
    }

    /// Returns the names, in the order in which they were named.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Runs something for each service. What each of them says is told as that service's, and each
    /// has a way of its own to the one repository.
    pub async fn run(
        &self,
        pace: Pace,
        environment: &str,
        outside: &Outside<'_>,
        reporter: &mut dyn Reporter,
        run: impl AsyncFn(&str, &Outside<'_>, &mut dyn Reporter) -> Outcome,
    ) -> Outcome {
        let reporter = RefCell::new(reporter);
        let convoy = pace
            .one_commit
            .then(|| Convoy::of(&self.names, environment));
        let pace = match convoy {
            Some(_) => Pace {
                max_parallel: NonZeroUsize::MAX,
                ..pace
            },
            None => pace,
        };
        let convoy = convoy.as_ref();
        let batch = &Batch::of_several();
        let mut course = Course {
            fleet: self,
            pace,
            begun: BTreeSet::new(),
            ends: BTreeMap::new(),
        };
        let mut under_way = FuturesUnordered::new();
        let parallel =
            u32::try_from(pace.max_parallel.get().min(self.names.len())).unwrap_or(u32::MAX);
        loop {
            while under_way.len() < pace.max_parallel.get()
                && let Some(name) = course.next()
            {
                course.begun.insert(name);
                let (run, reporter) = (&run, &reporter);
                under_way.push(async move {
                    let repository = outside.repository.share();
                    let own = Outside {
                        repository: &repository,
                        client: outside.client,
                        clock: outside.clock.clone(),
                        secrets: outside.secrets,
                        convoy,
                        // All of them together ask as often as one does.
                        lookout: outside.lookout.map(|every| every * parallel),
                        batch: Some(batch),
                    };
                    let mut told = Told {
                        service: name,
                        reporter,
                    };
                    (name, Box::pin(run(name, &own, &mut told)).await)
                });
            }
            match under_way.next().await {
                Some((name, outcome)) => {
                    if let Some(convoy) = convoy {
                        convoy.leave(name);
                        if !pace.keep_going && !is_well(&outcome) {
                            convoy.call_off(name, &word(&outcome));
                        }
                    }
                    course.ends.insert(name, outcome);
                }
                None => break,
            }
        }
        let ends: Vec<ServiceEnd> = self
            .names
            .iter()
            .map(|name| {
                let ended = course.ends.get(name.as_str()).cloned();
                ServiceEnd {
                    service: name.clone(),
                    region: None,
                    version: self.versions.get(name).cloned(),
                    outcome: Box::new(ended.unwrap_or_else(|| course.not_begun(name))),
                }
            })
            .collect();
        summary(ends)
    }
}

/// Returns what a service depends on, at first or second hand: what is between two services may be left
/// out, and one goes before the other all the same.
fn all_before(config: &Config, service: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut next = vec![service];
    while let Some(name) = next.pop() {
        let needed = config.services.get(name).map(|it| &it.depends_on);
        for needed in needed.into_iter().flatten() {
            if !found.contains(needed) {
                found.push(needed.clone());
                next.push(needed);
            }
        }
    }
    found
}

/// How far a fleet is.
struct Course<'a> {
    fleet: &'a Fleet,
    pace: Pace,
    begun: BTreeSet<&'a str>,
    ends: BTreeMap<&'a str, Outcome>,
}

impl<'a> Course<'a> {
    /// Returns the next service that may begin now.
    fn next(&self) -> Option<&'a str> {
        if !self.pace.keep_going && !self.ends.values().all(is_well) {
            return None;
        }
        let mut names = self.fleet.names.iter().map(String::as_str);
        names.find(|name| {
            let mut before = self.fleet.before[*name].iter();
            !self.begun.contains(name)
                && (self.pace.one_commit
                    || before.all(|needed| self.ends.get(needed.as_str()).is_some_and(is_well)))
        })
    }

    /// Says why a service was left alone.
    fn not_begun(&self, name: &str) -> Outcome {
        let missing = self.fleet.before[name]
            .iter()
            .find(|needed| !self.ends.get(needed.as_str()).is_some_and(is_well));
        let reason = match missing {
            Some(other) => {
                let ended = match self.ends.get(other.as_str()) {
                    Some(end) => format!("ended as {}", word(end)),
                    None => "was not begun".to_owned(),
                };
                if self.fleet.is_reversed {
                    format!("`{other}` depends on it and {ended}")
                } else {
                    format!("it depends on `{other}`, which {ended}")
                }
            }
            None => {
                let failed = self.fleet.names.iter().find_map(|name| {
                    let end = self.ends.get(name.as_str())?;
                    (!is_well(end)).then(|| format!("`{name}` ended as {}", word(end)))
                });
                failed.unwrap_or_default()
            }
        };
        let text = format!("{name} was not begun: {reason}");
        let mut outcome = Outcome::new(Ending::BlockedOther, text);
        if missing.is_some() && !self.fleet.is_reversed {
            DEPENDENCY_FAILED.clone_into(&mut outcome.reason_code);
        } else {
            NOT_BEGUN.clone_into(&mut outcome.reason_code);
        }
        outcome
    }
}

/// Names the first of some services, and counts the others: `a, b, c and 2 more`.
pub(super) fn few(names: &[&str]) -> String {
    let (named, others) = names.split_at(names.len().min(NAMED));
    let named = named.join(", ");
    match others.len() {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

pub(super) fn is_well(outcome: &Outcome) -> bool {
    outcome.ending.code().number == 0
}

fn is_left_alone(outcome: &Outcome) -> bool {
    [NOT_BEGUN, DEPENDENCY_FAILED].contains(&outcome.reason_code.as_str())
}

pub(super) fn word(outcome: &Outcome) -> String {
    let code = outcome.ending.code();
    format!("{} {}", code.number, code.name)
}

/// What one of several services tells.
struct Told<'a, 'b> {
    service: &'a str,
    reporter: &'a RefCell<&'b mut dyn Reporter>,
}

impl Reporter for Told<'_, '_> {
    fn event(&mut self, event: &Event) {
        let (service, event) = match event {
            Event::Of {
                service: region,
                event,
            } => (in_region(self.service, region), event.clone()),
            event => (self.service.to_owned(), Box::new(event.clone())),
        };
        let mut reporter = self.reporter.borrow_mut();
        reporter.event(&Event::Of { service, event });
    }

    /// One service's end is not the end of all.
    fn finish(&mut self, _outcome: &Outcome) {}
}

/// Makes the outcome of all: that of the worst, among equals of the first; what was done counts more
/// than what there was not to do.
fn summary(ends: Vec<ServiceEnd>) -> Outcome {
    let rank = |one: &ServiceEnd, other: &ServiceEnd| {
        let (one, other) = (&one.outcome, &other.outcome);
        let is_same = one.ending.code() == other.ending.code();
        // What was left alone because of another one is never the cause.
        let is_cause = !is_left_alone(one) && is_left_alone(other);
        let is_done = one.ending != Ending::NoChange && other.ending == Ending::NoChange;
        one.ending.is_worse_than(other.ending) || is_same && (is_cause || is_done)
    };
    let mut worst: Option<&ServiceEnd> = None;
    for end in &ends {
        if worst.is_none_or(|worst| rank(end, worst)) {
            worst = Some(end);
        }
    }
    let Some(worst) = worst else {
        return Outcome::from(
            Failure::new(Ending::Usage, "no service is named")
                .hint("name them with --service a,b or --all"),
        );
    };
    let bad: Vec<&ServiceEnd> = ends.iter().filter(|it| !is_well(&it.outcome)).collect();
    let all = ends.len();
    let reason = if bad.is_empty() {
        let there = |end: &&ServiceEnd| end.outcome.ending == Ending::NoChange;
        match ends.iter().filter(there).count() {
            0 => format!("all {all} services ended well"),
            same => format!("all {all} services ended well, {same} of them had nothing to do"),
        }
    } else {
        let named: Vec<&str> = bad.iter().map(|it| it.service.as_str()).collect();
        format!(
            "{} of {all} services did not end well ({}); {}: {}",
            bad.len(),
            few(&named),
            worst.service,
            worst.outcome.reason
        )
    };
    let mut outcome = Outcome {
        reason_code: worst.outcome.reason_code.clone(),
        ..Outcome::new(worst.outcome.ending, reason)
    };
    outcome.verdict.clone_from(&worst.outcome.verdict);
    outcome.override_used = ends.iter().any(|end| end.outcome.override_used);
    let hints = bad.iter().flat_map(|end| {
        let hints = end.outcome.hints.iter();
        hints.map(|hint| format!("{}: {hint}", end.service))
    });
    outcome.hints = hints.take(HINTS).collect();
    outcome.services = ends.into_iter().flat_map(each_region).collect();
    outcome
}

/// Returns the ends in each of its regions of a service that went to several, else its own.
fn each_region(mut end: ServiceEnd) -> Vec<ServiceEnd> {
    let mut regions = std::mem::take(&mut end.outcome.services);
    if regions.is_empty() {
        return vec![end];
    }
    for region in &mut regions {
        region.version.clone_from(&end.version);
    }
    regions
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(service: &str, ending: Ending) -> ServiceEnd {
        ServiceEnd {
            service: service.to_owned(),
            region: None,
            version: None,
            outcome: Box::new(Outcome::new(ending, format!("because of {service}"))),
        }
    }

    #[test]
    fn the_worst_end_is_the_end_of_all() {
        use Ending::{BlockedOther, Deployed, Held, NoChange, RolledBack};
        let rows: &[(&[Ending], &str)] = &[
            (&[Deployed, Deployed], "0 all 2 services ended well"),
            (
                &[NoChange, Deployed],
                "0 all 2 services ended well, 1 of them had nothing to do",
            ),
            (
                &[Deployed, RolledBack, Held],
                "42 2 of 3 services did not end well (b, c); c: because of c",
            ),
            (
                &[RolledBack, BlockedOther, BlockedOther, BlockedOther],
                "40 4 of 4 services did not end well (a, b, c and 1 more); a: because of a",
            ),
            (&[], "2 no service is named"),
        ];
        for (endings, wanted) in rows {
            let names = ["a", "b", "c", "d"];
            let ends = names.iter().zip(*endings);
            let outcome = summary(ends.map(|(name, it)| end(name, *it)).collect());
            let found = format!("{} {}", outcome.ending.code().number, outcome.reason);
            assert_eq!(found, *wanted);
        }
        for done in [Deployed, Ending::TakenBack] {
            let ends = vec![end("a", NoChange), end("b", done)];
            assert_eq!(summary(ends).ending, done);
        }
        // A signal says less than what was changed, and more than what was not begun.
        for (one, other) in [
            (Ending::Terminated, RolledBack),
            (NoChange, Ending::Terminated),
        ] {
            assert_eq!(summary(vec![end("a", one), end("b", other)]).ending, other);
        }
        let mut left = end("a", BlockedOther);
        NOT_BEGUN.clone_into(&mut left.outcome.reason_code);
        let cause = summary(vec![left, end("b", BlockedOther)]);
        assert!(
            cause.reason.ends_with("b: because of b"),
            "{}",
            cause.reason
        );
    }

    #[test]
    fn what_others_depend_on_goes_first() {
        let before = [
            ("a", vec!["c"]),
            ("b", vec![]),
            ("c", vec!["b"]),
            ("d", vec![]),
        ];
        let fleet = Fleet {
            names: before.iter().map(|(name, _)| (*name).to_owned()).collect(),
            versions: BTreeMap::new(),
            is_reversed: false,
            before: before
                .iter()
                .map(|(name, needed)| {
                    let needed = needed.iter().map(|it| (*it).to_owned()).collect();
                    ((*name).to_owned(), needed)
                })
                .collect(),
        };
        let ended = |ending| Outcome::new(ending, "");
        // (begun, ended, go on after a failure, who is next)
        type Row<'a> = (
            &'a [&'a str],
            &'a [(&'a str, Ending)],
            bool,
            Option<&'a str>,
        );
        let rows: &[Row<'_>] = &[
            (&[], &[], false, Some("b")),
            (&["b"], &[], false, Some("d")),
            (&["b", "d"], &[], false, None),
            (&["b", "d"], &[("b", Ending::NoChange)], false, Some("c")),
            (&["b"], &[("b", Ending::Held)], false, None),
            (&["b"], &[("b", Ending::Held)], true, Some("d")),
            (&["b", "d"], &[("b", Ending::Held)], true, None),
        ];
        for (begun, ends, keep_going, next) in rows {
            let course = Course {
                fleet: &fleet,
                pace: Pace {
                    max_parallel: NonZeroUsize::MIN,
                    keep_going: *keep_going,
                    one_commit: false,
                },
                begun: begun.iter().copied().collect(),
                ends: ends.iter().map(|(name, it)| (*name, ended(*it))).collect(),
            };
            assert_eq!(course.next(), *next, "{begun:?} {ends:?} {keep_going}");
        }
        let course = Course {
            fleet: &fleet,
            pace: Pace {
                max_parallel: NonZeroUsize::MIN,
                keep_going: false,
                one_commit: false,
            },
            begun: ["b"].into_iter().collect(),
            ends: [("b", ended(Ending::Held))].into_iter().collect(),
        };
        let said = ["a", "c", "d"].map(|name| {
            let outcome = course.not_begun(name);
            format!("{}: {}", outcome.reason_code, outcome.reason)
        });
        insta::assert_snapshot!(said.join("\n"), @r"
        dependency-failed: a was not begun: it depends on `c`, which was not begun
        dependency-failed: c was not begun: it depends on `b`, which ended as 42 held
        not-begun: d was not begun: `b` ended as 42 held
        ");
        let back = fleet.clone().in_reverse();
        assert_eq!(back.before["c"], ["a"]);
        assert_eq!(back.before["b"], ["c"]);
        let course = Course {
            fleet: &back,
            pace: course.pace,
            begun: ["a"].into_iter().collect(),
            ends: [("a", ended(Ending::Held))].into_iter().collect(),
        };
        let said = ["c", "b", "d"].map(|name| course.not_begun(name).reason);
        insta::assert_snapshot!(said.join("\n"), @r"
        c was not begun: `a` depends on it and ended as 42 held
        b was not begun: `c` depends on it and was not begun
        d was not begun: `a` ended as 42 held
        ");
    }
}
