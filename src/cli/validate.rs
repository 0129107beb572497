//! `shipgate validate`: is what is written valid, and is it meant so?

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use clap::Args;

use super::{Session, check::instant, plan_traffic::StatedTraffic};
use crate::{
    event::{Failure, Outcome},
    ops::{
        check,
        validate::{self, Subject},
    },
    units::with_slashes,
};

/// Flags of `validate`.
#[derive(Debug, Args)]
pub struct ValidateArguments {
    /// Policies and configurations, told apart by content [default: shipgate.yaml and policies/*.yaml]
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// A file that is a policy, whatever it looks like
    #[arg(long, value_name = "FILE")]
    policy: Vec<PathBuf>,
    /// Let warnings count: exit code 4
    #[arg(long)]
    strict: bool,
    /// Look from this instant on instead of from now, RFC 3339 with an offset
    #[arg(long, value_name = "TIME", value_parser = instant)]
    at: Option<DateTime<Utc>>,
    /// What the traffic is.
    #[command(flatten)]
    traffic: StatedTraffic,
}

/// Runs `validate`.
///
/// # Errors
/// No file is named and none is found, or the machine's clock is wrong.
pub async fn run(arguments: &ValidateArguments, session: &Session) -> Result<Outcome, Failure> {
    let known = arguments.traffic.known()?;
    let folder = &session.context.folder;
    let now = match arguments.at {
        Some(at) => at,
        None => check::plausible(session.context.clock.now())?,
    };
    let subject = |path: &PathBuf, policy| Subject {
        path: folder.join(path),
        shown: shown(path),
        policy,
    };
    let files = arguments.files.iter().map(|path| subject(path, false));
    let policies = arguments.policy.iter().map(|path| subject(path, true));
    let mut subjects: Vec<Subject> = files.chain(policies).collect();
    if subjects.is_empty() {
        subjects = validate::found_in(folder)?;
    }
    let is_set = |name: &str| session.context.variable(name).is_some();
    Ok(validate::run(&subjects, now, arguments.strict, known, &is_set).await)
}

fn shown(path: &Path) -> String {
    with_slashes(&path.display().to_string())
}
