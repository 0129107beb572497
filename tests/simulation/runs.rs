//! The commands, each as a machine of its own would run it.

use std::{pin::Pin, sync::Arc};

use shipgate::{
    event::{Event, Failure, Outcome, Reporter},
    git::{Repository, RepositoryOptions},
    ops::{
        asker::Asker,
        case::Circumstances,
        cleanup::{self, CleanupRequest},
        deploy::{self, DeployRequest, Limits, OnCancel, Outside},
        gate::{self, Answer, Question, TrafficQuestion},
        history::{self, HistoryQuestion},
        load::{self, ConfigSource, Target},
        recover,
        rollback::{self, RollbackLast},
        stop::Stop,
    },
    policy::Action,
    probe,
    secret::Secret,
};

use crate::{
    schedule::RunClock,
    script::Deed,
    shop::CONFIG,
    world::{TOKEN, World},
};

/// A run that goes on when it is polled.
pub type Running = Pin<Box<dyn Future<Output = Outcome>>>;

/// Writes what a run says into the trail.
struct Told {
    world: Arc<World>,
    run: usize,
}

impl Reporter for Told {
    fn event(&mut self, event: &Event) {
        let line = match event {
            Event::StepStarted {
                index, total, name, ..
            } => format!("{index}/{total} {name}"),
            Event::StepFinished { state, detail, .. } => format!("{} {detail}", state.word()),
            Event::WayBack { reason, .. } => format!("way back: {reason}"),
            Event::Warning(text) => format!("warning: {text}"),
            _ => return,
        };
        self.world.tell(&format!("run {}: {line}", self.run));
    }

    fn finish(&mut self, _: &Outcome) {}
}

/// What a run is to do.
#[derive(Debug, Clone)]
pub struct Order {
    /// Its number.
    pub run: usize,
    /// What.
    pub deed: Deed,
    /// To which service.
    pub service: &'static str,
    /// What a signal does.
    pub on_cancel: OnCancel,
}

fn asker(run: usize) -> Asker {
    Asker {
        actor: Some(format!("run-{run}")),
        ..Asker::default()
    }
}

fn source() -> ConfigSource<'static> {
    ConfigSource {
        branch: None,
        path: CONFIG,
    }
}

async fn target(outside: &Outside<'_>, service: &str) -> Result<Target, Failure> {
    load::target(outside.repository, &source(), Some(service), None).await
}

/// Starts a run.
pub fn start(world: &Arc<World>, order: Order, stop: Stop) -> Running {
    let told = Told {
        world: Arc::clone(world),
        run: order.run,
    };
    perform(world, order.run, told, async move |outside, told| {
        Box::pin(act(&order, outside, stop, told)).await
    })
}

/// Asks whether the runs explain the branch.
pub fn audit(world: &Arc<World>, run: usize) -> Running {
    let told = Told {
        world: Arc::clone(world),
        run,
    };
    perform(world, run, told, async |outside, _| {
        let site = load::site(outside.repository, &source(), None).await?;
        let question = HistoryQuestion {
            audit: true,
            ..HistoryQuestion::default()
        };
        history::history(outside, &site, &question).await
    })
}

fn perform(
    world: &Arc<World>,
    run: usize,
    mut told: Told,
    work: impl AsyncFnOnce(&Outside<'_>, &mut dyn Reporter) -> Result<Outcome, Failure> + 'static,
) -> Running {
    let world = Arc::clone(world);
    Box::pin(async move {
        let repository = Repository::open(RepositoryOptions {
            url: world.git_url(),
            token: Some(Secret::new(TOKEN)),
            token_user: Some(format!("run-{run}")),
            ca_file: None,
            checkout: None,
            author_name: "shipgate".to_owned(),
            author_email: "shipgate@users.noreply.invalid".to_owned(),
            author_is_given: false,
            signer: None,
            timeout: std::time::Duration::from_secs(600),
        });
        let repository = repository.unwrap();
        let client = probe::Client::new(probe::ClientOptions {
            user_agent: "shipgate/test".to_owned(),
            ..probe::ClientOptions::default()
        });
        let outside = Outside {
            repository: &repository,
            client: &client,
            clock: Arc::new(RunClock {
                time: Arc::clone(&world.time),
                run,
            }),
            convoy: None,
            pushes: None,
            lookout: None,
            batch: None,
            secrets: &|_| None,
        };
        let ended = Box::pin(work(&outside, &mut told)).await;
        ended.unwrap_or_else(Outcome::from)
    })
}

async fn act(
    order: &Order,
    outside: &Outside<'_>,
    stop: Stop,
    told: &mut dyn Reporter,
) -> Result<Outcome, Failure> {
    let limits = Limits {
        on_cancel: order.on_cancel,
        timeout: None,
    };
    if let Deed::Deploy(version) = &order.deed {
        let request = DeployRequest {
            regions: None,
            offline: false,
            planned: None,
            service: Some(order.service.to_owned()),
            environment: None,
            version: version.clone(),
            config: CONFIG.to_owned(),
            branch: None,
            policy: None,
            policy_ref: None,
            traffic: TrafficQuestion::default(),
            circumstances: Circumstances::default(),
            dry_run: false,
            limits,
            source: None,
            drill: false,
            accept: false,
            asker: asker(order.run),
        };
        return Box::pin(deploy::deploy(&request, outside, stop, told)).await;
    }
    let target = target(outside, order.service).await?;
    let asker = asker(order.run);
    let action = match order.deed {
        Deed::Recover | Deed::Deploy(_) => {
            let actor = asker.actor.clone();
            return recover::recover(outside, &target, actor, stop, told).await;
        }
        Deed::Rollback => Action::Rollback,
        Deed::Cleanup => Action::Cleanup,
    };
    let question = Question {
        action,
        version: None,
        policy: None,
        policy_ref: None,
        traffic: &TrafficQuestion::default(),
        asker: &asker,
        circumstances: &Circumstances::default(),
    };
    let permit = match gate::ask(&question, outside, &target, told).await? {
        Answer::Permit(permit) => permit,
        Answer::No(outcome) => return Ok(*outcome),
    };
    if action == Action::Cleanup {
        let request = CleanupRequest {
            asker: &asker,
            permit: &permit,
            now: true,
            reason: Some("a test"),
            dry_run: false,
        };
        return cleanup::cleanup(request, outside, &target, stop, told).await;
    }
    let request = RollbackLast {
        asker: &asker,
        permit: &permit,
        reason: "a test",
        drill: false,
        progressive: None,
    };
    rollback::rollback(request, outside, &target, stop, told).await
}
