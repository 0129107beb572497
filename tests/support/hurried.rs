//! A clock for questions whose time limit is fixed, so that a server that never answers costs a
//! test one second and not ten.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use shipgate::clock::{Clock, ManualClock, Sleep};

/// Ten seconds on a socket are one (never less); everything else is the other clock's.
pub struct Hurried(pub Arc<ManualClock>);

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
