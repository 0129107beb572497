//! What both versions' queries answered at one instant after the other -> what came of each.

use crate::analysis::{
    counters::{Absent, BucketCounter, Counted, Look, PollCounters, Snapshot},
    judge::{Counts, Poll},
    latency::Buckets,
};

/// What one version's queries answered at one instant.
#[derive(Debug, Clone)]
pub(super) enum Glance {
    /// Raw counters of requests.
    Requests(Look),
    /// Raw counters of a histogram's buckets.
    Buckets(Snapshot),
    /// A finished number, or why there is none.
    Number(Result<f64, String>),
}

impl Glance {
    /// Returns why it says nothing of this arm; none where it says something.
    pub(super) fn nothing(&self, arm: &str) -> Option<String> {
        let unmatched = |key: &str| format!("`{key}` matches nothing for {arm}");
        match self {
            Self::Requests(look) => look.total.series.is_empty().then(|| unmatched("total")),
            Self::Buckets(snapshot) => snapshot.series.is_empty().then(|| unmatched("histogram")),
            Self::Number(Ok(_)) => None,
            Self::Number(Err(reason)) => Some(format!("`query` of {arm}: {reason}")),
        }
    }

    /// Did the counter of bad (or good) requests match anything?
    pub(super) fn has_counted(&self) -> bool {
        match self {
            Self::Requests(look) => !look.counted.series.is_empty(),
            Self::Buckets(_) | Self::Number(_) => false,
        }
    }
}

/// What came of one version in one poll.
#[derive(Debug, Clone)]
pub(super) enum Amount {
    /// Requests.
    Counts(Counts),
    /// Requests by how long they took.
    Buckets(Buckets),
    /// A finished number.
    Number(f64),
}

/// What came of both versions in one poll.
#[derive(Debug, Clone)]
pub(super) struct Pair {
    pub(super) canary: Amount,
    /// None where the canary is held against a limit, or nothing is known of that part of the time
    /// before.
    pub(super) stable: Option<Amount>,
}

impl Pair {
    /// Returns the requests of both; none where something else than requests is compared.
    pub(super) fn counts(&self) -> Option<Poll> {
        let Amount::Counts(canary) = self.canary else {
            return None;
        };
        let stable = match self.stable {
            Some(Amount::Counts(stable)) => stable,
            _ => Counts::NONE,
        };
        Some(Poll { canary, stable })
    }
}

/// Both versions since a first look, or one of them.
pub(super) enum Arms {
    Requests(Box<PollCounters>),
    Buckets {
        /// Says whether what came is plausible, by the counters of all requests.
        guard: Box<PollCounters>,
        judged: BucketCounter,
        reference: Option<BucketCounter>,
    },
    /// A finished number says all of itself.
    Numbers,
}

impl Arms {
    /// Begins at a first look, which counts for nothing itself: what it shows is of the time before.
    ///
    /// # Errors
    /// Buckets that are none, answers of different kinds.
    pub(super) fn new(
        counted: Counted,
        absent: Absent,
        judged: Glance,
        reference: Option<Glance>,
    ) -> Result<Self, String> {
        match (judged, reference) {
            (Glance::Requests(judged), reference) => {
                let reference = reference.map(look).transpose()?;
                let counters = PollCounters::new(counted, absent, judged, reference);
                Ok(Self::Requests(Box::new(counters)))
            }
            (Glance::Buckets(judged), reference) => {
                let reference = reference.map(buckets).transpose()?;
                let known = Absent {
                    was_there: true,
                    ..Absent::default()
                };
                let of_reference = reference.as_ref().map(all_requests).transpose()?;
                let guard =
                    PollCounters::new(Counted::Good, known, all_requests(&judged)?, of_reference);
                Ok(Self::Buckets {
                    guard: Box::new(guard),
                    judged: BucketCounter::new(judged)?,
                    reference: reference.map(BucketCounter::new).transpose()?,
                })
            }
            (Glance::Number(_), _) => Ok(Self::Numbers),
        }
    }

    /// Returns what came since the last look that counted.
    ///
    /// # Errors
    /// The reason why there is no poll. What came while an arm was away is part of the next one, of
    /// both alike.
    pub(super) fn take(&mut self, canary: Glance, stable: Option<Glance>) -> Result<Pair, String> {
        match self {
            Self::Requests(counters) => {
                let stable = stable.map(look).transpose()?;
                let poll = counters.take(&look(canary)?, stable.as_ref())?;
                Ok(Pair {
                    canary: Amount::Counts(poll.canary),
                    stable: stable.map(|_| Amount::Counts(poll.stable)),
                })
            }
            Self::Buckets {
                guard,
                judged,
                reference,
            } => {
                let canary = buckets(canary)?;
                let stable = stable.map(buckets).transpose()?;
                let of_stable = stable.as_ref().map(all_requests).transpose()?;
                let plausible = guard.take(&all_requests(&canary)?, of_stable.as_ref());
                let plausible =
                    plausible.map_err(|reason| reason.replace("`total`", "`histogram`"));
                let mut arms = vec![(judged, &canary)];
                arms.extend(reference.as_mut().zip(stable.as_ref()));
                if arms.iter().any(|(arm, next)| arm.is_gone_in(next)) {
                    return Err(plausible
                        .err()
                        .unwrap_or_else(|| "`histogram` matches nothing any more".to_owned()));
                }
                let grown = arms
                    .into_iter()
                    .map(|(arm, next)| arm.advance(next))
                    .collect::<Result<Vec<_>, String>>()?;
                plausible?;
                let mut amounts = Vec::with_capacity(grown.len());
                for arm in grown {
                    let rows = arm.into_iter().map(|bucket| (bucket.up_to, bucket.count));
                    let arm =
                        Buckets::new(rows).map_err(|error| format!("`histogram`: {error}"))?;
                    amounts.push(Amount::Buckets(arm));
                }
                let mut amounts = amounts.into_iter();
                Ok(Pair {
                    canary: amounts.next().ok_or_else(other_kind)?,
                    stable: amounts.next(),
                })
            }
            Self::Numbers => Ok(Pair {
                canary: number(canary, "canary")?,
                stable: stable.map(|it| number(it, "stable")).transpose()?,
            }),
        }
    }
}

fn look(glance: Glance) -> Result<Look, String> {
    match glance {
        Glance::Requests(look) => Ok(look),
        Glance::Buckets(_) | Glance::Number(_) => Err(other_kind()),
    }
}

fn buckets(glance: Glance) -> Result<Snapshot, String> {
    match glance {
        Glance::Buckets(snapshot) => Ok(snapshot),
        Glance::Requests(_) | Glance::Number(_) => Err(other_kind()),
    }
}

fn number(glance: Glance, arm: &str) -> Result<Amount, String> {
    match glance {
        Glance::Number(Ok(number)) => Ok(Amount::Number(number)),
        Glance::Number(Err(reason)) => Err(format!("`query` of {arm}: {reason}")),
        Glance::Requests(_) | Glance::Buckets(_) => Err(other_kind()),
    }
}

/// Every request is at most infinitely slow.
fn all_requests(snapshot: &Snapshot) -> Result<Look, String> {
    let total = snapshot.bucket(f64::INFINITY)?;
    Ok(Look {
        counted: total.clone(),
        total,
    })
}

fn other_kind() -> String {
    "the answers for canary and stable are of different kinds".to_owned()
}
