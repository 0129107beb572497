//! Ends programs that were started, with everything that they started in turn.

/// Ends a program and whatever it started, by the process group that it leads; nothing where it has
/// ended by itself meanwhile. What is left behind would hold connections and pipes.
#[cfg(unix)]
pub fn end_group(group: Option<u32>) {
    use nix::{
        sys::signal::{Signal, killpg},
        unistd::Pid,
    };
    if let Some(group) = group.and_then(|group| i32::try_from(group).ok()) {
        // It may have ended by itself meanwhile.
        let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
    }
}

/// Process groups are known to Unix only.
#[cfg(not(unix))]
pub fn end_group(_group: Option<u32>) {}
