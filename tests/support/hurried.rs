//! A clock for questions whose time limit is fixed, so that a server that never answers costs a
//! test one second and not ten.

use std::time::Duration;

use chrono::{DateTime, Utc};
use shipgate::clock::{Clock, ManualClock, Sleep};

use crate::{
    faults::{SECOND, now, patience},
    server::Behaviour,
};

struct Hurried(ManualClock);

impl Clock for Hurried {
    fn now(&self) -> DateTime<Utc> {
        self.0.now()
    }

    fn sleep(&self, duration: Duration) -> Sleep<'_> {
        self.0.sleep(duration)
    }

    fn real(&self, duration: Duration) -> Duration {
        duration / 20
    }
}

/// A clock that stands still, and hurries where the time will be used up.
pub fn clock_for(behaviour: &Behaviour) -> Box<dyn Clock> {
    let clock = ManualClock::at(now());
    if patience(behaviour) < SECOND {
        Box::new(Hurried(clock))
    } else {
        Box::new(clock)
    }
}
