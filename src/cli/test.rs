//! `shipgate test`: does the policy decide as the cases beside it say?

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::Args;

use super::Session;
use crate::{
    event::{Ending, Failure, Outcome},
    ops::policy_test::{self, Tested},
    report::junit,
};

/// Where policies are looked for.
const POLICIES: &str = "policies";

/// Flags of `test`.
#[derive(Debug, Args)]
pub struct TestArguments {
    /// Policy file on disk [default: every one in `policies` with a .test.yaml beside it]
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// File with the cases [default: NAME.test.yaml beside the policy NAME.yaml]
    #[arg(long, value_name = "FILE", requires = "policy")]
    cases: Option<PathBuf>,
    /// Also write the results as a JUnit file, for CI systems that show them
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

/// Runs `test`.
///
/// # Errors
/// There is nothing to test; a policy or a case is not valid; the JUnit file cannot be written.
pub async fn run(arguments: TestArguments, session: &Session) -> Result<Outcome, Failure> {
    let folder = &session.context.folder;
    let tested = match (arguments.policy, arguments.cases) {
        (Some(policy), Some(cases)) => vec![Tested { policy, cases }],
        (Some(policy), None) => vec![Tested::beside(folder, policy)?],
        (None, _) => Tested::all(folder, Path::new(POLICIES))?,
    };
    let outcome = policy_test::run(folder, &tested).await?;
    if let Some(path) = &arguments.junit {
        let refuse = |problem: String| {
            Failure::new(Ending::Usage, format!("{}: {problem}", path.display()))
                .hint("name a file that can be written with --junit FILE")
        };
        let text = junit::cases(&outcome.cases).map_err(refuse)?;
        fs::write(folder.join(path), text)
            .map_err(|error| refuse(format!("cannot be written: {error}")))?;
    }
    Ok(outcome)
}
