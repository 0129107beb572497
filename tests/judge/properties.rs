//! Promises about any counts and any parameters: what must never be said, and what must make no
//! difference.

use proptest::prelude::*;
use shipgate::{
    analysis::{
        judge::{
            Against, ComparisonVerdict, Counts, Dispersion, Evaluation, Judge, Multiple,
            Parameters, Poll, forecast, rate_interval, ratio_interval, split_mismatch,
        },
        latency::{Buckets, Quantile, Sign, SlowAbove},
        traffic_plan::{Step, Traffic, advice, minutes_to_worse, outlook, schedule},
    },
    units::{RequestsPerSecond, Weight},
};

fn counts() -> impl Strategy<Value = Counts> {
    let totals = prop_oneof![
        2 => Just(0.0),
        4 => (0_u32..200).prop_map(f64::from),
        4 => (0_u32..200_000).prop_map(f64::from),
        2 => 0.0..1e4,
        1 => 1e12..1e18,
        1 => Just(1e18),
        1 => Just(1e-300),
    ];
    let shares = prop_oneof![
        4 => Just(0.0),
        4 => 0.0..0.05,
        2 => 0.0..1.0,
        1 => Just(1.0),
        1 => Just(1e-300),
    ];
    (totals, shares, any::<bool>()).prop_map(|(total, share, whole)| {
        let bad: f64 = total * share;
        Counts::new(total, if whole { bad.floor() } else { bad }).unwrap()
    })
}

fn poll() -> impl Strategy<Value = Poll> {
    (counts(), counts()).prop_map(|(canary, stable)| Poll { canary, stable })
}

fn polls() -> impl Strategy<Value = Vec<Poll>> {
    prop::collection::vec(poll(), 0..40)
}

fn alphas() -> impl Strategy<Value = f64> {
    prop_oneof![4 => 0.001..0.2, 1 => 1e-300..1.0, 1 => Just(5e-324), 1 => Just(0.999)]
}

/// Everything that is accepted, the edges too.
fn parameters() -> impl Strategy<Value = Parameters> {
    let against =
        prop_oneof![3 => Just(Against::Stable), 1 => (1e-9..0.999).prop_map(Against::Rate)];
    let ratios = (prop_oneof![Just(1.0), 1.0..3.0, 1.0..999.0], 0.001..900.0);
    let rates = (
        prop_oneof![Just(0.0), 0.0..0.01, 0.0..0.999],
        prop_oneof![3 => Just(0.0), 1 => 0.0..0.01, 1 => 0.0..0.999],
    );
    let dispersion = prop_oneof![
        Just(Dispersion::Auto),
        (1.0..5.0).prop_map(Dispersion::Fixed),
        Just(Dispersion::Fixed(1e308)),
    ];
    let polls = prop_oneof![Just(0_u32), Just(1), Just(10), Just(u32::MAX), 0_u32..60];
    (
        (against, ratios, rates, alphas(), alphas(), dispersion),
        (
            polls.clone(),
            polls.clone(),
            polls,
            any::<bool>(),
            1_u32..1000,
        ),
    )
        .prop_map(|(what, how)| {
            let (against, (tolerated_ratio, above), rates, alpha_worse, alpha_good, dispersion) =
                what;
            let (restart_polls, max_polls, soak_polls, one_poll_decides, metrics) = how;
            Parameters {
                against,
                tolerated_ratio,
                unacceptable_ratio: f64::min(tolerated_ratio + above, 1000.0),
                negligible_rate: rates.0,
                tolerated_margin: rates.1,
                alpha_worse,
                alpha_good,
                metrics,
                dispersion,
                restart_polls,
                max_polls: max_polls.max(1),
                soak_polls,
                one_poll_decides,
            }
        })
}

/// Parameters under which a poll's evidence does not depend on the other polls.
fn fixed() -> impl Strategy<Value = Parameters> {
    (parameters(), 1.0..5.0).prop_map(|(parameters, phi)| Parameters {
        dispersion: Dispersion::Fixed(phi),
        ..parameters
    })
}

fn each(parameters: Parameters, polls: &[Poll]) -> Vec<Evaluation> {
    let mut judge = Judge::new(parameters).unwrap();
    polls
        .iter()
        .map(|poll| {
            judge.push(*poll);
            judge.evaluate()
        })
        .collect()
}

fn last(parameters: Parameters, polls: &[Poll]) -> Evaluation {
    let mut judge = Judge::new(parameters).unwrap();
    for poll in polls {
        judge.push(*poll);
    }
    judge.evaluate()
}

fn sum(polls: &[Poll]) -> Poll {
    polls
        .iter()
        .fold(Poll::default(), |sum, poll| sum.plus(*poll))
}

/// Equal to nine digits, of the larger of the two and of the sums that they are differences of.
fn near(one: f64, other: f64, scale: f64) -> bool {
    (one - other).abs() <= 1e-9 * one.abs().max(other.abs()).max(scale).max(1.0)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_said_without_data(parameters in parameters(), polls in polls()) {
        for (position, found) in each(parameters, &polls).into_iter().enumerate() {
            prop_assert!(found.ln_e_worse.is_finite() && found.ln_e_good.is_finite(), "{found:?}");
            prop_assert!(found.phi >= 1.0 && found.phi.is_finite());
            if parameters.dispersion == Dispersion::Auto {
                prop_assert!(found.phi <= 10.0);
            }
            let so_far = sum(&polls[..=position]);
            match found.verdict {
                ComparisonVerdict::Worse => {
                    prop_assert!(so_far.canary.bad() >= 3.0);
                    // One burst is not a regression.
                    prop_assert!(position > 0 || parameters.one_poll_decides);
                }
                ComparisonVerdict::Good => prop_assert!(so_far.canary.total() >= 50.0),
                ComparisonVerdict::Hold => prop_assert!(found.ln_e_worse > 1.0),
                ComparisonVerdict::NotYet => {}
            }
            for percent in [found.sure_worse_percent(), found.sure_good_percent()] {
                prop_assert!((0.0..=100.0).contains(&percent));
            }
            if let Some(found) = forecast(&parameters, so_far, &found) {
                prop_assert!(found.requests > 0.0 && found.requests.is_finite(), "{found:?}");
            }
            let rate = rate_interval(so_far.canary, parameters.alpha_good);
            prop_assert!(0.0 <= rate.low && rate.low <= rate.high && rate.high <= 1.0);
            let ratio = ratio_interval(so_far, parameters.alpha_good);
            prop_assert!(0.0 <= ratio.low && ratio.low <= ratio.high);
        }
    }

    #[test]
    fn without_traffic_nothing_is_decided(
        parameters in parameters(),
        number in 0_usize..100,
        stable in counts(),
    ) {
        let polls = vec![Poll { canary: Counts::NONE, stable }; number];
        let found = last(parameters, &polls);
        prop_assert_eq!((found.ln_e_worse.abs() < 1e-12, found.ln_e_good.abs() < 1e-12), (true, true));
        prop_assert_eq!(found.verdict, ComparisonVerdict::NotYet);
        prop_assert_eq!(forecast(&parameters, sum(&polls), &found), None);
    }

    #[test]
    fn with_several_beginnings_it_takes_three_polls(
        alpha_worse in alphas(),
        polls in prop::collection::vec(poll(), 2),
    ) {
        let parameters = Parameters { alpha_worse, ..Parameters::default() };
        prop_assert_ne!(last(parameters, &polls).verdict, ComparisonVerdict::Worse);
    }

    /// Asked after each poll, or once after all: state that is kept changes nothing.
    #[test]
    fn what_is_rebuilt_is_what_was_kept(parameters in parameters(), polls in polls()) {
        if let Some(kept) = each(parameters, &polls).last() {
            prop_assert_eq!(*kept, last(parameters, &polls));
        }
    }

    #[test]
    fn more_bad_ones_of_the_canary_never_look_better(
        parameters in fixed(),
        mut polls in polls(),
        position in any::<prop::sample::Index>(),
        share in 0.0..1.0_f64,
    ) {
        prop_assume!(!polls.is_empty());
        let before = last(parameters, &polls);
        let position = position.index(polls.len());
        let poll = &mut polls[position];
        let good = poll.canary.total() - poll.canary.bad();
        let bad = poll.canary.bad() + share * good;
        poll.canary = Counts::measured(poll.canary.total(), bad).unwrap();
        let after = last(parameters, &polls);
        // What rounding may do to sums of that size.
        let all = sum(&polls);
        let slack = 1e-9 + 1e-14 * (all.canary.total() + all.stable.total());
        prop_assert!(after.ln_e_worse >= before.ln_e_worse - slack, "{before:?} {after:?}");
        prop_assert!(after.ln_e_good <= before.ln_e_good + slack, "{before:?} {after:?}");
    }

    /// The canary κ times as bad as stable is stable 1/κ times as bad as the canary.
    #[test]
    fn worse_is_better_with_the_arms_changed(
        poll in poll(),
        multiple in 0.05..20.0,
        ratio in 0.1..10.0,
    ) {
        let changed = Poll { canary: poll.stable, stable: poll.canary };
        let one = Multiple::new(multiple).against_ratio(ratio, poll);
        let other = Multiple::new(1.0 / multiple).against_ratio(1.0 / ratio, changed);
        let scale = poll.canary.bad() + poll.stable.bad();
        prop_assert!(near(one, other, scale), "{one} {other}");
    }

    /// With as many errors, only the split of the requests counts, not their number: nothing depends
    /// on the unit of a rate.
    #[test]
    fn many_times_the_requests_change_nothing(parameters in fixed(), polls in polls(), times in 1.0..1e6) {
        let parameters = Parameters {
            against: Against::Stable,
            negligible_rate: 0.0,
            tolerated_margin: 0.0,
            ..parameters
        };
        let larger = |counts: Counts| Counts::measured(counts.total() * times, counts.bad());
        let scaled: Result<Vec<Poll>, _> = polls
            .iter()
            .map(|poll| Ok::<_, shipgate::analysis::judge::CountsError>(Poll {
                canary: larger(poll.canary)?,
                stable: larger(poll.stable)?,
            }))
            .collect();
        let Ok(scaled) = scaled else { return Ok(()) };
        let (one, other) = (last(parameters, &polls), last(parameters, &scaled));
        let total = sum(&polls);
        let scale = total.canary.bad() + total.stable.bad();
        prop_assert!(near(one.ln_e_worse, other.ln_e_worse, scale), "{one:?} {other:?}");
        prop_assert!(near(one.ln_e_good, other.ln_e_good, scale), "{one:?} {other:?}");
    }

    /// A gap in the traffic is no evidence. (Of one beginning: the others count polls.)
    #[test]
    fn polls_without_traffic_change_no_evidence(
        parameters in parameters(),
        polls in polls(),
        gaps in prop::collection::vec(any::<prop::sample::Index>(), 0..10),
    ) {
        let parameters = Parameters { restart_polls: 0, ..parameters };
        let mut with_gaps = polls.clone();
        for gap in gaps {
            with_gaps.insert(gap.index(with_gaps.len() + 1), Poll::default());
        }
        let (one, other) = (last(parameters, &polls), last(parameters, &with_gaps));
        prop_assert!(near(one.ln_e_worse, other.ln_e_worse, 0.0), "{one:?} {other:?}");
        prop_assert!(near(one.ln_e_good, other.ln_e_good, 0.0), "{one:?} {other:?}");
    }

    /// Metrics are judged side by side: which one is asked first is nothing to the others.
    #[test]
    fn the_order_of_metrics_makes_no_difference(
        metrics in prop::collection::vec((parameters(), polls()), 1..5),
        order in any::<prop::sample::Index>(),
    ) {
        let mut judges: Vec<(usize, Judge, std::vec::IntoIter<Poll>)> = metrics
            .iter()
            .enumerate()
            .map(|(position, (parameters, polls))| {
                (position, Judge::new(*parameters).unwrap(), polls.clone().into_iter())
            })
            .collect();
        let turn = order.index(judges.len());
        judges.rotate_left(turn);
        for _ in 0..40 {
            for (_, judge, polls) in &mut judges {
                if let Some(poll) = polls.next() {
                    judge.push(poll);
                    judge.evaluate();
                }
            }
        }
        for (position, judge, _) in &mut judges {
            let (parameters, polls) = &metrics[*position];
            prop_assert_eq!(judge.evaluate(), last(*parameters, polls));
        }
    }

    /// Two arms that are the same are never told apart: their ratio may always be 1.
    #[test]
    fn the_same_counts_in_both_arms_have_a_ratio_of_one(counts in counts(), alpha in 1e-9..0.5) {
        let found = ratio_interval(Poll { canary: counts, stable: counts }, alpha);
        prop_assert!(found.low <= 1.0 && 1.0 <= found.high, "{found:?}");
        let both = Poll { canary: counts, stable: counts };
        let found = last(Parameters::default().one_look(), &[both]);
        prop_assert!(found.ln_e_worse <= 1e-9, "{found:?}");
    }

    #[test]
    fn latency_says_nothing_without_data(
        parameters in parameters(),
        quantile in prop_oneof![Just(0.5), Just(0.99), 1e-9..0.999_999],
        arms in prop::collection::vec((histogram(), histogram()), 0..10),
        gauges in prop::collection::vec((0.0..1e300, prop_oneof![Just(0.0), 0.0..1e300]), 0..100),
    ) {
        let mut percentile = Quantile::new(parameters, quantile).unwrap();
        let mut requests = 0.0;
        for (canary, stable) in &arms {
            requests += canary.total();
            percentile.push(canary, stable).unwrap();
            let found = percentile.evaluate();
            prop_assert!(found.ln_e_worse.is_finite() && found.ln_e_good.is_finite(), "{found:?}");
            if found.verdict == ComparisonVerdict::Good {
                prop_assert!(requests >= 50.0);
            }
            if found.verdict == ComparisonVerdict::Worse {
                prop_assert!(requests >= 3.0);
                prop_assert!(found.polls > 1 || parameters.one_poll_decides);
            }
            if let Ok(slow) = SlowAbove::of_history(stable) {
                let counts = slow.counts(canary).unwrap();
                prop_assert!(counts.bad() <= counts.total());
            }
        }
        let mut sign = Sign::new(parameters).unwrap();
        for (canary, stable) in gauges {
            sign.push(canary, stable).unwrap();
            let found = sign.evaluate();
            prop_assert!(found.ln_e_worse.is_finite() && found.ln_e_good.is_finite(), "{found:?}");
            if matches!(found.verdict, ComparisonVerdict::Good | ComparisonVerdict::Worse) {
                prop_assert!(found.polls >= 3);
            }
        }
    }

    /// A plan is a plan for anything: what it says helps does help, and no step is shorter than what
    /// it has to see takes.
    #[test]
    fn plans_hold_what_they_say(
        parameters in parameters(),
        requests in prop_oneof![1e-9..1e9, 1.0..1000.0],
        baseline in prop_oneof![Just(0.0), 0.0..0.05, 0.0..0.999],
        percent in 0_u64..=100,
        minutes in prop_oneof![0.0..120.0, Just(0.0), 0.0..1e9],
    ) {
        let traffic = Traffic::new(
            RequestsPerSecond::new(requests).unwrap(),
            baseline,
            std::time::Duration::from_secs(30),
        )
        .unwrap();
        let step = Step { weight: Weight::new(percent).unwrap(), minutes };
        let found = outlook(&parameters, &traffic, step);
        for time in [found.minutes_to_worse, found.minutes_to_good, found.one_look_minutes] {
            prop_assert!(time.is_none_or(|time| time >= 0.0 && time.is_finite()), "{found:?}");
        }
        if let Some(rate) = found.smallest_rate {
            prop_assert!(rate > 0.0 && rate <= 1.0);
        }
        if let Some(advised) = advice(&parameters, &traffic, step) {
            if let Some(weight) = advised.weight {
                prop_assert_eq!(advice(&parameters, &traffic, Step { weight, ..step }), None);
            }
            if let Some(minutes) = advised.minutes {
                prop_assert_eq!(advice(&parameters, &traffic, Step { minutes, ..step }), None);
            }
        }
        if let Ok(steps) = schedule(&parameters, &traffic, minutes) {
            let total: f64 = steps.iter().map(|step| step.minutes).sum();
            prop_assert_eq!(total, minutes.floor());
            prop_assert!(steps.windows(2).all(|pair| pair[0].weight < pair[1].weight));
            let last = steps[steps.len() - 1].weight.ratio();
            for step in steps {
                let above = (found.promised_rate - baseline) * last / step.weight.ratio();
                let rate = (baseline + above).min(1.0);
                let needed = minutes_to_worse(&parameters, &traffic, step.weight, rate, 0.8);
                prop_assert!(needed.is_some_and(|needed| needed <= step.minutes), "{step:?} {needed:?}");
            }
        }
    }

    #[test]
    fn a_canary_with_half_of_its_share_is_fine(sum in poll(), percent in 0_u64..=100) {
        let weight = Weight::new(percent).unwrap();
        if let Some(found) = split_mismatch(sum, weight) {
            prop_assert!(found.share < found.expected / 2.0);
            prop_assert!((sum.canary.total() + sum.stable.total()) * found.expected >= 30.0);
        }
    }
}

fn histogram() -> impl Strategy<Value = Buckets> {
    let part = prop_oneof![Just(0.0), (0_u32..1000).prop_map(f64::from), 0.0..1e17];
    prop::collection::vec(part, 5).prop_map(|parts| {
        let ends = [0.0, 0.1, 0.25, 1.0, f64::INFINITY];
        let mut total = 0.0;
        let rows = ends.into_iter().zip(parts).map(|(end, part)| {
            total += part;
            (end, total)
        });
        Buckets::new(rows).unwrap()
    })
}

#[test]
fn a_comparison_that_is_closed_early_needs_no_longer_soak_and_no_other_evidence() {
    let parameters = Parameters {
        max_polls: 60,
        soak_polls: 10,
        ..Parameters::default()
    };
    let poll = Poll {
        canary: Counts::new(5000.0, 50.0).unwrap(),
        stable: Counts::new(95_000.0, 950.0).unwrap(),
    };
    let mut judge = Judge::new(parameters).unwrap();
    for _ in 0..5 {
        judge.push(poll);
    }
    let open = judge.evaluate();
    judge.close();
    let closed = judge.evaluate();
    assert_eq!(open.verdict, ComparisonVerdict::NotYet);
    assert_eq!(closed.verdict, ComparisonVerdict::Good);
    assert_eq!(
        (open.ln_e_worse, open.ln_e_good),
        (closed.ln_e_worse, closed.ln_e_good)
    );
}
