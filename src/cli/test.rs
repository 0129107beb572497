//! `shipgate test`: does the policy decide as the cases beside it say?

use std::path::{Path, PathBuf};

use clap::Args;

use super::Session;
use crate::{
    event::{Ending, Failure, Outcome},
    ops::policy_test::{self, Tested},
    report::{Place, junit},
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
pub async fn run(arguments: TestArguments, session: &mut Session) -> Result<Outcome, Failure> {
    let folder = session.context.folder.clone();
    let place = arguments
        .junit
        .as_ref()
        .map(|path| Place::new("--junit", folder.join(path)));
    let outcome = match tested(arguments, &folder).await {
        Ok(outcome) => outcome,
        Err(failure) => {
            // The cases of an earlier run must not pass for those of this one.
            if let Some(place) = place {
                session.report_to(junit::File { place });
            }
            return Err(failure);
        }
    };
    if let Some(place) = place {
        let refuse = |problem: String| {
            Failure::new(Ending::Usage, format!("cannot be written: {problem}"))
                .hint("name a file that can be written with --junit FILE")
        };
        let text = junit::cases(&outcome.cases).map_err(refuse)?;
        let written = place.replace(text.as_bytes());
        written.map_err(|error| refuse(error.to_string()))?;
    }
    Ok(outcome)
}

async fn tested(arguments: TestArguments, folder: &Path) -> Result<Outcome, Failure> {
    let tested = match (arguments.policy, arguments.cases) {
        (Some(policy), Some(cases)) => vec![Tested { policy, cases }],
        (Some(policy), None) => vec![Tested::beside(folder, policy)?],
        (None, _) => Tested::all(folder, Path::new(POLICIES))?,
    };
    policy_test::run(folder, &tested).await
}
