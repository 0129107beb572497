//! `compare` of a service: its configured comparisons, judged over a time that is over.

use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::future::join_all;

use super::{Comparison, judge, polls_file::MOST_POLLS};
use crate::{
    analysis::{StandingVerdict, judge::Parameters},
    clock::Clock,
    config::verification::{self, Measure, Metric, Verification},
    event::{Ending, Failure, MetricRecord},
    ops::watch::{Endpoints, Past, PastPolls, PastRange, PastTrouble, past_polls},
    probe::Client,
    units::format_duration,
};

/// One configured comparison, with what was asked for by hand.
#[derive(Debug, Clone)]
pub struct Question {
    /// The metric as it is configured.
    pub metric: Metric,
    /// What is compared, and what is tolerated now.
    pub comparison: verification::Comparison,
    /// Who is judged over which time.
    pub past: Past,
}

/// Makes a range of which every poll can be judged.
///
/// # Errors
/// As [`PastRange::new`]; more polls than a file of them may have.
pub fn range(
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    step: Duration,
    now: DateTime<Utc>,
) -> Result<PastRange, Failure> {
    let range = PastRange::new(from, to, step, now)?;
    let polls = range.polls();
    if usize::try_from(polls).is_ok_and(|polls| polls <= MOST_POLLS) {
        return Ok(range);
    }
    let step = format_duration(step);
    let reason =
        format!("{range} has {polls} polls at a step of {step}, expected at most {MOST_POLLS}");
    Err(Failure::new(Ending::Usage, reason).hint("give a longer --step, or a shorter time"))
}

/// Returns the comparisons of a service; its other metrics need no history to be looked at, and are
/// left out.
pub fn comparisons<'a>(
    verification: &'a Verification,
) -> Vec<(&'a Metric, &'a verification::Comparison)> {
    let compared = |metric: &'a Metric| match &metric.measure {
        Measure::Comparison(comparison) => Some((metric, &**comparison)),
        Measure::Threshold { .. } => None,
    };
    verification.metrics.iter().filter_map(compared).collect()
}

/// Asks for the polls of every comparison, side by side, and judges them. One whose counts cannot be
/// had is a row without counts: it must not hide that another one is worse.
///
/// # Errors
/// What [`past_polls`] refuses to ask; parameters that make no sense.
pub async fn run(
    questions: &[Question],
    endpoints: &Endpoints,
    client: &Client,
    clock: &dyn Clock,
) -> Result<Vec<MetricRecord>, Failure> {
    let asked = questions.iter().map(|question| async move {
        let metric = (&question.metric, &question.comparison);
        past_polls(metric, &question.past, endpoints, client, clock).await
    });
    let found = join_all(asked).await;
    let answered = questions.iter().zip(found);
    answered
        .map(|(question, found)| {
            Ok(MetricRecord {
                dry_run: question.metric.dry_run,
                ..question.judged(found)?
            })
        })
        .collect()
}

impl Question {
    fn judged(&self, found: Result<PastPolls, PastTrouble>) -> Result<MetricRecord, Failure> {
        let name = &self.metric.name;
        let parameters = &self.comparison.parameters;
        let found = match found {
            Ok(found) => found,
            Err(PastTrouble::Refused(failure)) => return Err(failure),
            Err(PastTrouble::NoData(reason)) => {
                let detail = format!("has no usable number: {reason}");
                return Ok(uncounted(
                    name,
                    parameters,
                    StandingVerdict::Inconclusive,
                    detail,
                ));
            }
            Err(PastTrouble::Unavailable(reason)) => {
                let detail = format!("could not be measured: {reason}");
                return Ok(uncounted(name, parameters, StandingVerdict::Error, detail));
            }
        };
        let remarks = [gaps(&found), found.doubt.map(str::to_owned)];
        let mut record = judge(&Comparison {
            name: name.clone(),
            parameters: *parameters,
            polls: found.polls,
        })?;
        if let Some(comparison) = &mut record.comparison {
            for remark in remarks.into_iter().flatten() {
                comparison.sentence.push_str(&format!("\n{remark}"));
            }
        }
        Ok(record)
    }
}

/// Says that polls are missing, and why the first one is.
fn gaps(found: &PastPolls) -> Option<String> {
    let wanted = usize::try_from(found.wanted).unwrap_or(usize::MAX);
    let missing = wanted.saturating_sub(found.polls.len());
    let reason = found.first_gap.as_ref().filter(|_| missing > 0)?;
    Some(format!("no data for {missing} of {wanted} polls: {reason}"))
}

fn uncounted(
    name: &str,
    parameters: &Parameters,
    verdict: StandingVerdict,
    detail: String,
) -> MetricRecord {
    MetricRecord {
        name: name.to_owned(),
        verdict: verdict.word(),
        value: None,
        wanted: super::wanted(parameters),
        detail,
        measured: 0,
        failed: 0,
        errors_in_a_row: u32::from(verdict == StandingVerdict::Error),
        dry_run: false,
        comparison: None,
    }
}
