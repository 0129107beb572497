//! A shop to deploy with the program itself: a git server, a configuration, and what runs.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Output},
    thread,
};

use tempfile::TempDir;

use super::{
    super::{
        TOKEN,
        support::{bare::others_commit_all, git_server::GitServer},
    },
    git,
};

/// The manifest that is deployed.
pub(super) const MANIFEST: &str = "clusters/prod/shop.yaml";

/// What shows whether a repository can be deployed to; the address comes last.
pub(super) const DRY: &[&str] = &["deploy", "--version", "1.1", "--dry-run", "--repository"];

/// Its text.
pub(super) const TEXT: &str = "# the shop\r
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop, labels: {app: shop}}
spec:
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec: {containers: [{name: shop, image: \"registry.example/shop:1.0\"}]}
";

/// A git server with a shop on `main` of `shop.git`, and what tells which version runs.
pub(super) struct Shop {
    pub(super) server: GitServer,
    live: String,
    home: TempDir,
}

impl Shop {
    pub(super) fn start() -> Self {
        let server = GitServer::start(TOKEN);
        let live = follow(server.repository.clone());
        let files = [
            (
                "shipgate.yaml".to_owned(),
                config(&live, "{root}/shop.yaml"),
            ),
            (
                "policies/production.yaml".to_owned(),
                "version: 1\ntimezone: UTC\nblocked_dates: [2020-02-29]\n".to_owned(),
            ),
            (MANIFEST.to_owned(), TEXT.to_owned()),
        ];
        others_commit_all(&server.repository, "main", &files);
        Self {
            server,
            live,
            home: tempfile::tempdir().unwrap(),
        }
    }

    /// The configuration with another glob for the manifests.
    pub(super) fn config(&self, glob: &str) -> String {
        config(&self.live, glob)
    }

    /// A folder for whatever a test makes.
    pub(super) fn home(&self) -> &Path {
        self.home.path()
    }

    /// Makes a bare copy of the repository beside it, and returns where it is on disk.
    pub(super) fn copy(&self, name: &str, options: &[&str]) -> PathBuf {
        let from = format!("file://{}", self.server.repository.display());
        let to = self.server.repository.with_file_name(name);
        let clone = ["clone", "--quiet", "--bare", "--no-local"];
        let to_text = to.display().to_string();
        let arguments = [&clone[..], options, &[&from, &to_text]].concat();
        git(self.home(), &arguments);
        git(&to, &["config", "http.receivepack", "true"]);
        to
    }

    /// Runs the program in a folder and returns its exit code and all that it printed.
    pub(super) fn run(&self, folder: &Path, arguments: &[&str], token: bool) -> (i32, String) {
        let output = self.output(folder, arguments, token);
        let text = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap(), self.neutral(&text))
    }

    fn output(&self, folder: &Path, arguments: &[&str], token: bool) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_shipgate"));
        command
            .args(arguments)
            .current_dir(folder)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.home())
            .env("TMPDIR", self.home());
        if token {
            command.env("SHIPGATE_TOKEN", TOKEN);
        }
        command.output().unwrap()
    }

    /// A text as one line, without what differs from run to run.
    fn neutral(&self, text: &[u8]) -> String {
        let folder = self.server.repository.parent().unwrap();
        let text = String::from_utf8_lossy(text)
            .replace(&self.server.origin(), "SERVER")
            .replace(&folder.display().to_string(), "FOLDER")
            .replace(&self.home().display().to_string(), "HOME");
        let words: Vec<_> = text.split_whitespace().collect();
        words.join(" ")
    }

    /// What a dry run of a deployment says.
    pub(super) fn dry(&self, address: &str) -> String {
        self.said(&[DRY, &[address]].concat())
    }

    /// What a run says first, and what to do next.
    pub(super) fn said(&self, arguments: &[&str]) -> String {
        // The progress on the other stream tells the time.
        let output = self.output(self.home(), arguments, true);
        let (code, text) = (output.status.code().unwrap(), self.neutral(&output.stdout));
        let reason = text.split(" exit code ").next().unwrap_or_default();
        // A plan goes on with why it was allowed to come this far, and when that was.
        let reason = reason.split(" because ").next().unwrap_or_default();
        let next = text.split(" next: ").nth(1).unwrap_or_default();
        format!("{code} {reason}\n    {next}")
    }
}

fn config(live: &str, glob: &str) -> String {
    format!(
        "version: 1
environments:
  production: {{branch: main, root: clusters/prod}}
services:
  shop:
    manifests: [\"{glob}\"]
    image: registry.example/shop
    workloads: {{stable: Deployment/shop}}
    live: {{stable: {{http: \"{live}/version\"}}}}
    strategy: {{rolling: {{bake_time: 0s}}}}
    verification:
      interval: 1s
      health: [{{name: up, http: \"{live}/health\"}}]
"
    )
}

/// Starts a server that runs whatever is on `main`: any answer names the version there.
fn follow(repository: PathBuf) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut line = String::new();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            while reader.read_line(&mut line).is_ok_and(|length| length > 2) {
                line.clear();
            }
            let text = git(&repository, &["show", &format!("main:{MANIFEST}")]);
            let version = text.split("registry.example/shop:").nth(1);
            let version = version.and_then(|rest| rest.split('"').next());
            let version = version.unwrap_or("none");
            // Whoever asked may be gone.
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{version}",
                version.len()
            );
        }
    });
    format!("http://{address}")
}
