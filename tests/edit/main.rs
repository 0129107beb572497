//! Edits of manifests: by folders of cases, in random styles, from the command line, and as kustomize builds them.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod cases;
mod command;
mod kustomize;
mod styles;

use shipgate::{
    event::{Failure, Outcome, Reporter},
    manifest::{Allowances, Edit},
    ops::{
        set::{self, FileSet},
        stop::{Stop, StopReason},
    },
};

/// Makes edits in files as the command does, asked to stop before it began where a reason is given.
fn set_in(
    files: &FileSet,
    edits: &[Edit],
    how: (Allowances, bool),
    asked: Option<StopReason>,
    reporter: &mut dyn Reporter,
) -> Result<Outcome, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let (stopper, stop) = Stop::channel();
    if let Some(reason) = asked {
        stopper.stop(reason);
    }
    runtime
        .unwrap()
        .block_on(set::run(files, edits, how, &stop, reporter))
}
