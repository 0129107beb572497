//! Counters of the simulated requests, as a service would show them: they only ever grow.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::{
    Arm, Moment,
    traffic::{Counts, Traffic},
};

/// How long before a world begins its counters began.
const HISTORY_SECONDS: i64 = 20 * 60;
/// What is further back than this when somebody looks again is not counted any more: a clock that
/// jumps by days is a service that was started again.
const LONGEST_SECONDS: i64 = 2 * 60 * 60;

/// The counters of both halves, worked out up to the last second that somebody has asked for.
#[derive(Debug, Default)]
pub(super) struct Totals {
    /// The first second that is not counted yet; none before the first look.
    next: Option<i64>,
    /// For each half and version: what had come by the end of each of its seconds.
    sums: BTreeMap<(usize, String), Vec<(i64, Counts)>>,
}

impl Totals {
    /// Returns the counters of one half at an instant, for the version that runs there then.
    pub(super) fn at(
        &mut self,
        traffic: &Traffic,
        moments: &[Moment],
        arm: Arm,
        at: DateTime<Utc>,
    ) -> Option<(String, Counts)> {
        let first = moments.first()?.at.timestamp() - HISTORY_SECONDS;
        if at.timestamp() < first {
            return None;
        }
        self.count_until(traffic, moments, first, at.timestamp());
        let now = moments.iter().rfind(|moment| moment.at <= at);
        let state = &now.or_else(|| moments.first())?.state;
        let version = state.workload(arm).version.clone()?;
        let counts = self
            .sums
            .get(&(arm as usize, version.clone()))
            .and_then(|sums| {
                let after = sums.partition_point(|(second, _)| *second < at.timestamp());
                sums.get(after.checked_sub(1)?)
            })
            .map_or(Counts::default(), |(_, counts)| *counts);
        Some((version, counts))
    }

    fn count_until(&mut self, traffic: &Traffic, moments: &[Moment], first: i64, end: i64) {
        let next = self.next.unwrap_or(first).max(end - LONGEST_SECONDS);
        for second in next..end {
            for arm in Arm::ALL {
                let Some((version, more)) = traffic.in_second(moments, arm, second) else {
                    continue;
                };
                let sums = self.sums.entry((arm as usize, version)).or_default();
                let before = sums.last().map_or(Counts::default(), |(_, counts)| *counts);
                let sum = Counts {
                    requests: before.requests + more.requests,
                    errors: before.errors + more.errors,
                };
                sums.push((second, sum));
            }
        }
        self.next = Some(self.next.unwrap_or(first).max(end));
    }
}
