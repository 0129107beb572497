//! Every fault at every step of every sample plan: each ends in a state that its exit code promises.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU8, Ordering},
    },
    time::Duration,
};

use shipgate::{event::Event, ops::stop::StopReason, sim::Scenario};

use crate::{
    endings::rolling_text,
    runs::Start,
    server::{Behaviour, Server, answer},
    stage::{Stage, all},
    trail::End,
};

/// A plan: how the world's configuration becomes that of a service with it. Another strategy is
/// another row.
struct Sample {
    name: &'static str,
    configure: fn(String) -> String,
}

const SAMPLES: [Sample; 2] = [
    Sample {
        name: "rolling",
        configure: rolling_text,
    },
    Sample {
        name: "canary",
        configure: |text| text,
    },
];

/// What goes wrong from the beginning of a step on, until the way back begins.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    /// What is watched is bad.
    Worse,
    /// What is watched does not answer.
    Outage,
    /// The time of the whole run is over.
    TimeOut,
    /// Somebody cancels.
    Signal,
    /// It dies, and somebody recovers.
    Kill,
}

const FAULTS: [Fault; 5] = [
    Fault::Worse,
    Fault::Outage,
    Fault::TimeOut,
    Fault::Signal,
    Fault::Kill,
];

const WELL: u8 = 0;
const BAD: u8 = 1;
const SILENT: u8 = 2;

/// A world with the plan of a sample, whose health is what a test says.
struct Place {
    stage: Arc<Stage>,
    health: Arc<AtomicU8>,
    _server: Server,
}

impl Place {
    fn new(sample: &Sample) -> Self {
        let health = Arc::new(AtomicU8::new(WELL));
        let seen = Arc::clone(&health);
        let server = Server::with(move |_, _| match seen.load(Ordering::SeqCst) {
            BAD => answer(500, "", "no"),
            SILENT => Behaviour::Close,
            _ => answer(200, "", "ok"),
        });
        let url = server.url.clone();
        let stage = Stage::edited(Scenario::Healthy, |text| {
            let (head, rest) = text.split_once("      health: [").unwrap();
            let (_, tail) = rest.split_once("]\n").unwrap();
            let text = format!("{head}      health: [{{http: \"{url}\"}}]\n{tail}");
            (sample.configure)(text.replace("interval: 15s", "interval: 1m"))
        });
        Self {
            stage: Arc::new(stage),
            health,
            _server: server,
        }
    }

    /// Deploys; `act` sees the beginning of each step of the way forward, from 1.
    async fn deploy(&self, start: Start, mut act: impl FnMut(usize, &str) + 'static) -> End {
        let health = Arc::clone(&self.health);
        let mut is_back = false;
        let start = start.hook(move |event| match event {
            Event::WayBack { .. } => {
                is_back = true;
                health.store(WELL, Ordering::SeqCst);
            }
            Event::StepStarted { index, name, .. } if !is_back => act(*index, name),
            _ => {}
        });
        Box::pin(self.stage.deploy_with("1.1", start)).await
    }

    /// Lets the cluster follow and says what there is.
    fn state(&self) -> (String, String) {
        self.stage.clock.advance(Duration::from_secs(120));
        (self.stage.tree(), self.stage.live())
    }
}

/// What a sample comes to where nothing goes wrong.
struct Wanted {
    steps: BTreeMap<usize, String>,
    end: (String, String),
}

async fn healthy(sample: &Sample) -> Wanted {
    let place = Place::new(sample);
    let steps = Arc::new(Mutex::new(BTreeMap::new()));
    let seen = Arc::clone(&steps);
    let end = place.deploy(Start::new(), move |step, name| {
        seen.lock().unwrap().insert(step, name.to_owned());
    });
    end.await.assert(0, sample.name);
    let steps = steps.lock().unwrap().clone();
    Wanted {
        steps,
        end: place.state(),
    }
}

async fn hit(sample: &Sample, wanted: &Wanted, fault: Fault, step: usize) -> String {
    let what = format!("{} {fault:?} at step {step}", sample.name);
    let place = Place::new(sample);
    let start = Start::new();
    let (kill, stopper) = (start.kill.clone(), start.stopper.clone());
    let (health, clock) = (Arc::clone(&place.health), Arc::clone(&place.stage.clock));
    let reached = Arc::new(AtomicBool::new(false));
    let reaches = Arc::clone(&reached);
    let end = place.deploy(start, move |begun, _| {
        if begun != step {
            return;
        }
        reaches.store(true, Ordering::SeqCst);
        match fault {
            Fault::Worse => health.store(BAD, Ordering::SeqCst),
            Fault::Outage => health.store(SILENT, Ordering::SeqCst),
            Fault::TimeOut => clock.advance(Duration::from_secs(48 * 3600)),
            Fault::Signal => stopper.stop(StopReason::Interrupt),
            Fault::Kill => kill.notify_one(),
        }
    });
    let end = end.await;
    assert!(
        reached.load(Ordering::SeqCst),
        "{what} was not reached:\n{end}"
    );
    place.health.store(WELL, Ordering::SeqCst);
    let base = (
        "as at first".to_owned(),
        "stable 1.0, canary nothing with 0%".to_owned(),
    );
    let stage = &place.stage;
    let mut line = match end.code {
        Some(code) => format!("{code} {}", end.outcome.reason_code),
        None => "killed".to_owned(),
    };
    match end.code {
        Some(0) => assert_eq!(place.state(), wanted.end, "{what}:\n{end}"),
        Some(40 | 51) => assert_eq!(place.state(), base, "{what}:\n{end}"),
        Some(42) => {
            assert_eq!(stage.journal().last().unwrap(), "held", "{what}:\n{end}");
            stage.rollback(None).await.assert(0, &what);
            assert_eq!(place.state(), base, "{what}:\n{end}");
            line.push_str(", rollback 0");
        }
        Some(code) if code < 40 || code == 130 => {
            assert_eq!(stage.commits(), 0, "{what}:\n{end}");
        }
        None => {
            let recovered = stage.recover().await;
            recovered.assert(0, &what);
            let now = place.state();
            let is_base = now == base;
            assert!(is_base || now == wanted.end, "{what}:\n{end}\n{recovered}");
            line.push_str(if is_base {
                ", recover: taken back"
            } else {
                ", recover: finished"
            });
        }
        Some(other) => panic!("{what}: {other} is not among the ends:\n{end}"),
    }
    // Nothing is left that would stop the next one, and nothing that anybody would change.
    let before = stage.references();
    stage.recover().await.assert(0, &what);
    assert_eq!(stage.references(), before, "{what}");
    let journal = stage.journal();
    let journal = journal.last().map_or("nothing", String::as_str);
    format!("{fault:?}: {line}; journal {journal}")
}

async fn every_fault(sample: &Sample) -> String {
    let wanted = healthy(sample).await;
    let mut text = String::new();
    // Step by step: too many worlds at once would not answer each other in time.
    for (step, name) in &wanted.steps {
        writeln!(text, "{step} {name}").unwrap();
        let hits = FAULTS.map(async |fault| Box::pin(hit(sample, &wanted, fault, *step)).await);
        for line in all(hits).await {
            writeln!(text, "  {line}").unwrap();
        }
    }
    text
}

#[tokio::test]
async fn at_every_step_of_a_rolling_deployment() {
    insta::assert_snapshot!(every_fault(&SAMPLES[0]).await, @r"
    1 Deployment/advertisements to 1.1
      Worse: 40 rolled-back; journal rolled-back
      Outage: 42 held, rollback 0; journal rolled-back
      TimeOut: 21 insufficient-data; journal nothing
      Signal: 130 interrupted; journal nothing
      Kill: killed, recover: taken back; journal nothing
    2 wait until stable runs 1.1
      Worse: 40 rolled-back; journal rolled-back
      Outage: 42 held, rollback 0; journal rolled-back
      TimeOut: 40 rolled-back; journal rolled-back
      Signal: 51 cancelled-rolled-back; journal rolled-back
      Kill: killed, recover: taken back; journal rolled-back
    3 watch stable for 3m
      Worse: 40 rolled-back; journal rolled-back
      Outage: 42 held, rollback 0; journal rolled-back
      TimeOut: 40 rolled-back; journal rolled-back
      Signal: 51 cancelled-rolled-back; journal rolled-back
      Kill: killed, recover: taken back; journal rolled-back
    ");
}

#[tokio::test]
async fn at_every_step_of_a_canary() {
    insta::assert_snapshot!(every_fault(&SAMPLES[1]).await, @r"
    1 Deployment/advertisements-canary to 1.1 with 1 replica
      Worse: 40 rolled-back; journal rolled-back
      Outage: 42 held, rollback 0; journal rolled-back
      TimeOut: 21 insufficient-data; journal nothing
      Signal: 130 interrupted; journal nothing
      Kill: killed, recover: taken back; journal nothing
    2 wait until canary runs 1.1
      Worse: 40 rolled-back; journal rolled-back
      Outage: 42 held, rollback 0; journal rolled-back
      TimeOut: 40 rolled-back; journal rolled-back
      Signal: 51 cancelled-rolled-back; journal rolled-back
      Kill: killed, recover: taken back; journal rolled-back
    3 canary weight 10%
      Worse: 40 rolled-back; journal rolled-back
      Outage: 42 held, rollback 0; journal rolled-back
      TimeOut: 40 rolled-back; journal rolled-back
      Signal: 51 cancelled-rolled-back; journal rolled-back
      Kill: killed, recover: taken back; journal rolled-back
    4 watch canary for 3m
      Worse: 40 rolled-back; journal rolled-back
      Outage: 42 held, rollback 0; journal rolled-back
      TimeOut: 40 rolled-back; journal rolled-back
      Signal: 51 cancelled-rolled-back; journal rolled-back
      Kill: killed, recover: taken back; journal rolled-back
    5 canary weight 50%
      Worse: 40 rolled-back; journal rolled-back
      Outage: 42 held, rollback 0; journal rolled-back
      TimeOut: 40 rolled-back; journal rolled-back
      Signal: 51 cancelled-rolled-back; journal rolled-back
      Kill: killed, recover: taken back; journal rolled-back
    6 watch canary for 3m
      Worse: 40 rolled-back; journal rolled-back
      Outage: 42 held, rollback 0; journal rolled-back
      TimeOut: 40 rolled-back; journal rolled-back
      Signal: 51 cancelled-rolled-back; journal rolled-back
      Kill: killed, recover: taken back; journal rolled-back
    7 promote: Deployment/advertisements to 1.1
      Worse: 40 rolled-back; journal rolled-back
      Outage: 42 held, rollback 0; journal rolled-back
      TimeOut: 40 rolled-back; journal rolled-back
      Signal: 51 cancelled-rolled-back; journal rolled-back
      Kill: killed, recover: taken back; journal rolled-back
    8 wait until stable runs 1.1
      Worse: 40 rolled-back; journal rolled-back
      Outage: 42 held, rollback 0; journal rolled-back
      TimeOut: 40 rolled-back; journal rolled-back
      Signal: 51 cancelled-rolled-back; journal rolled-back
      Kill: killed, recover: taken back; journal rolled-back
    9 watch stable for 2m
      Worse: 40 rolled-back; journal rolled-back
      Outage: 42 held, rollback 0; journal rolled-back
      TimeOut: 40 rolled-back; journal rolled-back
      Signal: 51 cancelled-rolled-back; journal rolled-back
      Kill: killed, recover: taken back; journal rolled-back
    10 canary weight 0%
      Worse: 0 ok; journal verified
      Outage: 0 ok; journal verified
      TimeOut: 0 ok; journal verified
      Signal: 51 cancelled-rolled-back; journal rolled-back
      Kill: killed, recover: taken back; journal rolled-back
    11 canary to 0 replicas
      Worse: 0 ok; journal verified
      Outage: 0 ok; journal verified
      TimeOut: 0 ok; journal verified
      Signal: 51 cancelled-rolled-back; journal rolled-back
      Kill: killed, recover: finished; journal verified
    ");
}
