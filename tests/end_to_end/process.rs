//! The program as a process: started, watched, signalled, and what it left behind.

use std::{
    fs,
    io::Read,
    os::unix::process::ExitStatusExt,
    process::{Child, Command, ExitStatus, Stdio},
    thread::JoinHandle,
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::prometheus::until;

/// Longest time for a whole run.
const LIMIT: Duration = Duration::from_secs(120);

/// How a run ended.
#[derive(Debug, Clone)]
pub struct Ran {
    /// Exit code; below zero the signal that ended it.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Ran {
    /// Standard output as one line: where it breaks its lines is not what is tested here.
    pub fn said(&self) -> String {
        self.stdout.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// Checks the exit code; where it is another one, everything that was printed is shown.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(
            self.code, code,
            "stdout:\n{}\nstderr:\n{}",
            self.stdout, self.stderr
        );
        self
    }
}

/// A run under way. Dropping it ends the process.
pub struct Running {
    child: Child,
    output: Option<[JoinHandle<String>; 2]>,
}

impl Running {
    /// Starts a program.
    pub fn start(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let output = [
            gather(child.stdout.take().unwrap()),
            gather(child.stderr.take().unwrap()),
        ];
        Self {
            child,
            output: Some(output),
        }
    }

    /// Its process id.
    pub fn id(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = self.id();
        // It may have ended meanwhile; what comes next sees that.
        let _ = kill(Pid::from_raw(pid), signal);
    }

    /// How often its main thread has gone to sleep: one more once a signal is dealt with.
    pub fn naps(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        line.unwrap().trim().parse().unwrap()
    }

    /// Has it ended?
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits for the end.
    #[track_caller]
    pub fn wait(self) -> Ran {
        self.wait_for(LIMIT)
    }

    /// Waits for the end, but no longer than that.
    #[track_caller]
    pub fn wait_for(mut self, limit: Duration) -> Ran {
        let status = until(limit, || self.child.try_wait().unwrap());
        if status.is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        let [stdout, stderr] = self.texts();
        let status: ExitStatus = status
            .unwrap_or_else(|| panic!("not ended after {limit:?}:\n{stdout}\nstderr:\n{stderr}"));
        let signal = || -status.signal().unwrap_or_default();
        Ran {
            code: status.code().unwrap_or_else(signal),
            stdout,
            stderr,
        }
    }

    /// Ends it with SIGKILL, and returns what was printed once nobody holds its output any more:
    /// for a shell that is when the last program it started has ended.
    #[track_caller]
    pub fn kill(mut self) -> [String; 2] {
        self.signal(Signal::SIGKILL);
        self.child.wait().unwrap();
        self.silent()
    }

    /// Returns what was printed once nobody holds its output any more, whatever became of itself.
    #[track_caller]
    pub fn silent(mut self) -> [String; 2] {
        let over = until(LIMIT, || {
            let threads = self.output.as_ref()?;
            threads.iter().all(JoinHandle::is_finished).then_some(())
        });
        assert!(over.is_some(), "something of it still runs");
        self.texts()
    }

    fn texts(&mut self) -> [String; 2] {
        self.output
            .take()
            .unwrap()
            .map(|thread| thread.join().unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn gather(mut pipe: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    })
}
