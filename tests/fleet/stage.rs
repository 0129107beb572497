//! Three services behind a git server, and a cluster that runs what the branch says.

use std::{
    fs,
    path::Path,
    process::{Command, Output, Stdio},
};

use serde_json::Value;

use crate::{
    server::{Behaviour, Server, answer},
    support::{
        bare::{git, others_commit_all},
        git_server::GitServer,
    },
};

const TOKEN: &str = "ghs_fleetQ2x7token";
const POLICY: &str = "version: 1\ntimezone: UTC\nblocked_dates: [2020-02-29]\n";

/// The services of the stage. `web` depends on `cart`, and that on `api`.
pub const SERVICES: [&str; 3] = ["web", "cart", "api"];

/// A git server with the services, and what runs of them. Dropping it ends both.
pub struct Stage {
    pub git: GitServer,
    /// Kept for its end.
    _cluster: Server,
    home: tempfile::TempDir,
}

/// How a run ended.
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Self {
            code: output.status.code().unwrap(),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }

    /// Checks the exit code; where it is another one, everything that was printed is shown.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}\n{}", self.stdout, self.stderr);
        self
    }

    /// The JSON result.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|_| panic!("{}", self.stderr))
    }

    /// The text result up to what has times and ids in it.
    pub fn said(&self) -> String {
        let lines = self.stdout.lines();
        let lines: Vec<&str> = lines
            .take_while(|line| !line.contains("judged at"))
            .collect();
        lines.join("\n").trim_end().to_owned()
    }

    /// Code, service and reason of each service's end.
    #[track_caller]
    pub fn ends(&self) -> String {
        let report = self.json();
        let ends = report["services"].as_array().unwrap().iter().map(|end| {
            let text = |key: &str| end[key].as_str().unwrap().to_owned();
            format!(
                "{} {} {}: {}",
                end["exit_code"],
                text("reason_code"),
                end["region"]
                    .as_str()
                    .map_or_else(|| text("service"), str::to_owned),
                text("reason")
            )
        });
        ends.collect::<Vec<_>>().join("\n")
    }
}

impl Stage {
    /// Starts one in which the health check of version 6.6 fails.
    pub fn start() -> Self {
        Self::of(&SERVICES, true)
    }

    /// Starts one with such services, of which each depends on the next one or none on another.
    pub fn of(services: &[&str], depend: bool) -> Self {
        let files = |url: &str| {
            let mut config = "version: 1\nenvironments:\n  production: {branch: main, root: clusters/prod}\nservices:\n".to_owned();
            let mut files = Vec::new();
            for (index, name) in services.iter().enumerate() {
                let needs = services.get(index + 1).filter(|_| depend);
                config.push_str(&service(name, url, needs.copied()));
                files.push((path(name), deployment(name)));
            }
            files.push(("shipgate.yaml".to_owned(), config));
            files
        };
        Self::with(files, look)
    }

    /// Starts one with files of its own, which know the cluster's address, and a cluster that answers
    /// as the branch says.
    pub fn with(
        files: impl FnOnce(&str) -> Vec<(String, String)>,
        look: fn(&Path, &str) -> Behaviour,
    ) -> Self {
        let git = GitServer::start(TOKEN);
        let repository = git.repository.clone();
        let cluster = Server::with(move |_, request| look(&repository, request));
        let mut files = files(&cluster.url);
        files.push(("policies/production.yaml".to_owned(), POLICY.to_owned()));
        others_commit_all(&git.repository, "main", &files);
        Self {
            git,
            _cluster: cluster,
            home: tempfile::tempdir().unwrap(),
        }
    }

    /// A command of the program with an environment that holds nothing but what it needs.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_shipgate"));
        command
            .args(arguments)
            .current_dir(self.home.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.home.path())
            .env("TMPDIR", self.home.path())
            .env("SHIPGATE_REPOSITORY", self.git.url())
            .env("SHIPGATE_TOKEN", TOKEN);
        command
    }

    /// Writes a file into the folder that commands run in.
    pub fn file(&self, name: &str, text: &str) {
        fs::write(self.home.path().join(name), text).unwrap();
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(&self.command(arguments).output().unwrap())
    }

    /// As [`Self::run`], with the result as JSON.
    pub fn report(&self, arguments: &[&str]) -> Ran {
        self.run(&[arguments, &["--output", "json"]].concat())
    }

    /// As [`Self::report`], terminated by a signal once the server's hook has made a file `begun`.
    pub fn terminated(&self, arguments: &[&str]) -> Ran {
        let mut command = self.command(&[arguments, &["--output", "json"]].concat());
        let child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        while !self.git.repository.join("begun").exists() {
            std::thread::yield_now();
        }
        let pid = nix::unistd::Pid::from_raw(child.id().try_into().unwrap());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
        Ran::of(&child.wait_with_output().unwrap())
    }

    /// The version of each service on the branch.
    pub fn versions(&self) -> [String; 3] {
        SERVICES.map(|name| version(&self.git.repository, name).unwrap())
    }

    /// The subjects of the commits since `first`, oldest first.
    pub fn subjects(&self, first: &str) -> Vec<String> {
        let range = format!("{first}..main");
        let log = self.git.git(&["log", "--reverse", "--format=%s", &range]);
        log.lines().map(str::to_owned).collect()
    }
}

fn path(name: &str) -> String {
    format!("clusters/prod/{name}.yaml")
}

pub fn version(repository: &Path, name: &str) -> Option<String> {
    let text = git(repository, &["show", &format!("main:{}", path(name))]);
    let image = text.lines().find(|line| line.contains("image:"))?;
    Some(image.rsplit(':').next()?.trim_end_matches('"').to_owned())
}

/// What runs is what the branch says.
fn look(repository: &Path, request: &str) -> Behaviour {
    let target = request.split(' ').nth(1).unwrap_or_default();
    let mut parts = target.split('/').skip(1);
    let (name, what) = (parts.next().unwrap_or_default(), parts.next());
    let Some(version) = version(repository, name) else {
        return answer(404, "", "{}");
    };
    match what {
        Some("health") if version == "6.6" => answer(500, "", "{}"),
        _ => answer(200, "", format!("{{\"version\": \"{version}\"}}")),
    }
}

fn service(name: &str, url: &str, needs: Option<&str>) -> String {
    let needs = needs.map(|name| format!("    depends_on: [{name}]\n"));
    format!(
        "  {name}:
    manifests: [\"{{root}}/{name}.yaml\"]
    image: registry.example/{name}
    workloads: {{stable: Deployment/{name}}}
    live: {{stable: {{http: \"{url}/{name}/version\", pointer: /version, answers: 1}}}}
    strategy: {{rolling: {{bake_time: 1s}}}}
    verification: {{interval: 1s, health: [{{name: answers, http: \"{url}/{name}/health\"}}]}}
{}",
        needs.unwrap_or_default()
    )
}

pub fn deployment(name: &str) -> String {
    format!(
        "apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}}}
spec:
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec:
      containers:
        - name: app
          image: \"registry.example/{name}:1.0\"
"
    )
}
