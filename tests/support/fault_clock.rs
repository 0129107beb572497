//! The clock for a question to a server that misbehaves.

use std::sync::Arc;

use shipgate::clock::{Clock, ManualClock};

use crate::{
    faults::{SECOND, now, patience},
    hurried::Hurried,
    server::Behaviour,
};

/// A clock that stands still, and hurries where the time will be used up.
pub fn clock_for(behaviour: &Behaviour) -> Arc<dyn Clock> {
    let clock = Arc::new(ManualClock::at(now()));
    if patience(behaviour) < SECOND {
        Arc::new(Hurried(clock))
    } else {
        clock
    }
}
