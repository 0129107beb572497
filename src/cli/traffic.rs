//! Flags that say what current traffic is, or where to ask.

use clap::{Args, builder::NonEmptyStringValueParser};

use crate::{ops::gate::TrafficQuestion, units::RequestsPerSecond};

/// Current traffic, for policies that look at it.
#[derive(Debug, Clone, Default, Args)]
pub struct TrafficArguments {
    /// Current traffic in requests per second, instead of asking for it
    #[arg(long, value_name = "RPS", value_parser = rate)]
    pub traffic: Option<RequestsPerSecond>,
    /// Address of the Prometheus to ask for traffic, when the policy does not say
    #[arg(long, value_name = "URL", value_parser = NonEmptyStringValueParser::new())]
    pub prometheus: Option<String>,
    /// Query for traffic, when the policy does not say
    #[arg(long, value_name = "QUERY", value_parser = NonEmptyStringValueParser::new())]
    pub traffic_query: Option<String>,
}

impl TrafficArguments {
    /// Returns what is known of where traffic is asked for.
    pub fn question(&self) -> TrafficQuestion {
        TrafficQuestion {
            stated: self.traffic,
            prometheus: self.prometheus.clone(),
            query: self.traffic_query.clone(),
        }
    }
}

fn rate(text: &str) -> Result<RequestsPerSecond, String> {
    text.parse::<RequestsPerSecond>()
        .map_err(|error| error.to_string())
}
