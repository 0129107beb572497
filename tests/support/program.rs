//! A real server program of its own on a port of loopback.

#![allow(dead_code, reason = "each test program uses another part of it")]

use std::{
    env, fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

use reqwest::blocking::Client;
use tempfile::TempDir;

/// What is started.
pub struct Program {
    /// Name of the program.
    pub name: &'static str,
    /// The package of Debian that brings it.
    pub package: &'static str,
    /// A path that is answered with any status below 500 once it is ready.
    pub ready: &'static str,
}

/// A running server. Dropping it ends the process and removes its data.
pub struct Running {
    /// Base address: `http://127.0.0.1:PORT`.
    pub url: String,
    /// Its data.
    pub folder: TempDir,
    process: Child,
}

impl Program {
    /// Starts it with the arguments that `prepare` makes for a folder and a port. Returns nothing
    /// where the program is not installed, after saying so; in a pipeline that is a failure.
    pub fn start(&self, prepare: impl Fn(&Path, u16) -> Vec<String>) -> Option<Running> {
        let Some(program) = find(self.name) else {
            let Self { name, package, .. } = self;
            assert!(
                variable("CI").is_none(),
                "`{name}` is not installed: apt-get install -y --no-install-recommends {package}"
            );
            report(&format!("skipped: `{name}` is not installed"));
            return None;
        };
        // Another process may take the port between the choice and the start: choose again.
        for _ in 0..5 {
            let folder = tempfile::tempdir().unwrap();
            let port = free_port();
            let process = Command::new(&program)
                .args(prepare(folder.path(), port))
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(fs::File::create(folder.path().join("log")).unwrap())
                .spawn()
                .unwrap();
            let mut running = Running {
                url: format!("http://127.0.0.1:{port}"),
                folder,
                process,
            };
            if running.is_ready(self.ready) {
                return Some(running);
            }
        }
        panic!("no port was free for five attempts");
    }
}

impl Running {
    /// Waits until it answers; false when the process has ended.
    fn is_ready(&mut self, path: &str) -> bool {
        let client = client();
        let (_keep, never) = mpsc::channel::<()>();
        let started = now();
        while started.elapsed() < Duration::from_secs(30) {
            if self.process.try_wait().unwrap().is_some() {
                return false;
            }
            let answer = client.get(format!("{}{path}", self.url)).send();
            if answer.is_ok_and(|answer| answer.status().as_u16() < 500) {
                return true;
            }
            let _ = never.recv_timeout(Duration::from_millis(50));
        }
        let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        panic!("it was not ready within 30 s:\n{log}");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing left to end.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A client that knows no proxy.
pub fn client() -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .no_proxy()
        .tls_certs_only([])
        .timeout(Duration::from_secs(10))
        .build()
        .unwrap()
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn find(program: &str) -> Option<PathBuf> {
    env::split_paths(&variable("PATH")?)
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test asks its own environment what is installed"
)]
fn variable(name: &str) -> Option<std::ffi::OsString> {
    env::var_os(name)
}

#[expect(
    clippy::disallowed_methods,
    reason = "measures how long a real process takes"
)]
fn now() -> Instant {
    Instant::now()
}

#[expect(clippy::print_stderr, reason = "says why a test did nothing")]
fn report(line: &str) {
    eprintln!("{line}");
}
