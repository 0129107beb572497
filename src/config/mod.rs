//! `shipgate.yaml` -> [`Config`]: services, what carries their version, how they are deployed and judged.

mod dependencies;
mod document;
pub mod forbidden_address;
mod git;
mod helm;
pub mod live;
pub mod notification;
mod on_failure;
pub mod provider;
pub mod pull_request;
pub mod query;
pub mod regions;
mod schema;
mod service;
mod strategy;
pub mod verification;
mod version_in;
pub mod web_request;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use crate::{
    manifest::{ObjectRef, ValuesIn},
    yaml::{Finding, Limits, Located, Position},
};

pub use document::{ConfigDocument, is_name};
pub use git::GitSettings;
pub use helm::{Helm, HelmKeys};
pub use live::Live;
pub use on_failure::OnFailure;
pub use strategy::{
    ArgoRollouts, BlueGreen, Canary, CanaryStep, OnPause, Preview, Rolling, Strategy, Traffic,
    Workload, traffic_key,
};
pub use version_in::Carrier;

/// One thing wrong with the meaning of a configuration: the JSON pointer of the value, counted from
/// the part that was validated, and what is wrong with it as a lower-case fragment.
pub type Problem = (String, String);

/// A valid configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// Environments by name; of one with regions each region, and not the whole.
    pub environments: BTreeMap<String, Environment>,
    /// The regions of those that have any, by the name of the whole environment.
    pub regions: BTreeMap<String, regions::Regions>,
    /// As whom commits are made.
    pub git: GitSettings,
    /// Where metrics are asked for.
    pub providers: provider::Providers,
    /// Who is told of what happens, by name.
    pub notifications: BTreeMap<String, notification::Notification>,
    /// Services by name.
    pub services: BTreeMap<String, Service>,
    /// Where each part is written.
    located: Arc<Located>,
}

/// Where an environment's manifests are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// Branch that the controller follows; none = the branch the configuration was read from.
    pub branch: Option<String>,
    /// Folder of its manifests, from the repository's root; stands for `{root}`.
    pub root: String,
    /// Path of its policy.
    pub policy: String,
    /// Kubernetes namespace that its services run in, for policies that ask.
    pub namespace: Option<String>,
    /// Name or address of the cluster that its services run in, for policies that ask.
    pub cluster: Option<String>,
    /// How its changes land where the branch takes no push; none = by a push.
    pub pull_request: Option<pull_request::PullRequest>,
    /// Which region of which environment it is; none = it is a whole one.
    pub region: Option<regions::RegionOf>,
}

/// One service: what carries its version and how it is deployed.
#[derive(Debug, Clone)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// Globs of its manifests, with `{root}`.
    pub manifests: Vec<String>,
    /// Image repository without tag.
    pub image: String,
    /// What carries its version in a workload besides image, version labels and `DD_VERSION`.
    pub version_in: Vec<Carrier>,
    /// The keys of a chart's values that hold version and replicas; none = the workloads are written out.
    pub helm: Option<Helm>,
    /// How it is deployed.
    pub strategy: Strategy,
    /// How it is judged.
    pub verification: verification::Verification,
    /// How long a workload may take until it is live.
    pub progress_deadline: Duration,
    /// How long providers may fail to answer before a deployment is left as it is.
    pub on_unavailable_after: Duration,
    /// What is done with a version that was judged worse.
    pub on_failure: OnFailure,
    /// Services that are deployed before it where several are deployed at once.
    pub depends_on: Vec<String>,
    /// May a file be changed that belongs to another environment of the same branch too?
    pub shared: bool,
    /// May drills be run?
    pub drills: bool,
}

impl Service {
    /// Returns how long a version may take until it is live where nothing judges it on the way: the
    /// old one on a way back. The controller of a Rollout goes back by its steps, once it has finished
    /// them.
    pub fn way_back_deadline(&self) -> Duration {
        let argo = self.strategy.argo_rollouts();
        argo.map_or(self.progress_deadline, |argo| {
            self.progress_deadline.max(argo.follow_for)
        })
    }

    /// Returns where it is seen which version one of its workloads runs; none where the
    /// configuration does not name that workload.
    pub fn live(&self, workload: &ObjectRef) -> Option<&Live> {
        let mut workloads = self.strategy.workloads().into_iter();
        workloads
            .find(|(_, named)| named.object == *workload)
            .map(|(_, named)| &named.live)
    }

    /// Returns the word that `workloads` and `live` name a workload by; none where they do not.
    pub fn word(&self, workload: &ObjectRef) -> Option<&'static str> {
        let mut workloads = self.strategy.workloads().into_iter();
        let found = workloads.find(|(_, named)| named.object == *workload);
        found.map(|(word, _)| word)
    }

    /// Returns the workload that `workloads` and `live` name by a word; none where they do not.
    pub fn named(&self, word: &str) -> Option<&ObjectRef> {
        let mut workloads = self.strategy.workloads().into_iter();
        let found = workloads.find(|(known, _)| *known == word);
        found.map(|(_, workload)| &workload.object)
    }

    /// Returns the globs of its manifests in an environment; a values file is one of them.
    pub fn globs(&self, environment: &Environment) -> Vec<String> {
        let globs = self.manifests.iter();
        let mut globs: Vec<String> = globs.map(|glob| environment.glob(glob)).collect();
        let file = self.helm.as_ref().and_then(Helm::file);
        globs.extend(file.map(|file| globset::escape(&environment.path(file))));
        globs
    }

    /// Returns the service with the paths that it has in an environment.
    #[must_use]
    pub fn in_environment(&self, environment: &Environment) -> Self {
        let mut service = self.clone();
        if let Some(Helm {
            values: ValuesIn::File(file),
            ..
        }) = &mut service.helm
        {
            *file = environment.path(file);
        }
        if let Some(region) = &environment.region {
            region.fill_all(&mut service.strategy);
        }
        service
    }

    /// Returns where the values of one of its workloads are, and the keys there; none where the workload is
    /// written out.
    pub fn helm_keys(&self, workload: &ObjectRef) -> Option<(&ValuesIn, &HelmKeys)> {
        let helm = self.helm.as_ref()?;
        let keys = match self.word(workload)? {
            "canary" => helm.canary.as_ref()?,
            _ => &helm.stable,
        };
        Some((&helm.values, keys))
    }
}

impl Config {
    /// Reads a configuration.
    ///
    /// # Errors
    /// Everything that is wrong with it, in the order of the lines.
    pub fn parse(text: &str) -> Result<Self, Vec<Finding>> {
        let (document, located) = crate::yaml::read::<ConfigDocument>(text, &Limits::SETTINGS)?;
        let mut problems = Problems {
            located: &located,
            findings: Vec::new(),
        };
        let config = document.validate(&mut problems);
        problems.findings.sort();
        if problems.findings.is_empty() {
            Ok(config)
        } else {
            Err(problems.findings)
        }
    }
}

impl Config {
    /// Returns where the value at a JSON pointer is written, or the nearest value around it.
    pub fn position(&self, pointer: &str) -> Position {
        self.located.position(pointer)
    }
}

impl Environment {
    /// Returns the name of the whole environment that it is a region of, else its own, `name`.
    pub fn whole<'a>(&'a self, name: &'a str) -> &'a str {
        self.region.as_ref().map_or(name, |it| &it.environment)
    }

    /// Returns what texts of the configuration may say of it; `name` is its own.
    pub fn variables(&self, name: &str) -> query::Variables {
        query::Variables {
            environment: Some(self.whole(name).to_owned()),
            region: self.region.as_ref().map(|it| it.region.clone()),
            ..query::Variables::default()
        }
    }

    /// Returns a path of the configuration with the environment's folder for `{root}`.
    fn path(&self, path: &str) -> String {
        filled(path, self.folder())
    }

    /// Returns a glob of the configuration with the environment's folder for `{root}`: a folder as it is
    /// called, whatever its name would mean in a glob.
    fn glob(&self, glob: &str) -> String {
        filled(glob, &globset::escape(self.folder()))
    }

    fn folder(&self) -> &str {
        match self.root.trim_matches('/') {
            "." => "",
            root => root,
        }
    }

    /// Returns the path of an environment's policy where its configuration names none.
    pub fn usual_policy(name: &str) -> String {
        format!("policies/{name}.yaml")
    }
}

fn filled(text: &str, root: &str) -> String {
    let text = text.replace("{root}", root);
    text.trim_start_matches('/').to_owned()
}

/// Collects what is wrong, with the place of each.
struct Problems<'a> {
    located: &'a Located,
    findings: Vec<Finding>,
}

impl Problems<'_> {
    fn at(&mut self, pointer: &str, message: impl Into<String>) {
        let position = self.located.position(pointer);
        self.findings.push(Finding::new(position, message));
    }

    /// Notes the problems of a part, whose pointers count from `pointer`.
    fn all(&mut self, pointer: &str, problems: Vec<Problem>) {
        for (below, message) in problems {
            self.at(&format!("{pointer}{below}"), message);
        }
    }

    /// Keeps the value, or notes the problem and goes on with a stand-in: all problems are told at
    /// once, and a configuration with a problem is never used.
    fn take<T, E: std::fmt::Display>(
        &mut self,
        pointer: &str,
        value: Result<T, E>,
        stand_in: T,
    ) -> T {
        value.unwrap_or_else(|error| {
            self.at(pointer, error.to_string());
            stand_in
        })
    }
}
