//! Approvals that nobody could give: keys that are missing, quorums that cannot be met, a runway that fits nowhere.

use super::{Linter, Severity};
use crate::{
    policy::{
        ApprovalSource,
        request::{Action, Request},
        rules::Runway,
        scope::has,
        wording::shown,
    },
    units::format_duration,
    yaml::Position,
};

impl Linter<'_> {
    /// `signers` are the principals in the list of keys; none = there is no list.
    pub(super) fn approvers(&mut self, signers: Option<&[String]>) {
        let rules = &self.policy.approvals;
        let asks = !self.policy.approval_when.is_empty()
            || self
                .policy
                .allowed
                .iter()
                .any(|rule| rule.approval_required);
        let only_keys = rules.sources == [ApprovalSource::Signature];
        let top = Position { line: 1, column: 1 };
        let Some(signers) = signers else {
            if asks && only_keys || self.policy.overriding.is_some() {
                let message = format!(
                    "somebody has to sign, and there is no file {} beside the policy, so nobody can",
                    shown(&rules.allowed_signers)
                );
                self.odd(Severity::Warning, "no-key", top, message);
            }
            return;
        };
        if asks && only_keys && signers.len() < rules.minimum {
            let message = format!(
                "approvals take {} people, and {} has keys of {}",
                rules.minimum,
                shown(&rules.allowed_signers),
                signers.len()
            );
            self.odd(Severity::Warning, "no-key", top, message);
        }
        let Some(overriding) = &self.policy.overriding else {
            return;
        };
        let position = Position {
            line: overriding.line,
            column: 1,
        };
        for approver in overriding.approvers.iter().flatten() {
            let alone = std::slice::from_ref(approver);
            if !signers.iter().any(|signer| has(alone, Some(signer))) {
                let message = format!(
                    "the approver {} has no key in {}",
                    shown(&approver.text),
                    shown(&rules.allowed_signers)
                );
                self.odd(Severity::Warning, "no-key", position, message);
            }
        }
        let may = |signer: &&String| {
            let approvers = overriding.approvers.as_deref();
            approvers.is_none_or(|approvers| has(approvers, Some(signer)))
        };
        let able = signers.iter().filter(may).count();
        if able < overriding.minimum {
            let message = format!(
                "overrides take {} people, and {able} of the signers may",
                overriding.minimum
            );
            self.odd(Severity::Warning, "no-key", position, message);
        }
    }

    /// Does a deployment of the length that the policy asks for fit anywhere in two years?
    pub(super) fn runway(&mut self) {
        let Some(runway) = &self.policy.runway else {
            return;
        };
        let Runway::Length(length) = runway.value else {
            return;
        };
        let timetable = self.policy.timetable(&Request::new(Action::Deploy));
        let fits_now = timetable.is_open(self.now)
            && timetable
                .next_closed(self.now)
                .is_none_or(|closes| closes - self.now >= length);
        if !fits_now && timetable.next_open_for(self.now, length).is_none() {
            let length = format_duration(length.to_std().unwrap_or_default());
            let message =
                format!("no opening in the next two years is as long as the runway of {length}");
            self.odd(
                Severity::Warning,
                "runway-never-fits",
                runway.position,
                message,
            );
        }
    }
}
