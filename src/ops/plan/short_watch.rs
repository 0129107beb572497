//! Watches that are too short for what is compared in them, whatever the traffic.

use std::time::Duration;

use crate::{
    analysis::{
        judge::{ComparisonVerdict, Parameters},
        latency::Sign,
    },
    config::{
        Service,
        verification::{Compared, Comparison, Measure, Metric},
    },
    units::{Weight, format_duration},
};

/// Polls without which nothing is called worse, and good: one poll counts for so much only.
const LEAST_POLLS: [u32; 2] = [3, 2];
/// More polls than any number needs.
const MANY: u32 = 1_000;

/// A time in which versions are compared.
struct Watch {
    /// What it is, for people.
    name: String,
    length: Duration,
    promote_early: bool,
}

/// Says in one line each which watch has fewer polls of a comparison than any verdict takes, and where
/// `promote_early` cannot end a pause.
pub fn short_watches(service: &Service) -> Vec<String> {
    let watches = watches(service);
    let metrics = service.verification.metrics.iter();
    let compared = metrics.filter_map(|metric| match &metric.measure {
        Measure::Comparison(comparison) => Some((metric, &**comparison)),
        Measure::Threshold { .. } => None,
    });
    compared
        .flat_map(|compared| watches.iter().filter_map(move |it| too_short(it, compared)))
        .collect()
}

fn watches(service: &Service) -> Vec<Watch> {
    let pause = |weight: Weight, length: Duration| {
        format!(
            "the pause of {} at weight {weight}",
            format_duration(length)
        )
    };
    let held = service.strategy.held().into_iter();
    // Without traffic nothing is compared.
    let mut watches: Vec<Watch> = held
        .filter(|held| held.weight != Weight::ZERO)
        .map(|held| Watch {
            name: pause(held.weight, held.duration),
            length: held.duration,
            promote_early: held.promote_early,
        })
        .collect();
    let bake_time = service.strategy.bake_time();
    watches.push(Watch {
        name: format!("the `bake_time` of {}", format_duration(bake_time)),
        length: bake_time,
        promote_early: false,
    });
    watches.retain(|watch| !watch.length.is_zero());
    watches
}

fn too_short(watch: &Watch, (metric, comparison): (&Metric, &Comparison)) -> Option<String> {
    let interval = metric.schedule.interval;
    let length = watch.length.saturating_sub(metric.schedule.initial_delay);
    let polls = length.as_millis() / interval.as_millis().max(1);
    let polls = u32::try_from(polls).unwrap_or(u32::MAX).max(1);
    let [worse, good] = least_polls(comparison);
    let (name, what) = (&metric.name, &watch.name);
    let has = format!(
        "{} every {}",
        if polls == 1 {
            "1 poll".to_owned()
        } else {
            format!("{polls} polls")
        },
        format_duration(interval)
    );
    let soak = comparison.parameters.soak_polls;
    if polls < worse.max(good) {
        Some(format!(
            "{what} has {has} of `{name}`: nothing is called worse in fewer than {worse}, or good in fewer than {good}"
        ))
    } else if watch.promote_early && polls <= soak {
        Some(format!(
            "`promote_early` cannot end {what}: it has {has} of `{name}`, which is called good from poll {soak} on (`soak_polls`)"
        ))
    } else {
        None
    }
}

/// Returns how many polls worse and good take where every poll says the same.
fn least_polls(comparison: &Comparison) -> [u32; 2] {
    if !matches!(comparison.compared, Compared::Gauge { .. }) {
        return LEAST_POLLS;
    }
    let parameters = Parameters {
        max_polls: MANY,
        soak_polls: 0,
        ..comparison.parameters
    };
    let polls_to = |wanted: ComparisonVerdict, number: f64| {
        let mut sign = Sign::new(parameters).ok()?;
        (1..=MANY).find(|_| {
            let pushed = sign.push(number, 1.0);
            pushed.is_ok() && sign.evaluate().verdict == wanted
        })
    };
    let above = 2.0 * Parameters::MOST_RATIO;
    [
        polls_to(ComparisonVerdict::Worse, above).unwrap_or(MANY),
        polls_to(ComparisonVerdict::Good, 0.0).unwrap_or(MANY),
    ]
}
