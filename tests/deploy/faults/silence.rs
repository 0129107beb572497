//! Servers that take a question and never answer it: whichever call of a run meets one, the run ends at
//! its limit or a bounded time after it, with a code that says what is left.
//!
//! A sample of the calls is tried; with `SHIPGATE_PROVE=1` every call that a whole run makes of each
//! kind is, with a server that never answers again and with one that is silent once.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use shipgate::{clock::Clock, ops::github_approvals::GitHubRun, probe::github, sim::Scenario};

use super::{
    promise::{Wanted, kept},
    samples::{Ground, watched_rarely},
};
use crate::{
    hurried::Hurried,
    is_proof,
    runs::Start,
    server::{Behaviour, Server},
    stage::{CANARY, CONFIG, STABLE, Stage, all},
    wire::{Call, Fate, Gate, When, Wire},
};

/// What `--timeout` says.
const TIMEOUT: Duration = Duration::from_secs(30 * 60);
/// How much longer a run may take: two pushes back with their records, each tried for ten minutes and
/// two, and the last record.
const GRACE: Duration = Duration::from_secs(26 * 60);
/// What a call to the git server takes that is never answered, as the program has it; each costs a
/// test three seconds.
const GIT_LIMIT: Duration = Duration::from_secs(60);
/// The same for what is asked of others.
const PROBE_LIMIT: Duration = Duration::from_secs(10);
const POLICY: &str = "policies/production.yaml";

const KINDS: [Call; 6] = [
    Call::Read,
    Call::Journal,
    Call::Branch,
    Call::Metrics,
    Call::Health,
    Call::Live,
];

/// Which calls are not answered.
#[derive(Debug, Clone, Copy)]
struct Silence {
    call: Call,
    /// Does the server hear of it? Then it does what it is asked to.
    when: When,
    /// From which one of its kind on, from 1.
    nth: usize,
    /// That one alone?
    once: bool,
}

/// A world whose servers can fall silent.
struct Place {
    ground: Ground,
    probes: Wire,
    seen: Arc<Mutex<Vec<(Call, When)>>>,
    gate: Gate,
}

impl Place {
    fn new() -> Self {
        let mut stage = Stage::edited(Scenario::Healthy, watched_rarely);
        let probes = stage.with_probes_on_a_wire();
        stage.git_timeout = Duration::from_secs(3);
        stage.time = Arc::new(Hurried(Arc::clone(&stage.clock)));
        Self {
            ground: Ground::World(stage),
            probes,
            seen: Arc::default(),
            gate: Gate::default(),
        }
    }

    /// Lets calls go unanswered from now on; whoever waits for one waits as long as the program has it.
    fn fall_silent(&self, silence: Option<Silence>) {
        for wire in [&self.ground.stage().wire, &self.probes] {
            let (clock, gate) = (Arc::clone(&self.ground.stage().clock), self.gate.clone());
            let seen = Arc::clone(&self.seen);
            let mut count = 0;
            wire.rule(move |call, when| {
                seen.lock().unwrap().push((call, when));
                let Some(silence) = silence else {
                    return Fate::Pass;
                };
                // A git server that is silent for good is so whatever it is asked.
                let is_git = [Call::Read, Call::Journal, Call::Branch].contains(&call);
                let begins = (call, when) == (silence.call, silence.when);
                count += usize::from(begins);
                let is_silent = match silence.once {
                    true => begins && count == silence.nth,
                    false if is_git => count >= silence.nth && when == silence.when,
                    false => begins && count >= silence.nth,
                };
                if !is_silent {
                    return Fate::Pass;
                }
                clock.advance(if is_git { GIT_LIMIT } else { PROBE_LIMIT });
                Fate::Wait(gate.clone())
            });
        }
    }

    /// Every server answers again.
    fn speak(&self) {
        self.gate.open();
        for wire in [&self.ground.stage().wire, &self.probes] {
            wire.rule(|_, _| Fate::Pass);
        }
    }
}

/// Deploys in a place, within bounds, and says what that came to.
async fn told(place: &Place, wanted: &Wanted, start: Start, what: &str) -> String {
    let stage = place.ground.stage();
    let began = stage.clock.now();
    let start = Start {
        timeout: Some(TIMEOUT),
        ..start
    };
    let end = Box::pin(stage.deploy_with("1.1", start)).await;
    let took = (stage.clock.now() - began).to_std().unwrap();
    let what = format!("{what}:\n{end}");
    assert!(took <= TIMEOUT + GRACE, "{took:?}: {what}");
    place.speak();
    kept(&place.ground, wanted, &end, false, &what).await
}

/// What a run comes to whose servers all answer, and how many calls of each kind it makes.
async fn healthy() -> (Wanted, impl Fn(Call) -> usize) {
    let place = Place::new();
    place.fall_silent(None);
    let old = place.ground.state();
    let end = place.ground.stage().deploy("1.1").await;
    end.assert(0, "all servers answer");
    let seen = place.seen.lock().unwrap().clone();
    let new = place.ground.state();
    let count = move |call| {
        let is_it = |one: &&(Call, When)| **one == (call, When::Before);
        seen.iter().filter(is_it).count()
    };
    (Wanted { old, new }, count)
}

/// The first call of each kind and the last one; or all of them.
fn calls(count: usize) -> Vec<usize> {
    if is_proof() {
        return (1..=count).collect();
    }
    let mut some = vec![1, count];
    some.dedup();
    some
}

#[tokio::test]
async fn whatever_is_not_answered_the_run_ends_and_says_how() {
    let (wanted, count) = healthy().await;
    let mut rows = Vec::new();
    for call in KINDS {
        for nth in calls(count(call)) {
            let whens = match call {
                Call::Journal | Call::Branch => &[When::Before, When::After][..],
                _ => &[When::Before],
            };
            for when in whens {
                rows.extend([false, true].map(|once| Silence {
                    call,
                    when: *when,
                    nth,
                    once,
                }));
            }
        }
    }
    let tried = rows.len();
    let mut codes: Vec<String> = Vec::new();
    for some in rows.chunks(AT_A_TIME) {
        let lines = all(some.iter().map(async |silence| {
            let what = format!("{silence:?}");
            let place = Place::new();
            place.fall_silent(Some(*silence));
            let line = Box::pin(told(&place, &wanted, Start::new(), &what)).await;
            // A server that is silent once is asked again, or the code says that it is to be.
            format!("{:?} {}", silence.call, code_of(&line))
        }));
        codes.extend(lines.await);
    }
    codes.sort_unstable();
    codes.dedup();
    report(tried, &codes);
}

/// How many worlds there are at a time.
const AT_A_TIME: usize = 16;

fn code_of(line: &str) -> &str {
    let (_, rest) = line.split_once(": ").unwrap_or(("", line));
    rest.split([',', ';']).next().unwrap_or(rest)
}

#[expect(clippy::print_stderr, reason = "the figures are for people")]
fn report(tried: usize, codes: &[String]) {
    eprintln!("{tried} silences tried: {}", codes.join("; "));
}

/// A server of its own that never answers; whoever asks it waits as long as the program has it.
fn silent(stage: &Stage, asked: &Arc<AtomicUsize>) -> Server {
    let (clock, asked) = (Arc::clone(&stage.clock), Arc::clone(asked));
    Server::with(move |_, _| {
        asked.fetch_add(1, Ordering::SeqCst);
        clock.advance(PROBE_LIMIT);
        Behaviour::Hang
    })
}

/// Makes a world in which somebody at an address is asked, and a start of a run in it.
type Prepare = fn(&mut Stage, &str) -> Start;

/// Who is asked beside: registry, GitHub, receiver of a nudge, metrics of the policy.
#[tokio::test]
async fn whoever_else_is_silent_stops_it_before_anything_is_pushed_or_not_at_all() {
    let rows: [(&str, Prepare); 4] = [
        ("the registry", |stage, url| {
            let host = url.trim_start_matches("http://").to_owned();
            for path in [STABLE, CANARY] {
                stage.begin_with(path, |text| text.replace("registry.example", &host));
            }
            stage.edit(CONFIG, "registry.example", &host);
            let registry = format!("providers:\n  registry: {{url: \"{url}\"}}\n");
            stage.edit(CONFIG, "providers:\n", &registry);
            Start::new()
        }),
        ("the approvals of GitHub", |stage, url| {
            let approvals = "allowed_windows:\n  - {days: [tue], hours: '09:00-17:00', approval_required: true}\napprovals: {sources: [github_run]}\n";
            let policy = format!("version: 1\ntimezone: UTC\n{approvals}");
            let written = stage.world.write(POLICY, policy.as_bytes(), "policy");
            written.unwrap();
            let github = GitHubRun {
                repository: github::Repository::new(url, "shop/ads", None).unwrap(),
                name: "shop/ads".to_owned(),
                run: 42,
                commit: "6dcb09b5b57875f334f61aebed695e2e4193db5e".to_owned(),
                tag: None,
            };
            Start {
                github: Some(github),
                ..Start::new()
            }
        }),
        ("the traffic that the policy asks for", |stage, url| {
            let traffic = "traffic_threshold: {max_requests_per_second: 9, action: block_deployment, query: up, on_unavailable: block}\n";
            let policy = format!("version: 1\ntimezone: UTC\n{traffic}");
            let written = stage.world.write(POLICY, policy.as_bytes(), "policy");
            written.unwrap();
            let base = stage.world.base_url().to_owned();
            let metrics = |url: &str| format!("prometheus: {{url: \"{url}\"}}");
            stage.edit(CONFIG, &metrics(&base), &metrics(url));
            Start::new()
        }),
        ("the receiver that is told of a push", |stage, url| {
            let flux = "providers:\n  flux: {receiver_env: FLUX_RECEIVER}\n";
            stage.edit(CONFIG, "providers:\n", flux);
            Start {
                variables: vec![("FLUX_RECEIVER", format!("{url}/hook"))],
                ..Start::new()
            }
        }),
    ];
    let mut lines = Vec::new();
    for (name, prepare) in rows {
        let mut stage = Stage::edited(Scenario::Healthy, watched_rarely);
        stage.time = Arc::new(Hurried(Arc::clone(&stage.clock)));
        let asked = Arc::default();
        let server = silent(&stage, &asked);
        let start = Start {
            timeout: Some(TIMEOUT),
            ..prepare(&mut stage, &server.url)
        };
        let began = stage.clock.now();
        let end = Box::pin(stage.deploy_with("1.1", start)).await;
        let took = (stage.clock.now() - began).to_std().unwrap();
        assert!(took <= TIMEOUT, "{name}: {took:?}\n{end}");
        assert!(
            asked.load(Ordering::SeqCst) > 0,
            "{name} was not asked:\n{end}"
        );
        if end.code == Some(0) {
            stage.assert_deployed(name);
        } else {
            assert_eq!(stage.commits(), 0, "{name}:\n{end}");
            stage.assert_restored(name);
        }
        let warnings = end.trail.iter().filter(|line| line.starts_with("warning"));
        let mut warnings: Vec<&str> = warnings.map(String::as_str).collect();
        warnings.dedup();
        let end = [warnings.join("\n"), end.end()].join("\n");
        lines.push(format!("== {name}\n{}", end.trim()).replace(&server.url, "URL"));
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    == the registry
    20 unavailable: before anything was changed: shipgate.yaml:11:12: whether the image is there is not known: URL did not answer within 20s
      hint: nothing was pushed; run the same command again when the registry answers
    == the approvals of GitHub
    warning: nobody knows who approved run 42: URL did not answer within 10s
    11 approval-required: Tuesday 2026-03-10 10:00 UTC needs an approval (Tue 09:00-17:00 UTC); closes Tue 2026-03-10 17:00 UTC (2026-03-10T17:00:00Z)
      hint: somebody else approves it with `shipgate approve --service advertisements --environment production --version 1.1`
    == the traffic that the policy asks for
    20 unavailable: traffic is not known: URL did not answer within 10s (the maximum is 9 requests/s)
    == the receiver that is told of a push
    warning: Flux was not told of the push and finds it by itself: URL did not answer within 10s
    0 ok: advertisements 1.1 in production is live and verified
    ");
}
