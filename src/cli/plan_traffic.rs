//! `shipgate plan --traffic-plan`: how much weight for how long, from what is configured or by hand.

use std::time::Duration;

use clap::Args;

use super::{
    Session,
    deploy::{GateArguments, duration},
    judge_flags::JudgeArguments,
    repository::{RepositoryArguments, client},
};
use crate::{
    event::{
        Ending, Event, Failure, Outcome, PlannedComparison, Reporter,
        quantity::{number, percent},
    },
    ops::{
        check::{TrafficQuery, TrafficSource},
        gate,
        plan::{
            live_traffic::{LiveTraffic, live_traffic},
            traffic::{self, KnownTraffic, USUAL_INTERVAL, WeightFor},
        },
        watch::Endpoints,
    },
    policy::TrafficFact,
    probe::prometheus::Endpoint,
    units::{RequestsPerSecond, Weight, parse_duration},
};

/// What the traffic is, where it is stated by hand.
#[derive(Debug, Clone, Default, Args)]
pub struct StatedTraffic {
    /// Requests to the service in a second, both versions together: warns of steps that cannot see
    /// what their comparison promises
    #[arg(long, value_name = "NUMBER", help_heading = HEADING)]
    pub requests_per_second: Option<RequestsPerSecond>,
    /// Usual share of bad requests, such as 0.01
    #[arg(long, value_name = "SHARE", allow_negative_numbers = true, help_heading = HEADING)]
    pub baseline: Option<f64>,
}

const HEADING: &str = "Traffic";

impl StatedTraffic {
    /// Returns the traffic, if it is stated.
    ///
    /// # Errors
    /// [`Ending::Usage`]: one of the two figures without the other, or figures that make no sense.
    pub fn known(&self) -> Result<Option<KnownTraffic>, Failure> {
        let alone = |given: &str, missing: &str| {
            let reason = format!("{given} says nothing without {missing}");
            Err(Failure::new(Ending::Usage, reason)
                .hint("for example --requests-per-second 100 --baseline 0.01"))
        };
        let known = match (self.requests_per_second, self.baseline) {
            (None, None) => return Ok(None),
            (Some(_), None) => return alone("--requests-per-second", "--baseline"),
            (None, Some(_)) => return alone("--baseline", "--requests-per-second"),
            (Some(requests), Some(baseline)) => KnownTraffic { requests, baseline },
        };
        match known.problem() {
            None => Ok(Some(known)),
            Some(problem) => Err(nonsense(problem.to_string())),
        }
    }
}

/// Flags of a traffic plan.
#[derive(Debug, Args)]
pub struct TrafficPlanArguments {
    /// How much weight for how long: tells what each step can see, instead of what `deploy` would do
    #[arg(long, help_heading = HEADING)]
    pub traffic_plan: bool,
    /// What the traffic is.
    #[command(flatten)]
    stated: StatedTraffic,
    /// A step by hand instead of those of the configuration, such as 5:10m; the flag again for more
    #[arg(long = "step", value_name = "WEIGHT:TIME", value_parser = step, help_heading = HEADING, requires = "traffic_plan")]
    steps: Vec<WeightFor>,
    /// Propose weights for this time in all, such as 30m
    #[arg(long, value_name = "DURATION", value_parser = duration, help_heading = HEADING, requires = "traffic_plan")]
    total_time: Option<Duration>,
    /// Time between two polls [default: the configuration's, else 30s]
    #[arg(long, value_name = "DURATION", value_parser = duration, help_heading = HEADING, requires = "traffic_plan")]
    interval: Option<Duration>,
    /// What comparisons tolerate.
    #[command(flatten)]
    judge: JudgeArguments,
}

/// What of it is configured.
struct Configured {
    comparisons: Vec<PlannedComparison>,
    steps: Vec<WeightFor>,
    from: String,
    prometheus: Option<Endpoint>,
    /// What was counted, where that was asked for.
    live: Vec<LiveTraffic>,
}

impl TrafficPlanArguments {
    /// Adds to the plan of a deployment what its steps can see, where the traffic is stated, and warns
    /// of those that see too little.
    ///
    /// # Errors
    /// Traffic or parameters that make no sense.
    pub fn add_to(&self, outcome: &mut Outcome, session: &mut Session) -> Result<(), Failure> {
        let Some(plan) = &outcome.plan else {
            return Ok(());
        };
        let Some(known) = self.stated.known()? else {
            return Ok(());
        };
        let steps = traffic::planned_steps(plan);
        if steps.is_empty() {
            return Ok(());
        }
        let comparisons = self.with_flags(plan.comparisons.clone())?;
        let from = "the plan".to_owned();
        let comparisons = known.of_all(comparisons);
        let record = traffic::traffic_plan(&comparisons, &steps, from, None).map_err(nonsense)?;
        for warning in traffic::warnings(&record) {
            session.event(&Event::Warning(warning));
        }
        outcome.traffic_plan = Some(Box::new(record));
        Ok(())
    }

    /// Makes a traffic plan. The repository is read for what is not given by hand.
    ///
    /// # Errors
    /// Something is neither configured nor given; the provider does not say how much traffic there
    /// is; parameters that make no sense.
    pub async fn run(
        &self,
        repository: &RepositoryArguments,
        gate: &GateArguments,
        session: &mut Session,
    ) -> Result<Outcome, Failure> {
        let by_hand = !self.steps.is_empty() || self.total_time.is_some();
        let is_named = repository.repository.is_some()
            || session.context.variable("SHIPGATE_REPOSITORY").is_some();
        let configured = if by_hand && !is_named {
            Configured {
                comparisons: vec![traffic::usual_comparison(USUAL_INTERVAL)],
                steps: Vec::new(),
                from: String::new(),
                prometheus: None,
                live: Vec::new(),
            }
        } else {
            let question = gate.traffic.question();
            let requests = self.stated.requests_per_second.or(question.stated);
            let is_asked = requests.is_none() && question.query.is_none();
            let counts = is_asked || self.stated.baseline.is_none();
            self.configured(repository, counts, session).await?
        };
        let (steps, from) = if self.steps.is_empty() {
            (configured.steps, configured.from)
        } else {
            (self.steps.clone(), "the command line".to_owned())
        };
        if steps.is_empty() && self.total_time.is_none() {
            let reason = "the strategy has no weights, and none are given";
            return Err(Failure::new(Ending::Usage, reason)
                .hint("give steps, such as --step 5:10m --step 50:20m, or --total-time 30m"));
        }
        let comparisons = self.with_flags(configured.comparisons)?;
        let requests = self
            .requests(repository, gate, configured.prometheus, session)
            .await?;
        let known = comparisons.into_iter().map(|comparison| {
            let live = configured.live.iter().find(|it| it.name == comparison.name);
            let known = KnownTraffic {
                requests: requests
                    .or(live.map(|it| it.known.requests))
                    .ok_or_else(no_requests)?,
                baseline: (self.stated.baseline)
                    .or(live.map(|it| it.known.baseline))
                    .ok_or_else(no_baseline)?,
            };
            Ok((comparison, known))
        });
        let known = known.collect::<Result<Vec<_>, Failure>>()?;
        let record =
            traffic::traffic_plan(&known, &steps, from, self.total_time).map_err(nonsense)?;
        Ok(traffic::outcome(record))
    }

    async fn configured(
        &self,
        repository: &RepositoryArguments,
        counts: bool,
        session: &mut Session,
    ) -> Result<Configured, Failure> {
        let opened = repository.open(session)?;
        let target = repository.target(&opened).await?;
        let outside = opened.outside();
        let live = if counts {
            live_traffic(&target, &outside).await?
        } else {
            Vec::new()
        };
        for one in &live {
            let (requests, baseline) = (one.known.requests.value(), one.known.baseline);
            session.event(&Event::Note(format!(
                "`{}` counted {} requests/s in the last hour, {} of them bad",
                one.name,
                number(requests),
                percent(baseline)
            )));
            for remark in &one.remarks {
                session.event(&Event::Warning(remark.clone()));
            }
        }
        Ok(Configured {
            comparisons: traffic::comparisons(&target.service),
            steps: traffic::configured_steps(&target.service),
            from: format!("{} in {}", target.service.name, target.config_path),
            prometheus: Endpoints::new(&target.config.providers, outside.secrets)?.prometheus,
            live,
        })
    }

    fn with_flags(
        &self,
        comparisons: Vec<PlannedComparison>,
    ) -> Result<Vec<PlannedComparison>, Failure> {
        if self.judge.of_polls().contains(&"--max-polls") {
            let reason = "--max-polls says nothing here: the deadline of a step is its end";
            return Err(Failure::new(Ending::Usage, reason)
                .hint("give steps with their time, such as --step 5:10m"));
        }
        let all = comparisons.len();
        let with_flags = comparisons.into_iter().map(|comparison| {
            Ok(PlannedComparison {
                parameters: self.judge.parameters(comparison.parameters, 0, all)?,
                interval: self.interval.unwrap_or(comparison.interval),
                ..comparison
            })
        });
        with_flags.collect()
    }

    /// Returns the requests in a second: as stated, else as the query says; none where neither is
    /// given.
    async fn requests(
        &self,
        repository: &RepositoryArguments,
        gate: &GateArguments,
        prometheus: Option<Endpoint>,
        session: &Session,
    ) -> Result<Option<RequestsPerSecond>, Failure> {
        let question = gate.traffic.question();
        if let Some(stated) = self.stated.requests_per_second.or(question.stated) {
            return Ok(Some(stated));
        }
        let Some(query) = question.query.clone() else {
            return Ok(None);
        };
        let source = TrafficSource::Query(TrafficQuery {
            query,
            aggregate: None,
            max_age: None,
        });
        let client = client(repository.ca_file.clone());
        let clock = session.context.clock.clone();
        match gate::traffic_fact(source, &question, prometheus, &client, &*clock).await? {
            TrafficFact::Measured(requests) => Ok(Some(requests)),
            TrafficFact::Unavailable(reason) => Err(Failure::new(
                Ending::Unavailable,
                format!("how much traffic there is could not be asked: {reason}"),
            )
            .hint("state it with --requests-per-second")),
            _ => Err(Failure::new(
                Ending::Unavailable,
                "the query for the traffic was not asked",
            )),
        }
    }
}

fn no_requests() -> Failure {
    let reason = "nobody says how much traffic there is";
    Failure::new(Ending::Usage, reason).hint(
        "state it with --requests-per-second 100, ask with --traffic-query QUERY, or name the \
         repository of a service whose metrics count requests",
    )
}

fn no_baseline() -> Failure {
    let reason = "--baseline is missing, expected the usual share of bad requests";
    Failure::new(Ending::Usage, reason)
        .hint("for example --baseline 0.01 where one of 100 requests is bad")
}

fn nonsense(problem: String) -> Failure {
    Failure::new(Ending::Usage, format!("the traffic: {problem}"))
        .hint("see --requests-per-second, --baseline and --interval")
}

/// Reads `5:10m`.
fn step(text: &str) -> Result<WeightFor, String> {
    const FORM: &str = "expected WEIGHT:TIME such as 5:10m";
    let (weight, length) = text.split_once(':').ok_or(FORM)?;
    let weight: Weight = weight.parse().map_err(|error| format!("{FORM}: {error}"))?;
    let length = parse_duration(length).map_err(|error| format!("{FORM}: {error}"))?;
    if weight == Weight::ZERO || weight == Weight::FULL || length.is_zero() {
        return Err(format!(
            "{FORM}: found `{text}`, expected a weight from 1 to 99 and some time, because there is \
             nothing to compare else"
        ));
    }
    Ok(WeightFor { weight, length })
}
