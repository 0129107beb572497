//! What waits for a person: who has approved it since it began to wait.

use chrono::{DateTime, Utc};

use super::approval::{Case, Holding, tally};
use crate::policy::{
    Facts, Policy, Request,
    approval::{ApprovalSource, Approved},
    wording::moment,
};

/// Counts the people who have approved what waits for a person since an instant. That is asked
/// whatever the policy itself says of the request, so one that only warns or is tried out asks it, too.
///
/// # Errors
/// They are not enough; says how many there are and why the others do not count, to follow a sentence.
pub fn approved_since(
    policy: &Policy,
    request: &Request,
    facts: &Facts,
    awaited: Awaited,
    now: DateTime<Utc>,
) -> Result<Vec<Approved>, String> {
    let case = Case {
        policy,
        request,
        facts,
        now,
    };
    let minimum = policy.approvals.minimum;
    let mut tally = tally(&case, |held| case.is_given_since(held, awaited));
    if tally.holding.len() < minimum {
        return Err(tally.shortfall(minimum));
    }
    tally.holding.truncate(minimum);
    Ok(tally.approved())
}

/// Something that waits for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Awaited {
    /// Since when: what was approved before that was approved without knowing it.
    pub since: DateTime<Utc>,
    /// Does it take a signed statement, because a pipeline's approval may be a matter of course?
    pub takes_signature: bool,
}

impl<'a> Case<'a> {
    fn is_given_since(&self, held: Holding<'a>, awaited: Awaited) -> Result<Holding<'a>, String> {
        let (presented, ..) = held;
        if awaited.takes_signature && presented.source != ApprovalSource::Signature {
            return Err(
                "is not signed; to accept a version that was judged worse takes a signature"
                    .to_owned(),
            );
        }
        let since = moment(awaited.since, &self.policy.zone);
        match presented.given_at {
            Some(given) if given > awaited.since => Ok(held),
            Some(_) => Err(format!(
                "can have been given before it began to wait, {since}"
            )),
            None => Err(format!(
                "does not say that it was given after it began to wait, {since}"
            )),
        }
    }
}
