//! Several services in one run: side by side, those that others depend on first; the worst end is the
//! end of all.

mod course;
mod summary;

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    num::NonZeroUsize,
};

use futures_util::stream::{FuturesUnordered, StreamExt};

use super::{convoy::Convoy, deploy::Outside, group_push::GroupPushes, load::Services};
use crate::{
    config::Config,
    event::{Ending, Event, Failure, Outcome, Reporter, ServiceEnd, in_region},
    probe::prometheus::Batch,
};
use course::Course;
use summary::summary;

/// More services than this are counted in the one line, not named.
const NAMED: usize = 3;
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
        let pushes = &GroupPushes::default();
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
                        pushes: convoy.is_none().then_some(pushes),
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
