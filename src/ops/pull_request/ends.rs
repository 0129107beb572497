//! How a pull request that did not land ends a run: always with a code below 40, because the branch
//! is as the run found it.

use std::time::Duration;

use crate::{
    event::{Ending, Failure},
    forge::Trouble,
    ops::{command::About, land::Direction},
    units::format_duration,
};

/// A forge that did not do it.
pub(super) fn failure(trouble: Trouble) -> Failure {
    let reason = trouble.reason().to_owned();
    match trouble {
        Trouble::Unavailable { .. } => Failure::new(Ending::Unavailable, reason)
            .hint("run the same command again when the forge answers"),
        Trouble::Denied(_) => Failure::new(Ending::PushDenied, reason).hint(
            "check that the token in SHIPGATE_TOKEN may open pull requests there (GitHub: contents and pull requests, read and write; GitLab: scope `api`)",
        ),
        Trouble::Missing(_) => Failure::new(Ending::PushDenied, reason)
            .hint("check the repository's address, and that the token in SHIPGATE_TOKEN may see it"),
        Trouble::Refused(_) => Failure::new(Ending::PushDenied, reason)
            .hint("look at the project's settings for pull requests, and at `pull_request` in the configuration"),
    }
}

/// What everybody is told of a pull request that stays open.
pub(super) struct Told<'a> {
    pub(super) noun: &'a str,
    pub(super) page: &'a str,
    pub(super) about: About<'a>,
    pub(super) direction: Direction,
}

impl Told<'_> {
    /// Time is up.
    pub(super) fn still_open(&self, waited: Duration, why: &str) -> Failure {
        let Self { noun, page, .. } = self;
        let waited = format_duration(waited);
        let text = format!("the {noun} {page} was not merged within {waited} ({why})");
        self.open(text)
    }

    /// The forge has refused for good to merge it.
    pub(super) fn not_merged(&self, trouble: &Trouble) -> Failure {
        let Self { noun, page, .. } = self;
        let said = trouble.reason();
        let text = format!(
            "the {noun} {page} stays open, the forge does not let this run merge it: {said}"
        );
        self.left(Ending::PushDenied, text).hint(
            "merge it by hand, or check that the token in SHIPGATE_TOKEN may merge into the branch; without `merge_method` in the configuration it is left to people",
        )
    }

    /// The forge cannot be asked about it any more.
    pub(super) fn in_trouble(&self, trouble: Trouble) -> Failure {
        let Self { noun, page, .. } = self;
        let Failure(outcome) = failure(trouble);
        let text = format!("the {noun} {page} stays open: {}", outcome.reason);
        let mut failure = self.left(outcome.ending, text);
        failure.0.hints.push(
            "check that the token in SHIPGATE_TOKEN is valid still and may read and merge there"
                .to_owned(),
        );
        failure
    }

    /// The checks are through, and no more was to be waited for.
    pub(super) fn checks_passed(&self) -> Failure {
        let Self { noun, page, .. } = self;
        let text = format!("the checks of the {noun} {page} are through; it waits to be merged");
        self.open(text)
    }

    /// Checks are bad.
    pub(super) fn checks_failed(&self, names: &[String]) -> Failure {
        let Self { noun, page, .. } = self;
        let text = format!("checks of the {noun} {page} failed: {}", listed(names));
        let mut failure = self.left(Ending::BlockedOther, text);
        "checks-failed".clone_into(&mut failure.0.reason_code);
        failure.hint("mend the checks or run them again")
    }

    /// Somebody else has pushed to our branch.
    pub(super) fn changed(&self, branch: &str, commit: &str) -> Failure {
        let Self { noun, page, .. } = self;
        let what = if page.is_empty() {
            String::new()
        } else {
            format!(" of the {noun} {page}")
        };
        let text = format!(
            "`{branch}`, the branch{what}, is at {commit}, which this run did not make; left alone"
        );
        let mut failure = self.left(Ending::BlockedOther, text);
        "pull-request-changed".clone_into(&mut failure.0.reason_code);
        failure.hint("have it merged as it is, or take the other commits off")
    }

    /// The gate's leave ended before it was merged.
    pub(super) fn window_ended(&self) -> Failure {
        let Self { noun, page, .. } = self;
        let text = format!(
            "the {noun} {page} was not merged before the deployment window ended; it is closed"
        );
        Failure::new(Ending::BlockedWindow, text)
            .hint("deploy again at the next opening: that opens a new one")
    }

    /// Somebody has closed it.
    pub(super) fn closed(&self) -> Failure {
        let Self { noun, page, .. } = self;
        let text = format!("the {noun} {page} was closed without being merged");
        let mut failure = Failure::new(Ending::BlockedOther, text)
            .hint("ask whoever closed it; deploying again opens a new one");
        "pull-request-closed".clone_into(&mut failure.0.reason_code);
        failure
    }

    /// It waits for somebody to merge it.
    fn open(&self, text: String) -> Failure {
        let mut failure = self.left(Ending::ApprovalRequired, text);
        "pull-request-open".clone_into(&mut failure.0.reason_code);
        failure
    }

    fn left(&self, ending: Ending, text: String) -> Failure {
        let failure = Failure::new(ending, text);
        match self.direction {
            Direction::Forward => failure
                .hint("once it is merged, run the same deploy again: it goes on from there")
                .hint(format!(
                    "to give it up: `{}` closes it",
                    self.about.command("rollback")
                )),
            Direction::Back => failure
                .hint("have it merged now: until then the bad version stays with its users")
                .hint(format!(
                    "once it is merged, run `{}`: it finishes the way back",
                    self.about.command("recover")
                )),
        }
    }
}

/// Names at most three.
pub(super) fn listed(names: &[String]) -> String {
    match names {
        [] => "unnamed".to_owned(),
        names => {
            let first: Vec<&str> = names.iter().take(3).map(String::as_str).collect();
            let more = names.len() - first.len();
            let rest = if more > 0 {
                format!(" and {more} more")
            } else {
                String::new()
            };
            format!("{}{rest}", first.join(", "))
        }
    }
}
