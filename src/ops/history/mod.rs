//! Past deployments of an environment's services, from their journals; their figures; and whether
//! they explain what is on the branch.

mod audit;
mod range;
mod standing;
mod values;

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::{
    deploy::Outside,
    failure,
    journal::{Record, State},
    load::{self, ConfigSource, Site, Target},
    provenance,
    regions::Group,
};
use crate::{
    config::Service,
    event::{CommitRecord, Deployment, Ending, Failure, Outcome, dora},
    git::{Journal, JournalRecord},
};

/// What is asked of the past.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HistoryQuestion {
    /// Services; none = all of the configuration.
    pub services: Vec<String>,
    /// From when on; none = from the beginning.
    pub since: Option<DateTime<Utc>>,
    /// How many deployments are listed at most.
    pub limit: usize,
    /// Is it asked whether every change on the branch is explained, not what there was?
    pub audit: bool,
}

/// A service with all that its journal says.
struct Told {
    target: Target,
    journal: Journal,
    /// Is it one that was asked for?
    asked: bool,
}

/// Lists the runs of the services of an environment, newest first, with their figures; or judges
/// whether they explain every change on the branch.
///
/// # Errors
/// The git server does not answer or refuses; a service that the configuration does not have.
pub async fn history(
    outside: &Outside<'_>,
    site: &Site,
    question: &HistoryQuestion,
) -> Result<Outcome, Failure> {
    let told = told(outside, site, question).await?;
    answer(outside, (site, &site.environment_name), &told, question).await
}

/// As [`history`], of several regions of an environment together.
///
/// # Errors
/// As [`history`].
pub async fn of_regions(
    outside: &Outside<'_>,
    group: &Group,
    source: &ConfigSource<'_>,
    question: &HistoryQuestion,
) -> Result<Outcome, Failure> {
    let mut sites = Vec::with_capacity(group.picked.len());
    let mut all = Vec::new();
    for region in &group.picked {
        let environment = group.environment_of(region);
        let site = load::site(outside.repository, source, Some(&environment)).await?;
        all.extend(told(outside, &site, question).await?);
        sites.push(site);
    }
    let Some(site) = sites.first() else {
        return Err(Failure::new(Ending::Usage, "no region is named"));
    };
    answer(outside, (site, &group.said(sites.len())), &all, question).await
}

/// Answers a question; all that is told of is on the branch of `site`. `place` is where, for people.
async fn answer(
    outside: &Outside<'_>,
    (site, place): (&Site, &str),
    told: &[Told],
    question: &HistoryQuestion,
) -> Result<Outcome, Failure> {
    if question.audit {
        return audit::audit(outside, site, told, question.since).await;
    }
    Ok(listed(told, place, question, outside.clock.now()))
}

/// Reads the journals that a question is about.
async fn told(
    outside: &Outside<'_>,
    site: &Site,
    question: &HistoryQuestion,
) -> Result<Vec<Told>, Failure> {
    let known: Vec<String> = site.config.services.keys().cloned().collect();
    if let Some(name) = question.services.iter().find(|name| !known.contains(name)) {
        return Err(load::unknown("service", name, &known, &site.config_path));
    }
    let asked = |service: &Service| {
        question.services.is_empty() || question.services.contains(&service.name)
    };
    let mut told = Vec::new();
    // A run of another service may explain a value of one that was asked for.
    for service in site.config.services.values() {
        if !question.audit && !asked(service) {
            continue;
        }
        let journal = outside
            .repository
            .journal(&site.environment_name, &service.name)
            .await
            .map_err(failure::git)?;
        told.push(Told {
            target: site.target(service),
            journal,
            asked: asked(service),
        });
    }
    Ok(told)
}

fn listed(told: &[Told], place: &str, question: &HistoryQuestion, now: DateTime<Utc>) -> Outcome {
    let mut deployments: Vec<Deployment> = told
        .iter()
        .flat_map(|told| past(&told.journal, &told.target))
        .collect();
    let figures = dora::figures(&deployments, question.since, now);
    let at = |one: &Deployment| one.finished_at.or(one.started_at);
    deployments.retain(|one| question.since.is_none_or(|since| at(one) >= Some(since)));
    deployments.sort_by_key(|one| std::cmp::Reverse(at(one)));
    let all = deployments.len();
    deployments.truncate(question.limit);
    let shown = deployments.len();
    let names = told.iter().map(|told| told.target.service.name.as_str());
    let names: Vec<&str> = names.collect::<BTreeSet<_>>().into_iter().collect();
    let what = match names[..] {
        [one] => one.to_owned(),
        _ => format!("{} services", names.len()),
    };
    let count = match (shown, all) {
        (1, 1) => "1 deployment".to_owned(),
        (shown, all) if shown == all => format!("{all} deployments"),
        (shown, all) => format!("the last {shown} of {all} deployments"),
    };
    let reason = format!("{count} of {what} in {place}");
    let mut outcome = Outcome::new(Ending::Shown, reason);
    outcome.history = deployments;
    outcome.dora = Some(figures);
    outcome
}

/// Reads the runs of a service from its journal, newest first.
fn past(journal: &Journal, target: &Target) -> Vec<Deployment> {
    let mut runs: Vec<Deployment> = Vec::new();
    // Newest first: the first record of a run says how it ended, the last one how it began.
    for line in &journal.records {
        let Some(record) = Record::read(line) else {
            continue;
        };
        let index = match runs.iter().position(|known| known.run == record.run) {
            Some(index) => index,
            None => {
                runs.push(ended(&record, target));
                runs.len() - 1
            }
        };
        if let Some(run) = runs.get_mut(index) {
            add(run, &record, line);
        }
    }
    runs
}

fn ended(record: &Record, target: &Target) -> Deployment {
    Deployment {
        run: record.run.clone(),
        service: target.service.name.clone(),
        environment: target.environment_name.clone(),
        version: record.version.clone(),
        previous_version: record.previous_version.clone(),
        strategy: record.strategy.clone(),
        state: record.state.word().to_owned(),
        weight: record.weight,
        finished_at: record.state.is_final().then_some(record.at),
        actor: record.actor.clone(),
        reason: record.reason.clone(),
        ..Deployment::default()
    }
}

/// Adds what an older record of a run says.
fn add(run: &mut Deployment, record: &Record, line: &JournalRecord) {
    run.started_at = Some(record.at);
    run.takes_back = matches!(record.state, State::RollingBack | State::RolledBack);
    run.drill |= line.trailers.get("Drill") == Some("true");
    if let Some(cause) = line.trailers.get("Cause") {
        run.cause = Some(cause.to_owned());
    }
    if let Some(source) = line.trailers.get("Source") {
        let (source, at) = provenance::source(source);
        run.source = Some(source);
        run.source_at = at;
    }
    let Some(intended) = &record.intended else {
        return;
    };
    // The last one that was announced for a step is the one that landed, if any did.
    if run.commits.iter().all(|known| known.subject != record.step) {
        run.commits.insert(
            0,
            CommitRecord {
                sha: intended.to_string(),
                subject: record.step.clone(),
            },
        );
    }
}
