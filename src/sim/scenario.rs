//! The stories that a world can tell: what is wrong with the new version, the metrics or the day.

use std::{fmt, str::FromStr, time::Duration};

use super::Shape;

/// The version that runs when a world starts; always healthy.
pub const FIRST_VERSION: &str = "1.0";

/// The version that the stories deploy; the scenario says how it behaves.
pub const NEW_VERSION: &str = "1.1";

/// The version that somebody else brings while the new one is on its way; always healthy.
pub const HOTFIX_VERSION: &str = "1.0.1";

/// How long after its first pod the new version of [`Scenario::LateOnset`] begins to fail.
const LATE: Duration = Duration::from_secs(240);

/// Which story a world tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scenario {
    /// The new version is as good as the old one.
    Healthy,
    /// The new version answers 8 % of its requests with an error.
    Errors,
    /// The new version answers 8 % of its requests with an error, from 4 minutes after its start on.
    LateOnset,
    /// The new version is slow: its 95th percentile is 1.4 s.
    Latency,
    /// The metrics API answers 503 from the start.
    OutageBefore,
    /// The metrics API answers 503 once the new version has had traffic.
    Outage,
    /// The policy blocks this day.
    Blocked,
    /// The steps have a pause that only a person ends.
    Held,
    /// The way back is rehearsed with a version that is as good as the old one.
    Drill,
    /// Somebody else brings a hotfix into the stable workload while the new version is tried.
    Superseded,
    /// Two colours; the new version is as good as the old one.
    BlueGreen,
    /// Two colours; the new version's health check fails.
    BlueGreenPreview,
    /// Two colours; the new version answers 8 % of its requests with an error.
    BlueGreenErrors,
}

/// How a version treats its requests.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Behaviour {
    /// Share of requests answered with a 5xx, 0.0 to 1.0.
    pub error_ratio: f64,
    /// 95th percentile of the answering time, in seconds.
    pub latency_p95_seconds: f64,
}

const HEALTHY: Behaviour = Behaviour {
    error_ratio: 0.002,
    latency_p95_seconds: 0.12,
};

const FAILING: Behaviour = Behaviour {
    error_ratio: 0.08,
    ..HEALTHY
};

impl Scenario {
    /// All scenarios, in the order in which the help names them.
    pub const ALL: [Self; 13] = [
        Self::Healthy,
        Self::Errors,
        Self::LateOnset,
        Self::Latency,
        Self::OutageBefore,
        Self::Outage,
        Self::Blocked,
        Self::Held,
        Self::Drill,
        Self::Superseded,
        Self::BlueGreen,
        Self::BlueGreenPreview,
        Self::BlueGreenErrors,
    ];

    /// Returns the name that `--scenario` takes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Errors => "errors",
            Self::LateOnset => "late-onset",
            Self::Latency => "latency",
            Self::OutageBefore => "outage-before",
            Self::Outage => "outage",
            Self::Blocked => "blocked",
            Self::Held => "held",
            Self::Drill => "drill",
            Self::Superseded => "superseded",
            Self::BlueGreen => "blue-green",
            Self::BlueGreenPreview => "blue-green-preview",
            Self::BlueGreenErrors => "blue-green-errors",
        }
    }

    /// Returns how the shop of its world is deployed.
    pub fn shape(self) -> Shape {
        match self {
            Self::BlueGreen | Self::BlueGreenPreview | Self::BlueGreenErrors => Shape::BlueGreen,
            _ => Shape::Ingress,
        }
    }

    /// Does a version answer its health check well?
    pub fn is_healthy(self, version: &str) -> bool {
        self != Self::BlueGreenPreview || version != NEW_VERSION
    }

    /// Returns how a version treats its requests that has run for some time.
    pub fn behaviour(self, version: &str, running: Duration) -> Behaviour {
        match self {
            Self::Errors | Self::BlueGreenErrors if version == NEW_VERSION => FAILING,
            Self::LateOnset if version == NEW_VERSION && running >= LATE => FAILING,
            Self::Latency if version == NEW_VERSION => Behaviour {
                latency_p95_seconds: 1.4,
                ..HEALTHY
            },
            _ => HEALTHY,
        }
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A name that no scenario has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownScenario(pub String);

impl fmt::Display for UnknownScenario {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = Scenario::ALL.map(Scenario::name).join(", ");
        write!(formatter, "found {:?}, expected one of {names}", self.0)
    }
}

impl std::error::Error for UnknownScenario {}

impl FromStr for Scenario {
    type Err = UnknownScenario;

    fn from_str(text: &str) -> Result<Self, UnknownScenario> {
        Self::ALL
            .into_iter()
            .find(|scenario| scenario.name() == text)
            .ok_or_else(|| UnknownScenario(text.to_owned()))
    }
}
