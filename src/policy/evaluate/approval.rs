//! Approvals: which of those presented hold for a request, and whether they are enough.

use chrono::{DateTime, TimeDelta, Utc};

use super::versions;
use crate::{
    policy::{
        Effect, Facts, Policy, Reason, ReasonCode, Request,
        approval::{ApprovalSource, Approved, Identity, Presented, Statement, StatementKind},
        people::Likeness,
        wording::{moment, shown},
    },
    units::format_duration,
};

/// How many characters of an id are shown: enough to find it.
const SHOWN_ID: usize = 12;
/// More refusals than this are counted, not listed.
const LISTED: usize = 3;

/// Lets through what asks for an approval, if enough people have approved; else says in the reasons
/// how many have, and why the others do not count. Returns the approvals that were needed.
pub(super) fn settle(case: &Case<'_>, reasons: &mut [Reason]) -> Vec<Approved> {
    let asks = |reason: &&mut Reason| reason.effect == Effect::AsksApproval;
    if !reasons.iter_mut().any(|reason| asks(&reason)) {
        return Vec::new();
    }
    let rules = &case.policy.approvals;
    let mut tally = tally(case, |held| case.is_given_after_failure(held));
    let enough = tally.holding.len() >= rules.minimum;
    tally.holding.truncate(rules.minimum);
    let by = tally.names();
    for reason in reasons.iter_mut().filter(asks) {
        if enough {
            reason.effect = Effect::Allows;
            reason.code = ReasonCode::Allowed;
            reason.message.push_str(&format!("; approved by {by}"));
        } else {
            reason.message.push_str(&tally.shortfall(rules.minimum));
        }
    }
    if enough { tally.approved() } else { Vec::new() }
}

/// Counts the different people whose approvals hold, and hold for what is asked besides.
pub(super) fn tally<'a>(
    case: &Case<'a>,
    besides: impl Fn(Holding<'a>) -> Result<Holding<'a>, String>,
) -> Tally<'a> {
    let rules = &case.policy.approvals;
    let mut tally = Tally::default();
    for presented in &case.facts.presented {
        let kind = presented.statement.as_ref().map(|statement| statement.kind);
        if kind == Some(StatementKind::Override) {
            continue;
        }
        let held = if case.policy.accepts(presented.source) {
            case.holds(presented, rules.max_age).and_then(&besides)
        } else {
            Err(format!(
                "comes from {}, which the policy does not list in `sources`",
                presented.source.word()
            ))
        };
        tally.count(case, presented, held);
    }
    tally
}

/// Says what cannot be read, where rules block: it may have been meant to help.
pub(super) fn unreadable(facts: &Facts) -> impl Iterator<Item = Reason> {
    let unread = |presented: &&Presented| presented.statement.is_none();
    let reason = |presented: &Presented| Reason {
        rule: "approvals".to_owned(),
        code: ReasonCode::NotEvaluated,
        effect: Effect::NotEvaluated,
        message: format!("{} {}", name(presented), unread_why(presented)),
        line: None,
    };
    facts
        .presented
        .iter()
        .filter(unread)
        .map(reason)
        .take(LISTED)
}

/// Everything that a verdict is a function of.
#[derive(Clone, Copy)]
pub(super) struct Case<'a> {
    pub(super) policy: &'a Policy,
    pub(super) request: &'a Request,
    pub(super) facts: &'a Facts,
    pub(super) now: DateTime<Utc>,
}

/// What was presented, who it is from, and what it says.
pub(super) type Holding<'a> = (&'a Presented, &'a Identity, &'a Statement);

impl<'a> Case<'a> {
    /// Does it hold for this request, whoever else has approved?
    ///
    /// # Errors
    /// It does not; the text says why and follows the name of what was presented.
    pub(super) fn holds(
        &self,
        presented: &'a Presented,
        max_age: TimeDelta,
    ) -> Result<Holding<'a>, String> {
        let by = presented.by.as_ref().map_err(|_| unread_why(presented))?;
        let statement = presented
            .statement
            .as_ref()
            .ok_or_else(|| unread_why(presented))?;
        self.is_for_this(statement)?;
        self.is_in_time(statement, max_age)?;
        if let Some(run) = &presented.used_by {
            return Err(format!("was used up by run {}", shown(run)));
        }
        self.is_from_another(by)?;
        Ok((presented, by, statement))
    }

    /// What was approved before the version failed was approved without knowing that. When it was
    /// given, only a signed statement says.
    fn is_given_after_failure(&self, held: Holding<'a>) -> Result<Holding<'a>, String> {
        let (presented, _, statement) = held;
        let Some(failed) = versions::forced(self.policy, self.request, self.facts, self.now) else {
            return Ok(held);
        };
        if presented.source != ApprovalSource::Signature {
            return Err("is not signed; to force a version takes a signature".to_owned());
        }
        if statement.not_before <= failed.at {
            let at = moment(failed.at, &self.policy.zone);
            return Err(format!("was given before the version failed {at}"));
        }
        Ok(held)
    }

    fn is_for_this(&self, statement: &Statement) -> Result<(), String> {
        let version = self
            .request
            .version
            .as_ref()
            .map(|version| version.as_str());
        let bounds = [
            (
                "service",
                &statement.service,
                self.request.service.as_deref(),
            ),
            (
                "environment",
                &statement.environment,
                self.request.environment.as_deref(),
            ),
            ("version", &statement.version, version),
        ];
        for (what, written, wanted) in bounds {
            match wanted {
                Some(wanted) if wanted == written => {}
                Some(wanted) => {
                    return Err(format!(
                        "is for the {what} {}, not {}",
                        shown(written),
                        shown(wanted)
                    ));
                }
                None => {
                    return Err(format!(
                        "is for the {what} {}, and none is named here",
                        shown(written)
                    ));
                }
            }
        }
        Ok(())
    }

    fn is_in_time(&self, statement: &Statement, max_age: TimeDelta) -> Result<(), String> {
        let zone = &self.policy.zone;
        let Statement {
            not_before,
            expires,
            ..
        } = statement;
        if self.now >= *expires {
            return Err(format!("expired {}", moment(*expires, zone)));
        }
        if self.now < *not_before {
            return Err(format!("is not valid before {}", moment(*not_before, zone)));
        }
        let age = *expires - *not_before;
        if age > max_age {
            return Err(format!(
                "is good for {}, longer than the {} that the policy allows",
                format_duration(age.to_std().unwrap_or_default()),
                format_duration(max_age.to_std().unwrap_or_default())
            ));
        }
        Ok(())
    }

    /// Nobody approves what they deploy themselves.
    fn is_from_another(&self, approver: &Identity) -> Result<(), String> {
        let Some(deployer) = &self.facts.deployer else {
            return Err(
                "cannot count: nobody says who deploys, and nobody may approve what \
                        they deploy themselves"
                    .to_owned(),
            );
        };
        for deployer in [deployer].into_iter().chain(&self.facts.restarted_by) {
            self.is_not(approver, deployer)?;
        }
        Ok(())
    }

    fn is_not(&self, approver: &Identity, deployer: &Identity) -> Result<(), String> {
        if matches!(deployer, Identity::Local(_)) {
            return Err(format!(
                "cannot count: {} deploys, and nobody vouches for that name; deploy from a \
                 pipeline",
                shown(&deployer.to_string())
            ));
        }
        match self.policy.people.compare(approver, deployer) {
            Likeness::Different => Ok(()),
            Likeness::Same => Err("is from whoever deploys".to_owned()),
            Likeness::Unknown(which) => {
                let unknown = [approver, deployer][which];
                Err(format!(
                    "cannot count: {} could be the same person as {}; add {} to `people`",
                    shown(&approver.to_string()),
                    shown(&deployer.to_string()),
                    shown(&unknown.to_string())
                ))
            }
        }
    }
}

/// Different people whose statements hold, and why the others do not count.
#[derive(Default)]
pub(super) struct Tally<'a> {
    pub(super) holding: Vec<Holding<'a>>,
    pub(super) refusals: Vec<String>,
}

impl<'a> Tally<'a> {
    /// Counts one; a person counts once.
    pub(super) fn count(
        &mut self,
        case: &Case<'_>,
        presented: &Presented,
        held: Result<Holding<'a>, String>,
    ) {
        match held.and_then(|held| self.is_new(case, held)) {
            Ok(held) => self.holding.push(held),
            Err(why) => self.refusals.push(format!("{} {why}", name(presented))),
        }
    }

    fn is_new(&self, case: &Case<'_>, held: Holding<'a>) -> Result<Holding<'a>, String> {
        for (_, other, _) in &self.holding {
            match case.policy.people.compare(held.1, other) {
                Likeness::Different => {}
                Likeness::Same => {
                    return Err(format!(
                        "is from the same person as another ({})",
                        shown(&other.to_string())
                    ));
                }
                Likeness::Unknown(which) => {
                    let unknown = [held.1, *other][which];
                    return Err(format!(
                        "could be from the same person as another ({}); add {} to `people`",
                        shown(&other.to_string()),
                        shown(&unknown.to_string())
                    ));
                }
            }
        }
        Ok(held)
    }

    /// Returns what they have approved with.
    pub(super) fn approved(&self) -> Vec<Approved> {
        let approved = |(presented, by, _): &Holding<'_>| Approved {
            id: presented.id.clone(),
            by: (*by).clone(),
        };
        self.holding.iter().map(approved).collect()
    }

    /// Names the people whose statements hold.
    pub(super) fn names(&self) -> String {
        let names = self.holding.iter().map(|(_, by, _)| plain(&by.to_string()));
        names.collect::<Vec<_>>().join(", ")
    }

    /// Says how many there are and why the others do not count, to follow a sentence.
    pub(super) fn shortfall(&self, minimum: usize) -> String {
        let mut text = String::new();
        let have = self.holding.len();
        if minimum > 1 || have > 0 {
            text.push_str(&format!("; {have} of {minimum}"));
            if have > 0 {
                text.push_str(&format!(" ({})", self.names()));
            }
        }
        for refusal in self.refusals.iter().take(LISTED) {
            text.push_str("; ");
            text.push_str(refusal);
        }
        if let more @ 1.. = self.refusals.len().saturating_sub(LISTED) {
            text.push_str(&format!("; {more} more do not count"));
        }
        text
    }
}

/// What a person calls it: `approval 3f2a91c0aa01 (alice@example.com)`.
pub(super) fn name(presented: &Presented) -> String {
    let kind = presented.statement.as_ref().map(|statement| statement.kind);
    let kind = kind.unwrap_or(StatementKind::Approval).word();
    let id: String = match presented.source {
        ApprovalSource::Signature => presented.id.chars().take(SHOWN_ID).collect(),
        // It names itself in words.
        ApprovalSource::GitHubRun | ApprovalSource::GitHubReview => presented.id.clone(),
    };
    match &presented.by {
        Ok(by) => format!("{kind} {} ({})", plain(&id), plain(&by.to_string())),
        Err(_) => format!("{kind} {}", plain(&id)),
    }
}

fn unread_why(presented: &Presented) -> String {
    match &presented.by {
        Err(why) => format!("does not count: {}", plain(why)),
        Ok(_) => "does not count: it does not say what it is for".to_owned(),
    }
}

/// A text of somebody else on one line, without control characters.
fn plain(text: &str) -> String {
    let visible = |character: char| {
        if character.is_control() {
            ' '
        } else {
            character
        }
    };
    text.chars().take(300).map(visible).collect()
}
