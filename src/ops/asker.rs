//! Who asks the gate, and what they bring along: signed approvals, and those that GitHub knows of.

use chrono::{DateTime, Utc};

use super::{
    approvals::{self, Search},
    beside::Beside,
    case::Case,
    check,
    github_approvals::{self, GitHubRun},
};
use crate::{
    audit::AuditFile,
    clock::Clock,
    event::{Failure, Reporter},
    git::Repository,
    policy::{Decision, Identity},
    probe::Client,
};

/// Who asks the gate, and what they bring along.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asker {
    /// Who starts it, as far as the pipeline says; none = nobody said.
    pub deployer: Option<Identity>,
    /// Who started it again, if the pipeline says that it was somebody else.
    pub restarted_by: Option<Identity>,
    /// Who started it, as trailers and announcements name them.
    pub actor: Option<String>,
    /// Address of the pipeline run.
    pub pipeline: Option<String>,
    /// Signed texts that were handed over.
    pub given: Vec<String>,
    /// The run of GitHub Actions that we are a part of.
    pub github: Option<GitHubRun>,
    /// Where the use of an override is written down.
    pub audit: Option<AuditFile>,
}

/// Where approvals may be, and the instant that they have to be good at.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// The folder of the policy, which holds the list of keys.
    pub beside: &'a Beside<'a>,
    /// The GitOps repository; none = a policy on disk is asked, and nobody else.
    pub repository: Option<&'a Repository>,
    /// Asks GitHub.
    pub client: &'a Client,
    /// Where the time comes from.
    pub clock: &'a dyn Clock,
    /// The instant that is judged.
    pub at: DateTime<Utc>,
}

impl Asker {
    /// Adds to a case who asks, and, where the verdict hangs on it, what was approved: signed texts
    /// where the policy does not let through without, or where some were handed over, which then
    /// have to be good; GitHub's approvals where nothing else is missing.
    ///
    /// # Errors
    /// As [`check::judge`] and [`approvals::gather`]. That GitHub does not answer is said, and
    /// nobody has approved there then.
    pub async fn bring(
        &self,
        case: &mut Case,
        place: &Place<'_>,
        reporter: &mut dyn Reporter,
    ) -> Result<(), Failure> {
        self.bring_signed(case, place).await?;
        let Some(github) = &self.github else {
            return Ok(());
        };
        let verdict = check::judge(&case.policy, &case.request, &case.facts, place.at)?;
        if verdict.decision == Decision::ApprovalRequired {
            let found = github_approvals::gather(github, case, place, reporter).await?;
            case.facts.presented.extend(found);
        }
        Ok(())
    }

    /// As [`Self::bring`], without GitHub.
    ///
    /// # Errors
    /// As [`check::judge`] and [`approvals::gather`].
    pub async fn bring_signed(&self, case: &mut Case, place: &Place<'_>) -> Result<(), Failure> {
        case.facts.deployer.clone_from(&self.deployer);
        case.facts.restarted_by.clone_from(&self.restarted_by);
        let verdict = check::judge(&case.policy, &case.request, &case.facts, place.at)?;
        if approvals::are_needed(&verdict, &self.given) {
            let search = Search {
                policy: &case.policy,
                request: &case.request,
                beside: place.beside,
                given: &self.given,
                repository: place.repository,
                counts_again: true,
            };
            case.facts.presented = approvals::gather(&search, place.at).await?;
        }
        Ok(())
    }

    /// Adds to a case who asks, and everything that may accept what waits for a person, with the
    /// instant at which it was given; what any run has used counts no more.
    ///
    /// # Errors
    /// As [`Self::bring`].
    pub async fn bring_to_accept(
        &self,
        case: &mut Case,
        place: &Place<'_>,
        reporter: &mut dyn Reporter,
    ) -> Result<(), Failure> {
        case.facts.deployer.clone_from(&self.deployer);
        case.facts.restarted_by.clone_from(&self.restarted_by);
        let search = Search {
            policy: &case.policy,
            request: &case.request,
            beside: place.beside,
            given: &self.given,
            repository: place.repository,
            counts_again: false,
        };
        case.facts.presented = approvals::gather(&search, place.at).await?;
        if let Some(github) = &self.github {
            let found = github_approvals::gather_with_times(github, case, place, reporter).await?;
            case.facts.presented.extend(found);
        }
        Ok(())
    }
}
