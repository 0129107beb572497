//! The program as a process: started, watched, signalled, and what it left behind.

use std::{
    fs,
    io::Read,
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex},
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
    progress: Arc<Mutex<Vec<u8>>>,
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
        let progress = Arc::default();
        let output = [
            gather(child.stdout.take().unwrap(), Arc::default()),
            gather(child.stderr.take().unwrap(), Arc::clone(&progress)),
        ];
        Self {
            child,
            output: Some(output),
            progress,
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

    /// Has it begun a step of its plan, counted from 1?
    pub fn has_begun(&self, step: usize) -> bool {
        let progress = self.progress.lock().unwrap();
        let text = String::from_utf8_lossy(&progress);
        text.lines().any(|line| {
            let mut words = line.split_whitespace().skip(1);
            let number = format!("{step}/");
            words.next() == Some("step") && words.next().is_some_and(|it| it.starts_with(&number))
        })
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

/// Does the main thread of a process sleep, or has it ended? Field 3 of proc_pid_stat(5).
pub fn is_idle(process: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"));
    stat.is_ok_and(|stat| {
        let state = stat.rsplit_once(") ").map(|(_, rest)| rest);
        state.is_some_and(|state| state.starts_with(['S', 'Z', 'X']))
    }) || !Path::new(&format!("/proc/{process}")).exists()
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads to the end; what has come so far is in `into`.
fn gather(mut pipe: impl Read + Send + 'static, into: Arc<Mutex<Vec<u8>>>) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        loop {
            let read = pipe.read(&mut buffer).unwrap();
            let mut bytes = into.lock().unwrap();
            if read == 0 {
                return String::from_utf8(std::mem::take(&mut *bytes)).unwrap();
            }
            bytes.extend_from_slice(&buffer[..read]);
        }
    })
}
