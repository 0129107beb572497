//! `compare`: counts of two arms -> how the canary compares with stable; changes nothing.
//!
//! Counts come from the command line, from a file of polls ([`polls_file`]), or from the provider of a
//! configured service ([`service`]), and are judged here as a live run would have judged them.

pub mod polls_file;
pub mod service;

use crate::{
    analysis::{
        StandingVerdict,
        judge::{
            Against, ComparisonVerdict, Evaluation, Judge, ParameterProblem, Parameters, Poll,
            Stable,
        },
    },
    event::{ComparisonRecord, Ending, Failure, MetricRecord, Outcome},
};

/// One metric with its polls, to be judged.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// Name in the output.
    pub name: String,
    /// What is tolerated.
    pub parameters: Parameters,
    /// The polls, in order; one where only totals are known.
    pub polls: Vec<Poll>,
}

/// Judges one metric poll by poll. The answer is the first one at which a live run stops: worse, or
/// the deadline; else how it stands after the last poll. Good is no end: what follows may be worse.
/// Without polls it is that there is no data.
///
/// # Errors
/// [`Ending::Internal`]: parameters that make no sense, which nobody has checked before.
pub fn judge(comparison: &Comparison) -> Result<MetricRecord, Failure> {
    let Comparison {
        name,
        parameters,
        polls,
    } = comparison;
    let mut judge = Judge::new(*parameters).map_err(|problems| nonsense(&problems))?;
    let mut stop = None;
    let mut evaluated = Vec::with_capacity(polls.len());
    for poll in polls {
        judge.push(*poll);
        let evaluation = judge.evaluate();
        evaluated.push((*poll, evaluation));
        if stop.is_none() && is_the_end(parameters, &evaluation) {
            stop = Some((judge.sum(), evaluation));
        }
    }
    let (sum, evaluation) = stop.unwrap_or_else(|| (judge.sum(), judge.evaluate()));
    let after = evaluated.len().saturating_sub(polls_of(&evaluation));
    let mut record =
        ComparisonRecord::of(name, parameters, Stable::Beside, sum, evaluation, evaluated);
    if after > 0 {
        let follow = follow(after, &evaluation);
        record.sentence.push_str(&format!("\n{follow}"));
    }
    Ok(metric(name, parameters, record))
}

fn nonsense(problems: &[ParameterProblem]) -> Failure {
    let problems: Vec<String> = problems
        .iter()
        .map(|problem| format!("{}: {}", problem.name, problem.expected))
        .collect();
    Failure::new(Ending::Internal, problems.join("; "))
}

/// Would a live run stop here?
fn is_the_end(parameters: &Parameters, evaluation: &Evaluation) -> bool {
    evaluation.verdict == ComparisonVerdict::Worse || evaluation.polls >= parameters.max_polls
}

fn polls_of(evaluation: &Evaluation) -> usize {
    usize::try_from(evaluation.polls).unwrap_or(usize::MAX)
}

/// Says that polls follow the answer, which are no part of it.
fn follow(after: usize, evaluation: &Evaluation) -> String {
    let what = match evaluation.verdict {
        ComparisonVerdict::Worse => "decided",
        ComparisonVerdict::Good | ComparisonVerdict::Hold | ComparisonVerdict::NotYet => {
            "the deadline was"
        }
    };
    let rest = match after {
        1 => "1 poll that follows was".to_owned(),
        more => format!("{more} polls that follow were"),
    };
    format!("{what} at poll {}; {rest} not judged", evaluation.polls)
}

fn wanted(parameters: &Parameters) -> String {
    match parameters.against {
        Against::Stable => format!("at most {}× stable", parameters.tolerated_ratio),
        Against::Rate(most) => format!("at most {most}"),
    }
}

fn metric(name: &str, parameters: &Parameters, record: ComparisonRecord) -> MetricRecord {
    MetricRecord {
        name: name.to_owned(),
        verdict: record.verdict.word(),
        value: record.sum.canary.rate(),
        wanted: wanted(parameters),
        detail: record.judgement().to_owned(),
        measured: record.evaluation.polls,
        failed: 0,
        errors_in_a_row: 0,
        dry_run: false,
        comparison: Some(Box::new(record)),
    }
}

/// Returns how a command ends that compared these metrics: unhealthy where one is worse, whatever is
/// missing of others; unavailable where there was no answer; healthy where all are good; else there is
/// too little data.
pub fn outcome(metrics: Vec<MetricRecord>) -> Outcome {
    use ComparisonVerdict::{Good, Hold, NotYet, Worse};
    let deciding = || metrics.iter().filter(|metric| !metric.dry_run);
    let named = |wanted: ComparisonVerdict| -> Vec<&str> {
        let with = deciding().filter(|metric| {
            let record = metric.comparison.as_deref();
            record.is_some_and(|record| record.verdict == wanted)
        });
        with.map(|metric| metric.name.as_str()).collect()
    };
    let rows = [
        (Worse, "worse than tolerated in"),
        (Hold, "leaning towards worse in"),
        (NotYet, "undecided in"),
        (Good, "good enough in"),
    ];
    let parts = rows
        .iter()
        .map(|(verdict, words)| (named(*verdict), words))
        .filter(|(names, _)| !names.is_empty())
        .map(|(names, words)| format!("{words} {}", names.join(", ")));
    let uncounted = deciding().filter(|metric| metric.comparison.is_none());
    let uncounted = uncounted.map(|metric| format!("{} {}", metric.name, metric.detail));
    let mut parts: Vec<String> = parts.chain(uncounted).collect();
    if parts.is_empty() && !metrics.is_empty() {
        parts.push("every comparison has `dry_run: true`, so nothing decides".to_owned());
    }
    let no_answer = StandingVerdict::Error.word();
    let ending = if !named(Worse).is_empty() {
        Ending::Unhealthy
    } else if deciding().any(|metric| metric.verdict == no_answer) {
        Ending::Unavailable
    } else if deciding().count() > 0 && named(Good).len() == deciding().count() {
        Ending::Healthy
    } else {
        Ending::InsufficientData
    };
    let held = !named(Hold).is_empty();
    let is_counted = !named(NotYet).is_empty();
    let mut outcome = Outcome::new(ending, parts.join("; "));
    outcome.hints = match ending {
        Ending::Unhealthy => vec!["look at what the bad requests have in common".to_owned()],
        Ending::InsufficientData if held => {
            vec!["look at the bad requests of the canary before anyone goes on".to_owned()]
        }
        Ending::InsufficientData if is_counted => {
            vec!["count more requests, then compare again".to_owned()]
        }
        _ => Vec::new(),
    };
    outcome.metrics = metrics;
    outcome
}
