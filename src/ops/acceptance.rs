//! What waits for a person (a hold for an approval, a version that was judged worse and left): who has
//! accepted it since, and what to do where nobody has.
//!
//! Whoever approves under the policy accepts. Where the policy names nobody, the command itself does,
//! with `--accept`: it is a step that somebody takes on purpose, and never the same command again.

use super::{
    beside::Beside,
    case::Case,
    command::{About, CommandLine},
    deploy::{DeployRequest, Outside},
    gate::{self, Question},
    load::Target,
};
use crate::{
    event::{Failure, Reporter},
    policy::{ApprovalSource, Approved, Awaited, Identity, Policy, approved_since},
    units::Version,
};

/// Who may accept what waits for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Approvers {
    /// Nobody in particular: the policy names no people, no rules for approvals and no keys.
    Nobody,
    /// Whoever approves under the policy; these are the ways.
    Named(Vec<ApprovalSource>),
}

impl Approvers {
    /// Reads from a policy, and the list of keys beside it, who they are. A list that cannot be read is
    /// one.
    pub async fn of(policy: &Policy, beside: &Beside<'_>) -> Self {
        let named = policy.names_approvers()
            || !matches!(beside.read(policy.allowed_signers()).await, Ok(None));
        if named {
            Self::Named(policy.approval_sources().to_vec())
        } else {
            Self::Nobody
        }
    }
}

/// Somebody has accepted it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// Who, in words: `approved by alice@example.com`.
    pub sentence: String,
    /// With what; the run that records them uses them up.
    pub approvals: Vec<Approved>,
}

/// Asks who has accepted what waits for a person.
///
/// # Errors
/// The policy cannot be read; the git server does not answer. In the inner result: nobody has, or
/// not enough people; the text says why what there is does not count, to follow a sentence.
pub async fn ask(
    awaited: Awaited,
    approvers: &Approvers,
    request: &DeployRequest,
    outside: &Outside<'_>,
    target: &Target,
    reporter: &mut dyn Reporter,
) -> Result<Result<Accepted, String>, Failure> {
    if *approvers == Approvers::Nobody {
        return Ok(match request.accept {
            true => Ok(by_command(request)),
            false => Err(String::new()),
        });
    }
    let question = Question::from(request);
    let mut case = Case::read(&question, outside.repository, target).await?;
    let beside = Beside::at_source(outside.repository, case.policy.source())?;
    let place = gate::place(outside, &beside);
    let asker = &request.asker;
    asker.bring_to_accept(&mut case, &place, reporter).await?;
    let Case {
        policy,
        request: asked,
        facts,
    } = case;
    let approved = approved_since(&policy, &asked, &facts, awaited, outside.clock.now());
    Ok(match approved {
        Ok(approvals) => {
            let names = approvals.iter().map(|approved| approved.by.to_string());
            let names: Vec<String> = names.collect();
            Ok(Accepted {
                sentence: format!("approved by {}", names.join(", ")),
                approvals,
            })
        }
        Err(shortfall) if request.accept => Err(format!(
            "; --accept does not count, because the policy names who approves{shortfall}"
        )),
        Err(shortfall) => Err(shortfall),
    })
}

/// Whoever runs the command with `--accept` has accepted it.
fn by_command(request: &DeployRequest) -> Accepted {
    let asker = &request.asker;
    let who = asker.actor.as_deref().unwrap_or("somebody");
    let by = asker.deployer.clone();
    Accepted {
        sentence: format!("accepted by {who} with --accept"),
        approvals: vec![Approved {
            id: format!("accept/{who}"),
            by: by.unwrap_or_else(|| Identity::Local(who.to_owned())),
        }],
    }
}

/// A deployment that waits for a person, as commands name it.
#[derive(Debug, Clone, Copy)]
pub struct Awaiting<'a> {
    /// Service and environment.
    pub about: About<'a>,
    /// Version.
    pub version: &'a Version,
    /// Is it a rehearsal?
    pub drill: bool,
}

impl Awaiting<'_> {
    /// Returns the command that deploys it again.
    pub fn command(&self) -> CommandLine {
        let command = self.about.command("deploy");
        let command = command.flag("version", self.version.as_str());
        match self.drill {
            true => command.switch("drill"),
            false => command,
        }
    }

    /// Says what to do so that it goes on, or is kept: `to` is `to go on`.
    pub fn next_steps(&self, to: &str, approvers: &Approvers, signed: bool) -> Vec<String> {
        let command = self.command();
        let Approvers::Named(sources) = approvers else {
            return vec![format!(
                "{to} (the policy names nobody who approves): {}",
                command.switch("accept")
            )];
        };
        let environment = self.about.environment;
        let mut steps: Vec<String> = sources
            .iter()
            .filter(|source| !signed || **source == ApprovalSource::Signature)
            .map(|source| match source {
                ApprovalSource::Signature => {
                    let approve = self.about.command("approve");
                    let approve = approve.flag("version", self.version.as_str()).switch("push");
                    format!("{to}: somebody else signs `{approve}` now; then: {command}")
                }
                ApprovalSource::GitHubRun => format!(
                    "{to}: start the pipeline anew (not again), and somebody else lets that run into the environment `{environment}`"
                ),
                ApprovalSource::GitHubReview => format!(
                    "{to}: somebody else approves the pull request of the version once more; then: {command}"
                ),
            })
            .collect();
        if steps.is_empty() {
            steps.push(format!(
                "{to} takes a signed approval, and the policy lists no `signature` in `approvals.sources`"
            ));
        }
        steps
    }
}
