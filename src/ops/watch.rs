//! Measures what a service's `verification` section names, poll by poll, and keeps the standings.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use reqwest::Url;
use serde_json::Value;

use crate::{
    analysis::{Judgement, Standing, Tally, Track, worst},
    clock::Clock,
    config::{
        provider::{Providers, SignIn},
        query::{Template, Variables},
        verification::{Health, Metric, ProviderKind, Schedule, Verification, Wanted},
    },
    event::{Ending, Event, Failure, MetricRecord, Reporter},
    probe::{
        Client,
        http::{self, BodyWanted, HealthCheck, HealthReading},
        prometheus::{self, Auth, Endpoint},
    },
    secret::Secret,
};

/// The providers with their credentials.
#[derive(Debug, Clone, Default)]
pub struct Endpoints {
    /// The Prometheus of `providers.prometheus`.
    pub prometheus: Option<Endpoint>,
}

impl Endpoints {
    /// Looks the credentials up in the variables that the configuration names.
    ///
    /// # Errors
    /// A variable that is not set or empty ([`Ending::Usage`]).
    pub fn new(
        providers: &Providers,
        secret: impl Fn(&str) -> Option<Secret>,
    ) -> Result<Self, Failure> {
        let find = |variable: &String| {
            secret(variable).filter(|secret| !secret.is_empty()).ok_or_else(|| {
                let reason = format!(
                    "the variable {variable} is not set, from which `providers.prometheus` takes its credentials"
                );
                Failure::new(Ending::Usage, reason)
                    .hint(format!("set {variable} in the pipeline, as a secret"))
            })
        };
        let Some(prometheus) = &providers.prometheus else {
            return Ok(Self::default());
        };
        let auth = match &prometheus.sign_in {
            SignIn::Open => Auth::Open,
            SignIn::Bearer { token_env } => Auth::Bearer(find(token_env)?),
            SignIn::Basic {
                username_env,
                password_env,
            } => Auth::Basic {
                username: find(username_env)?,
                password: find(password_env)?,
            },
        };
        Ok(Self {
            prometheus: Some(Endpoint {
                auth,
                headers: prometheus.headers.clone(),
                ..Endpoint::open(prometheus.url.clone())
            }),
        })
    }
}

/// Polls the criteria of one service, each at its own interval.
///
/// The caller sleeps for [`Watcher::due`] and calls [`Watcher::poll`]; dropping a poll half-way loses
/// only the answers that had not come.
pub struct Watcher {
    watched: Vec<Watched>,
    client: Client,
    clock: Arc<dyn Clock>,
}

/// One criterion and its time.
struct Watched {
    criterion: Criterion,
    interval: TimeDelta,
    next: DateTime<Utc>,
    polls: u32,
}

/// What is asked, and how it stands.
enum Criterion {
    Metric {
        endpoint: Endpoint,
        query: String,
        timeout: Duration,
        track: Track,
    },
    Health {
        check: HealthCheck,
        tally: Tally,
    },
}

impl Watcher {
    /// Fills the variables in and starts the clock of the initial delays. Asks nothing yet.
    ///
    /// # Errors
    /// Nothing to watch, a provider that is not configured, a variable without a value here, an
    /// address that is none once filled in ([`Ending::ConfigInvalid`]).
    pub fn new(
        verification: &Verification,
        endpoints: &Endpoints,
        variables: &Variables,
        client: Client,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Failure> {
        let start = clock.now();
        let health = verification
            .health
            .iter()
            .map(|health| watch_health(health, variables, start));
        let metrics = verification
            .metrics
            .iter()
            .map(|metric| watch_metric(metric, endpoints, variables, start));
        let watched = health.chain(metrics).collect::<Result<Vec<_>, _>>()?;
        if watched.is_empty() {
            return Err(Failure::new(
                Ending::ConfigInvalid,
                "`verification` has neither health checks nor metrics, so nothing would be verified",
            ));
        }
        Ok(Self {
            watched,
            client,
            clock,
        })
    }

    /// Returns the clock that the polls follow.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// Returns how long it is from `now` until something is to be measured; zero when it is time.
    pub fn due(&self, now: DateTime<Utc>) -> Duration {
        self.watched
            .iter()
            .map(|watched| (watched.next - now).to_std().unwrap_or_default())
            .min()
            .unwrap_or_default()
    }

    /// Measures everything that is due, side by side, reports each, and returns the worst standing
    /// of all criteria.
    pub async fn poll(&mut self, reporter: &mut dyn Reporter) -> Standing {
        let now = self.clock.now();
        let (client, clock) = (&self.client, self.clock.as_ref());
        let measured = self
            .watched
            .iter_mut()
            .filter(|watched| watched.next <= now)
            .map(|watched| watched.measure(client, clock, now));
        for standing in join_all(measured).await {
            reporter.event(&Event::Measured {
                at: clock.now(),
                metric: record(standing),
            });
        }
        self.standing()
    }

    /// Makes every criterion due at `now`, whatever its interval and initial delay say: for a look
    /// before anything is changed, and for the last one.
    pub fn make_due(&mut self, now: DateTime<Utc>) {
        for watched in &mut self.watched {
            watched.next = watched.next.min(now);
        }
    }

    /// Returns the worst standing of all criteria.
    pub fn standing(&self) -> Standing {
        worst(&self.standings())
            .cloned()
            .expect("`new` refuses a watcher without criteria")
    }

    /// Returns the standings of all criteria, health checks first, in the order of the file.
    pub fn standings(&self) -> Vec<Standing> {
        self.watched
            .iter()
            .map(|watched| watched.criterion.standing())
            .collect()
    }

    /// Returns the standings in the form of machine output.
    pub fn records(&self) -> Vec<MetricRecord> {
        self.standings().into_iter().map(record).collect()
    }

    /// Returns how often the criterion that was asked least was asked.
    pub fn polls(&self) -> u32 {
        self.watched
            .iter()
            .map(|watched| watched.polls)
            .min()
            .unwrap_or(0)
    }
}

fn watch_health(
    health: &Health,
    variables: &Variables,
    start: DateTime<Utc>,
) -> Result<Watched, Failure> {
    let invalid = |what: &str, reason: String| {
        Failure::new(
            Ending::ConfigInvalid,
            format!("the {what} of `{}` {reason}", health.name),
        )
    };
    let address = health
        .http
        .render(variables)
        .map_err(|reason| invalid("address", reason))?;
    let url = Url::parse(&address)
        .map_err(|error| invalid("address", format!("is no address: {error}")))?;
    let equals = match &health.equals {
        Some(Wanted::Text(text)) => Some(Value::String(
            text.render(variables)
                .map_err(|reason| invalid("value", reason))?,
        )),
        Some(Wanted::Scalar(value)) => Some(value.clone()),
        None => None,
    };
    let check = HealthCheck {
        url,
        status: health.status,
        body: equals.map(|equals| BodyWanted {
            pointer: health.pointer.clone(),
            equals,
        }),
        timeout: health.schedule.timeout,
        max_latency: health.max_latency,
    };
    let tally = Tally::new(&health.name, check.wanted(), health.limits);
    let criterion = Criterion::Health { check, tally };
    Ok(Watched::new(criterion, health.schedule, start))
}

fn watch_metric(
    metric: &Metric,
    endpoints: &Endpoints,
    variables: &Variables,
    start: DateTime<Utc>,
) -> Result<Watched, Failure> {
    let name = &metric.criterion.name;
    let invalid = |reason: String| Failure::new(Ending::ConfigInvalid, reason);
    let fill = |query: &Template| {
        query
            .render(variables)
            .map_err(|reason| invalid(format!("the query of `{name}` {reason}")))
    };
    let criterion = match metric.provider {
        ProviderKind::Prometheus => Criterion::Metric {
            endpoint: endpoints.prometheus.clone().ok_or_else(|| {
                invalid(format!(
                    "`{name}` asks prometheus, which `providers` does not name"
                ))
                .hint("add `providers: {prometheus: {url: …}}`")
            })?,
            query: fill(&metric.query)?,
            timeout: metric.schedule.timeout,
            track: Track::new(&metric.criterion),
        },
    };
    Ok(Watched::new(criterion, metric.schedule, start))
}

impl Watched {
    fn new(criterion: Criterion, schedule: Schedule, start: DateTime<Utc>) -> Self {
        let time = |duration| TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX);
        Self {
            criterion,
            interval: time(schedule.interval),
            next: later(start, time(schedule.initial_delay)),
            polls: 0,
        }
    }

    async fn measure(
        &mut self,
        client: &Client,
        clock: &dyn Clock,
        now: DateTime<Utc>,
    ) -> Standing {
        self.criterion.measure(client, clock).await;
        self.polls = self.polls.saturating_add(1);
        self.next = later(now, self.interval);
        self.criterion.standing()
    }
}

impl Criterion {
    async fn measure(&mut self, client: &Client, clock: &dyn Clock) {
        match self {
            Self::Metric {
                endpoint,
                query,
                timeout,
                track,
            } => {
                let reading =
                    prometheus::instant(client, clock, endpoint, query, None, *timeout).await;
                track.observe(&reading);
            }
            Self::Health { check, tally } => {
                let (judgement, detail) = match http::check(client, clock, check).await {
                    HealthReading::Healthy { detail, .. } => (Judgement::Pass, detail),
                    HealthReading::Unhealthy(reason) => (Judgement::Fail, reason),
                    HealthReading::Unreachable(reason) => (Judgement::Error, reason),
                };
                tally.record(judgement, None, detail);
            }
        }
    }

    fn standing(&self) -> Standing {
        match self {
            Self::Metric { track, .. } => track.standing(),
            Self::Health { tally, .. } => tally.standing(),
        }
    }
}

fn later(instant: DateTime<Utc>, by: TimeDelta) -> DateTime<Utc> {
    instant
        .checked_add_signed(by)
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
}

fn record(standing: Standing) -> MetricRecord {
    MetricRecord {
        name: standing.name,
        verdict: standing.verdict.word(),
        value: standing.value,
        wanted: standing.wanted,
        detail: standing.detail,
        measured: standing.measured,
        failed: standing.failed,
        errors_in_a_row: standing.errors_in_a_row,
        comparison: None,
    }
}
