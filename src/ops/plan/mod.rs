//! What a deployment would do, told without doing it: `plan`, which is `deploy --dry-run`.
//!
//! `deploy` prepares as for a real run and hands over what it has: [`Foreseen`] makes the outcome of
//! it where the gate lets through, [`despite`] where it does not. Nothing is written anywhere, and the
//! exit code is the gate's.

mod commits;
mod file;
pub mod live_traffic;
pub mod short_watch;
mod steps;
pub mod traffic;

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    deploy::{self, DeployRequest, Outside, Prepared, Ready},
    failure,
    gate::Permit,
    journal::RunIdentity,
    load::Target,
    preflight,
};
use crate::{
    config::verification::Metric,
    event::{Ending, Event, Failure, Outcome, PlanRecord, PreflightRecord, Reporter},
    manifest::{Manifests, RestoreProblem},
    policy::Verdict,
    rollout::Arm,
    units::format_duration,
};

pub use file::PlannedBefore;

/// A deployment that is ready to go and does not.
pub struct Foreseen<'a> {
    /// The deployment.
    pub ready: &'a Ready,
    /// The manifests it begins with.
    pub manifests: &'a Manifests,
    /// What it changes in all, as a unified diff.
    pub diff: String,
    /// Where it goes.
    pub target: &'a Target,
    /// Address of the repository, as it may be printed.
    pub repository: &'a str,
    /// Limit of the whole run; none = the plan's own.
    pub timeout: Option<Duration>,
}

impl Foreseen<'_> {
    /// Shows what would be done with the gate's leave.
    ///
    /// # Errors
    /// The commits cannot be made one after the other.
    pub fn allowed(
        self,
        permit: Permit,
        now: DateTime<Utc>,
        reporter: &mut dyn Reporter,
    ) -> Result<Outcome, Failure> {
        let mut identity = self.ready.identity.clone();
        permit.mark(&mut identity);
        let verdict = permit.into_verdict();
        let record = match self.record(&identity) {
            Ok(record) => record,
            Err(mut failure) => {
                failure.0.verdict = Some(verdict);
                return Err(failure);
            }
        };
        for warning in short_watch::short_watches(&self.target.service) {
            reporter.event(&Event::Warning(warning));
        }
        if let Some(warning) = closes_before_its_end(&verdict, &record, now) {
            reporter.event(&Event::Warning(warning));
        }
        let plan = &self.ready.plan;
        let ending = Ending::from(&verdict);
        let mut outcome = deploy::dry_run(ending, plan, &self.ready.replay, self.diff);
        outcome.override_used = verdict.overridden.is_some();
        outcome.verdict = Some(verdict);
        outcome.plan = Some(Box::new(record));
        Ok(outcome)
    }

    /// Adds to the gate's no what would be done once it lets through.
    ///
    /// # Errors
    /// The commits cannot be made one after the other.
    pub fn add_to(self, outcome: &mut Outcome) -> Result<(), Failure> {
        let mut identity = self.ready.identity.clone();
        let policy = outcome.verdict.as_ref().map(|it| it.policy.trailer());
        identity.policy = policy;
        let record = self.record(&identity)?;
        outcome.changes = self.ready.replay.result(usize::MAX);
        outcome.files_changed = deploy::files(&outcome.changes);
        outcome.diff = self.diff;
        outcome.plan = Some(Box::new(record));
        Ok(())
    }

    fn record(&self, identity: &RunIdentity) -> Result<PlanRecord, Failure> {
        let Ready { plan, .. } = self.ready;
        let commits = commits::commits(self.ready, identity, self.manifests)?;
        let steps = steps::steps(self.ready, self.target);
        let end = steps::end(self.ready, &steps, self.target);
        let longest = self.timeout;
        let longest = longest.unwrap_or_else(|| deploy::default_timeout(plan, self.target));
        Ok(PlanRecord {
            run: identity.run.clone(),
            repository: self.repository.to_owned(),
            drill: identity.drill,
            service: identity.service.clone(),
            environment: identity.environment.clone(),
            version: identity.version.to_string(),
            previous_version: identity.previous_version.clone(),
            strategy: identity.strategy.clone(),
            branch: self.target.branch.clone(),
            base: identity.base.to_string(),
            through_pull_request: self.target.environment.pull_request.is_some(),
            preflight: self.preflight(),
            shortest: steps.iter().map(|step| step.shortest).sum(),
            otherwise: steps::otherwise(self.ready, longest, self.target),
            longest,
            steps,
            commits,
            comparisons: traffic::comparisons(&self.target.service),
            end,
        })
    }

    /// What preparing has proven by getting here; what is wrong has ended it before.
    fn preflight(&self) -> Vec<PreflightRecord> {
        let verification = &self.target.service.verification;
        let changes = self.ready.replay.result(usize::MAX);
        let files = deploy::files(&changes).len();
        let arms: Vec<&str> = deploy::asked_before(self.target)
            .iter()
            .map(|arm: &Arm| {
                let workload = self.ready.plan.roles.workload(*arm);
                let word = workload.and_then(|workload| self.target.service.word(workload));
                word.unwrap_or(arm.word())
            })
            .collect();
        let asked = [
            (verification.metrics.len(), "metric"),
            (verification.health.len(), "health check"),
            (verification.checks.len(), "check"),
        ]
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, what)| count(number, what))
        .collect::<Vec<_>>()
        .join(" and ");
        let presets = verification.metrics.iter().filter_map(Metric::expansion);
        let presets = presets.map(|detail| PreflightRecord {
            name: "preset",
            passed: true,
            detail,
        });
        let image = self.ready.image.clone();
        let nobody_asked = image
            .as_ref()
            .is_some_and(|it| it.name == preflight::OFFLINE);
        let mut others = vec![
            PreflightRecord {
                name: "values",
                passed: true,
                detail: format!(
                    "{} in {} can be set, and nothing else changes with them",
                    count(changes.len(), "value"),
                    count(files, "file")
                ),
            },
            PreflightRecord {
                name: "queries",
                passed: true,
                detail: format!("{asked} can be asked about {}", arms.join(" and ")),
            },
            PreflightRecord {
                name: "push",
                passed: false,
                detail: "whether it may push is asked by `deploy` before its first push; a plan \
                         needs no more than to read"
                    .to_owned(),
            },
        ];
        others.retain(|record| !(nobody_asked && record.name == "queries"));
        image.into_iter().chain(others).chain(presets).collect()
    }
}

/// Adds to the gate's no what would be done once it lets through, as far as that can be told. The
/// answer stays the gate's.
pub async fn despite(
    mut outcome: Outcome,
    request: &DeployRequest,
    outside: &Outside<'_>,
    target: &Target,
    reporter: &mut dyn Reporter,
) -> Outcome {
    let prepared = deploy::prepare(request, outside, target, reporter).await;
    let added = match prepared {
        Ok(Prepared::Ready {
            ready,
            diff,
            manifests,
        }) => Foreseen {
            ready: &ready,
            manifests: &manifests,
            diff,
            target,
            repository: outside.repository.display(),
            timeout: request.limits.timeout,
        }
        .add_to(&mut outcome),
        Ok(Prepared::AlreadyThere(there)) => {
            let said = there.on_branch().reason;
            outcome.hints.push(format!("besides: {said}"));
            Ok(())
        }
        Ok(Prepared::JudgedWorse(_)) => {
            let text = "besides: the version is there already, and was judged worse";
            outcome.hints.push(text.to_owned());
            Ok(())
        }
        Ok(Prepared::InTheWay(run)) => Err(run.refusal(target.about(), outside.clock.now())),
        Err(failure) => Err(failure),
    };
    if let Err(failure) = added {
        let Outcome {
            reason,
            hints,
            refusals,
            ..
        } = *failure.0;
        let text = format!("once it lets through, this stands in the way: {reason}");
        outcome.hints.push(text);
        outcome.hints.extend(hints);
        outcome.refusals = refusals;
    }
    outcome
}

fn closes_before_its_end(
    verdict: &Verdict,
    record: &PlanRecord,
    now: DateTime<Utc>,
) -> Option<String> {
    let closes = verdict.closes_at?.to_utc();
    let length = TimeDelta::from_std(record.shortest).ok()?;
    (now.checked_add_signed(length)? > closes).then(|| {
        let left = (closes - now).to_std().unwrap_or_default();
        let seconds = Duration::from_secs(left.as_secs());
        format!(
            "it takes at least {}, and the policy closes in {}",
            format_duration(record.shortest),
            format_duration(seconds)
        )
    })
}

/// Makes the failure of commits that cannot be made one after the other.
fn unmakeable(problem: RestoreProblem) -> Failure {
    match problem {
        RestoreProblem::Refused(refusals) => failure::refusals(refusals),
        RestoreProblem::Superseded { change, .. } => Failure::new(
            Ending::EditRefused,
            format!(
                "{}: {} of {} is not what the step before it leaves there",
                change.path,
                change.target(),
                change.object
            ),
        ),
    }
}

fn count(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}
