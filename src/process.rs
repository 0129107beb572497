//! Programs that are started: apart from this one, and ended with everything that they started in turn.

use tokio::process::{Child, Command};

/// Variables without which no program runs on this system, whatever else it is given, in upper case: where the
/// system is, which files are programs, where temporary files go.
pub const NEEDED_VARIABLES: &[&str] = if cfg!(windows) {
    &[
        "SYSTEMROOT",
        "SYSTEMDRIVE",
        "WINDIR",
        "COMSPEC",
        "PATHEXT",
        "PROGRAMDATA",
        "TEMP",
        "TMP",
    ]
} else {
    &[]
};

/// Sets a program apart before it is started: what a terminal or a runner signals to this process is not meant
/// for it, and [`Group`] can end it with all that it starts.
#[cfg(unix)]
pub fn set_apart(command: &mut Command) {
    command.process_group(0);
}

/// A console of its own, without a window: Ctrl-C and Ctrl-Break go to all programs of one console.
#[cfg(windows)]
pub fn set_apart(command: &mut Command) {
    /// `CREATE_NO_WINDOW` ("Process Creation Flags", Win32).
    const NO_WINDOW: u32 = 0x0800_0000;
    command.creation_flags(NO_WINDOW);
}

/// A program that was [set apart](set_apart) and whatever it starts. They are ended when this is dropped before
/// the program has ended by itself: what is left behind would hold connections and pipes.
///
/// It must be dropped before the [`Child`]: on Windows the first program knows the others.
pub struct Group(Option<u32>);

impl Group {
    /// Takes a program that runs.
    pub fn of(child: &Child) -> Self {
        Self(child.id())
    }

    /// Notes that the program has ended by itself: its number may be somebody else's now.
    pub fn has_ended(&mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            end(group);
        }
    }
}

/// Ends the group that the program leads.
#[cfg(unix)]
fn end(group: u32) {
    use nix::{
        sys::signal::{Signal, killpg},
        unistd::Pid,
    };
    if let Ok(group) = i32::try_from(group) {
        // It may have ended by itself meanwhile.
        let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
    }
}

/// Ends the program and those that it started, which only the system's own tool finds.
#[cfg(windows)]
fn end(group: u32) {
    let mut command = std::process::Command::new("taskkill");
    command.args(["/F", "/T", "/PID", &group.to_string()]);
    let nothing = std::process::Stdio::null;
    command.stdin(nothing()).stdout(nothing()).stderr(nothing());
    // They may have ended by themselves meanwhile.
    let _ = command.status();
}
