//! Windows that never open, and windows that overlap.

use super::{Linter, Severity, called};
use crate::policy::{
    intervals::{Interval, difference, union},
    rules::{Policy, TimeRule},
    scope::{NamePattern, Names, Scope},
    timetable::HORIZON,
    wording,
};

/// Most openings of one window that are compared with those of the others.
const COMPARED: usize = 1_000;
/// Most windows of which each is compared with all others.
const COMPARED_WINDOWS: usize = 100;
/// Where all rules together begin more often a day, looking two years ahead takes too long.
const OPENINGS_A_DAY: usize = 1_000;

/// A rule that blocks, and when it does.
type Block<'a> = (&'a TimeRule, Vec<Interval>);

/// How a window stands to another one.
#[derive(PartialEq, Eq)]
enum Beside {
    /// It is inside: what others do to it matters no more.
    Inside,
    /// It has time of its own.
    Elsewhere,
}

impl Linter<'_> {
    pub(super) fn windows(&mut self) {
        let policy = self.policy;
        let Some(until) = self.now.checked_add_signed(HORIZON) else {
            return;
        };
        let blocks = policy.blocked.iter().chain(&policy.blocked_dates);
        let blocks: Vec<&TimeRule> = blocks.filter(|rule| !rule.manual_sync).collect();
        let begin = |rule: &TimeRule| rule.times.pattern.openings_a_day();
        let all = policy.allowed.iter().chain(blocks.iter().copied());
        if all.map(begin).sum::<usize>() > OPENINGS_A_DAY {
            self.not_compared();
            return;
        }
        let spans = |rule: &TimeRule| {
            let mut found = Vec::new();
            rule.times.intervals(self.now, until, &mut found);
            union(found)
        };
        let allowed: Vec<Vec<Interval>> = policy.allowed.iter().map(&spans).collect();
        let blocks: Vec<Block<'_>> = blocks.into_iter().map(|rule| (rule, spans(rule))).collect();
        let general = |(block, _): &&Block<'_>| contains(&block.scope, &Scope::default(), policy);
        let general = blocks.iter().filter(general);
        let everywhere = union(general.flat_map(|(_, spans)| spans.clone()).collect());
        for (rule, open) in policy.allowed.iter().zip(&allowed) {
            self.never_opens(rule, open, &everywhere, &blocks);
        }
        if policy.allowed.len() > COMPARED_WINDOWS {
            self.not_compared();
            return;
        }
        for (index, rule) in policy.allowed.iter().enumerate() {
            for (other_index, other) in policy.allowed.iter().enumerate() {
                if index != other_index {
                    let here = &allowed[index][..allowed[index].len().min(COMPARED)];
                    let there = &allowed[other_index];
                    let later = index > other_index;
                    if self.beside(rule, here, other, there, later) == Beside::Inside {
                        break;
                    }
                }
            }
        }
    }

    fn not_compared(&mut self) {
        let Some(rule) = self.policy.allowed.first() else {
            return;
        };
        let message = "there are too many windows to compare each with all others";
        self.odd_rule(Severity::Info, "not-compared", rule, message.to_owned());
    }

    /// `everywhere` is what is blocked for everybody.
    fn never_opens(
        &mut self,
        rule: &TimeRule,
        open: &[Interval],
        everywhere: &[Interval],
        blocks: &[Block<'_>],
    ) {
        if open.is_empty() {
            let message = "this window never opens: it has no moment in the next two years";
            self.odd_rule(Severity::Warning, "never-opens", rule, message.to_owned());
            return;
        }
        let mut rest = difference(open, everywhere);
        let takes = |(block, _): &&Block<'_>| contains(&block.scope, &rule.scope, self.policy);
        for (_, spans) in blocks.iter().filter(takes) {
            if rest.is_empty() {
                break;
            }
            rest = difference(&rest, spans);
        }
        if !rest.is_empty() {
            return;
        }
        let alone = blocks
            .iter()
            .filter(takes)
            .find(|(_, spans)| difference(open, spans).is_empty());
        let by = alone.map_or_else(
            || "the blocked windows and dates together cover".to_owned(),
            |(block, _)| format!("{} covers", called(block)),
        );
        let message = format!(
            "this window never opens: {by} all of it in the next two years, and blocked beats allowed"
        );
        self.odd_rule(Severity::Warning, "never-opens", rule, message);
    }

    /// Says what `other` does to `rule`, both allowed windows. Two that are each in the other, or
    /// that overlap, are told once: at the later one.
    fn beside(
        &mut self,
        rule: &TimeRule,
        open: &[Interval],
        other: &TimeRule,
        others: &[Interval],
        later: bool,
    ) -> Beside {
        if open.is_empty() || !contains(&other.scope, &rule.scope, self.policy) {
            return Beside::Elsewhere;
        }
        let alike = contains(&rule.scope, &other.scope, self.policy);
        let rest = difference(open, others);
        let name = called(other);
        let approvals = (rule.approval_required, other.approval_required);
        if rest.is_empty() {
            let both = alike && difference(others, open).is_empty();
            if both && !later && approvals != (true, false) {
                return Beside::Elsewhere;
            }
            match approvals {
                (true, false) => self.odd_rule(
                    Severity::Warning,
                    "approval-never-asked",
                    rule,
                    format!(
                        "this window is inside {name}, which needs no approval, so none is ever asked for"
                    ),
                ),
                (false, true) if both => {}
                (false, true) => self.odd_rule(
                    Severity::Info,
                    "window-inside",
                    rule,
                    format!("this window is inside {name}; while it is open, no approval is asked for"),
                ),
                _ if rule.manual_sync != other.manual_sync => {}
                _ => self.odd_rule(
                    Severity::Warning,
                    "window-inside",
                    rule,
                    format!("this window is inside {name} and changes nothing"),
                ),
            }
            return Beside::Inside;
        }
        let Some(common) = difference(open, &rest).into_iter().next() else {
            return Beside::Elsewhere;
        };
        // One that is inside of this one has its own line.
        if alike && (!later || difference(others, open).is_empty()) {
            return Beside::Elsewhere;
        }
        let zone = &rule.times.zone;
        let from = wording::moment(common.start, zone);
        let to = wording::moment(common.end, zone);
        let (severity, code, effect) = if approvals.0 == approvals.1 {
            (Severity::Info, "window-overlap", "together they are one")
        } else {
            (
                Severity::Warning,
                "approval-overlap",
                "where both are open, no approval is asked for",
            )
        };
        let message = format!("this window overlaps {name}, next from {from} to {to}; {effect}");
        self.odd_rule(severity, code, rule, message);
        Beside::Elsewhere
    }
}

/// Is whatever the scope `inner` covers covered by `outer` too? Only a sure yes counts.
fn contains(outer: &Scope, inner: &Scope, policy: &Policy) -> bool {
    let actions = |scope: &Scope| scope.actions.clone().unwrap_or(policy.actions.clone());
    let inner_actions = actions(inner);
    let outer_actions = actions(outer);
    let invokers = match (&outer.invokers, &inner.invokers) {
        (None, _) => true,
        (Some(outer), Some(inner)) => inner.iter().all(|invoker| outer.contains(invoker)),
        (Some(_), None) => false,
    };
    inner_actions
        .iter()
        .all(|action| outer_actions.contains(action))
        && invokers
        && names_contain(outer, inner)
}

fn names_contain(outer: &Scope, inner: &Scope) -> bool {
    let lists = |scope: &Scope| -> [Vec<String>; 4] {
        let texts = |names: &Names| {
            let text = |pattern: &NamePattern| pattern.text.clone();
            names.iter().flatten().map(text).collect()
        };
        [
            texts(&scope.services),
            texts(&scope.environments),
            texts(&scope.namespaces),
            texts(&scope.clusters),
        ]
    };
    let (outer_lists, inner_lists) = (lists(outer), lists(inner));
    if outer_lists.iter().all(Vec::is_empty) {
        return true;
    }
    if outer.any_name || inner.any_name {
        let all = |list: &Vec<String>| list.iter().any(|text| text == "*");
        let same = outer.any_name == inner.any_name && outer_lists == inner_lists;
        return same || outer.any_name && outer_lists.iter().any(all);
    }
    let wider = |(outer, inner): (&Vec<String>, &Vec<String>)| {
        let known = |text: &String| outer.contains(text);
        outer.is_empty()
            || outer.iter().any(|text| text == "*")
            || !inner.is_empty() && inner.iter().all(known)
    };
    outer_lists.iter().zip(&inner_lists).all(wider)
}
