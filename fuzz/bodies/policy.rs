//! Any bytes as a policy of any form: refused with a place, or judged without contradiction.

use std::hash::{DefaultHasher, Hash, Hasher};

use chrono::{DateTime, TimeDelta, Utc};
use shipgate::{
    event::Ending,
    ops::check,
    policy::{
        Action, Change, Decision, Effect, Facts, Freeze, Invoker, Policy, PolicySource, Request,
        Timetable, TrafficFact, Verdict,
    },
    units::RequestsPerSecond,
};

use super::{cost, findings};

/// Instants at which clocks and calendars are odd, and the first and last that anybody can write.
const ODD: [&str; 10] = [
    "0000-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-23:59",
    "2025-11-02T05:59:59Z",
    "2026-03-08T07:00:00Z",
    "2026-03-29T01:00:00Z",
    "2026-10-03T15:30:00Z",
    "2028-02-29T12:00:00Z",
    "1999-12-31T23:59:59Z",
    "2199-12-31T23:59:59Z",
    "2011-12-30T10:00:00Z",
];

/// How far from an instant its timetable is looked at.
const AROUND: TimeDelta = TimeDelta::days(8);

/// Reads bytes as `check` reads a policy file, and judges with it.
pub fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let source = PolicySource {
        path: "policies/production.yaml".to_owned(),
        commit: Some("0123456789012345678901234567890123456789".to_owned()),
        sha256: check::sha256(bytes),
        ..PolicySource::default()
    };
    let loaded = cost::bounded(|| check::load(source.clone(), text));
    let policy = match loaded {
        Ok(policy) => policy,
        Err(failure) => {
            assert_eq!(failure.0.ending, Ending::ConfigInvalid, "{failure:?}");
            let refused = Policy::parse(text, &source.path).map(|_| ()).unwrap_err();
            findings::good(text, &refused);
            return;
        }
    };
    assert_eq!(policy.source(), &source);
    judged(&policy, bytes);
}

/// Judges with a policy at many instants. `bytes` is what it was made of.
pub fn judged(policy: &Policy, bytes: &[u8]) {
    for instant in instants(bytes) {
        for request in requests() {
            for facts in facts() {
                judge(policy, &request, &facts, instant);
            }
            sampled(&policy.timetable(&request), instant);
        }
    }
}

/// Returns odd instants and a few that only this text has, so that the same is always asked
/// about the same ones.
fn instants(bytes: &[u8]) -> Vec<DateTime<Utc>> {
    let own = (0..4_u8).filter_map(|index| {
        let mut hasher = DefaultHasher::new();
        (index, bytes).hash(&mut hasher);
        let seconds = i64::try_from(hasher.finish() % 4_000_000_000).ok()?;
        DateTime::from_timestamp(seconds, 0)
    });
    let odd = ODD.iter().filter_map(|text| text.parse().ok());
    own.chain(odd).collect()
}

fn requests() -> [Request; 4] {
    let whole = Request {
        environment: Some("production".to_owned()),
        service: Some("advertisements".to_owned()),
        namespace: Some("shop".to_owned()),
        cluster: Some("https://cluster.example".to_owned()),
        version: "1.4.2".parse().ok(),
        ..Request::new(Action::Deploy)
    };
    let by_hand = Request {
        invoker: Invoker::User,
        ..whole.clone()
    };
    let back = Request {
        action: Action::Rollback,
        ..whole.clone()
    };
    [Request::new(Action::Deploy), whole, by_hand, back]
}

fn facts() -> [Facts; 4] {
    let traffic = |traffic| Facts {
        traffic,
        ..Facts::default()
    };
    let rate = RequestsPerSecond::new(1000.0).map(TrafficFact::Measured);
    [
        Facts::default(),
        traffic(rate.unwrap_or_default()),
        traffic(TrafficFact::Unavailable("no answer".to_owned())),
        Facts {
            freeze: Some(Freeze {
                path: "policies/FREEZE".to_owned(),
                ..Freeze::default()
            }),
            changed_paths: Some(vec!["migrations/1.sql".to_owned()]),
            ..Facts::default()
        },
    ]
}

/// Judges as the gate does, and looks whether the verdict contradicts itself or the timetable.
fn judge(policy: &Policy, request: &Request, facts: &Facts, now: DateTime<Utc>) {
    let verdict = match cost::bounded(|| check::judge(policy, request, facts, now)) {
        Ok(verdict) => verdict,
        Err(failure) => {
            let asked = matches!(failure.0.ending, Ending::Usage | Ending::ConfigInvalid);
            assert!(asked, "{failure:?}");
            return;
        }
    };
    assert_eq!(&verdict.policy, policy.source());
    consistent(&verdict);
    let timetable = policy.timetable(request);
    let open = timetable.is_open(now);
    if policy.applies_to(request.action) && verdict.decision == Decision::Allowed {
        assert!(open, "closed and allowed: {verdict:?}");
        let frozen = facts.freeze.is_some() && request.action == Action::Deploy;
        assert!(!frozen, "frozen and allowed: {verdict:?}");
    }
    if let Some(at) = verdict.closes_at.map(|at| at.to_utc()) {
        assert!(open && at > now, "{verdict:?}");
        assert!(!timetable.is_open(at), "{at}: {verdict:?}");
        let before = at - TimeDelta::nanoseconds(1);
        assert!(timetable.is_open(before), "{before}: {verdict:?}");
    }
    // It may be open before, and too short or frozen.
    if let Some(at) = verdict.opens_at.map(|at| at.to_utc()) {
        assert!(at > now, "{verdict:?}");
        assert!(timetable.is_open(at), "{at}: {verdict:?}");
    }
}

/// Nothing that blocks, asks or could not be looked at is let through.
fn consistent(verdict: &Verdict) {
    let has = |effect| verdict.reasons.iter().any(|reason| reason.effect == effect);
    match verdict.decision {
        // A policy that is tried out tells beside it what it would do.
        Decision::Warned if verdict.would_be.is_some() => {
            assert!(has(Effect::Warns), "{verdict:?}");
        }
        Decision::Allowed | Decision::Warned => {
            assert!(
                !has(Effect::Blocks) && !has(Effect::AsksApproval),
                "{verdict:?}"
            );
            assert!(has(Effect::Allows) || has(Effect::Warns), "{verdict:?}");
        }
        Decision::ApprovalRequired => assert!(has(Effect::AsksApproval), "{verdict:?}"),
        Decision::Blocked => assert!(!verdict.reasons.is_empty(), "{verdict:?}"),
    }
    for reason in &verdict.reasons {
        let text = format!("{}{}", reason.rule, reason.message);
        assert!(!text.chars().any(char::is_control), "{reason:?}");
    }
    let ending = Ending::from(verdict);
    assert_eq!(
        ending.code().number == 0,
        verdict.lets_through(),
        "{ending:?}: {verdict:?}"
    );
}

/// Membership and intervals are worked out in two ways: they agree at every change and around it.
fn sampled(timetable: &Timetable<'_>, instant: DateTime<Utc>) {
    let (from, until) = (instant - AROUND, instant + AROUND);
    let changes = cost::bounded(|| timetable.changes(from, until));
    let mut open = timetable.is_open(from);
    let mut last = from;
    for Change { at, open: opens } in changes {
        assert_eq!(opens, !open, "{at}: no change");
        for inside in [last + (at - last) / 2, at - TimeDelta::nanoseconds(1)] {
            assert_eq!(timetable.is_open(inside), open, "{inside}");
        }
        assert_eq!(timetable.is_open(at), opens, "{at}");
        (last, open) = (at, opens);
    }
    let rest = last + (until - last) / 2;
    assert_eq!(timetable.is_open(rest), open, "{rest}");
    let step = TimeDelta::minutes(487);
    let mut at = from;
    let intervals = timetable.open(from, until);
    while at < until {
        let inside = intervals
            .iter()
            .any(|interval| interval.start <= at && at < interval.end);
        assert_eq!(timetable.is_open(at), inside, "{at}");
        at += step;
    }
}
