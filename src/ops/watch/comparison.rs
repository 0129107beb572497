//! One comparison of a service: polls go in, the judge's answer comes out.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{
    Endpoints, Extent, Reference, Subject,
    counting::Counting,
    judges::AnyJudge,
    polls::{Grid, Other},
    questions::source,
    source::{Instants, Probe, Trouble},
};
use crate::{
    analysis::{
        Limits, Standing, StandingVerdict,
        judge::{Against, ComparisonVerdict, Evaluation, Parameters, Poll, split_mismatch},
    },
    config::{
        query::Variables,
        verification::{Compared, Comparison, Metric},
    },
    event::{ComparisonRecord, Ending, Failure, MetricRecord},
    units::Weight,
};

/// The shortest time before a change that stands for the old version.
const SHORTEST_HISTORY: Duration = Duration::from_secs(600);

/// A comparison and how it stands.
pub(super) struct ComparisonWatch {
    name: String,
    wanted: String,
    limits: Limits,
    polls: Counting,
    /// How often it is asked before the first poll can be there, at most.
    uncounted: u32,
    judge: AnyJudge,
    evaluations: Vec<(Poll, Evaluation)>,
    /// Was it ever worse? Evidence may fade, what it once sufficed for stays.
    was_worse: bool,
    /// The canary's weight, where its share of the requests must fit.
    weight: Option<Weight>,
    /// Requests of the canary below which it cannot be good.
    min_requests: Option<f64>,
    inconclusive: u32,
    errors_in_a_row: u32,
    trouble: Option<String>,
}

/// What is still undecided when the time is up.
#[derive(Debug, Clone, PartialEq)]
pub struct Undecided {
    /// Name of the metric.
    pub name: String,
    /// How the comparison stands, in one line.
    pub sentence: String,
    /// What could not have been seen, in words; none where there was too little to judge at all.
    pub unseen: Option<String>,
    /// Do the numbers lean towards worse, so that a person should look?
    pub leans_worse: bool,
}

impl ComparisonWatch {
    /// Fills the variables in. Asks nothing yet.
    ///
    /// # Errors
    /// A provider that is not configured, a variable without a value here, nothing to compare with.
    pub(super) fn new(
        metric: &Metric,
        comparison: &Comparison,
        endpoints: &Endpoints,
        subject: &Subject,
        now: DateTime<Utc>,
    ) -> Result<Self, Failure> {
        let name = &metric.name;
        let absent_is_zero = match comparison.compared {
            Compared::Requests { absent_is_zero, .. } => absent_is_zero,
            Compared::SlowShare { .. } | Compared::Quantile { .. } | Compared::Gauge { .. } => {
                false
            }
        };
        let began = subject.began.unwrap_or(now);
        let delay = metric.schedule.initial_delay;
        let first = super::later(began, delay);
        let grid = Grid::new(first, metric.schedule.interval);
        let source = |variables: &Variables| source(metric, comparison, endpoints, variables);
        let judged = source(&subject.judged)?;
        // What is counted late is not counted at the end.
        let (interval, lag) = (metric.schedule.interval, judged.lag());
        let max_polls = max_polls(subject.extent, delay.saturating_add(lag), interval);
        let parameters = Parameters {
            max_polls,
            // What is over before the soak is may be called good at its end.
            soak_polls: comparison.parameters.soak_polls.min(max_polls),
            ..comparison.parameters
        };
        let judge = AnyJudge::new(&comparison.compared, parameters).map_err(|problems| {
            let names: Vec<&str> = problems.iter().map(|problem| problem.name).collect();
            Failure::new(
                Ending::ConfigInvalid,
                format!(
                    "`{name}` cannot be judged: {} does not fit",
                    names.join(", ")
                ),
            )
        })?;
        let reference = match &subject.reference {
            Reference::Nobody => None,
            Reference::Beside(variables) | Reference::Before { variables, .. } => {
                Some(source(variables)?)
            }
        };
        if comparison.needs_stable()
            && matches!(subject.reference, Reference::Beside(_))
            && reference
                .as_ref()
                .is_some_and(|reference| reference.asks_the_same(&judged))
        {
            return Err(Failure::new(
                Ending::Usage,
                format!("`{name}` asks the same of both versions: it would compare one with itself"),
            )
            .hint("name another version with `--stable-version`, or use `{{arm}}` or `{{workload}}` in its queries"));
        }
        let other = match &subject.reference {
            _ if !comparison.needs_stable() => Other::Limit,
            Reference::Beside(_) => Other::Beside,
            Reference::Before { until, .. } => {
                let length = subject.extent.length(delay, metric.schedule.interval);
                let history = comparison
                    .before
                    .unwrap_or_else(|| (length * 2).max(SHORTEST_HISTORY));
                Other::Before {
                    instants: history_of(history, *until, max_polls),
                    parts: None,
                }
            }
            Reference::Nobody => {
                return Err(Failure::new(
                    Ending::ConfigInvalid,
                    format!("`{name}` compares with the old version, which is not known here"),
                ));
            }
        };
        Ok(Self {
            name: name.clone(),
            wanted: wanted(&parameters),
            limits: metric.limits,
            polls: Counting::new(judged, reference, other, grid, absent_is_zero, false),
            uncounted: uncounted(lag, interval),
            judge,
            evaluations: Vec::new(),
            was_worse: false,
            weight: match subject.reference {
                Reference::Beside(_) => subject.weight,
                Reference::Nobody | Reference::Before { .. } => None,
            },
            min_requests: metric.min_requests,
            inconclusive: 0,
            errors_in_a_row: 0,
            trouble: None,
        })
    }

    /// Returns the first instant that is to be asked for, now or later.
    pub(super) fn first(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        self.next(
            now.checked_sub_signed(chrono::TimeDelta::milliseconds(1))
                .unwrap_or(now),
        )
    }

    /// Asks when the comparisons of other services do.
    pub(super) fn in_step(&mut self, length: Duration) {
        if let Counting::Looks(polls) = &mut self.polls {
            polls.in_step(length);
        }
    }

    /// Returns the next instant to ask for after `now`.
    pub(super) fn next(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        self.polls.grid().after(now)
    }

    /// Returns how often it is asked before the first poll can be there: the first look counts
    /// nothing, and neither do questions for what is not finished.
    pub(super) fn uncounted(&self) -> u32 {
        self.uncounted
    }

    /// Asks for what came since the last time, and judges it.
    pub(super) async fn measure(&mut self, probe: Probe<'_>, now: DateTime<Utc>) {
        match self.polls.ask(probe, now).await {
            Ok(None) => {}
            Ok(Some(polls)) => {
                self.errors_in_a_row = 0;
                self.trouble = None;
                for poll in polls {
                    match self.judge.push(poll) {
                        Ok(evaluated) => self.evaluations.extend(evaluated),
                        Err(reason) => self.note_no_data(&reason),
                    }
                    let evaluation = self.evaluation();
                    self.was_worse |=
                        evaluation.is_some_and(|it| it.verdict == ComparisonVerdict::Worse);
                    if self.was_worse {
                        break;
                    }
                }
            }
            Err(Trouble::NoData(reason)) => {
                self.errors_in_a_row = 0;
                self.note_no_data(&reason);
            }
            Err(Trouble::Unavailable(reason)) => {
                self.errors_in_a_row = self.errors_in_a_row.saturating_add(1);
                self.trouble = Some(format!("could not be measured: {reason}"));
            }
        }
    }

    /// Says that no other poll will come.
    pub(super) fn close(&mut self) {
        let closed = self.judge.close();
        if let Some((_, last)) = self.evaluations.last_mut() {
            *last = closed;
        }
    }

    fn note_no_data(&mut self, reason: &str) {
        self.inconclusive = self.inconclusive.saturating_add(1);
        self.trouble = Some(format!("has no usable number: {reason}"));
    }

    /// Returns how it stands after the last poll; none before the first one.
    fn evaluation(&self) -> Option<&Evaluation> {
        self.evaluations.last().map(|(_, evaluation)| evaluation)
    }

    /// Says what a good answer rests on, where that is no more than the configuration's word.
    pub(super) fn doubt(&self) -> Option<&'static str> {
        let is_good = self.verdict() == ComparisonVerdict::Good;
        self.polls.doubt().filter(|_| is_good)
    }

    /// Says that the traffic is not split as it should be. That keeps a version from being called
    /// good; the evidence of a worse one holds however the traffic is split, and a version whose
    /// instances fail is sent less of it.
    fn split(&self) -> Option<String> {
        if self.was_worse {
            return None;
        }
        let mismatch = split_mismatch(self.judge.sum(), self.weight?)?;
        let percent = |share: f64| format!("{:.1} %", 100.0 * share);
        Some(format!(
            "canary received {} of the requests instead of {}: no verdict",
            percent(mismatch.share),
            percent(mismatch.expected)
        ))
    }

    /// Says what keeps the polls from saying anything good: too few requests, or traffic that is not
    /// split as it should be.
    fn no_verdict(&self) -> Option<String> {
        self.too_few().or_else(|| self.split())
    }

    /// Says that the canary received fewer requests than are wanted. Worse is worse however few there
    /// were: the evidence says how sure that is.
    fn too_few(&self) -> Option<String> {
        let least = self.min_requests.filter(|_| !self.was_worse)?;
        let received = self.judge.sum().canary.total();
        (received < least).then(|| {
            format!(
                "canary received {} requests, fewer than the {least} of `min_requests`: no verdict",
                received.round()
            )
        })
    }

    fn verdict(&self) -> ComparisonVerdict {
        match self.evaluation() {
            None => ComparisonVerdict::NotYet,
            Some(_) if self.was_worse => ComparisonVerdict::Worse,
            Some(_) if self.no_verdict().is_some() => ComparisonVerdict::NotYet,
            Some(evaluation) => evaluation.verdict,
        }
    }

    pub(super) fn standing(&self) -> Standing {
        let verdict = match self.verdict() {
            ComparisonVerdict::Worse => StandingVerdict::Fail,
            _ if self.errors_in_a_row > self.limits.consecutive_error_limit => {
                StandingVerdict::Error
            }
            _ if self.inconclusive > self.limits.inconclusive_limit => {
                StandingVerdict::Inconclusive
            }
            ComparisonVerdict::Good if self.trouble.is_none() => StandingVerdict::Pass,
            _ => StandingVerdict::NotYet,
        };
        Standing {
            name: self.name.clone(),
            verdict,
            measured: self.judge_polls(),
            failed: 0,
            inconclusive: self.inconclusive,
            errors_in_a_row: self.errors_in_a_row,
            value: self.judge.value(),
            wanted: self.wanted.clone(),
            detail: self.detail(),
            unsettled: self.trouble.is_some() || self.evaluations.is_empty(),
            own_words: Some(self.sentence(verdict)),
        }
    }

    fn judge_polls(&self) -> u32 {
        u32::try_from(self.evaluations.len()).unwrap_or(u32::MAX)
    }

    /// Says what is to be known after the name: why there is no number, or the judgement.
    fn detail(&self) -> String {
        if let Some(trouble) = &self.trouble {
            return trouble.clone();
        }
        if let Some(reason) = self.no_verdict() {
            return reason;
        }
        match self.comparison() {
            Some(record) => match self.doubt() {
                Some(doubt) => format!("{}; {doubt}", record.judgement()),
                None => record.judgement().to_owned(),
            },
            None => self.polls.beginning(),
        }
    }

    fn sentence(&self, verdict: StandingVerdict) -> String {
        let Self {
            name,
            errors_in_a_row,
            inconclusive,
            ..
        } = self;
        let detail = self.detail();
        match (verdict, &self.trouble) {
            (StandingVerdict::Error, _) => {
                format!("{name} {detail} ({errors_in_a_row} errors in a row)")
            }
            (StandingVerdict::Inconclusive, Some(_)) => {
                format!("{name} {detail} ({inconclusive} answers without a usable number)")
            }
            (_, Some(_)) => format!("{name} {detail}"),
            (_, None) => match self.comparison() {
                // The figures stand in columns where there is room for them.
                Some(record) => {
                    let figures = record.sentence.lines().next().unwrap_or_default();
                    let figures = figures.replacen("  ", ": ", 1).replace("  ", ", ");
                    format!("{figures}; {detail}")
                }
                None => format!("{name} {detail}"),
            },
        }
    }

    /// Returns all that there is to say of it; none before the first poll.
    fn comparison(&self) -> Option<ComparisonRecord> {
        let evaluation = *self.evaluation()?;
        let mut record = self.judge.record(
            &self.name,
            self.polls.stable(),
            evaluation,
            self.evaluations.clone(),
        );
        record.verdict = self.verdict();
        if let Some(reason) = self.no_verdict() {
            let lines = record.sentence.lines().enumerate();
            let lines =
                lines.map(|(number, line)| if number == 1 { reason.as_str() } else { line });
            record.sentence = lines.collect::<Vec<_>>().join("\n");
        }
        if let Some(doubt) = self.doubt() {
            record.sentence.push_str(&format!("\n{doubt}"));
        }
        Some(record)
    }

    /// Returns what is undecided, where nothing else is wrong: no missing answer, enough requests.
    pub(super) fn undecided(&self) -> Option<Undecided> {
        let evaluation = self.evaluation()?;
        let is_counted = self.trouble.is_none() && self.no_verdict().is_none();
        is_counted.then(|| Undecided {
            name: self.name.clone(),
            sentence: self.sentence(StandingVerdict::NotYet),
            unseen: self.judge.unseen(),
            leans_worse: evaluation.verdict == ComparisonVerdict::Hold,
        })
    }

    pub(super) fn record(&self) -> MetricRecord {
        let standing = self.standing();
        let verdict = match standing.verdict {
            StandingVerdict::Error | StandingVerdict::Inconclusive => standing.verdict.word(),
            _ => self.verdict().word(),
        };
        MetricRecord {
            comparison: self.comparison().map(Box::new),
            verdict,
            ..super::watched::record(standing)
        }
    }
}

/// Says what is tolerated: `at most 1.25 times stable`.
fn wanted(parameters: &Parameters) -> String {
    match parameters.against {
        Against::Stable => format!("at most {} times stable", parameters.tolerated_ratio),
        Against::Rate(rate) => format!("at most {} %", 100.0 * rate),
    }
}

/// Returns how often is asked before the first poll can be there.
fn uncounted(lag: Duration, interval: Duration) -> u32 {
    let late = lag.as_millis().div_ceil(interval.as_millis().max(1));
    u32::try_from(late).unwrap_or(u32::MAX).saturating_add(1)
}

/// Returns how many polls follow the first look.
fn max_polls(extent: Extent, delay: Duration, interval: Duration) -> u32 {
    match extent {
        Extent::Polls(polls) => polls.max(1),
        Extent::For(length) => {
            let polls = length.saturating_sub(delay).as_millis() / interval.as_millis().max(1);
            u32::try_from(polls).unwrap_or(u32::MAX).max(1)
        }
    }
}

/// Cuts the time before a change into as many parts as there will be polls, each of whole seconds.
fn history_of(history: Duration, until: DateTime<Utc>, polls: u32) -> Instants {
    let step = history.as_secs().div_ceil(u64::from(polls)).max(1);
    let step = Duration::from_secs(step);
    let until = DateTime::from_timestamp(until.timestamp(), 0).unwrap_or(until);
    let from = chrono::TimeDelta::from_std(step.saturating_mul(polls))
        .ok()
        .and_then(|length| until.checked_sub_signed(length))
        .unwrap_or(until);
    Instants {
        from,
        to: until,
        step,
    }
}
