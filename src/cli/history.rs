//! `shipgate history`: past deployments, their figures, and whether they explain the branch.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use clap::Args;

use super::{
    Session,
    check::instant,
    deploy::duration,
    repository::{RepositoryArguments, has_regions},
};
use crate::{
    event::{Ending, Failure, Outcome},
    ops::history::{self, HistoryQuestion},
};

/// Flags of `history`.
#[derive(Debug, Args)]
pub struct HistoryArguments {
    /// Which repository, services and environment; without --service all services.
    #[command(flatten)]
    pub repository: RepositoryArguments,
    /// From when on: a length before now such as 30d, a date, or RFC 3339 [default: the beginning]
    #[arg(long, value_name = "TIME", value_parser = since)]
    pub since: Option<Since>,
    /// How many deployments are listed at most; the figures are of all
    #[arg(long, default_value_t = 20)]
    pub limit: usize,
    /// Judge whether every change of the values that shipgate manages is explained by a run; what
    /// is not is listed, and the exit code is 4
    #[arg(long)]
    pub audit: bool,
}

/// From when on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// So long before now.
    Ago(TimeDelta),
    /// From an instant on.
    At(DateTime<Utc>),
}

/// Runs `history`.
///
/// # Errors
/// As [`history::history`].
pub async fn run(arguments: HistoryArguments, session: &mut Session) -> Result<Outcome, Failure> {
    let opened = arguments.repository.open(session)?;
    let site = match arguments.repository.region.len() {
        0 | 1 => match arguments.repository.site(&opened).await {
            Err(failure) if has_regions(&failure) => None,
            site => Some(site?),
        },
        _ => None,
    };
    let now = session.context.clock.now();
    let since = match arguments.since {
        None => None,
        Some(Since::At(at)) => Some(at),
        Some(Since::Ago(length)) => Some(now.checked_sub_signed(length).ok_or_else(|| {
            Failure::new(Ending::Usage, "--since is longer ago than dates go back")
        })?),
    };
    let question = HistoryQuestion {
        services: arguments.repository.service.clone(),
        since,
        limit: arguments.limit,
        audit: arguments.audit,
    };
    let outside = opened.outside();
    if let Some(site) = site {
        return history::history(&outside, &site, &question).await;
    }
    let group = arguments.repository.group(&opened).await?;
    let source = arguments.repository.source();
    history::of_regions(&outside, &group, &source, &question).await
}

/// Reads when a range begins.
fn since(text: &str) -> Result<Since, String> {
    if let Ok(length) = duration(text) {
        let length = TimeDelta::from_std(length).map_err(|error| error.to_string())?;
        return Ok(Since::Ago(length));
    }
    let day = text.parse::<NaiveDate>().ok();
    if let Some(midnight) = day.and_then(|day| day.and_hms_opt(0, 0, 0)) {
        return Ok(Since::At(midnight.and_utc()));
    }
    instant(text).map(Since::At).map_err(|_| {
        "expected a length such as 30d, a date such as 2026-03-01 (UTC), or RFC 3339 with an offset"
            .to_owned()
    })
}
