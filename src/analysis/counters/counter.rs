//! One counter query between two instants: what every series has grown by.

use std::{collections::BTreeMap, time::Duration};

use super::Snapshot;

/// A counter that fell to more than this share of what it was is hardly one process that began anew:
/// it is a sum of which a part went away.
const SHARE_OF_A_SUM: f64 = 0.25;
/// What nobody doubts, whatever it fell from.
const TOO_FEW_TO_DOUBT: f64 = 100.0;

/// What a counter grew by since the last look.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Growth {
    /// What series grew by that were there before: certain.
    pub known: f64,
    /// What series hold that were never seen, and count from 0.
    pub new: f64,
    /// What series hold that fell, and count from 0.
    pub after_reset: f64,
    /// The part of `after_reset` that is above 100 and more than a quarter of what the series held
    /// before: probably no reset, but a sum over pods of which one went away.
    pub doubtful: f64,
}

impl Growth {
    /// Returns all of it, at least 0.
    pub fn all(self) -> f64 {
        self.known + self.new + self.after_reset
    }

    fn of(last: Option<f64>, value: f64) -> Self {
        let nothing = Self::default();
        match last {
            None => Self {
                new: value,
                ..nothing
            },
            Some(last) if value >= last => Self {
                known: value - last,
                ..nothing
            },
            Some(last) => {
                let is_doubtful = value > TOO_FEW_TO_DOUBT && value > SHARE_OF_A_SUM * last;
                Self {
                    after_reset: value,
                    doubtful: if is_doubtful { value } else { 0.0 },
                    ..nothing
                }
            }
        }
    }

    fn add(&mut self, other: Self) {
        self.known += other.known;
        self.new += other.new;
        self.after_reset += other.after_reset;
        self.doubtful += other.doubtful;
    }
}

/// One counter query between two instants: adds up what every series has grown by.
#[derive(Debug, Clone)]
pub struct Counter {
    /// Every series that was ever seen, at its last value.
    last: Snapshot,
    /// Series that were seen before the first look, and not at it.
    away: BTreeMap<String, f64>,
}

impl Counter {
    /// Begins at a first look, which counts for nothing itself.
    pub fn new(first: Snapshot) -> Self {
        Self {
            last: first,
            away: BTreeMap::new(),
        }
    }

    /// Takes a look from before the first one, the oldest first: a series that is known from there
    /// and was away at the first look is no new one when it comes back. As nobody knows how much of
    /// what it grew by came before the first look, it then counts for nothing, and from there on.
    pub fn remember(&mut self, earlier: &Snapshot) {
        for (labels, value) in &earlier.series {
            if !self.last.series.contains_key(labels) {
                self.away.insert(labels.clone(), *value);
            }
        }
    }

    /// Returns what came since the last look, at least 0: [`Counter::grow`], all together.
    pub fn advance(&mut self, next: &Snapshot) -> f64 {
        self.grow(next).all()
    }

    /// Returns what came since the last look.
    ///
    /// A counter that fell was set back, so all of it is new. A series that was not there counts from
    /// 0: it is that of a new pod, or of a first error. One that is gone counts for nothing, and goes
    /// on from where it was should it come back.
    pub fn grow(&mut self, next: &Snapshot) -> Growth {
        let mut growth = Growth::default();
        self.grow_each(next, |_, one| growth.add(one));
        growth
    }

    /// As [`Counter::grow`], series by series.
    pub(super) fn grow_each(&mut self, next: &Snapshot, mut each: impl FnMut(&str, Growth)) {
        for (labels, value) in &next.series {
            let last = match self.last.series.get_mut(labels) {
                Some(last) => Some(std::mem::replace(last, *value)),
                None => {
                    self.last.series.insert(labels.clone(), *value);
                    let away = self.away.remove(labels);
                    // One that fell meanwhile began anew, any other goes on from here.
                    away.filter(|away| value >= away).map(|_| *value)
                }
            };
            each(labels, Growth::of(last, *value));
        }
        self.last.at = next.at;
    }

    /// Was there ever a series?
    pub fn has_series(&self) -> bool {
        !self.last.series.is_empty()
    }

    /// Had it series, and has none now?
    pub fn is_gone_in(&self, next: &Snapshot) -> bool {
        next.series.is_empty() && self.has_series()
    }

    /// The names of all series that were ever seen.
    pub(super) fn names(&self) -> impl Iterator<Item = &String> {
        self.last.series.keys()
    }

    /// Was there ever a series of this name?
    pub(super) fn knows(&self, name: &str) -> bool {
        self.last.series.contains_key(name)
    }

    /// How long ago the last look was.
    pub(super) fn since_last(&self, next: &Snapshot) -> Duration {
        (next.at - self.last.at).to_std().unwrap_or_default()
    }
}
