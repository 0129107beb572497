//! The stories that a world can tell: what is wrong with the new version, the metrics or the day.

use std::{fmt, str::FromStr};

use super::Shape;

/// The version that runs when a world starts; always healthy.
pub const FIRST_VERSION: &str = "1.0";

/// The version that the stories deploy; the scenario says how it behaves.
pub const NEW_VERSION: &str = "1.1";

/// Which story a world tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scenario {
    /// The new version is as good as the old one.
    Healthy,
    /// The new version answers 8 % of its requests with an error.
    Errors,
    /// The new version is slow: its 95th percentile is 1.4 s.
    Latency,
    /// The metrics API answers 503 from the start.
    OutageBefore,
    /// The metrics API answers 503 once the canary has had traffic.
    Outage,
    /// The policy blocks this day.
    Blocked,
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

impl Scenario {
    /// All scenarios, in the order in which the help names them.
    pub const ALL: [Self; 9] = [
        Self::Healthy,
        Self::Errors,
        Self::Latency,
        Self::OutageBefore,
        Self::Outage,
        Self::Blocked,
        Self::BlueGreen,
        Self::BlueGreenPreview,
        Self::BlueGreenErrors,
    ];

    /// Returns the name that `--scenario` takes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Errors => "errors",
            Self::Latency => "latency",
            Self::OutageBefore => "outage-before",
            Self::Outage => "outage",
            Self::Blocked => "blocked",
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

    /// Returns how a version treats its requests.
    pub fn behaviour(self, version: &str) -> Behaviour {
        match self {
            Self::Errors | Self::BlueGreenErrors if version == NEW_VERSION => Behaviour {
                error_ratio: 0.08,
                ..HEALTHY
            },
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
