//! When it is open for a request: membership, next opening, next closing, and all of them in a range.

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    intervals::{Interval, difference, union},
    request::{Action, Invoker, Request},
    rules::{Policy, TimeRule},
    scope::{Scope, Unnamed},
};

/// How far ahead to look.
pub(super) const HORIZON: TimeDelta = TimeDelta::days(731);
/// How much of it at first: most openings are within days, and the rest need not be worked out.
pub(super) const FIRST_PART: TimeDelta = TimeDelta::days(16);
/// How much of a longer time at once: many windows over many years would fill the memory.
const PART: TimeDelta = TimeDelta::days(64);

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
        let mut blocked = covered(&self.blocked);
        if request.invoker == Invoker::User {
            // Argo CD lets a person through outside of windows that all say `manualSync`, and inside
            // of blocked ones that all say so, whatever the allowed ones say.
            let (through, kept) = blocked.into_iter().partition(|rule| rule.manual_sync);
            blocked = kept;
            if allowed.iter().all(|rule| rule.manual_sync) {
                allowed.clear();
            } else {
                allowed.extend::<Vec<_>>(through);
            }
        }
        Timetable {
            policy: self,
            allowed,
            blocked,
            blocked_dates: covered(&self.blocked_dates),
        }
    }

    /// Returns what a request must name before this policy can be asked: a rule is for some
    /// services or places only, and nobody can say whether it is for this one.
    pub fn unnamed(&self, request: &Request) -> Option<Unnamed> {
        let mut scopes = self.scopes();
        let of_scopes = scopes.find_map(|scope| scope.unnamed(request));
        of_scopes.or_else(|| {
            let asks = self.asks_alerts(request.action);
            let alerts = self.alerts.as_ref().filter(|_| asks)?;
            alerts.value.unnamed(request)
        })
    }

    /// Returns whom each of the rules is for.
    pub(super) fn scopes(&self) -> impl Iterator<Item = &Scope> {
        let rules = [&self.allowed, &self.blocked, &self.blocked_dates];
        rules.into_iter().flatten().map(|rule| &rule.scope)
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
        self.openings(from, until, PART).collect()
    }

    /// Works out a part of it, all at once.
    fn open_at_once(&self, from: DateTime<Utc>, until: DateTime<Utc>) -> Vec<Interval> {
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

    /// Gives when it is open between two instants, in order, one part after the other as they are
    /// asked for.
    fn openings(
        &self,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
        first_part: TimeDelta,
    ) -> impl Iterator<Item = Interval> {
        let mut part = first_part;
        let mut worked_out = from;
        let mut ready = Vec::new().into_iter();
        let mut last: Option<Interval> = None;
        std::iter::from_fn(move || {
            loop {
                if let Some(next) = ready.next() {
                    match last.replace(next) {
                        // One opening that goes on from part to part.
                        Some(before) if before.end == next.start => {
                            last = Some(Interval {
                                start: before.start,
                                end: next.end,
                            });
                        }
                        Some(before) => return Some(before),
                        None => {}
                    }
                } else if worked_out >= until || last.is_some_and(|last| last.end < worked_out) {
                    return last.take();
                } else {
                    let end = worked_out.checked_add_signed(part);
                    let end = end.map_or(until, |end| end.min(until));
                    ready = self.open_at_once(worked_out, end).into_iter();
                    worked_out = end;
                    part = PART;
                }
            }
        })
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
        let until = after.checked_add_signed(HORIZON)?;
        self.openings(after, until, FIRST_PART)
            .find(|open| open.start > after && open.end - open.start >= length)
            .map(|open| open.start)
    }

    /// Returns the next instant after `after` at which it closes; none within two years.
    pub fn next_closed(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let until = after.checked_add_signed(HORIZON)?;
        self.openings(after, until, FIRST_PART)
            .map(|open| open.end)
            .find(|end| *end > after && *end < until)
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
