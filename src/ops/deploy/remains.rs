//! What a way back has left of its version on the branch: where that runs still, and the command that takes it
//! away from there.

use super::{Outside, facts_at_most};
use crate::{
    config::Service,
    event::{Ending, Failure, Outcome},
    git::CommitId,
    manifest::{self, Manifests, ObjectRef},
    ops::{
        carried,
        command::CommandLine,
        failure,
        journal::Record,
        load::{self, Target},
    },
    units::{Version, Weight},
};

/// What a person does where nobody can tell.
const TO_KNOW: &str = "to know: look at what runs there, and set that image by hand where it is not the one that is wanted";

/// A version that was to be taken back and has pods or users still, as the branch says, or of which the branch
/// does not say that it has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remains {
    /// Where it is, for people.
    sentence: String,
    /// What takes it away, for people.
    next_step: String,
}

/// What a run was to take back.
#[derive(Debug, Clone, Copy)]
pub struct Taken<'a> {
    /// The version.
    pub version: &'a Version,
    /// The one that ran before.
    pub previous: &'a str,
}

impl<'a> Taken<'a> {
    /// Reads it from a record of the run; none where that names no version.
    pub fn by(record: &'a Record) -> Option<Self> {
        Some(Self {
            version: record.version.as_ref()?,
            previous: record.previous_version.as_deref().unwrap_or_default(),
        })
    }
}

impl Remains {
    /// Reads it from a commit that is known, else from the branch as it is now; none where the version has
    /// neither pods nor users there.
    ///
    /// # Errors
    /// The git server does not answer or refuses; the manifests cannot be read.
    pub async fn find(
        taken: Taken<'_>,
        commit: Option<&CommitId>,
        outside: &Outside<'_>,
        target: &Target,
    ) -> Result<Option<Self>, Failure> {
        let repository = outside.repository;
        let commit = match commit {
            Some(commit) => commit.clone(),
            None => {
                let tip = repository.fetch(&target.branch).await;
                tip.map_err(failure::git)?
            }
        };
        let read = load::manifests_for_way_back(repository, &commit, target, &[]).await?;
        Self::of(taken, &read.manifests, target)
    }

    /// As [`Self::find`] on the branch as it is now; where its manifests cannot be read, that is what is said.
    ///
    /// # Errors
    /// The git server does not answer or refuses.
    pub async fn look(
        taken: Taken<'_>,
        outside: &Outside<'_>,
        target: &Target,
    ) -> Result<Option<Self>, Failure> {
        match Self::find(taken, None, outside, target).await {
            Err(failure) if failure.0.ending == Ending::EditRefused => Ok(Some(Self {
                sentence: format!("where {} is still is not known: {failure}", taken.version),
                next_step: TO_KNOW.to_owned(),
            })),
            found => found,
        }
    }

    fn of(
        taken: Taken<'_>,
        manifests: &Manifests,
        target: &Target,
    ) -> Result<Option<Self>, Failure> {
        let service = &target.service;
        // A workload that somebody has removed has nobody's users.
        let (serves, weight) = match (facts_at_most(target, manifests), service.strategy.canary()) {
            (Ok(facts), _) => (facts.roles.stable, facts.canary_weight),
            (Err(_), Some(canary)) => (canary.stable.object.clone(), None),
            (Err(failure), None) => return Err(failure),
        };
        let version = |object| carried::version(service, manifests, object).ok();
        let is_taken = |version: &str| version == taken.version.as_str();
        let mut places = Vec::new();
        let mut untold = Vec::new();
        let mut by_hand = Vec::new();
        let mut is_idle = service.strategy.blue_green().is_some();
        for object in candidates(service, manifests, taken.version) {
            let is_serving = object == serves;
            // Where the version that ran before has the same name, it is what came back.
            if is_serving && is_taken(taken.previous) {
                continue;
            }
            let has_it = carried::has_version(service, manifests, &object, taken.version.as_str());
            let pods = carried::replicas(service, manifests, &object).ok();
            let share = weight.filter(|_| !is_serving);
            let has_nobody = pods == Some(0) && share.is_none_or(|share| share == Weight::ZERO);
            if has_nobody || has_it == Ok(false) {
                continue;
            }
            is_idle &= !is_serving;
            if let Err(refusal) = has_it {
                untold.push(refusal.to_string());
                continue;
            }
            let refusal = carried::version(service, manifests, &object).err();
            by_hand.extend(refusal.map(|refusal| format!("{object} ({refusal})")));
            places.push(place(&object, taken.version, pods, share, is_serving));
        }
        let branch = &target.branch;
        let sentence = match (places.is_empty(), untold.is_empty()) {
            (true, true) => return Ok(None),
            (false, _) => format!("still on branch `{branch}`: {}", places.join("; ")),
            (true, false) => format!(
                "whether {} is still on branch `{branch}` cannot be told: {}",
                taken.version,
                untold.join("; ")
            ),
        };
        let to = [version(&serves), Some(taken.previous.to_owned())];
        let mut to = to.into_iter().flatten();
        let to = to.find(|to| !to.is_empty() && !is_taken(to));
        let to = to.as_deref().unwrap_or("VERSION");
        let next_step = if places.is_empty() {
            TO_KNOW.to_owned()
        } else if is_idle {
            let cleanup = target.command("cleanup").switch("now");
            taken_away(&cleanup.flag("reason", "taken back"))
        } else if by_hand.is_empty() {
            taken_away(&target.command("rollback").flag("to", to))
        } else {
            format!(
                "to take it away from there: write the image {}:{to} by hand; shipgate does not edit what is there \
                 now: {}",
                service.image,
                by_hand.join("; ")
            )
        };
        Ok(Some(Self {
            sentence,
            next_step,
        }))
    }

    /// Returns where it is, for people: ``still on branch `main`: …``.
    pub fn sentence(&self) -> &str {
        &self.sentence
    }

    /// Returns what a person does about it.
    pub fn next_step(&self) -> &str {
        &self.next_step
    }
}

/// Adds to how a way back ended what it has left of its version; `commit` is what it wrote last, where it
/// came to its end.
pub async fn tell(
    outcome: &mut Outcome,
    taken: Taken<'_>,
    commit: Option<&CommitId>,
    outside: &Outside<'_>,
    target: &Target,
) {
    let version = taken.version;
    match Remains::find(taken, commit, outside, target).await {
        Ok(Some(remains)) => {
            outcome.reason = format!("{}; {}", outcome.reason, remains.sentence());
            outcome.hints.insert(0, remains.next_step().to_owned());
        }
        Ok(None) if outcome.ending == Ending::Superseded => outcome.reason.push_str(&format!(
            "; no workload with pods or users has {version} on branch `{}`",
            target.branch
        )),
        Err(failure) if outcome.ending == Ending::Superseded => {
            let text = format!("; where {version} is still is not known: {failure}");
            outcome.reason.push_str(&text);
        }
        Ok(None) | Err(_) => {}
    }
}

/// Returns the workloads that may have the version: those of the strategy that are there, and where one is not,
/// any other one that has the version. A workload that somebody has removed has nobody's users.
fn candidates(service: &Service, manifests: &Manifests, version: &Version) -> Vec<ObjectRef> {
    let mut found = Vec::new();
    let mut is_one_missing = false;
    for (_, workload) in service.strategy.workloads() {
        let object = &workload.object;
        let is_written = || manifests.objects().any(|entry| entry.object == object);
        if service.helm_keys(object).is_some() || is_written() {
            found.push(object.clone());
        } else {
            is_one_missing = true;
        }
    }
    if is_one_missing {
        for other in manifest::running_version(manifests, &service.image, version.as_str()) {
            if !found.contains(&other) {
                found.push(other);
            }
        }
    }
    found
}

fn taken_away(command: &CommandLine) -> String {
    format!("to take it away from there: {command}")
}

fn place(
    object: &ObjectRef,
    version: &Version,
    pods: Option<u32>,
    share: Option<Weight>,
    is_serving: bool,
) -> String {
    let pods = match pods {
        Some(1) => " with 1 replica".to_owned(),
        Some(pods) => format!(" with {pods} replicas"),
        None => String::new(),
    };
    let users = match share {
        Some(share) => format!(", weight {share}"),
        None if is_serving => ", which serves everyone".to_owned(),
        None => String::new(),
    };
    format!("{object} has {version}{pods}{users}")
}
