//! Raw counters of pods that come, go, restart and are missed by scrapes -> polls in which nothing is
//! that did not happen.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use shipgate::analysis::{
    counters::{Absent, Bucket, BucketCounter, Counted, Look, PollCounters, Snapshot},
    judge::{Counts, Poll},
};

const INTERVAL: i64 = 30;

fn at(look: i64) -> DateTime<Utc> {
    let start: DateTime<Utc> = "2026-01-05T12:00:00Z".parse().unwrap();
    start + TimeDelta::seconds(INTERVAL * look)
}

/// Reads `a=1 b=2` as the series of the look with this number.
fn snapshot(look: i64, series: &str) -> Snapshot {
    let series = series
        .split_whitespace()
        .map(|one| {
            let (name, value) = one.rsplit_once('=').unwrap();
            (name.to_owned(), value.parse().unwrap())
        })
        .collect();
    Snapshot {
        at: at(look),
        series,
    }
}

/// Reads `BAD | TOTAL`.
fn look(number: i64, text: &str) -> Look {
    let (counted, total) = text.split_once('|').unwrap();
    Look {
        counted: snapshot(number, counted),
        total: snapshot(number, total),
    }
}

fn line(outcome: &Result<Poll, String>) -> String {
    let counts = |counts: Counts| format!("{}/{}", counts.bad(), counts.total());
    match outcome {
        Ok(poll) => format!("{} against {}", counts(poll.canary), counts(poll.stable)),
        Err(reason) => format!("nothing: {reason}"),
    }
}

/// Takes looks `CANARY ; STABLE` one after the other, the first one to begin with.
fn outcomes(counted: Counted, absent: Absent, looks: &[&str]) -> String {
    let mut pairs = looks.iter().zip(0..).map(|(text, number)| {
        let (canary, stable) = text.split_once(';').unwrap();
        (look(number, canary), look(number, stable))
    });
    let (canary, stable) = pairs.next().unwrap();
    let mut counters = PollCounters::new(counted, absent, canary, Some(stable));
    let lines: Vec<String> = pairs
        .map(|(canary, stable)| line(&counters.take(&canary, Some(&stable))))
        .collect();
    lines.join("\n")
}

const KNOWN: Absent = Absent {
    is_zero: false,
    was_there: true,
};

#[test]
fn pods_come_and_go_and_errors_are_first_ones() {
    let polls = outcomes(
        Counted::Bad,
        KNOWN,
        &[
            "| ; s5=7 | s2=9000 s5=7",
            // The canary's first requests and its first error; stable's counters were set back.
            "c5=1 | c2=40 c5=1 ; s5=0 | s2=600 s5=0",
            // Another pod with another first error.
            "c5=1 d5=2 | c2=80 c5=1 d2=10 d5=2 ; s5=1 | s2=1200 s5=1",
            // The first pod is gone.
            "d5=2 | d2=60 d5=2 ; s5=1 | s2=1800 s5=1",
            // It is back: it was not scraped.
            "c5=3 d5=2 | c2=150 c5=3 d2=90 d5=2 ; s5=1 | s2=2400 s5=1",
        ],
    );
    insta::assert_snapshot!(polls, @r"
    1/41 against 0/600
    2/52 against 1/601
    0/50 against 0/600
    2/102 against 0/600
    ");
}

/// From there on not every whole number has a floating-point number of its own.
#[test]
fn counters_that_are_huge_lose_no_more_than_a_request_and_were_not_set_back() {
    let polls = outcomes(
        Counted::Bad,
        KNOWN,
        &[
            "c5=9007199254740992 | c5=9007199254740992 ; s5=0 | s2=0 s5=0",
            // One more, which rounds down; then a hundred more; then three, which round up.
            "c5=9007199254740993 | c5=9007199254740993 ; s5=0 | s2=100 s5=0",
            "c5=9007199254740992 | c5=9007199254740992 c2=100 ; s5=0 | s2=200 s5=0",
            "c5=9007199254741095 | c5=9007199254741095 c2=200 ; s5=0 | s2=300 s5=0",
            // A process that began again.
            "c5=2 | c5=2 c2=300 ; s5=0 | s2=400 s5=0",
        ],
    );
    insta::assert_snapshot!(polls, @r"
    0/0 against 0/100
    0/100 against 0/100
    104/204 against 0/100
    2/102 against 0/100
    ");
}

#[test]
fn what_was_not_scraped_is_neither_zero_nor_new() {
    let polls = outcomes(
        Counted::Bad,
        KNOWN,
        &[
            "c5=3 | c=100 ; s5=7 | s=9000",
            "c5=4 | c=200 ; s5=7 | s=9900",
            // Nothing of the canary; what comes meanwhile belongs to the next poll, of both.
            "| ; s5=8 | s=10800",
            "c5=6 | c=400 ; s5=9 | s=11700",
            // Only the errors are gone, but not the pod.
            "| c=500 ; s5=9 | s=12600",
            "c5=9 | c=600 ; s5=9 | s=13500",
            // An old pod that nobody has seen.
            "c5=9 | c=700 ; s5=9 o5=4000 | s=14400 o=1000000",
            "c5=9 | c=800 ; s5=9 o5=4001 | s=15300 o=1000900",
            // A sum that fell because a pod went away.
            "c5=9 | c=900 ; s5=8 o5=4001 | s=14000 o=1001800",
            "c5=9 | c=1000 ; s5=8 o5=4001 | s=14900 o=1002700",
            // More errors than requests.
            "c5=5000 | c=1100 ; s5=8 o5=4001 | s=15800 o=1003600",
            // Errors that fell by themselves.
            "c5=4990 | c=1200 ; s5=8 o5=4001 | s=16700 o=1004500",
            // A restart.
            "c5=1 | c=20 ; s5=8 o5=4001 | s=17600 o=1005400",
        ],
    );
    insta::assert_snapshot!(polls, @r"
    1/100 against 0/900
    nothing: `total` matches nothing for canary any more: are its pods scraped?
    2/200 against 2/1800
    nothing: `bad` matches nothing for canary any more, but `total` does: are its pods scraped?
    3/200 against 0/1800
    nothing: new series of `total` hold 1000000 requests for stable, where at most 10100 can have come: was a pod not scraped?
    0/100 against 1/1800
    nothing: a series of `total` fell to 14000 for stable, which is too much for a restart: is it a sum over pods?
    0/100 against 0/1800
    nothing: 4991 bad requests of 100 for canary: do both queries count the same requests?
    nothing: a series of `bad` fell for canary, and none of `total`: is it a sum over pods?
    1/20 against 0/1800
    ");
}

/// One scrape that only one counter has had is a skew; the same twice is none.
#[test]
fn bad_requests_that_run_away_from_all_requests_are_no_numbers() {
    let polls = outcomes(
        Counted::Bad,
        KNOWN,
        &[
            "c=0 | t=0 ; s=0 | u=0",
            // The scrape of `bad` is there already, that of `total` is not; then the other way round.
            "c=2000 | t=1000 ; s=0 | u=1000",
            "c=2000 | t=2000 ; s=0 | u=2000",
            "c=3000 | t=3000 ; s=0 | u=3000",
            "c=5000 | t=4000 ; s=0 | u=4000",
            "c=7000 | t=5000 ; s=0 | u=5000",
            "c=9000 | t=6000 ; s=0 | u=6000",
            "c=9000 | t=7000 ; s=0 | u=7000",
        ],
    );
    insta::assert_snapshot!(polls, @r"
    1000/1000 against 0/1000
    0/1000 against 0/1000
    1000/1000 against 0/1000
    1000/1000 against 0/1000
    nothing: 2000 bad requests of 1000 for canary, and more than all before: do both queries count the same requests?
    nothing: 2000 bad requests of 1000 for canary, and more than all before: do both queries count the same requests?
    0/1000 against 0/1000
    ");
}

#[test]
fn an_arm_without_a_request_waits_and_one_without_counters_is_asked_about() {
    let polls = outcomes(
        Counted::Bad,
        KNOWN,
        &[
            "| ; | s=1000",
            "| ; | s=2000",
            "| ; | s=3000",
            "| c=0 ; | s=4000",
            "c5=1 | c=50 ; | s=5000",
        ],
    );
    insta::assert_snapshot!(polls, @r"
    nothing: `total` matches nothing for canary: has it had a request?
    nothing: `total` matches nothing for canary: has it had a request?
    0/0 against 0/1000
    1/50 against 0/1000
    ");
}

#[test]
fn a_query_that_never_matched_is_no_data_and_nothing_is_lost_by_that() {
    let looks = [
        "| c=0 ; | s=1000",
        "| c=100 ; | s=2000",
        "| c=200 ; | s=3000",
        "c5=2 | c=300 ; | s=4000",
        "c5=2 | c=400 ; | s=5000",
    ];
    let never = Absent::default();
    let says_zero = Absent {
        is_zero: true,
        ..never
    };
    let good = [
        "| c=0 ; sg=995 | s=1000",
        "cg=98 | c=100 ; sg=1990 | s=2000",
        "cg=98 | c=200 ; sg=2991 | s=3000",
    ];
    let polls = [
        outcomes(Counted::Bad, never, &looks),
        outcomes(Counted::Bad, says_zero, &looks),
        outcomes(Counted::Good, says_zero, &looks[..3]),
        outcomes(Counted::Good, never, &good),
    ];
    insta::assert_snapshot!(polls.join("\n\n"), @r"
    nothing: `bad` matches nothing in either arm: is the query right? `absent_bad_is_zero: true` if there was never a bad one
    nothing: `bad` matches nothing in either arm: is the query right? `absent_bad_is_zero: true` if there was never a bad one
    2/300 against 0/3000
    0/100 against 0/1000

    0/100 against 0/1000
    0/100 against 0/1000
    2/100 against 0/1000
    0/100 against 0/1000

    nothing: `good` matches nothing in either arm: is the query right?
    nothing: `good` matches nothing in either arm: is the query right?

    2/100 against 5/1000
    100/100 against 0/1000
    ");
}

#[test]
fn a_pod_that_was_away_at_the_first_look_brings_nothing_of_before() {
    let begin = |number| {
        PollCounters::new(
            Counted::Bad,
            KNOWN,
            look(number, "| c=0"),
            Some(look(number, "s5=1 | s=9000")),
        )
    };
    let mut counters = begin(0);
    counters.remember(
        &look(-9, "| "),
        Some(&look(-9, "a5=40 r5=3 | a=50 r=60 s=8000")),
    );
    let mut lines = Vec::new();
    for (number, stable) in [
        (1, "s5=1 a5=44 r5=1 | s=9900 a=75 r=20"),
        (2, "s5=1 a5=45 r5=1 | s=10800 a=80 r=20"),
    ] {
        let canary = look(number, "| c=30");
        lines.push(line(&counters.take(&canary, Some(&look(number, stable)))));
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    0/30 against 1/920
    0/0 against 1/905
    ");
}

#[test]
fn without_a_measure_of_its_own_history_says_what_is_plausible() {
    let take = |pace: f64| {
        let mut counters = PollCounters::new(Counted::Bad, KNOWN, look(0, "|"), None);
        counters.expect_pace(pace);
        line(&counters.take(&look(1, "a5=30 | a=600 b=600"), None))
    };
    insta::assert_snapshot!([take(0.0), take(20.0)].join("\n"), @r"
    nothing: new series of `total` hold 1200 requests for canary, where at most 100 can have come: was a pod not scraped?
    30/1200 against 0/0
    ");
}

#[test]
fn buckets_are_added_up_by_boundary_or_refused() {
    let texts = [
        (
            r#"le="+Inf",pod="a"=10 le="0.5",pod="a"=7 le="1.0",pod="a"=9"#,
            r#"le="+Inf",pod="a"=30 le="0.50",pod="b"=4 le="1",pod="b"=4 le="+Inf",pod="b"=5 le="0.5",pod="a"=17 le="1.0",pod="a"=28"#,
        ),
        (r#"le="+Inf"=10 le="1"=7"#, r#"le="+Inf"=4 le="1"=4"#),
        (
            r#"le="+Inf",pod="a"=1 le="1",pod="a"=1"#,
            r#"le="+Inf",pod="b"=1 le="2",pod="b"=1 le="+Inf",pod="a"=1 le="1",pod="a"=1"#,
        ),
        (r#"le="+Inf"=1"#, r#"le="1"=1"#),
        (r#"le="+Inf"=1"#, r#"pod="a"=1"#),
        (r#"le="+Inf"=1"#, r#"le="wide"=1"#),
        ("", ""),
    ];
    let mut lines = Vec::new();
    for (first, next) in texts {
        let mut counter = BucketCounter::new(snapshot(0, first)).unwrap();
        lines.push(match counter.advance(&snapshot(1, next)) {
            Ok(buckets) => buckets
                .iter()
                .map(|Bucket { up_to, count }| format!("{up_to}:{count}"))
                .collect::<Vec<_>>()
                .join(" "),
            Err(reason) => reason,
        });
    }
    let whole = snapshot(0, texts[0].0);
    for boundary in [0.5, f64::INFINITY, 0.7] {
        lines.push(format!(
            "{:?}",
            whole.bucket(boundary).map(|one| one.series)
        ));
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    0.5:14 1:23 inf:25
    1:4 inf:4
    pods have different buckets, [1 inf] and [2 inf]: compare them when all have the same
    a histogram has no bucket `le="+Inf"`: does the query select buckets by `le`?
    a series has no label `le`: the query must be one of `…_bucket`
    a label `le` holds no number

    Ok({"pod=\"a\"": 7.0})
    Ok({"pod=\"a\"": 10.0})
    Err("no bucket has the boundary 0.7; the next ones are 0.5 and 1")
    "#);
}

/// One look's worth of a pod's life.
#[derive(Debug, Clone, Copy)]
struct Turn {
    good: u32,
    bad: u32,
    restarts: bool,
    is_missed: bool,
}

/// A pod from its first look on, with what it counted before.
#[derive(Debug, Clone)]
struct Pod {
    begins: usize,
    before: (u32, u32),
    turns: Vec<Turn>,
}

const LOOKS: usize = 12;

fn pod(hiccups: bool) -> impl Strategy<Value = Pod> {
    let odds = if hiccups { 0.15 } else { 0.0 };
    let turn = (
        0_u32..40,
        0_u32..4,
        prop::bool::weighted(odds),
        prop::bool::weighted(odds),
    );
    let turn = turn.prop_map(|(good, bad, restarts, is_missed)| Turn {
        good,
        bad,
        restarts,
        is_missed,
    });
    let turns = prop::collection::vec(turn, LOOKS);
    (0..LOOKS / 2, 1_000_000_u32..2_000_000, turns).prop_map(|(begins, before, turns)| Pod {
        begins,
        before: if begins == 0 {
            (before, before / 100)
        } else {
            (0, 0)
        },
        turns,
    })
}

/// What one arm's pods show at each look, and what really came since the first one.
fn live(pods: &[Pod]) -> (Vec<Look>, (f64, f64)) {
    let mut looks: Vec<Look> = (0_i64..)
        .take(LOOKS)
        .map(|number| look(number, "|"))
        .collect();
    let mut truth = (0_u32, 0_u32);
    for (number, pod) in pods.iter().enumerate() {
        let (mut good, mut bad) = pod.before;
        for (index, turn) in pod.turns.iter().enumerate().skip(pod.begins) {
            if turn.restarts {
                (good, bad) = (0, 0);
            }
            if index > 0 {
                good += turn.good;
                bad += turn.bad;
                truth = (truth.0 + turn.good + turn.bad, truth.1 + turn.bad);
            }
            if turn.is_missed {
                continue;
            }
            let Look { counted, total } = &mut looks[index];
            let insert = |series: &mut BTreeMap<String, f64>, status: u32, value: u32| {
                series.insert(
                    format!("pod=\"{number}\",status=\"{status}\""),
                    f64::from(value),
                );
            };
            insert(&mut total.series, 200, good);
            // An error's counter begins with the first error.
            if bad > 0 {
                insert(&mut total.series, 500, bad);
                insert(&mut counted.series, 500, bad);
            }
        }
    }
    (looks, (f64::from(truth.0), f64::from(truth.1)))
}

fn begin(canary: &[Look], stable: &[Look]) -> PollCounters {
    PollCounters::new(
        Counted::Bad,
        KNOWN,
        canary[0].clone(),
        Some(stable[0].clone()),
    )
}

fn sum(polls: &[Result<Poll, String>]) -> Poll {
    polls
        .iter()
        .flatten()
        .fold(Poll::default(), |sum, poll| sum.plus(*poll))
}

proptest! {
    #[test]
    fn without_hiccups_every_request_counts_once(
        canary in prop::collection::vec(pod(false), 1..4),
        mut stable in prop::collection::vec(pod(false), 1..4),
    ) {
        stable[0].begins = 0;
        let ((canary, asked), (stable, of_stable)) = (live(&canary), live(&stable));
        let polls = begin(&canary, &stable)
            .take_all(canary.iter().zip(stable.iter().map(Some)).skip(1));
        let sum = sum(&polls);
        prop_assert_eq!((sum.canary.total(), sum.canary.bad()), asked);
        // Before the canary's first request there is nothing to compare stable with.
        prop_assert!(sum.stable.total() <= of_stable.0 && sum.stable.bad() <= of_stable.1);
    }

    #[test]
    fn whatever_happens_nothing_counts_that_did_not_happen(
        canary in prop::collection::vec(pod(true), 1..4),
        stable in prop::collection::vec(pod(true), 1..4),
    ) {
        let ((canary, asked), (stable, of_stable)) = (live(&canary), live(&stable));
        let polls = begin(&canary, &stable)
            .take_all(canary.iter().zip(stable.iter().map(Some)).skip(1));
        let sum = sum(&polls);
        for (counts, truth) in [(sum.canary, asked), (sum.stable, of_stable)] {
            prop_assert!(counts.total() <= truth.0, "{} of {}", counts.total(), truth.0);
            prop_assert!(counts.bad() <= truth.1, "{} of {}", counts.bad(), truth.1);
        }
    }

    #[test]
    fn a_watch_that_begins_anew_sees_what_the_first_one_saw(
        canary in prop::collection::vec(pod(true), 1..4),
        stable in prop::collection::vec(pod(true), 1..4),
        cut in 1..LOOKS,
    ) {
        let ((canary, _), (stable, _)) = (live(&canary), live(&stable));
        let looks: Vec<_> = canary.iter().zip(stable.iter().map(Some)).skip(1).collect();
        let mut live = begin(&canary, &stable);
        let seen: Vec<_> = looks
            .iter()
            .map(|(canary, stable)| live.take(canary, *stable))
            .collect();
        let mut anew = begin(&canary, &stable);
        let mut rebuilt = anew.take_all(looks[..cut - 1].iter().copied());
        rebuilt.extend(looks[cut - 1..].iter().map(|(canary, stable)| anew.take(canary, *stable)));
        prop_assert_eq!(seen, rebuilt);
    }
}
