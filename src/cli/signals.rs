//! Signals and the death of the starter, turned into wishes to stop.

#[cfg(unix)]
mod ancestors;
#[cfg(unix)]
#[path = "signals/unix.rs"]
mod system;
#[cfg(windows)]
#[path = "signals/windows.rs"]
mod system;

use super::Context;
use crate::ops::stop::Stop;

/// Listens from now on. Must be called inside the runtime.
pub fn listen(context: &Context) -> Stop {
    let (stopper, stop) = Stop::channel();
    if context.listens_to_signals {
        system::listen(stopper, context.in_pipeline());
    } else {
        // The stopper lives on in a task that never ends, so that `stop` simply never asks.
        tokio::spawn(async move {
            let _stopper = stopper;
            std::future::pending::<()>().await;
        });
    }
    stop
}
