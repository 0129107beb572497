//! How long users stay on a bad version once it is judged so: `cargo bench --bench way_back -- RUNS`. From
//! the verdict to the pushed commit that takes the traffic back, and to the one with the rest, each seen on
//! the branch again, over smart HTTP of git's own server on loopback; everything else is the embedded
//! world, whose clock does not wait. Without a number it only looks whether it runs.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a stopwatch with figures on the terminal; a surprise ends it"
)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use shipgate::{
    clock::{Clock, ManualClock},
    event::{Event, Outcome, Reporter},
    git::{Repository, RepositoryOptions},
    ops::{
        asker::Asker,
        case::Circumstances,
        deploy::{self, DeployRequest, Limits, OnCancel, Outside},
        gate::TrafficQuestion,
        stop::Stop,
    },
    probe::{Client, ClientOptions},
    secret::Secret,
    sim::{Scenario, World, WorldOptions},
};
use support::git_server::GitServer;

const TOKEN: &str = "a-token";
/// What is promised.
const LIMIT: Duration = Duration::from_secs(2);

fn main() {
    let runs = std::env::args().find_map(|argument| argument.parse().ok());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut times: Vec<[Duration; 2]> = Vec::new();
    for _ in 0..runs.unwrap_or(1_usize) {
        times.push(runtime.block_on(taken_back()));
    }
    for (number, what) in ["traffic back", "all back"].into_iter().enumerate() {
        let mut these: Vec<Duration> = times.iter().map(|it| it[number]).collect();
        these.sort_unstable();
        let at = |percent: usize| these[(these.len() - 1) * percent / 100].as_millis();
        let late = these.iter().filter(|it| **it >= LIMIT).count();
        println!(
            "{what}: {} runs, shortest {} ms, half within {} ms, 95 of 100 within {} ms, longest {} ms, {late} not within {} s",
            these.len(),
            at(0),
            at(50),
            at(95),
            at(100),
            LIMIT.as_secs()
        );
    }
}

/// Writes down when the verdict was there, and when each push of the way back was done.
#[derive(Default)]
struct Stopwatch {
    verdict: Option<Instant>,
    pushed: Vec<Duration>,
}

impl Reporter for Stopwatch {
    fn event(&mut self, event: &Event) {
        match event {
            Event::WayBack { .. } => self.verdict = Some(Instant::now()),
            Event::Pushed { .. } => {
                let since = self.verdict.map(|verdict| verdict.elapsed());
                self.pushed.extend(since);
            }
            _ => {}
        }
    }

    fn finish(&mut self, _outcome: &Outcome) {}
}

/// Deploys a canary that is bad, in a world of its own.
async fn taken_back() -> [Duration; 2] {
    let server = GitServer::start(TOKEN);
    let folder = server.repository.parent().unwrap().to_owned();
    let clock = Arc::new(ManualClock::at("2026-03-10T10:00:00Z".parse().unwrap()));
    let time: Arc<dyn Clock> = clock;
    let options = WorldOptions::new(Scenario::Errors, Arc::clone(&time), folder);
    let _world = World::start(options).unwrap();
    let repository = Repository::open(RepositoryOptions {
        url: format!("{}/gitops.git", server.origin()),
        token: Some(Secret::new(TOKEN)),
        token_user: None,
        ca_file: None,
        checkout: None,
        author_name: "shipgate".to_owned(),
        author_email: "shipgate@users.noreply.invalid".to_owned(),
        author_is_given: false,
        signer: None,
        timeout: Duration::from_secs(60),
    })
    .unwrap();
    let client = Client::new(ClientOptions {
        user_agent: "shipgate/bench".to_owned(),
        ..ClientOptions::default()
    });
    let outside = Outside {
        convoy: None,
        pushes: None,
        lookout: None,
        batch: None,
        repository: &repository,
        client: &client,
        clock: time,
        secrets: &|_| None,
    };
    let request = DeployRequest {
        regions: None,
        accept: false,
        service: None,
        environment: None,
        version: "1.1".parse().unwrap(),
        config: "shipgate.yaml".to_owned(),
        branch: None,
        policy: None,
        policy_ref: None,
        traffic: TrafficQuestion::default(),
        circumstances: Circumstances::default(),
        dry_run: false,
        limits: Limits {
            on_cancel: OnCancel::Rollback,
            timeout: None,
        },
        source: None,
        offline: false,
        planned: None,
        drill: false,
        asker: Asker::default(),
    };
    let (_stopper, stop) = Stop::channel();
    let mut stopwatch = Stopwatch::default();
    let run = deploy::deploy(&request, &outside, stop, &mut stopwatch);
    let outcome = Box::pin(run).await.unwrap_or_else(Outcome::from);
    assert_eq!(outcome.ending.code().number, 40, "{}", outcome.reason);
    stopwatch.pushed[..].try_into().unwrap()
}
