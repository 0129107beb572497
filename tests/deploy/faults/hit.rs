//! One fault at one step of one plan: it ends as its exit code promises, and nothing is left over.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU8, Ordering},
    },
    time::Duration,
};

use shipgate::{
    event::Event,
    ops::{deploy::OnCancel, stop::StopReason},
};

use super::{
    promise::{Wanted, kept},
    samples::{Ground, Sample},
};
use crate::{
    runs::Start,
    server::{Behaviour, Server, answer},
    trail::End,
};

/// What goes wrong from the beginning of a step on, until the way back begins.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fault {
    /// What is watched is bad.
    Worse,
    /// The provider of the metrics answers with an error.
    Error,
    /// What is watched does not answer.
    Outage,
    /// The time of the whole run is over.
    TimeOut,
    /// Somebody cancels.
    Signal,
    /// Somebody cancels, and wants it left as it is.
    Leave,
    /// It dies, and somebody recovers.
    Recover,
    /// It dies, and the same is deployed again.
    Again,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Worse,
        Self::Error,
        Self::Outage,
        Self::TimeOut,
        Self::Signal,
        Self::Leave,
        Self::Recover,
        Self::Again,
    ];
}

const WELL: u8 = 0;
const BAD: u8 = 1;
const SILENT: u8 = 2;

/// A world with the plan of a sample, in which things are as a test says.
struct Place {
    ground: Arc<Ground>,
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
        Self {
            ground: Arc::new((sample.ground)(&server.url).patient()),
            health,
            _server: server,
        }
    }

    /// Deploys; `act` sees the beginning of each step of the way forward, from 1.
    async fn deploy(&self, start: Start, mut act: impl FnMut(usize, &str) + 'static) -> End {
        let (health, ground) = (Arc::clone(&self.health), Arc::clone(&self.ground));
        let mut is_back = false;
        let start = start.hook(move |event| match event {
            Event::WayBack { .. } => {
                is_back = true;
                calm(&health, &ground);
            }
            Event::StepStarted { index, name, .. } if !is_back => act(*index, name),
            _ => {}
        });
        Box::pin(self.ground.stage().deploy_with("1.1", start)).await
    }
}

/// Everything is well again.
fn calm(health: &AtomicU8, ground: &Ground) {
    health.store(WELL, Ordering::SeqCst);
    ground.stage().world.set_metrics_out(false);
}

/// Deploys where nothing goes wrong. Returns what that comes to, and the names of the steps by their
/// numbers from 1.
pub async fn healthy(sample: &Sample) -> (Wanted, BTreeMap<usize, String>) {
    let place = Place::new(sample);
    let steps = Arc::new(Mutex::new(BTreeMap::new()));
    let seen = Arc::clone(&steps);
    let end = place.deploy(place.ground.start(), move |step, name| {
        seen.lock().unwrap().insert(step, name.to_owned());
    });
    end.await.assert(0, sample.name);
    let new = place.ground.state();
    assert_eq!(new.1, sample.new, "{}", sample.name);
    let wanted = Wanted {
        old: ("as at first".to_owned(), sample.old.to_owned()),
        new,
    };
    let steps = steps.lock().unwrap().clone();
    (wanted, steps)
}

/// Deploys with a fault at a step. Returns how that ended and what is left of it, in one line.
///
/// # Panics
/// What is left is not what the exit code promises.
pub async fn hit(sample: &Sample, wanted: &Wanted, fault: Fault, step: usize) -> String {
    let place = Place::new(sample);
    let (end, what) = suffer(&place, sample.name, fault, step).await;
    kept(&place.ground, wanted, &end, fault == Fault::Again, &what).await
}

/// Deploys with a fault at a step; everything is well again afterwards. Returns the end, and what
/// there is to be said of it where it is not as promised.
async fn suffer(place: &Place, name: &str, fault: Fault, step: usize) -> (End, String) {
    let mut start = place.ground.start();
    if fault == Fault::Leave {
        start.on_cancel = OnCancel::Hold;
    }
    let (kill, stopper) = (start.kill.clone(), start.stopper.clone());
    let (health, ground) = (Arc::clone(&place.health), Arc::clone(&place.ground));
    let reached = Arc::new(AtomicBool::new(false));
    let reaches = Arc::clone(&reached);
    let end = place.deploy(start, move |begun, _| {
        if begun != step {
            return;
        }
        reaches.store(true, Ordering::SeqCst);
        let stage = ground.stage();
        match fault {
            Fault::Worse => health.store(BAD, Ordering::SeqCst),
            Fault::Error => stage.world.set_metrics_out(true),
            Fault::Outage => health.store(SILENT, Ordering::SeqCst),
            Fault::TimeOut => stage.clock.advance(Duration::from_secs(48 * 3600)),
            Fault::Signal | Fault::Leave => stopper.stop(StopReason::Interrupt),
            Fault::Recover | Fault::Again => kill.notify_one(),
        }
    });
    let end = end.await;
    calm(&place.health, &place.ground);
    let what = format!("{name}: {fault:?} at step {step}:\n{end}");
    assert!(reached.load(Ordering::SeqCst), "not reached: {what}");
    (end, what)
}
