//! The commands, each run as a machine of its own would: with its own copy of the repository.

use std::{sync::Arc, time::Duration};

use shipgate::{
    event::{Ending, Event, Failure, Outcome, Reporter},
    git::{Repository, RepositoryOptions},
    ops::{
        asker::Asker,
        case::Circumstances,
        cleanup::{self, CleanupRequest},
        deploy::{self, DeployRequest, Limits, OnCancel, Outside},
        gate::{self, Answer, Question, TrafficQuestion},
        github_approvals::GitHubRun,
        history::{self, HistoryQuestion},
        load::{self, ConfigSource, Target},
        recover,
        rollback::{self, RollbackLast, RollbackTo},
        stop::{Stop, Stopper},
        takeback::Progressive,
        unnamed,
    },
    policy::Action,
    secret::Secret,
    units::Version,
};
use tokio::sync::Notify;

use crate::{
    stage::{CONFIG, Stage},
    trail::{End, Trail},
};

/// Somebody who brings nothing along, from a pipeline.
fn asker(actor: Option<String>) -> Asker {
    Asker {
        pipeline: actor
            .as_ref()
            .map(|who| format!("https://ci.example/{who}")),
        actor,
        ..Asker::default()
    }
}

/// How a run is started.
pub struct Start {
    /// Given to the run; a hook may ask it to stop.
    pub stopper: Stopper,
    /// The other side.
    pub stop: Stop,
    /// Who starts it.
    pub actor: &'static str,
    /// The run of GitHub Actions that it is a part of.
    pub github: Option<GitHubRun>,
    /// What a signal does.
    pub on_cancel: OnCancel,
    /// Limit of the whole run.
    pub timeout: Option<Duration>,
    /// Show only.
    pub dry_run: bool,
    /// What is known besides.
    pub circumstances: Circumstances,
    /// Ends the run as SIGKILL would, wherever it is.
    pub kill: Arc<Notify>,
    /// What the version was built from.
    pub source: Option<String>,
    /// Is it a rehearsal?
    pub drill: bool,
    /// Does it accept what waits for a person?
    pub accept: bool,
    /// Does a rollback go down in steps?
    pub progressive: bool,
    /// How long is stable watched at each?
    pub hold: Option<Duration>,
    /// How often does it look, while it waits, whether it was taken over?
    pub lookout: Option<Duration>,
    /// Variables of its environment.
    pub variables: Vec<(&'static str, String)>,
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
            github: None,
            on_cancel: OnCancel::Rollback,
            timeout: None,
            dry_run: false,
            circumstances: Circumstances::default(),
            kill: Arc::new(Notify::new()),
            source: None,
            drill: false,
            accept: false,
            progressive: false,
            hold: None,
            lookout: None,
            variables: Vec::new(),
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
            author_is_given: false,
            signer: None,
            timeout: self.git_timeout,
        })
        .unwrap()
    }

    /// Deploys.
    pub async fn deploy(&self, version: &str) -> End {
        Box::pin(self.deploy_with(version, Start::new())).await
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
            circumstances: start.circumstances.clone(),
            dry_run: start.dry_run,
            limits: Limits {
                on_cancel: start.on_cancel,
                timeout: start.timeout,
            },
            source: start.source.clone(),
            offline: false,
            planned: None,
            drill: start.drill,
            regions: None,
            accept: start.accept,
            asker: Asker {
                github: start.github.clone(),
                ..asker(Some(start.actor.to_owned()))
            },
        };
        let run = self.run(start, async |outside, _, stop, trail| {
            Box::pin(deploy::deploy(&request, outside, stop, trail)).await
        });
        Box::pin(run).await
    }

    /// Deploys again, and accepts what waits for a person.
    pub async fn accept(&self, version: &str) -> End {
        let start = Start {
            accept: true,
            ..Start::by("alex")
        };
        Box::pin(self.deploy_with(version, start)).await
    }

    /// Recovers, as another person.
    pub async fn recover(&self) -> End {
        Box::pin(self.recover_with(Start::by("alex"))).await
    }

    /// Recovers in a way of its own.
    pub async fn recover_with(&self, start: Start) -> End {
        let run = self.run(start, async |outside, actor, stop, trail| {
            let target = target(outside).await?;
            recover::recover(outside, &target, actor, stop, trail).await
        });
        Box::pin(run).await
    }

    /// Recovers what a pipeline itself has left.
    pub async fn recover_own(&self, pipeline: &str) -> End {
        let run = self.run(Start::by("alex"), async |outside, actor, stop, trail| {
            let target = target(outside).await?;
            recover::own(Some(pipeline), outside, &target, actor, stop, trail).await
        });
        Box::pin(run).await
    }

    /// Cleans up, once the old colour was kept for long enough, or now.
    pub async fn cleanup(&self, now: bool) -> End {
        self.cleanup_with(now, Start::by("alex")).await
    }

    /// Cleans up in a way of its own.
    pub async fn cleanup_with(&self, now: bool, start: Start) -> End {
        let dry_run = start.dry_run;
        self.run(start, async |outside, actor, stop, trail| {
            let target = target(outside).await?;
            let asker = asker(actor);
            let question = Question {
                action: Action::Cleanup,
                version: None,
                policy: None,
                policy_ref: None,
                traffic: &TrafficQuestion::default(),
                asker: &asker,
                circumstances: &Circumstances::default(),
            };
            let permit = match gate::ask(&question, outside, &target, trail).await? {
                Answer::Permit(permit) => permit,
                Answer::No(outcome) => return Ok(*outcome),
            };
            let request = CleanupRequest {
                asker: &asker,
                permit: &permit,
                now,
                reason: now.then_some("a test"),
                dry_run,
            };
            cleanup::cleanup(request, outside, &target, stop, trail).await
        })
        .await
    }

    /// Says which runs nobody finishes, because the configuration does not name their service.
    pub async fn unnamed(&self) -> End {
        self.run(Start::new(), async |outside, _, _, trail| {
            let target = target(outside).await?;
            for run in unnamed::runs(&target.config, &target.config_path, outside).await {
                trail.event(&Event::Warning(run));
            }
            Ok(Outcome::new(Ending::Shown, "shown"))
        })
        .await
    }

    /// Judges whether the journal explains every change on the branch; one line for each gap.
    pub async fn gaps(&self) -> Vec<String> {
        let end = self
            .run(Start::new(), async |outside, _, _, _| {
                let source = ConfigSource {
                    branch: None,
                    path: CONFIG,
                };
                let site = load::site(outside.repository, &source, None).await?;
                let question = HistoryQuestion {
                    audit: true,
                    ..HistoryQuestion::default()
                };
                history::history(outside, &site, &question).await
            })
            .await;
        let audit = end.outcome.audit.clone().unwrap();
        assert!(audit.explained > 0, "{end}");
        audit.gaps.into_iter().map(|gap| gap.message).collect()
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
        let drill = start.drill;
        let progressive = start
            .progressive
            .then_some(Progressive { hold: start.hold });
        self.run(start, async |outside, actor, stop, trail| {
            let target = target(outside).await?;
            let question = Question {
                action: Action::Rollback,
                version: to.as_ref(),
                policy: None,
                policy_ref: None,
                traffic: &TrafficQuestion::default(),
                asker: &asker(actor.clone()),
                circumstances: &Circumstances::default(),
            };
            let permit = match gate::ask(&question, outside, &target, trail).await? {
                Answer::Permit(permit) => permit,
                Answer::No(outcome) => return Ok(*outcome),
            };
            let permit = &permit;
            match &to {
                None => {
                    let request = RollbackLast {
                        asker: &asker(actor),
                        permit,
                        reason: "a test",
                        drill,
                        progressive,
                    };
                    rollback::rollback(request, outside, &target, stop, trail).await
                }
                Some(version) => {
                    let request = RollbackTo {
                        dry_run: false,
                        reason: "asked for by a test",
                        version,
                        asker: &asker(actor),
                        limits,
                        permit,
                        drill,
                    };
                    rollback::rollback_to(request, outside, &target, stop, trail).await
                }
            }
        })
        .await
    }

    /// Shows what a rollback in steps would do.
    pub async fn shows_progressive(&self, hold: Option<Duration>) -> End {
        let progressive = Some(Progressive { hold });
        self.run(Start::new(), async |outside, _, _, _| {
            rollback::show(progressive, outside, &target(outside).await?).await
        })
        .await
    }

    /// Says what `check` says of a deployment beside others: the way is free, or what is to be known.
    pub async fn foreseen(&self, version: &str) -> End {
        let version: Version = version.parse().unwrap();
        self.run(Start::new(), async |outside, _, _, _| {
            let source = ConfigSource {
                branch: None,
                path: CONFIG,
            };
            let place = ("advertisements", "production");
            let now = outside.clock.now();
            let remark = deploy::foreseen(outside, &source, place, Some(&version), now).await?;
            Ok(Outcome::new(
                Ending::Shown,
                remark.unwrap_or_else(|| "free".to_owned()),
            ))
        })
        .await
    }

    /// Shows what a rollback and a recovery would do.
    pub async fn shows(&self) -> (End, End) {
        let back = self
            .run(Start::new(), async |outside, _, _, _| {
                rollback::show(None, outside, &target(outside).await?).await
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
                let source = ConfigSource {
                    branch: None,
                    path: CONFIG,
                };
                let site = load::site(outside.repository, &source, None).await?;
                let question = HistoryQuestion {
                    limit: 20,
                    ..HistoryQuestion::default()
                };
                history::history(outside, &site, &question).await
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

    /// Asks whether the runs explain the branch: how many changes they do, and a line for each gap.
    /// What the stage's own configuration no longer manages is left out.
    pub async fn audit(&self) -> (usize, Vec<String>) {
        let end = self
            .run(Start::new(), async |outside, _, _, _| {
                let source = ConfigSource {
                    branch: None,
                    path: CONFIG,
                };
                let site = load::site(outside.repository, &source, None).await?;
                let question = HistoryQuestion {
                    audit: true,
                    ..HistoryQuestion::default()
                };
                history::history(outside, &site, &question).await
            })
            .await;
        let audit = end.outcome.audit.unwrap();
        let gaps = audit.gaps.into_iter().filter_map(|gap| {
            let value = match gap.change {
                Some(change) => format!(" to {}", change.new?),
                None => String::new(),
            };
            Some(format!("{:?}{value}: {}", gap.kind, gap.message))
        });
        (audit.explained, gaps.collect())
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
        let variables = start.variables;
        let outside = Outside {
            repository: &repository,
            client: &self.client,
            clock: self.time.clone(),
            convoy: None,
            pushes: None,
            lookout: start.lookout,
            batch: None,
            secrets: &|name| {
                let given = variables.iter().find(|(variable, _)| *variable == name);
                match given {
                    Some((_, value)) => Some(Secret::new(value.clone())),
                    None => (name == "SHIPGATE_TOKEN").then(|| Secret::new(self.world.token())),
                }
            },
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
}

async fn target(outside: &Outside<'_>) -> Result<Target, Failure> {
    let source = ConfigSource {
        branch: None,
        path: CONFIG,
    };
    load::target(outside.repository, &source, None, None).await
}
