//! What the clock will say: coming times of open and closed, each with the rule that makes it so.
//!
//! The beginnings and ends of all rules in a range are swept in order; between two of them nothing
//! changes. Approvals that were given, traffic and whatever else is asked at the time are not looked at.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    intervals::union,
    rules::TimeRule,
    timetable::{FIRST_PART, HORIZON, Timetable},
    wording,
    zone::Zone,
};

/// What the clock says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockState {
    /// It may go.
    Open,
    /// It may go with an approval.
    NeedsApproval,
    /// It may not go.
    Closed,
}

impl ClockState {
    /// Returns the stable word of machine output: with an approval it is open, too.
    pub fn word(self) -> &'static str {
        match self {
            Self::Open | Self::NeedsApproval => "open",
            Self::Closed => "closed",
        }
    }
}

/// A rule about time, as messages name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleName {
    /// Path in the policy: `blocked_dates[3]`.
    pub rule: String,
    /// 1-based line in the policy.
    pub line: usize,
    /// Its name in quotes, else its times: `"Thanksgiving"`, `Mon-Thu 02:00-06:00`.
    pub label: String,
    /// Does it block?
    pub blocks: bool,
}

/// A time in which one and the same rule decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// First instant of it.
    pub start: DateTime<Utc>,
    /// First instant after it.
    pub end: DateTime<Utc>,
    /// Which rule, as an index of [`Outlook::rules`]; none outside of all windows, and where there
    /// are no windows.
    pub rule: Option<usize>,
}

/// Why the state changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// What happens: `"night" begins`.
    pub text: String,
    /// The rule in it, as an index of [`Outlook::rules`].
    pub rule: usize,
}

/// A time in which the state stays the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Period {
    /// What the clock says.
    pub state: ClockState,
    /// First instant of it; none = it has been so for two years before the range.
    pub start: Option<DateTime<Utc>>,
    /// First instant after it; none = it is still so two years after the range.
    pub end: Option<DateTime<Utc>>,
    /// Why it begins; none without a known start.
    pub begins: Option<Cause>,
    /// Why it ends; none without a known end.
    pub ends: Option<Cause>,
    /// Which rules make it so, in order and without a hole.
    pub parts: Vec<Part>,
}

impl Period {
    /// Returns how long it is; none without a known start or end.
    pub fn length(&self) -> Option<TimeDelta> {
        Some(self.end? - self.start?)
    }
}

/// What the clock says in a range.
#[derive(Debug, Clone)]
pub struct Outlook {
    /// First instant of the range.
    pub from: DateTime<Utc>,
    /// First instant after it.
    pub until: DateTime<Utc>,
    /// The zone that instants are shown in.
    pub zone: Zone,
    /// The rules that decide somewhere in it.
    pub rules: Vec<RuleName>,
    /// In order and without a hole. The first and the last may begin before and end after the range.
    pub periods: Vec<Period>,
}

impl Outlook {
    /// Returns the period that the range begins in; none in an empty range.
    pub fn now(&self) -> Option<&Period> {
        self.periods.first()
    }

    /// Returns the periods that begin inside the range, the one that holds at its start left out.
    pub fn changes(&self) -> &[Period] {
        self.periods.get(1..).unwrap_or_default()
    }

    /// Returns the rule of a part.
    pub fn rule(&self, part: &Part) -> Option<&RuleName> {
        self.rules.get(part.rule?)
    }
}

/// A part with its state, before periods are made.
type Stretch = (ClockState, Part);

impl Timetable<'_> {
    /// Returns what the clock says from `from` until `until`, each period with its true beginning
    /// and end, which may be up to two years outside of the range.
    pub fn outlook(&self, from: DateTime<Utc>, until: DateTime<Utc>) -> Outlook {
        let ranked = Ranked::of(self);
        let mut margin = FIRST_PART;
        let (first, last, mut periods) = loop {
            let first = from.checked_sub_signed(margin);
            let first = first.unwrap_or(DateTime::<Utc>::MIN_UTC);
            let last = until.checked_add_signed(margin);
            let last = last.unwrap_or(DateTime::<Utc>::MAX_UTC);
            let periods = ranked.periods(&ranked.sweep(first, last), from, until);
            let start = periods.first().and_then(|period| period.start);
            let end = periods.last().and_then(|period| period.end);
            let settled = start.is_none_or(|at| at > first) && end.is_none_or(|at| at < last);
            if settled || margin >= HORIZON {
                break (first, last, periods);
            }
            margin = (margin * 4).min(HORIZON);
        };
        if let Some(period) = periods.first_mut()
            && period.start == Some(first)
        {
            period.start = None;
        }
        if let Some(period) = periods.last_mut() {
            period.end = period.end.filter(|end| *end < last);
        }
        Outlook {
            from,
            until,
            zone: self.policy.zone().clone(),
            rules: ranked.names(),
            periods,
        }
    }
}

/// The rules in the order in which they decide: what blocks first, dates before windows because
/// their names say more; then windows, those without an approval first.
struct Ranked<'a> {
    rules: Vec<&'a TimeRule>,
    /// So many of them block.
    blocking: usize,
    any_window: bool,
}

impl<'a> Ranked<'a> {
    fn of(timetable: &Timetable<'a>) -> Self {
        let mut rules = timetable.blocked_dates.clone();
        rules.extend(&timetable.blocked);
        let blocking = rules.len();
        let (approval, free): (Vec<&TimeRule>, Vec<&TimeRule>) = timetable
            .allowed
            .iter()
            .partition(|rule| rule.approval_required);
        rules.extend(free);
        rules.extend(approval);
        Self {
            rules,
            blocking,
            any_window: !timetable.allowed.is_empty(),
        }
    }

    fn names(&self) -> Vec<RuleName> {
        let name = |(rank, rule): (usize, &&TimeRule)| RuleName {
            rule: rule.rule.clone(),
            line: rule.line,
            label: wording::label(rule),
            blocks: rank < self.blocking,
        };
        self.rules.iter().enumerate().map(name).collect()
    }

    fn sweep(&self, from: DateTime<Utc>, until: DateTime<Utc>) -> Vec<Stretch> {
        let mut ends: Vec<(DateTime<Utc>, usize, bool)> = Vec::new();
        for (rank, rule) in self.rules.iter().enumerate() {
            let mut intervals = Vec::new();
            rule.times.intervals(from, until, &mut intervals);
            for interval in union(intervals) {
                ends.push((interval.start, rank, true));
                ends.push((interval.end, rank, false));
            }
        }
        ends.sort_unstable();
        let mut stretches: Vec<Stretch> = Vec::new();
        let mut holding = BTreeSet::new();
        let mut start = from;
        for (at, rank, begins) in ends.into_iter().chain([(until, usize::MAX, false)]) {
            if start < at {
                let (state, rule) = self.state(&holding);
                match stretches.last_mut() {
                    Some((before, part)) if *before == state && part.rule == rule => part.end = at,
                    _ => stretches.push((
                        state,
                        Part {
                            start,
                            end: at,
                            rule,
                        },
                    )),
                }
                start = at;
            }
            if begins {
                holding.insert(rank);
            } else {
                holding.remove(&rank);
            }
        }
        stretches
    }

    /// Returns what the clock says while these rules hold, and which of them decides.
    fn state(&self, holding: &BTreeSet<usize>) -> (ClockState, Option<usize>) {
        match holding.first() {
            Some(&rank) if rank < self.blocking => (ClockState::Closed, Some(rank)),
            Some(&rank) if self.rules[rank].approval_required => {
                (ClockState::NeedsApproval, Some(rank))
            }
            Some(&rank) => (ClockState::Open, Some(rank)),
            None if self.any_window => (ClockState::Closed, None),
            None => (ClockState::Open, None),
        }
    }

    /// Puts stretches of one state together and keeps the periods that touch the range.
    fn periods(
        &self,
        stretches: &[Stretch],
        from: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Vec<Period> {
        let groups: Vec<&[Stretch]> = stretches
            .chunk_by(|left, right| left.0 == right.0)
            .collect();
        let cause =
            |left: &[Stretch], right: &[Stretch]| self.cause(*left.last()?, *right.first()?);
        let mut periods = Vec::new();
        for (index, group) in groups.iter().enumerate() {
            let parts: Vec<Part> = group.iter().map(|(_, part)| *part).collect();
            let (Some(first), Some(last)) = (parts.first(), parts.last()) else {
                continue;
            };
            if first.start >= until || last.end <= from {
                continue;
            }
            let before = index.checked_sub(1).and_then(|before| groups.get(before));
            let after = groups.get(index + 1);
            periods.push(Period {
                state: group[0].0,
                start: Some(first.start),
                end: Some(last.end),
                begins: before.and_then(|before| cause(before, group)),
                ends: after.and_then(|after| cause(group, after)),
                parts,
            });
        }
        periods
    }

    /// Says which rule begins or ends where one state follows another.
    fn cause(&self, before: Stretch, after: Stretch) -> Option<Cause> {
        let blocks = |stretch: Stretch| stretch.1.rule.filter(|rank| *rank < self.blocking);
        let (rule, verb) = match (blocks(before), blocks(after)) {
            (_, Some(rank)) => (rank, "blocks"),
            (Some(rank), None) => (rank, "ends"),
            // A window that asks for no approval hides one that does.
            (None, None) if before.0 == ClockState::Open || after.0 == ClockState::Closed => {
                (before.1.rule?, "ends")
            }
            (None, None) => (after.1.rule?, "begins"),
        };
        let label = wording::label(self.rules[rule]);
        Some(Cause {
            text: format!("{label} {verb}"),
            rule,
        })
    }
}
