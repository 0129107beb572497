//! What a plan writes, computed on the manifests it starts from: every value with its old and new text.

use super::{Action, Plan, Stage};
use crate::manifest::{Change, Manifests, Refusal, locate};

/// The writes of a plan on given manifests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replay {
    /// One entry for each step that writes, in order.
    pub writes: Vec<WrittenStep>,
}

/// What one step writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenStep {
    /// Index of the step in the plan, from 0.
    pub step: usize,
    /// Which part of the deployment it is.
    pub stage: Stage,
    /// The values, each with the text before and after this step. Empty where all are right already.
    pub changes: Vec<Change>,
}

impl Replay {
    /// Returns what step `step` writes.
    pub fn at(&self, step: usize) -> &[Change] {
        self.writes
            .iter()
            .find(|write| write.step == step)
            .map_or(&[], |write| &write.changes)
    }

    /// Returns every change that the steps up to and including `reached` write, in their order. A
    /// value that several steps write is there several times: whichever of them landed last, taking
    /// the changes back finds a text of ours.
    pub fn until(&self, reached: usize) -> Vec<Change> {
        self.writes
            .iter()
            .filter(|write| write.step <= reached)
            .flat_map(|write| write.changes.iter().cloned())
            .collect()
    }

    /// Returns what the steps up to and including `reached` change in the end: each value once, with
    /// the text from before the first of them and the text after the last. Values that are what they
    /// were are left out.
    pub fn result(&self, reached: usize) -> Vec<Change> {
        let mut changes = Vec::new();
        merge(&mut changes, &self.until(reached));
        changes.retain(|change| !change.is_void());
        changes
    }

    /// Does the plan write anything at all?
    pub fn is_empty(&self) -> bool {
        self.writes.iter().all(|write| write.changes.is_empty())
    }
}

/// Adds later changes to earlier ones: the same value keeps its oldest text and takes the newest.
fn merge(changes: &mut Vec<Change>, later: &[Change]) {
    for change in later {
        let same = changes
            .iter_mut()
            .find(|earlier| earlier.same_place(change));
        match same {
            Some(earlier) => {
                earlier.new.clone_from(&change.new);
                earlier.text.clone_from(&change.text);
            }
            None => changes.push(change.clone()),
        }
    }
}

/// Runs the writes of a plan over manifests, in memory.
///
/// # Errors
/// An edit of any step cannot be made: found before anything is pushed.
pub fn replay(plan: &Plan, manifests: &Manifests) -> Result<Replay, Vec<Refusal>> {
    let mut manifests = manifests.clone();
    let mut writes = Vec::new();
    for (step, action) in plan.steps.iter().map(|step| &step.action).enumerate() {
        let Action::Write { edits, stage } = action else {
            continue;
        };
        let set = locate(&manifests, edits)?;
        if !set.is_empty() {
            let applied = set.apply(&manifests).map_err(|refusal| vec![refusal])?;
            manifests = manifests.with(applied.files)?;
        }
        writes.push(WrittenStep {
            step,
            stage: *stage,
            changes: set.changes,
        });
    }
    Ok(Replay { writes })
}
