//! Lands a change where the branch takes no push: on a branch of our own, through a pull request.
//!
//! ```text
//! land: read branch, own branch, pull request -> commit on our branch -> open -> wait -> merged
//!       the same run finds its own branch and pull request again: their name is made of the run's id
//! ```
//!
//! Until it is merged the branch is as the run found it, so every end before that has a code below 40.

mod body;
mod ends;
mod land;
mod merged;
mod names;
mod own_branch;
mod retract;
mod settle;
mod wait;

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};

use super::{
    deploy::Outside,
    gate::Permit,
    land::{Direction, FORWARD_PATIENCE},
    load::Target,
    writer::Writer,
};
use crate::{
    config::pull_request::{PullRequest as Settings, WayBack},
    event::{Ending, Failure},
    forge::{self, Address, Forge},
};

pub(super) use land::land;
pub use retract::{Retracted, merged};

/// Variable with the token for the forge's API: the one that pushes too.
const TOKEN: &str = "SHIPGATE_TOKEN";

/// How the changes of one run land through pull requests.
pub struct Proposals<'a> {
    outside: &'a Outside<'a>,
    settings: &'a Settings,
    /// Is a pull request left open when the run is asked to stop?
    stays_open: bool,
    /// A pull request that this run has left open: its page.
    pub left_open: Option<String>,
    /// What the gate said, for people.
    gate: Vec<String>,
    /// Until when the gate's leave is good; none = no known end.
    closes_at: Option<DateTime<Utc>>,
}

impl<'a> Proposals<'a> {
    /// Returns how the environment's changes land; none = by a push.
    /// `stays_open` says whether a pull request is left open when the run is asked to stop.
    pub fn of(outside: &'a Outside<'a>, target: &'a Target, stays_open: bool) -> Option<Self> {
        Some(Self {
            outside,
            settings: target.environment.pull_request.as_ref()?,
            stays_open,
            left_open: None,
            gate: Vec::new(),
            closes_at: None,
        })
    }

    /// Takes the gate's leave: what it says stands in every pull request, and no pull request is
    /// left open past its end.
    fn under(&mut self, permit: &Permit) {
        let verdict = permit.verdict();
        let instant = |at: &DateTime<chrono::FixedOffset>| {
            format!("{} {}", at.format("%Y-%m-%d %H:%M"), verdict.timezone)
        };
        self.gate = verdict
            .reasons
            .iter()
            .map(|reason| reason.message.clone())
            .collect();
        self.closes_at = verdict.closes_at.map(|at| at.to_utc());
        if let Some(closes_at) = &verdict.closes_at {
            self.gate
                .push(format!("to be merged before {}", instant(closes_at)));
        }
    }

    fn forge(&self) -> Result<Box<dyn Forge>, Failure> {
        connect(self.outside, self.settings)
    }
}

impl Writer<'_> {
    /// Takes the permit that the gate gave: everything written from here on names it.
    pub fn under(&mut self, permit: &Permit) {
        permit.mark(&mut self.identity);
        if let Some(proposals) = &mut self.proposals {
            proposals.under(permit);
        }
    }

    /// Does a change in this direction land through a pull request?
    pub(super) fn proposes(&self, direction: Direction) -> bool {
        self.proposals.as_ref().is_some_and(|proposals| {
            direction == Direction::Forward || proposals.settings.way_back == WayBack::PullRequest
        })
    }
}

/// How long a run waits for a pull request, at most; zero where its changes are pushed.
pub fn longest_wait(target: &Target) -> Duration {
    let settings = target.environment.pull_request.as_ref();
    settings.map_or(Duration::ZERO, |settings| settings.timeout)
}

/// How long the way forward is tried: until it is merged, or until it is on the branch.
pub fn patience(target: &Target) -> Duration {
    let settings = target.environment.pull_request.as_ref();
    settings.map_or(FORWARD_PATIENCE, |settings| settings.timeout)
}

/// Proves before the first push that a pull request could be opened.
///
/// # Errors
/// No token, no forge, or one that does not know the project or refuses the token.
pub async fn preflight(outside: &Outside<'_>, target: &Target) -> Result<(), Failure> {
    let Some(settings) = &target.environment.pull_request else {
        return Ok(());
    };
    let forge = connect(outside, settings)?;
    let method = settings.merge_method;
    forge.look_over(method).await.map_err(ends::failure)
}

fn connect(outside: &Outside<'_>, settings: &Settings) -> Result<Box<dyn Forge>, Failure> {
    let invalid = |reason| {
        Failure::new(Ending::ConfigInvalid, reason)
            .hint("look at `pull_request` of the environment in the configuration")
    };
    let repository = outside.repository.display();
    let address =
        Address::find(repository, settings.forge, settings.api.as_ref()).map_err(invalid)?;
    let token = (outside.secrets)(TOKEN).filter(|token| !token.is_empty());
    let token = token.ok_or_else(|| {
        Failure::new(
            Ending::Usage,
            format!("changes land through pull requests, but {TOKEN} has no token for the forge"),
        )
        .hint("set it to a token that may push branches and open pull requests (GitLab: scope `api`); a CI_JOB_TOKEN may not open merge requests")
    })?;
    let (client, clock) = (outside.client.clone(), Arc::clone(&outside.clock));
    forge::connect(&address, &token, client, clock)
        .map_err(|reason| Failure::new(Ending::Usage, reason).hint(format!("set {TOKEN} again")))
}
