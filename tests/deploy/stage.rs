//! A world, runs on it, and what is promised of every end.

use std::{collections::BTreeMap, future::Future, sync::Arc};

use chrono::{DateTime, Utc};
use shipgate::{
    clock::{Clock, ManualClock},
    event::{Event, Failure, Outcome, Reporter},
    git::{Repository, RepositoryOptions},
    ops::{
        deploy::{self, DeployRequest, Limits, OnCancel, Outside},
        gate::{self, Answer, Question, TrafficQuestion},
        history,
        load::{self, ConfigSource, Target},
        recover,
        rollback::{self, RollbackTo},
        stop::{Stop, Stopper},
    },
    policy::Action,
    probe,
    secret::Secret,
    sim::{Arm, Scenario, World, WorldOptions},
    units::Version,
};
use tempfile::TempDir;
use tokio::sync::Notify;

use crate::{
    trail::{End, Trail},
    wire::Wire,
};

/// The files that a deployment may change.
pub const STABLE: &str = "clusters/prod/advertisements.yaml";
/// The other one.
pub const CANARY: &str = "clusters/prod/advertisements-canary.yaml";
/// The configuration.
pub const CONFIG: &str = "shipgate.yaml";

/// How many steps the world's own plan has.
pub const STEPS: usize = 11;
/// Those of them that push.
pub const WRITES: [usize; 6] = [1, 3, 5, 7, 10, 11];

/// A world on a clock that stands still until somebody sleeps on it.
pub struct Stage {
    /// Its time.
    pub clock: Arc<ManualClock>,
    /// The world.
    pub world: Arc<World>,
    /// What every run talks to git through.
    pub wire: Wire,
    /// The files of the first commit.
    pub first: BTreeMap<&'static str, String>,
    /// Where the remote is, as `gitops.git`.
    pub folder: TempDir,
    /// Commits that were there before anything happened.
    begun: usize,
    client: probe::Client,
}

/// How a run is started.
pub struct Start {
    /// Given to the run; a hook may ask it to stop.
    pub stopper: Stopper,
    /// The other side.
    pub stop: Stop,
    /// Who starts it.
    pub actor: &'static str,
    /// What a signal does.
    pub on_cancel: OnCancel,
    /// Limit of the whole run.
    pub timeout: Option<std::time::Duration>,
    /// Show only.
    pub dry_run: bool,
    /// Ends the run as SIGKILL would, wherever it is.
    pub kill: Arc<Notify>,
    /// Sees every event.
    pub hook: Option<Hook>,
}

/// Sees every event before the run goes on.
pub type Hook = Box<dyn FnMut(&Event)>;

impl Start {
    /// The usual start.
    pub fn new() -> Self {
        let (stopper, stop) = Stop::channel();
        Self {
            stopper,
            stop,
            actor: "robot",
            on_cancel: OnCancel::Rollback,
            timeout: None,
            dry_run: false,
            kill: Arc::new(Notify::new()),
            hook: None,
        }
    }

    /// By somebody else.
    pub fn by(actor: &'static str) -> Self {
        Self {
            actor,
            ..Self::new()
        }
    }

    /// Looks at every event.
    pub fn hook(mut self, hook: impl FnMut(&Event) + 'static) -> Self {
        self.hook = Some(Box::new(hook));
        self
    }
}

impl Stage {
    /// The usual world.
    pub fn new(scenario: Scenario) -> Self {
        Self::edited(scenario, |text| text)
    }

    /// The usual world, measured less often: for tests that need many.
    pub fn brief(scenario: Scenario) -> Self {
        Self::edited(scenario, |text| {
            text.replace("      interval: 15s", "      interval: 1m")
        })
    }

    /// A world with other steps than usual: what stands below `steps:` is replaced.
    pub fn with_steps(scenario: Scenario, steps: &str) -> Self {
        Self::edited(scenario, |text| {
            let (head, rest) = text.split_once("        steps:\n").unwrap();
            let (_, tail) = rest.split_once("        bake_time:").unwrap();
            let steps: String = steps
                .lines()
                .map(|step| format!("          - {step}\n"))
                .collect();
            format!("{head}        steps:\n{steps}        bake_time:{tail}")
        })
    }

    /// A world whose configuration was edited before anything else happened.
    pub fn edited(scenario: Scenario, configure: impl FnOnce(String) -> String) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(instant("2026-03-10T10:00:00Z")));
        let time: Arc<dyn Clock> = clock.clone();
        let world =
            World::start(WorldOptions::new(scenario, time, folder.path().to_owned())).unwrap();
        let text = |path: &str| String::from_utf8(world.read(path).unwrap().unwrap()).unwrap();
        let config = text(CONFIG);
        let configured = configure(config.clone());
        if configured != config {
            world
                .write(CONFIG, configured.as_bytes(), "config: for this test")
                .unwrap();
        }
        let first = [STABLE, CANARY].map(|path| (path, text(path))).into();
        Self {
            begun: world.log().unwrap().len(),
            client: probe::Client::new(probe::ClientOptions::default()),
            wire: Wire::before(&world.git_url()),
            world: Arc::new(world),
            clock,
            first,
            folder,
        }
    }

    /// Returns the world's time.
    pub fn clock_now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Returns a file of the branch.
    pub fn text(&self, path: &str) -> String {
        String::from_utf8(self.world.read(path).unwrap().unwrap()).unwrap()
    }

    /// Commits a change of one text in a file, as somebody else would.
    pub fn edit(&self, path: &str, old: &str, new: &str) {
        edit(&self.world, path, old, new);
    }

    /// Opens the repository as a machine of its own would.
    pub fn repository(&self) -> Repository {
        Repository::open(RepositoryOptions {
            url: self.wire.url().to_owned(),
            token: Some(Secret::new(self.world.token())),
            token_user: None,
            ca_file: None,
            checkout: None,
            author_name: "shipgate".to_owned(),
            author_email: "shipgate@users.noreply.invalid".to_owned(),
            timeout: std::time::Duration::from_secs(20),
        })
        .unwrap()
    }

    /// Deploys.
    pub async fn deploy(&self, version: &str) -> End {
        self.deploy_with(version, Start::new()).await
    }

    /// Deploys in a way of its own.
    pub async fn deploy_with(&self, version: &str, start: Start) -> End {
        let request = DeployRequest {
            service: None,
            environment: None,
            version: version.parse().unwrap(),
            config: CONFIG.to_owned(),
            branch: None,
            policy: None,
            policy_ref: None,
            traffic: TrafficQuestion::default(),
            dry_run: start.dry_run,
            limits: Limits {
                on_cancel: start.on_cancel,
                timeout: start.timeout,
            },
            source: None,
            actor: Some(start.actor.to_owned()),
            pipeline: None,
        };
        self.run(start, async |outside, _, stop, trail| {
            deploy::deploy(&request, outside, stop, trail).await
        })
        .await
    }

    /// Recovers, as another person.
    pub async fn recover(&self) -> End {
        self.recover_with(Start::by("alex")).await
    }

    /// Recovers in a way of its own.
    pub async fn recover_with(&self, start: Start) -> End {
        self.run(start, async |outside, actor, stop, trail| {
            let target = target(outside).await?;
            recover::recover(outside, &target, actor, stop, trail).await
        })
        .await
    }

    /// Rolls back, to the last known good version or to a named one.
    pub async fn rollback(&self, to: Option<&str>) -> End {
        self.rollback_with(to, Start::by("alex")).await
    }

    /// Rolls back in a way of its own.
    pub async fn rollback_with(&self, to: Option<&str>, start: Start) -> End {
        let to: Option<Version> = to.map(|text| text.parse().unwrap());
        let limits = Limits {
            on_cancel: start.on_cancel,
            timeout: start.timeout,
        };
        self.run(start, async |outside, actor, stop, trail| {
            let target = target(outside).await?;
            let question = Question {
                action: Action::Rollback,
                version: to.as_ref(),
                policy: None,
                policy_ref: None,
                traffic: &TrafficQuestion::default(),
            };
            let permit = match gate::ask(&question, outside, &target, trail).await? {
                Answer::Permit(permit) => permit,
                Answer::No(outcome) => return Ok(*outcome),
            };
            let permit = &permit;
            match &to {
                None => {
                    rollback::rollback(outside, &target, actor, "a test", permit, stop, trail).await
                }
                Some(version) => {
                    let request = RollbackTo {
                        dry_run: false,
                        reason: "asked for by a test",
                        version,
                        actor,
                        limits,
                        permit,
                    };
                    rollback::rollback_to(request, outside, &target, stop, trail).await
                }
            }
        })
        .await
    }

    /// Shows what a rollback and a recovery would do.
    pub async fn shows(&self) -> (End, End) {
        let back = self
            .run(Start::new(), async |outside, _, _, _| {
                rollback::show(outside, &target(outside).await?).await
            })
            .await;
        let recovery = self
            .run(Start::new(), async |outside, _, _, _| {
                recover::show(outside, &target(outside).await?).await
            })
            .await;
        (back, recovery)
    }

    /// Lists the past, as `version state actor` each.
    pub async fn history(&self) -> Vec<String> {
        let end = self
            .run(Start::new(), async |outside, _, _, _| {
                let target = target(outside).await?;
                history::history(outside, &target, 20).await
            })
            .await;
        end.outcome
            .history
            .iter()
            .map(|one| {
                format!(
                    "{} {} ({} -> {}, by {})",
                    one.strategy,
                    one.state,
                    one.previous_version.as_deref().unwrap_or("?"),
                    one.version.as_ref().map_or("?", Version::as_str),
                    one.actor.as_deref().unwrap_or("?")
                )
            })
            .collect()
    }

    async fn run(
        &self,
        start: Start,
        work: impl AsyncFnOnce(
            &Outside<'_>,
            Option<String>,
            Stop,
            &mut dyn Reporter,
        ) -> Result<Outcome, Failure>,
    ) -> End {
        // Only the first test of the process installs it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let repository = self.repository();
        let outside = Outside {
            repository: &repository,
            client: &self.client,
            clock: self.clock.clone(),
            secrets: &|_| None,
        };
        let git = self.wire.url().trim_end_matches("/git/gitops.git");
        let places = [(self.world.base_url(), "WORLD"), (git, "GIT")];
        let places = places.map(|(place, name)| (place.to_owned(), name)).into();
        let mut trail = Trail::new(start.hook, places);
        let kill = start.kill;
        // Somebody could always still ask: the run must not notice that nobody can any more.
        let _stopper = start.stopper;
        let work = Box::pin(work(
            &outside,
            Some(start.actor.to_owned()),
            start.stop,
            &mut trail,
        ));
        let ended = tokio::select! {
            biased;
            () = kill.notified() => None,
            ended = work => Some(ended.unwrap_or_else(Outcome::from)),
        };
        End::new(trail, ended)
    }

    /// Returns the subjects of the branch, newest first, without what was there at first.
    pub fn log(&self) -> Vec<String> {
        let log = self.world.log().unwrap();
        let own = log.len() - self.begun;
        log.into_iter().take(own).map(|line| line.subject).collect()
    }

    /// Returns the remote itself.
    pub fn remote(&self) -> git2::Repository {
        git2::Repository::open_bare(self.folder.path().join("gitops.git")).unwrap()
    }

    /// Returns the states that the journal went through, oldest first.
    pub fn journal(&self) -> Vec<String> {
        let remote = self.remote();
        let mut next = remote
            .find_reference("refs/shipgate/production/advertisements")
            .and_then(|reference| reference.peel_to_commit())
            .ok();
        let mut states = Vec::new();
        while let Some(record) = next {
            let message = record.message().unwrap();
            let mut lines = message.lines();
            let state = lines.find_map(|line| line.strip_prefix("Shipgate-State: "));
            states.push(state.unwrap().to_owned());
            next = record.parent(0).ok();
        }
        states.reverse();
        states
    }

    /// Returns how the manifests differ from the first commit's: `as at first`, or line by line.
    pub fn tree(&self) -> String {
        let mut lines = Vec::new();
        for (path, old) in &self.first {
            let new = self.text(path);
            let name = path.rsplit('/').next().unwrap();
            if old.lines().count() != new.lines().count() {
                lines.push(format!("{name}: other lines"));
                continue;
            }
            for (old, new) in old.lines().zip(new.lines()).filter(|(old, new)| old != new) {
                lines.push(format!("{name}: {} -> {}", old.trim(), new.trim()));
            }
        }
        if lines.is_empty() {
            "as at first".to_owned()
        } else {
            lines.join("\n")
        }
    }

    /// Returns what runs, in one line.
    pub fn live(&self) -> String {
        let live = self.world.live();
        let version = |arm| {
            let workload = live.workload(arm);
            workload
                .version
                .clone()
                .unwrap_or_else(|| "nothing".to_owned())
        };
        format!(
            "stable {}, canary {} with {}",
            version(Arm::Stable),
            version(Arm::Canary),
            live.weight
        )
    }

    /// Returns everything about an end in a form for snapshots.
    pub fn story(&self, end: &End) -> String {
        format!(
            "{end}\nlog: {}\njournal: {}\ntree: {}\nlive: {}",
            self.log().join(" | "),
            self.journal().join(" "),
            self.tree(),
            self.live()
        )
    }

    /// Asserts that 1.1 runs everywhere and that nothing of the canary is left in git.
    #[track_caller]
    pub fn assert_deployed(&self, what: &str) {
        self.clock.advance(std::time::Duration::from_secs(60));
        let expected = [STABLE, CANARY].map(|path| {
            let text = self.first[path].clone();
            let tag = text.replace("advertisements:1.0", "advertisements:1.1");
            let label = tag.replace("/version: \"1.0\"", "/version: \"1.1\"");
            let plain = label.replace("value: \"1.0\"", "value: \"1.1\"");
            (path, plain.replace("value: '1.0'", "value: '1.1'"))
        });
        for (path, text) in expected {
            assert_eq!(self.text(path), text, "{what}");
        }
        assert_eq!(self.live(), "stable 1.1, canary nothing with 0%", "{what}");
    }

    /// Returns the ids of the runs that have a commit on the branch.
    pub fn run_ids(&self) -> std::collections::BTreeSet<String> {
        let log = self.world.log().unwrap();
        log.iter()
            .flat_map(|line| line.body.lines())
            .filter_map(|line| line.strip_prefix("Shipgate-Run: "))
            .map(str::to_owned)
            .collect()
    }

    /// Returns how many commits of shipgate are on the branch.
    pub fn commits(&self) -> usize {
        let log = self.world.log().unwrap();
        log.iter()
            .filter(|line| line.author.starts_with("shipgate"))
            .count()
    }

    /// Returns every reference with its commit.
    pub fn references(&self) -> Vec<(String, String)> {
        self.world.references().unwrap()
    }

    /// Asserts that nothing is left of a deployment, on the branch and in the cluster.
    #[track_caller]
    pub fn assert_restored(&self, what: &str) {
        assert_eq!(self.tree(), "as at first", "{what}");
        assert_eq!(self.live(), "stable 1.0, canary nothing with 0%", "{what}");
    }
}

/// Commits a change of one text in a file, as somebody else would.
pub fn edit(world: &World, path: &str, old: &str, new: &str) {
    let text = String::from_utf8(world.read(path).unwrap().unwrap()).unwrap();
    assert!(text.contains(old), "{old:?} is not in {text}");
    let text = text.replace(old, new);
    world
        .write(path, text.as_bytes(), "robin: something else")
        .unwrap();
}

async fn target(outside: &Outside<'_>) -> Result<Target, Failure> {
    let source = ConfigSource {
        branch: None,
        path: CONFIG,
    };
    load::target(outside.repository, &source, None, None).await
}

/// Waits for many things at once.
pub async fn all<T>(work: impl IntoIterator<Item = impl Future<Output = T>>) -> Vec<T> {
    futures_util::future::join_all(work).await
}

/// Is it the beginning of a step of the way forward? From 1.
pub fn starts(event: &Event, step: usize) -> bool {
    matches!(event, Event::StepStarted { index, total: STEPS, .. } if *index == step)
}

/// Reads RFC 3339.
pub fn instant(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}
