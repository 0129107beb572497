//! Edits in, changes out: all of them, or the reasons why not.

use super::{
    Change, ChangeSet, Edit, Manifests, Refusal, cursor::Cursor, ingress_nginx, replicas,
    target::Target, version,
};

/// What looking for the values of some edits has found so far.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// Values to change.
    pub changes: Vec<Change>,
    /// What a person should know.
    pub notes: Vec<String>,
    /// Why edits cannot be made.
    pub refusals: Vec<Refusal>,
}

impl Findings {
    /// Wants a new value at a place.
    pub(super) fn want(&mut self, place: &Cursor<'_>, new: &str) {
        match Target::at(place) {
            Ok(target) => match target.change_to(new) {
                Some(change) => self.changes.push(change),
                None => self.notes.extend(target.warning()),
            },
            Err(refusal) => self.refusals.push(refusal),
        }
    }

    /// Keeps the reason why something could not be found; returns it where there is none.
    pub(super) fn take<T>(&mut self, result: Result<T, Refusal>) -> Option<T> {
        result.map_err(|refusal| self.refusals.push(refusal)).ok()
    }
}

/// Finds the values that some edits change. A value that is right already is not changed.
///
/// # Errors
/// Every reason why one of the edits cannot be made safely; then none is made.
pub fn locate(manifests: &Manifests, edits: &[Edit]) -> Result<ChangeSet, Vec<Refusal>> {
    let mut findings = Findings::default();
    for edit in edits {
        match edit {
            Edit::Version {
                workload,
                image,
                version,
            } => version::locate(manifests, workload.as_ref(), image, version, &mut findings),
            Edit::Replicas { workload, replicas } => {
                replicas::locate(manifests, workload, *replicas, &mut findings);
            }
            Edit::IngressWeight { ingress, weight } => {
                ingress_nginx::locate(manifests, ingress, *weight, &mut findings);
            }
        }
    }
    let mut changes = findings.changes;
    changes.sort_by(|one, other| (&one.path, one.span.start).cmp(&(&other.path, other.span.start)));
    changes.dedup();
    for pair in changes.windows(2) {
        if let [one, other] = pair
            && one.same_place(other)
        {
            let reason = format!(
                "{} of {} is to become both `{}` and `{}`, expected one value",
                one.target(),
                one.object,
                one.new,
                other.new
            );
            let refusal = Refusal::new(reason).at(&one.path, one.line);
            findings
                .refusals
                .push(refusal.hint("give one new value for it"));
        }
    }
    if !findings.refusals.is_empty() {
        findings.refusals.dedup();
        return Err(findings.refusals);
    }
    findings.notes.dedup();
    Ok(ChangeSet {
        changes,
        notes: findings.notes,
    })
}
