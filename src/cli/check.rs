//! `shipgate check`.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use clap::{Args, builder::NonEmptyStringValueParser};

use super::Session;
use crate::{
    event::{Ending, Failure, Outcome},
    ops::check::{self, TrafficSource},
    policy::{Action, Request},
    units::{RequestsPerSecond, Version},
};

/// Flags of `check`.
#[derive(Debug, Args)]
pub struct CheckArguments {
    /// Policy file on disk
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Environment to deploy to; the policy must be for it
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    environment: Option<String>,
    /// Service to deploy
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    service: Option<String>,
    /// Version to deploy
    #[arg(long, value_name = "VERSION")]
    version: Option<Version>,
    /// Judge this instant instead of now, RFC 3339 with an offset, such as 2025-11-04T08:00:00Z
    #[arg(long, value_name = "TIME", value_parser = instant)]
    at: Option<DateTime<Utc>>,
    /// Current traffic in requests per second, instead of asking
    #[arg(long, value_name = "RPS")]
    traffic: Option<RequestsPerSecond>,
}

/// Runs `check`.
pub async fn run(arguments: CheckArguments, session: &mut Session) -> Result<Outcome, Failure> {
    let Some(file) = &arguments.policy else {
        return Err(Failure::new(Ending::Usage, "no policy is named")
            .hint("name the policy's file with --policy FILE"));
    };
    let path = session.context.folder.join(file);
    let (source, text) = check::read_file(&path, &file.display().to_string())?;
    let policy = check::load(source, &text)?;
    let request = Request {
        environment: arguments.environment,
        service: arguments.service,
        version: arguments.version,
        ..Request::new(Action::Deploy)
    };
    let source = check::traffic_source(
        &policy,
        request.action,
        arguments.traffic,
        None,
        arguments.at.is_some(),
    )?;
    let traffic = match source {
        TrafficSource::Known(fact) => fact,
        TrafficSource::Query(_) => {
            return Err(Failure::new(
                Ending::ConfigInvalid,
                "the policy asks how much traffic there is, and no server is named that could say",
            )
            .hint("state it with --traffic RPS"));
        }
    };
    let now = arguments.at.unwrap_or_else(|| session.context.clock.now());
    check::run(&policy, &request, traffic, now, session)
}

fn instant(text: &str) -> Result<DateTime<Utc>, String> {
    DateTime::parse_from_rfc3339(text)
        .map(|instant| instant.to_utc())
        .map_err(|_| {
            "expected RFC 3339 with an offset, such as 2025-11-04T08:00:00Z or \
             2025-11-04T03:00:00-05:00"
                .to_owned()
        })
}
