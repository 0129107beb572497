//! `shipgate next`: when does it open and close next, as a table, a calendar, or an iCalendar file?

use chrono::{DateTime, Utc};
use clap::Args;

use super::{
    OutputFormat, Session, check::instant, circumstances::InvokerArguments,
    policy::PolicyArguments, repository::RepositoryArguments, request::RequestArguments, signals,
};
use crate::{
    event::{Ending, Failure, Outcome},
    ops::{
        asker::Asker,
        case::Circumstances,
        gate::{Question, TrafficQuestion},
        load::Services,
        next::{self, Range},
        stopped_before_change,
    },
    report::ics,
};

/// Flags of `next`.
#[derive(Debug, Args)]
pub struct NextArguments {
    /// Which policy.
    #[command(flatten)]
    pub policy: PolicyArguments,
    /// Which repository, service and environment.
    #[command(flatten)]
    repository: RepositoryArguments,
    /// What is to be done and where.
    #[command(flatten)]
    request: RequestArguments,
    /// Who starts it.
    #[command(flatten)]
    invoker: InvokerArguments,
    /// How many days to look ahead
    #[arg(long, default_value_t = 14, value_parser = clap::value_parser!(u32).range(1..=i64::from(next::LONGEST)))]
    days: u32,
    /// Look from this instant on instead of from now, RFC 3339 with an offset
    #[arg(long, value_name = "TIME", value_parser = instant)]
    from: Option<DateTime<Utc>>,
    /// One line for each day instead of a table of openings
    #[arg(long)]
    calendar: bool,
}

/// Runs `next`.
///
/// # Errors
/// The policy cannot be read or is invalid; it is not for the environment, or needs to know more.
pub async fn run(arguments: NextArguments, session: &mut Session) -> Result<Outcome, Failure> {
    let mut stop = signals::listen(&session.context);
    match stop.or(look(arguments, session)).await {
        Ok(outcome) => outcome,
        Err(reason) => Err(stopped_before_change(reason)),
    }
}

async fn look(arguments: NextArguments, session: &mut Session) -> Result<Outcome, Failure> {
    let service = arguments.repository.one_service()?;
    let services = Services::Named(service.map(Into::into).into_iter().collect());
    let circumstances = Circumstances {
        invoker: arguments.invoker.invoker(&session.context),
        namespace: arguments.request.namespace.clone(),
        cluster: arguments.request.cluster.clone(),
        ..Circumstances::default()
    };
    let question = Question {
        action: arguments.request.action,
        version: None,
        policy: None,
        policy_ref: None,
        traffic: &TrafficQuestion::default(),
        asker: &Asker::default(),
        circumstances: &circumstances,
    };
    let found = arguments
        .policy
        .find(question, &arguments.repository, &services, session)
        .await?;
    let now = session.context.clock.now();
    let range = Range {
        from: arguments.from.unwrap_or(now),
        days: arguments.days,
    };
    let outcome = next::run(&found.case_of_one(), range, arguments.calendar)?;
    if session.output == OutputFormat::Ics
        && let Some(record) = &outcome.outlook
    {
        session.context.print(&ics::render(record, now));
        return Ok(Outcome::new(Ending::Shown, ""));
    }
    Ok(outcome)
}
