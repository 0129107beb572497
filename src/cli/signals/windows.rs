//! What a console tells its programs, as Windows has it in the place of signals.

use tokio::signal::windows::{ctrl_break, ctrl_c, ctrl_close, ctrl_logoff, ctrl_shutdown};

use crate::ops::stop::{StopReason, Stopper};

/// Listens from now on.
///
/// A GitHub or Azure runner that cancels sends Ctrl-C and then Ctrl-Break to every program of the step's
/// console, and ends all that the step has started after that (`ProcessInvoker` of both). That the starter
/// alone is gone is not seen: a run then goes on to its end.
pub(super) fn listen(stopper: Stopper, _in_pipeline: bool) {
    /// Waits for one kind, again and again.
    macro_rules! tell {
        ($listener:expr, $reason:expr) => {
            let stopper = stopper.clone();
            // Without a listener the event ends the process at once, which is safe: `recover` knows how.
            if let Ok(mut events) = $listener {
                tokio::spawn(async move {
                    while events.recv().await.is_some() {
                        stopper.stop($reason);
                    }
                });
            }
        };
    }
    tell!(ctrl_c(), StopReason::Interrupt);
    tell!(ctrl_break(), StopReason::Terminate);
    // The system ends the process a few seconds after these, whatever it does by then.
    tell!(ctrl_close(), StopReason::Terminate);
    tell!(ctrl_logoff(), StopReason::Terminate);
    tell!(ctrl_shutdown(), StopReason::Terminate);
}
