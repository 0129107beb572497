//! One poll: everything that is due, side by side, and again around a program that takes its time.

use std::{pin::pin, time::Duration};

use futures_util::future::{Either, join_all, select};

use super::{source::Probe, watched::Watched};
use crate::event::{Event, MetricRecord, Reporter};

/// Measures what is due and reports each.
///
/// While a program runs, everything else goes on to be measured at its own interval; once that says
/// that something is worse than wanted, nobody waits for the program any more, and it is ended.
pub(super) async fn measure(
    watched: &mut [Watched],
    probe: Probe<'_>,
    reporter: &mut dyn Reporter,
) {
    let clock = probe.clock;
    let mut report = |metrics: Vec<MetricRecord>| {
        for metric in metrics {
            let at = clock.now();
            reporter.event(&Event::Measured { at, metric });
        }
    };
    let now = clock.now();
    let (programs, mut others): (Vec<_>, Vec<_>) =
        (watched.iter_mut()).partition(|watched| watched.runs_a_program());
    let programs = programs.into_iter().filter(|watched| watched.next <= now);
    let mut programs = pin!(join_all(
        programs.map(|watched| watched.measure(probe, now))
    ));
    loop {
        let now = clock.now();
        let (measured, ended) = {
            let due = others.iter_mut().filter(|watched| watched.next <= now);
            let round = pin!(join_all(due.map(|watched| watched.measure(probe, now))));
            match select(programs.as_mut(), round).await {
                Either::Left((ended, round)) => (round.await, Some(ended)),
                Either::Right((measured, _)) => (measured, None),
            }
        };
        report(measured);
        if let Some(ended) = ended {
            return report(ended);
        }
        if others.iter().any(|watched| watched.has_failed()) {
            return;
        }
        let next = others.iter().map(|watched| watched.next).min();
        let rest = next.map(|next| (next - clock.now()).to_std().unwrap_or_default());
        let rest = clock.sleep(rest.unwrap_or(Duration::MAX));
        if let Either::Left((ended, _)) = select(programs.as_mut(), rest).await {
            return report(ended);
        }
    }
}
