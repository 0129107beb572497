//! Simulated requests: how many each half gets in each second and how many of them fail.

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, Utc};

use super::{Arm, ClusterState, Moment, Scenario, random::Random};

/// Where requests come from. What happens in a second depends on the seed, the second and what
/// runs in it, never on who looks or how often.
#[derive(Debug, Clone, Copy)]
pub(super) struct Traffic {
    /// Makes one world's noise differ from another's.
    pub(super) seed: u64,
    /// All requests to the service, a second.
    pub(super) requests_per_second: f64,
    /// How the versions behave.
    pub(super) scenario: Scenario,
}

/// Requests of some seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// All of them.
    pub(super) requests: u64,
    /// Those answered with a 5xx.
    pub(super) errors: u64,
}

/// Which stream of randomness a number comes from.
#[derive(Clone, Copy)]
enum Stream {
    Good = 1,
    Bad = 2,
    Latency = 3,
}

impl Traffic {
    /// Returns the counts of one half in the `seconds` whole seconds before `until`, for each
    /// version that had endpoints in that time; a version without traffic has a count of 0.
    pub(super) fn by_version(
        &self,
        moments: &[Moment],
        arm: Arm,
        until: DateTime<Utc>,
        seconds: i64,
    ) -> BTreeMap<String, Counts> {
        let end = until.timestamp();
        let mut found: BTreeMap<String, Counts> = BTreeMap::new();
        for second in end - seconds..end {
            let state = state_at(moments, second);
            if let Some(version) = &state.workload(arm).version {
                let more = self.second(moments, arm, second);
                let counts = found.entry(version.clone()).or_default();
                counts.requests += more.requests;
                counts.errors += more.errors;
            }
        }
        // What has just become live is known before its first second is over.
        let now = moments.iter().rfind(|moment| moment.at <= until);
        if let Some(version) = now.and_then(|moment| moment.state.workload(arm).version.clone()) {
            found.entry(version).or_default();
        }
        found
    }

    /// Returns the version that has endpoints in one half in a second, and what it gets.
    pub(super) fn in_second(
        &self,
        moments: &[Moment],
        arm: Arm,
        second: i64,
    ) -> Option<(String, Counts)> {
        let state = state_at(moments, second);
        let version = state.workload(arm).version.clone()?;
        Some((version, self.second(moments, arm, second)))
    }

    /// Returns the requests of both halves in the `seconds` whole seconds before `until`, answered
    /// or not.
    pub(super) fn all(&self, moments: &[Moment], until: DateTime<Utc>, seconds: i64) -> u64 {
        let end = until.timestamp();
        (end - seconds..end)
            .map(|second| {
                let requests = Arm::ALL.map(|arm| self.second(moments, arm, second).requests);
                requests.iter().sum::<u64>()
            })
            .sum()
    }

    /// Returns how many requests were sent to a half without endpoints, from the first moment to
    /// `until`.
    pub(super) fn lost(&self, moments: &[Moment], until: DateTime<Utc>) -> u64 {
        let start = moments.first().map_or(0, |moment| moment.at.timestamp());
        (start..until.timestamp())
            .map(|second| {
                let state = state_at(moments, second);
                Arm::ALL
                    .into_iter()
                    .filter(|arm| state.workload(*arm).version.is_none())
                    .map(|arm| self.second(moments, arm, second).requests)
                    .sum::<u64>()
            })
            .sum()
    }

    /// Returns the 95th percentile in seconds that `requests` requests to a version show: the fewer
    /// they are, the further off it may be.
    pub(super) fn latency_p95(
        &self,
        version: &str,
        arm: Arm,
        until: DateTime<Utc>,
        requests: u64,
    ) -> Option<f64> {
        if requests == 0 {
            return None;
        }
        let mut random = self.stream(arm, until.timestamp(), Stream::Latency);
        let off = (random.unit() - 0.5) / (requests as f64).sqrt();
        let behaviour = self.scenario.behaviour(version, Duration::ZERO);
        Some(behaviour.latency_p95_seconds * (1.0 + off))
    }

    fn second(&self, moments: &[Moment], arm: Arm, second: i64) -> Counts {
        let state = state_at(moments, second);
        let rate = self.requests_per_second * state.share(arm);
        let error_ratio = state
            .workload(arm)
            .version
            .as_deref()
            .map_or(1.0, |version| {
                let running = running(moments, version, second);
                self.scenario.behaviour(version, running).error_ratio
            });
        let good = self
            .stream(arm, second, Stream::Good)
            .count(rate * (1.0 - error_ratio));
        let errors = self
            .stream(arm, second, Stream::Bad)
            .count(rate * error_ratio);
        Counts {
            requests: good + errors,
            errors,
        }
    }

    fn stream(&self, arm: Arm, second: i64, stream: Stream) -> Random {
        Random::of(
            self.seed,
            &[arm as u64, second.cast_unsigned(), stream as u64],
        )
    }
}

/// Returns how long a version has run at the beginning of a second, in whichever half it began.
fn running(moments: &[Moment], version: &str, second: i64) -> Duration {
    let runs = |moment: &&Moment| {
        let mut workloads = Arm::ALL.into_iter().map(|arm| moment.state.workload(arm));
        workloads.any(|workload| workload.version.as_deref() == Some(version))
    };
    let began = moments.iter().find(runs);
    let began = began.map_or(second, |moment| moment.at.timestamp());
    Duration::from_secs(u64::try_from(second - began).unwrap_or(0))
}

/// Returns what ran at the beginning of a second; before the first moment, what it began with.
fn state_at(moments: &[Moment], second: i64) -> &ClusterState {
    let after = moments.partition_point(|moment| moment.at.timestamp_millis() <= second * 1_000);
    &moments[after.saturating_sub(1)].state
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{sim::Workload, units::Weight};

    const START: i64 = 1_773_136_800;

    fn canary_at(percent: u64, after: i64) -> Moment {
        let running = |version: &str, replicas| Workload {
            version: Some(version.to_owned()),
            replicas,
        };
        Moment {
            at: DateTime::from_timestamp(START + after, 0).unwrap(),
            state: ClusterState {
                commit: String::new(),
                stable: running("1.0", 3),
                canary: running("1.1", 1),
                weight: Weight::new(percent).unwrap(),
                sync_error: None,
            },
        }
    }

    /// Returns how many of the polls of two pauses of 3 min find more than 2 % errors.
    fn failures(scenario: Scenario, seed: u64) -> usize {
        let traffic = Traffic {
            seed,
            requests_per_second: 200.0,
            scenario,
        };
        let moments = [canary_at(0, 0), canary_at(10, 60), canary_at(50, 240)];
        // The first poll may come at any second after the weight has become live.
        let first = 61 + seed.cast_signed() % 15;
        (first..420)
            .step_by(15)
            .filter(|after| {
                let until = DateTime::from_timestamp(START + after, 0).unwrap();
                let counts = traffic.by_version(&moments, Arm::Canary, until, 60)["1.1"];
                counts.errors as f64 > 0.02 * counts.requests as f64
            })
            .count()
    }

    #[test]
    fn no_seed_makes_a_good_version_look_bad_or_a_bad_one_good() {
        for seed in 0..500 {
            let healthy = failures(Scenario::Healthy, seed);
            assert!(
                healthy <= 1,
                "seed {seed}: {healthy} failures of a good version"
            );
            let errors = failures(Scenario::Errors, seed);
            assert!(
                errors >= 20,
                "seed {seed}: only {errors} failures of a bad version"
            );
        }
    }
}
