//! What of a way back would really be done from a position, for a plan that is only shown.

use super::{BackStep, Replay};
use crate::manifest::Change;

/// Leaves out the commits that would find every value as they want it when the way back begins at
/// `reached` and nobody else writes. The way back itself has them all, because somebody might.
pub fn foreseen(steps: Vec<BackStep>, replay: &Replay, reached: usize) -> Vec<BackStep> {
    let mut on_branch = replay.until(reached);
    let all = replay.until(usize::MAX);
    let mut foreseen = Vec::new();
    for step in steps {
        if let BackStep::Write(write) = &step {
            let mut moves = Vec::new();
            for change in &write.changes {
                let is_here = |other: &&Change| other.same_place(change);
                if moves.iter().any(|seen: &Change| seen.same_place(change)) {
                    continue;
                }
                let now = on_branch.iter().rev().find(is_here).map(|it| &it.new);
                let now = now.or_else(|| all.iter().find(is_here).map(|it| &it.old));
                moves.push(Change {
                    old: now.cloned().flatten(),
                    new: change.old.clone(),
                    ..change.clone()
                });
            }
            if moves.iter().all(|change| change.old == change.new) {
                continue;
            }
            on_branch.extend(moves);
        }
        foreseen.push(step);
    }
    foreseen
}
