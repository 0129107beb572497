//! When it is open for a request: membership, next opening, next closing, and all of them in a range.

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    intervals::{Interval, difference, union},
    request::{Action, Invoker, Request},
    rules::{Policy, TimeRule},
    scope::Unnamed,
};

/// How far ahead to look.
pub(super) const HORIZON: TimeDelta = TimeDelta::days(731);
/// How much of it at first: most openings are within days, and the rest need not be worked out.
const STRETCH: TimeDelta = TimeDelta::days(16);

/// The rules of a policy about time that are for one request.
#[derive(Debug, Clone)]
pub struct Timetable<'a> {
    pub(super) policy: &'a Policy,
    /// Windows of which one must be open; empty: any time will do.
    pub(super) allowed: Vec<&'a TimeRule>,
    pub(super) blocked: Vec<&'a TimeRule>,
    pub(super) blocked_dates: Vec<&'a TimeRule>,
}

/// One change between open and closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// When.
    pub at: DateTime<Utc>,
    /// Is it open from then on?
    pub open: bool,
}

impl Policy {
    /// Returns the rules about time that are for this request.
    pub fn timetable(&self, request: &Request) -> Timetable<'_> {
        let covered = |rules| covered(rules, request, &self.actions);
        let mut allowed = covered(&self.allowed);
        // Argo CD lets a person through outside of windows that all say `manualSync`.
        if request.invoker == Invoker::User && allowed.iter().all(|rule| rule.manual_sync) {
            allowed.clear();
        }
        Timetable {
            policy: self,
            allowed,
            blocked: covered(&self.blocked),
            blocked_dates: covered(&self.blocked_dates),
        }
    }

    /// Returns what a request must name before this policy can be asked: a rule is for some
    /// services or places only, and nobody can say whether it is for this one.
    pub fn unnamed(&self, request: &Request) -> Option<Unnamed> {
        let rules = [&self.allowed, &self.blocked, &self.blocked_dates];
        rules
            .into_iter()
            .flatten()
            .find_map(|rule| rule.scope.unnamed(request))
    }
}

impl Timetable<'_> {
    /// Is it open by the clock: inside an allowed window, if there are any, and not blocked?
    /// Approvals and traffic are not looked at.
    pub fn is_open(&self, instant: DateTime<Utc>) -> bool {
        self.is_allowed(instant) && !self.blocking().any(|rule| rule.times.contains(instant))
    }

    /// Is it inside an allowed window, if there are any?
    fn is_allowed(&self, instant: DateTime<Utc>) -> bool {
        let inside = |rule: &&TimeRule| rule.times.contains(instant);
        self.allowed.is_empty() || self.allowed.iter().any(inside)
    }

    /// Do all windows that are open at this instant ask for an approval?
    pub fn needs_approval(&self, instant: DateTime<Utc>) -> bool {
        let mut open = self
            .allowed
            .iter()
            .filter(|rule| rule.times.contains(instant))
            .peekable();
        open.peek().is_some() && open.all(|rule| rule.approval_required)
    }

    /// Returns the same without the windows that ask for an approval; none where nothing is left,
    /// or nothing asks.
    pub fn without_approval(&self) -> Option<Self> {
        let mut free = self.clone();
        free.allowed.retain(|rule| !rule.approval_required);
        let fewer = free.allowed.len() < self.allowed.len();
        (fewer && !free.allowed.is_empty()).then_some(free)
    }

    pub(super) fn blocking(&self) -> impl Iterator<Item = &TimeRule> {
        self.blocked.iter().chain(&self.blocked_dates).copied()
    }

    /// Returns when it is open between two instants, in order; clipped to them.
    pub fn open(&self, from: DateTime<Utc>, until: DateTime<Utc>) -> Vec<Interval> {
        let mut blocked = Vec::new();
        for rule in self.blocking() {
            rule.times.intervals(from, until, &mut blocked);
        }
        let mut allowed = Vec::new();
        if self.allowed.is_empty() {
            allowed.push(Interval {
                start: from,
                end: until,
            });
        }
        for rule in &self.allowed {
            rule.times.intervals(from, until, &mut allowed);
        }
        difference(&union(allowed), &union(blocked))
    }

    /// Returns every change between open and closed after `from` and before `until`, in order.
    pub fn changes(&self, from: DateTime<Utc>, until: DateTime<Utc>) -> Vec<Change> {
        let open = self.open(from, until);
        let ends = open
            .iter()
            .flat_map(|interval| [(interval.start, true), (interval.end, false)]);
        ends.filter(|(at, _)| *at > from && *at < until)
            .map(|(at, open)| Change { at, open })
            .collect()
    }

    /// Returns the next instant after `after` at which it opens; none within two years.
    pub fn next_open(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.next_open_for(after, TimeDelta::zero())
    }

    /// Returns the next instant after `after` at which it opens for at least `length`; none within
    /// two years.
    pub fn next_open_for(&self, after: DateTime<Utc>, length: TimeDelta) -> Option<DateTime<Utc>> {
        self.look_ahead(after, |open, _| {
            let long_enough = |interval: &&Interval| {
                interval.start > after && interval.end - interval.start >= length
            };
            open.iter().find(long_enough).map(|interval| interval.start)
        })
    }

    /// Returns the next instant after `after` at which it closes; none within two years.
    pub fn next_closed(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.look_ahead(after, |open, until| {
            let mut ends = open.iter().map(|interval| interval.end);
            ends.find(|end| *end > after && *end < until)
        })
    }

    /// Looks at ever longer stretches from `after` on, until one of them holds an answer.
    fn look_ahead(
        &self,
        after: DateTime<Utc>,
        find: impl Fn(&[Interval], DateTime<Utc>) -> Option<DateTime<Utc>>,
    ) -> Option<DateTime<Utc>> {
        let mut length = STRETCH;
        loop {
            let until = after.checked_add_signed(length.min(HORIZON))?;
            let found = find(&self.open(after, until), until);
            if found.is_some() || length >= HORIZON {
                return found;
            }
            length = length * 4;
        }
    }
}

fn covered<'a>(
    rules: &'a [TimeRule],
    request: &Request,
    policy_actions: &[Action],
) -> Vec<&'a TimeRule> {
    let covers = |rule: &&TimeRule| rule.scope.covers(request, policy_actions);
    rules.iter().filter(covers).collect()
}
