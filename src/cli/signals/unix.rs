//! Signals, and the processes above this one, as Unix has them.

use std::time::Duration;

use nix::unistd::{Pid, getpid, getppid, getsid};
use tokio::signal::unix::{SignalKind, signal};

use super::ancestors::Ancestors;
use crate::ops::stop::{StopReason, Stopper};

/// How often the starter is looked for.
const STARTER_INTERVAL: Duration = Duration::from_millis(100);

/// Listens from now on.
///
/// A GitHub runner that cancels sends SIGINT only to the step's own process; a program under a
/// shell would go on as an orphan (actions/runner, ProcessInvoker.cs). So the kernel is asked for
/// SIGTERM when the starter dies, and the starter is looked for as well. So are those above it: a
/// script that a step calls lives on when the step's own shell is killed. Where the starter was gone
/// before there was anybody to look, that is a wish to stop from the beginning.
pub(super) fn listen(stopper: Stopper, in_pipeline: bool) {
    let starter = in_pipeline.then(getppid);
    for (kind, reason) in [
        (SignalKind::interrupt(), StopReason::Interrupt),
        (SignalKind::terminate(), StopReason::Terminate),
        // A closed terminal or connection must not kill a run in the middle of a push.
        (SignalKind::hangup(), StopReason::Terminate),
    ] {
        let stopper = stopper.clone();
        // Without a handler the signal ends the process at once, which is safe: `recover` knows how.
        if let Ok(mut signals) = signal(kind) {
            tokio::spawn(async move {
                while signals.recv().await.is_some() {
                    // The kernel tells the starter's death by a SIGTERM like any other, which must
                    // not begin a way back.
                    let is_gone = starter.is_some_and(|starter| getppid() != starter);
                    stopper.stop(if is_gone {
                        StopReason::StarterGone
                    } else {
                        reason
                    });
                }
            });
        }
    }
    if let Some(starter) = starter {
        watch_starter(starter, stopper);
    }
}

fn watch_starter(starter: Pid, stopper: Stopper) {
    #[cfg(target_os = "linux")]
    {
        // Refused on exotic kernels only; the look-out below still holds.
        let _ = nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGTERM);
    }
    if is_orphan(starter) {
        stopper.stop(StopReason::StarterGone);
        return;
    }
    let ancestors = Ancestors::above(starter);
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(STARTER_INTERVAL);
        loop {
            ticks.tick().await;
            if getppid() != starter || ancestors.have_lost_one() {
                stopper.stop(StopReason::StarterGone);
                return;
            }
        }
    });
}

/// Was the starter gone already? The first process has taken us over then, and we are of a session that
/// is not its own. Whatever leads its session may be a child of the first process from the start.
fn is_orphan(starter: Pid) -> bool {
    let first = Pid::from_raw(1);
    starter == first
        && match (getsid(None), getsid(Some(first))) {
            (Ok(own), Ok(of_first)) => own != of_first && own != getpid(),
            _ => false,
        }
}
