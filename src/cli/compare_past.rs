//! `shipgate compare --from TIME`: the configured comparisons of a service over a time that is over.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;

use super::{
    Session,
    check::instant,
    deploy::{duration, version},
    judge_flags::JudgeArguments,
    repository::{RepositoryArguments, client},
    signals, verify, versions,
};
use crate::{
    analysis::judge::Parameters,
    config::{query::Variables, verification},
    event::{Ending, Event, Failure, Outcome, Reporter},
    ops::{
        compare::{
            outcome,
            service::{self, Question},
        },
        load::Subject,
        stopped_before_change,
        watch::{Endpoints, Past, PastRange},
    },
    units::Version,
};

/// Which versions of which service, and when.
#[derive(Debug, Args)]
pub struct PastArguments {
    /// Which repository, service and environment; without a repository the configuration is read
    /// from the folder.
    #[command(flatten)]
    repository: RepositoryArguments,
    /// Ask the provider for the configured comparisons, from this time on: -30m, or RFC 3339 with an
    /// offset
    #[arg(long, value_name = "TIME", value_parser = moment, allow_hyphen_values = true, conflicts_with_all = BARE, help_heading = PAST)]
    pub from: Option<Moment>,
    /// Until this time: now, -5m, or RFC 3339 with an offset [default: now]
    #[arg(long, value_name = "TIME", value_parser = moment, allow_hyphen_values = true, requires = "from", conflicts_with_all = BARE, help_heading = PAST)]
    to: Option<Moment>,
    /// Time between two polls [default: `interval` of the metric]
    #[arg(long, value_name = "DURATION", value_parser = duration, requires = "from", conflicts_with_all = BARE, help_heading = PAST)]
    step: Option<Duration>,
    /// Version that is judged, which queries ask for as {{version}}
    #[arg(long, value_parser = version, allow_hyphen_values = true, requires = "from", conflicts_with_all = BARE, help_heading = PAST)]
    version: Option<Version>,
    /// Version that it is held against
    #[arg(long, value_name = "VERSION", value_parser = version, allow_hyphen_values = true, requires = "from", conflicts_with_all = BARE, help_heading = PAST)]
    stable_version: Option<Version>,
    /// Hold it against another time, from here on, such as before a rolling deployment; queries then
    /// ask for `stable` as {{arm}} at both times
    #[arg(long, value_name = "TIME", value_parser = moment, allow_hyphen_values = true, requires_all = ["from", "stable_to"], conflicts_with_all = BARE, help_heading = PAST)]
    stable_from: Option<Moment>,
    /// Until here
    #[arg(long, value_name = "TIME", value_parser = moment, allow_hyphen_values = true, requires = "stable_from", conflicts_with_all = BARE, help_heading = PAST)]
    stable_to: Option<Moment>,
}

const PAST: &str = "A time that is over";
/// Flags with counts of their own, which nobody is asked for.
const BARE: [&str; 3] = ["canary", "stable", "polls"];

/// An instant, or how long ago.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// An instant.
    At(DateTime<Utc>),
    /// So long before now.
    Ago(Duration),
}

impl Moment {
    fn as_of(self, now: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            Self::At(at) => at,
            Self::Ago(ago) => TimeDelta::from_std(ago)
                .ok()
                .and_then(|ago| now.checked_sub_signed(ago))
                .unwrap_or(DateTime::<Utc>::MIN_UTC),
        }
    }
}

/// Runs `compare` of a service over a time that is over.
///
/// # Errors
/// The configuration cannot be read, has no comparison, or does not fit the flags; the times make no
/// range.
pub async fn run(
    arguments: &PastArguments,
    from: Moment,
    judge: &JudgeArguments,
    session: &mut Session,
) -> Result<Outcome, Failure> {
    let mut stop = signals::listen(&session.context);
    match stop.or(compare(arguments, from, judge, session)).await {
        Ok(compared) => compared,
        Err(reason) => Err(stopped_before_change(reason)),
    }
}

async fn compare(
    arguments: &PastArguments,
    from: Moment,
    judge: &JudgeArguments,
    session: &mut Session,
) -> Result<Outcome, Failure> {
    let clock = session.context.clock.clone();
    let now = clock.now();
    let subject = verify::subject(&arguments.repository, session).await?;
    let questions = questions(arguments, from, judge, &subject, now)?;
    let what = questions.first().map(|question| {
        let with = question.past.reference_range;
        let with = with.map(|range| format!(", against {range}"));
        format!("{}{}", question.past.range, with.unwrap_or_default())
    });
    session.event(&Event::Started {
        at: now,
        title: format!(
            "compare {} in {}, {}",
            subject.service.name,
            subject.environment_name,
            what.unwrap_or_default()
        ),
    });
    let context = &session.context;
    let endpoints = Endpoints::new(&subject.config.providers, |name| context.secret(name))?;
    let client = client(arguments.repository.ca_file.clone());
    let metrics = service::run(&questions, &endpoints, &client, &*clock).await?;
    Ok(outcome(metrics))
}

/// Puts together what is asked: every comparison of the service, with the flags in place of what is
/// configured.
fn questions(
    arguments: &PastArguments,
    from: Moment,
    judge: &JudgeArguments,
    subject: &Subject,
    now: DateTime<Utc>,
) -> Result<Vec<Question>, Failure> {
    let service = &subject.service;
    let configured = service::comparisons(&service.verification);
    if configured.is_empty() {
        let reason = format!("{} has no metric that compares two versions", service.name);
        return Err(Failure::new(Ending::ConfigInvalid, reason)
            .hint("add one with `bad` and `total` under `verification: {metrics: …}`"));
    }
    let variables = |arm: &str, version: &Option<Version>| Variables {
        service: Some(service.name.clone()),
        version: version.as_ref().map(Version::to_string),
        arm: Some(arm.to_owned()),
        workload: service.named(arm).map(|workload| workload.name.clone()),
        weight: None,
        ..subject.environment.variables(&subject.environment_name)
    };
    let earlier = arguments.stable_from.zip(arguments.stable_to);
    let judged = if earlier.is_some() {
        "stable"
    } else {
        "canary"
    };
    let number = configured.len();
    let question = |(metric, comparison): (&verification::Metric, &verification::Comparison)| {
        let step = arguments.step.unwrap_or(metric.schedule.interval);
        let to = arguments.to.unwrap_or(Moment::Ago(Duration::ZERO));
        let earlier =
            earlier.map(|(from, to)| PastRange::new(from.as_of(now), to.as_of(now), step, now));
        let past = Past {
            judged: variables(judged, &arguments.version),
            range: service::range(from.as_of(now), to.as_of(now), step, now)?,
            reference: variables("stable", &arguments.stable_version),
            reference_range: earlier.transpose()?,
        };
        let polls = past.range.polls();
        let usual = Parameters {
            max_polls: polls,
            // What is over before the soak is may be called good at its end.
            soak_polls: comparison.parameters.soak_polls.min(polls),
            ..comparison.parameters
        };
        let comparison = verification::Comparison {
            parameters: judge.parameters(usual, 0, number)?,
            ..comparison.clone()
        };
        let queries = || comparison.queries();
        versions::is_named(metric, queries(), &past.judged, "--version")?;
        if comparison.needs_stable() {
            versions::is_named(metric, queries(), &past.reference, "--stable-version")?;
        }
        Ok(Question {
            metric: metric.clone(),
            comparison,
            past,
        })
    };
    configured.into_iter().map(question).collect()
}

fn moment(text: &str) -> Result<Moment, String> {
    if text == "now" {
        return Ok(Moment::Ago(Duration::ZERO));
    }
    match text.strip_prefix('-') {
        Some(ago) => duration(ago).map(Moment::Ago),
        None => instant(text)
            .map(Moment::At)
            .map_err(|expected| format!("{expected}; or how long ago, such as -30m; or now")),
    }
}
