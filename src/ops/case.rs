//! What the gate judges: a policy as it is now, a request, and what is known without asking a provider.

use std::time::Duration;

use chrono::TimeDelta;

use super::{
    beside::Beside,
    cause::failed_before,
    check, failure,
    gate::Question,
    load::{self, Target},
    trusted::{self, SiteRef},
};
use crate::{
    config::{Service, Traffic},
    event::{Ending, Failure},
    git::Repository,
    manifest,
    policy::{Action, Facts, Freeze, Invoker, PlanFact, Policy, Request},
    rollout::Share,
    units::Weight,
};

/// Name of the file beside a policy that stops the line.
const FREEZE: &str = "FREEZE";

/// What is known of a run besides what it does, for rules that ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Circumstances {
    /// Who starts it.
    pub invoker: Invoker,
    /// Kubernetes namespace; none = what the environment says where policies are read.
    pub namespace: Option<String>,
    /// Cluster; none = what the environment says where policies are read.
    pub cluster: Option<String>,
    /// Paths that the version changes in the application's repository; none = nobody said.
    pub changed_paths: Option<Vec<String>>,
    /// How long somebody says the deployment takes; none = as long as the plan.
    pub duration: Option<Duration>,
    /// Is the version to be brought although it failed before?
    pub force_version: bool,
    /// How long to wait for an opening; none = not at all.
    pub wait_for_window: Option<Duration>,
    /// How long to wait for the end of another run; none = not at all.
    pub wait_for_run: Option<Duration>,
}

impl Default for Circumstances {
    /// A pipeline that says nothing.
    fn default() -> Self {
        Self {
            invoker: Invoker::Automation,
            namespace: None,
            cluster: None,
            changed_paths: None,
            duration: None,
            force_version: false,
            wait_for_window: None,
            wait_for_run: None,
        }
    }
}

/// What the gate judges. Traffic is not in it yet: it is asked for last.
#[derive(Debug, Clone)]
pub struct Case {
    /// The policy.
    pub policy: Policy,
    /// What is asked of it.
    pub request: Request,
    /// What is known.
    pub facts: Facts,
}

impl Case {
    /// Reads the policy of the target's environment by commit id from a branch that a pull request
    /// cannot change, with the freeze beside it, as both are now.
    ///
    /// # Errors
    /// The policy cannot be read or is invalid; the git server does not answer.
    pub async fn read(
        question: &Question<'_>,
        repository: &Repository,
        target: &Target,
    ) -> Result<Self, Failure> {
        let case = Self::read_for(question, repository, target.into()).await?;
        let mut plan = plan(&target.service, &target.config_path);
        if question.action == Action::Deploy
            && let Some(real) = first_weight_by_pods(repository, target).await?
        {
            plan.first_weight = Some(real);
        }
        Ok(case.of_service(Some(&target.service.name), Some(plan)))
    }

    /// Reads the policy of a site, as [`Case::read`] does, for no
    /// service in particular.
    ///
    /// # Errors
    /// As [`Case::read`].
    pub async fn read_for(
        question: &Question<'_>,
        repository: &Repository,
        place: SiteRef<'_>,
    ) -> Result<Self, Failure> {
        let trusted =
            trusted::policy_of(repository, question.policy_ref, question.policy, place).await?;
        let beside = Beside::at_source(repository, &trusted.source)?;
        let policy = check::load_beside(trusted.source, &trusted.text, &beside).await?;
        // Not what the branch that is deployed to says: it could step out of a rule's way.
        let environment = trusted.environment.as_ref();
        let request = Request {
            environment: Some(place.name.to_owned()),
            whole_environment: place.whole(environment).map(str::to_owned),
            namespace: environment.and_then(|known| known.namespace.clone()),
            cluster: environment.and_then(|known| known.cluster.clone()),
            version: question.version.cloned(),
            ..Request::new(question.action)
        };
        Self::new(policy, request, question.circumstances, &beside).await
    }

    /// Makes it the case of a service and of what its deployment would do, as far as both are known.
    #[must_use]
    pub fn of_service(mut self, service: Option<&str>, plan: Option<PlanFact>) -> Self {
        self.request.service = service.map(str::to_owned);
        self.facts.plan = plan;
        self
    }

    /// Looks into the journal whether the version failed here before, where the policy asks that and
    /// service, environment and version are known.
    ///
    /// # Errors
    /// The git server does not answer or refuses.
    pub async fn look_at_past(&mut self, repository: &Repository) -> Result<(), Failure> {
        let Request {
            environment: Some(environment),
            service: Some(service),
            version: Some(version),
            action,
            ..
        } = &self.request
        else {
            return Ok(());
        };
        if self.policy.asks_of_past(*action) {
            let failed = failed_before(repository, environment, service, version).await?;
            self.facts.failed_before = failed;
        }
        Ok(())
    }

    /// Puts together what is judged. What the circumstances say goes before what the request says.
    ///
    /// # Errors
    /// The git server does not answer whether there is a freeze.
    pub async fn new(
        policy: Policy,
        request: Request,
        circumstances: &Circumstances,
        beside: &Beside<'_>,
    ) -> Result<Self, Failure> {
        let known = circumstances.clone();
        Ok(Self {
            policy,
            request: Request {
                invoker: known.invoker,
                namespace: known.namespace.or(request.namespace),
                cluster: known.cluster.or(request.cluster),
                ..request
            },
            facts: Facts {
                freeze: freeze(beside).await?,
                changed_paths: known.changed_paths,
                duration: known.duration.map(delta),
                force_version: known.force_version,
                ..Facts::default()
            },
        })
    }
}

/// A file that is there and cannot be read freezes: whoever put it there wanted to stop the line.
async fn freeze(beside: &Beside<'_>) -> Result<Option<Freeze>, Failure> {
    let path = beside.path(FREEZE);
    match beside.read(FREEZE).await {
        Ok(None) => Ok(None),
        Ok(Some(bytes)) => Ok(Some(Freeze::parse(&path, &bytes))),
        Err(failure) if failure.0.ending == Ending::ConfigInvalid => {
            Ok(Some(Freeze::unreadable(&path, &failure.0.reason)))
        }
        Err(failure) => Err(failure),
    }
}

/// Says what a deployment of the service would do. `path` is where it was read.
pub fn plan(service: &Service, path: &str) -> PlanFact {
    let metrics = &service.verification.metrics;
    PlanFact {
        path: path.to_owned(),
        strategy: service.strategy.name().to_owned(),
        length: delta(service.strategy.shortest()),
        first_weight: service.strategy.first_weight(),
        hold: delta(service.strategy.hold()),
        // What decides nothing is not what a policy requires to be judged.
        metrics: metrics
            .iter()
            .filter(|metric| !metric.dry_run)
            .map(|metric| metric.name.clone())
            .collect(),
        on_failure: service.on_failure.word().to_owned(),
    }
}

/// Returns what the first weight comes to where numbers of pods split the traffic: few pods make a
/// share that is larger than the one that is written, and the policy judges the real one. None where an
/// object splits it.
///
/// # Errors
/// The manifests cannot be read, or do not say how many pods there are.
async fn first_weight_by_pods(
    repository: &Repository,
    target: &Target,
) -> Result<Option<Weight>, Failure> {
    let strategy = &target.service.strategy;
    let (Some(canary), Some(first)) = (strategy.canary(), strategy.first_weight()) else {
        return Ok(None);
    };
    if canary.traffic != Traffic::Replicas {
        return Ok(None);
    }
    let manifests = load::manifests(repository, &target.tip, target).await?;
    let stable = manifest::current_replicas(&manifests, &canary.stable.object)
        .map_err(|refusal| failure::refusals(vec![refusal]))?;
    Ok(Some(Share::of(stable, first).weight()))
}

fn delta(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX)
}
