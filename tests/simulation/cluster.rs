//! A stand-in for a controller and its pods: slow, late, or asleep for a while, as the seed says.

use chrono::{DateTime, TimeDelta, Utc};

use crate::shop::Wanted;

/// One service as it runs.
pub struct Cluster {
    /// When the controller looks: every so often; none = never.
    pub sync: Option<TimeDelta>,
    /// How long a pod takes until it answers.
    pub start: TimeDelta,
    /// While it does not look.
    pub asleep: Option<(DateTime<Utc>, DateTime<Utc>)>,
    /// From when on it looks whatever was said above.
    pub healed: Option<DateTime<Utc>>,
    begun: DateTime<Utc>,
    /// What the branch wanted, and since when.
    wanted: Vec<(DateTime<Utc>, Wanted)>,
}

/// What runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Live {
    /// Version of the stable pods.
    pub stable: String,
    /// Version of the canary's pods; none = there are none.
    pub canary: Option<String>,
    /// The canary's share of the requests.
    pub weight: u32,
}

impl Cluster {
    /// Begins with what runs already.
    pub fn new(begun: DateTime<Utc>, wanted: Wanted) -> Self {
        Self {
            sync: None,
            start: TimeDelta::zero(),
            asleep: None,
            healed: None,
            begun,
            wanted: vec![(begun - TimeDelta::days(1), wanted)],
        }
    }

    /// Hears of what the branch wants now.
    pub fn want(&mut self, at: DateTime<Utc>, wanted: Wanted) {
        if self.wanted.last().is_none_or(|(_, last)| *last != wanted) {
            self.wanted.push((at, wanted));
        }
    }

    /// Returns the newest look at or before an instant.
    fn last_look(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        if self.healed.is_some_and(|healed| at >= healed) {
            return Some(at);
        }
        let every = self.sync?.num_milliseconds().max(1);
        let since = (at - self.begun).num_milliseconds();
        let mut look = self.begun + TimeDelta::milliseconds(since - since.rem_euclid(every));
        if let Some((from, to)) = self.asleep
            && look >= from
            && look < to
        {
            let since = (from - self.begun).num_milliseconds();
            look = self.begun + TimeDelta::milliseconds(since - since.rem_euclid(every));
            if look >= from {
                look -= TimeDelta::milliseconds(every);
            }
        }
        Some(look)
    }

    /// Returns what the controller had seen by an instant.
    fn seen(&self, at: DateTime<Utc>) -> &Wanted {
        let look = self.last_look(at).unwrap_or(self.begun);
        let seen = self.wanted.iter().rev().find(|(since, _)| *since <= look);
        &seen.unwrap_or(&self.wanted[0]).1
    }

    /// Returns what runs at an instant.
    pub fn live(&self, at: DateTime<Utc>) -> Live {
        let started = self.seen(at - self.start);
        let now = self.seen(at);
        let has_pods = now.replicas > 0 && started.replicas > 0;
        Live {
            stable: started.stable.clone(),
            canary: has_pods.then(|| started.canary.clone()),
            weight: now.weight,
        }
    }
}
