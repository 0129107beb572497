//! Services that are deployed by the program itself to a branch behind smart HTTP: manifests, what
//! runs, and the commands.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    thread,
};

use super::{
    TOKEN,
    support::{bare::others_commit_all, git_server::GitServer},
};

/// Lets everything through and asks nobody.
const POLICY: &str = "version: 1\ntimezone: UTC\nblocked_dates: [2020-02-29]\n";

/// A service to be: its name, its manifest and the workload in it. Several services may share a
/// file, or even a workload.
#[derive(Debug, Clone)]
pub struct Member {
    pub service: String,
    pub path: String,
    pub workload: String,
}

impl Member {
    pub fn new(service: &str, file: &str, workload: &str) -> Self {
        Self {
            service: service.to_owned(),
            path: format!("clusters/prod/{file}.yaml"),
            workload: workload.to_owned(),
        }
    }

    /// The image of a version of this workload.
    pub fn image(&self, version: &str) -> String {
        format!("registry.example/{}:{version}", self.workload)
    }
}

/// A git server, the services on its `main`, and what answers for them.
pub struct Estate {
    pub server: GitServer,
    pub members: Vec<Member>,
    runs: Arc<Mutex<BTreeMap<String, String>>>,
    home: tempfile::TempDir,
}

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    pub code: i32,
    pub said: String,
}

impl Ended {
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}", self.said);
        self
    }
}

impl Estate {
    /// Starts one with every workload at version 1.0.
    pub fn start(members: Vec<Member>) -> Self {
        let server = GitServer::start(TOKEN);
        server.git(&["config", "core.logAllRefUpdates", "always"]);
        let runs: Arc<Mutex<BTreeMap<String, String>>> = Arc::default();
        let answers = listen(Arc::clone(&runs));
        let mut config = "version: 1\nenvironments:\n  production: {branch: main, root: clusters/prod}\nservices:\n".to_owned();
        let mut files: BTreeMap<String, BTreeMap<&str, String>> = BTreeMap::new();
        for member in &members {
            let Member {
                service,
                path,
                workload,
            } = member;
            config.push_str(&format!(
                "  {service}:
    manifests: [\"{path}\"]
    image: registry.example/{workload}
    workloads: {{stable: Deployment/{workload}}}
    live:
      stable: {{http: \"http://{answers}/{service}\", pointer: /version}}
    strategy: {{rolling: {{bake_time: 0s}}}}
    verification:
      interval: 1s
      health: [{{name: answers, http: \"http://{answers}/{service}\"}}]
"
            ));
            let manifest = format!(
                "apiVersion: apps/v1
kind: Deployment
metadata: {{name: {workload}, namespace: shop}}
spec:
  selector: {{matchLabels: {{app: {workload}}}}}
  template:
    metadata: {{labels: {{app: {workload}}}}}
    spec:
      containers:
      - {{name: app, image: \"{}\"}}   # of {workload}
",
                member.image("1.0")
            );
            let documents = files.entry(path.clone()).or_default();
            documents.insert(workload, manifest);
        }
        let mut files: Vec<(String, String)> = files
            .into_iter()
            .map(|(path, documents)| {
                let documents: Vec<String> = documents.into_values().collect();
                (path, documents.join("---\n"))
            })
            .collect();
        files.push(("shipgate.yaml".to_owned(), config));
        files.push(("policies/production.yaml".to_owned(), POLICY.to_owned()));
        others_commit_all(&server.repository, "main", &files);
        Self {
            server,
            members,
            runs,
            home: tempfile::tempdir().unwrap(),
        }
    }

    /// As many services as that, each with a file of its own.
    pub fn of(services: usize) -> Self {
        let member = |number| {
            let name = format!("service-{number}");
            Member::new(&name, &name, &name)
        };
        Self::start((0..services).map(member).collect())
    }

    /// A deployment, not started yet; what it deploys is live at once.
    pub fn deploy(&self, service: &str, version: &str) -> Command {
        let mut runs = self.runs.lock().unwrap();
        runs.insert(service.to_owned(), version.to_owned());
        self.command(&["deploy", "--service", service, "--version", version])
    }

    /// A command against the repository, not started yet.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_shipgate"));
        command
            .args(arguments)
            .current_dir(self.home.path())
            .env_clear()
            .env("HOME", self.home.path())
            .env("TMPDIR", self.home.path())
            .env("SHIPGATE_REPOSITORY", self.server.url())
            .env("SHIPGATE_TOKEN", TOKEN)
            .stdin(Stdio::null());
        command
    }

    /// A file of the branch.
    pub fn text(&self, path: &str) -> String {
        self.server.git(&["show", &format!("main:{path}")])
    }

    /// Commits of shipgate on the branch.
    pub fn commits(&self) -> usize {
        let log = self
            .server
            .git(&["log", "--author=shipgate", "--format=%H", "main"]);
        log.lines().count()
    }

    /// Every update of every ref was a fast-forward from the one before, by exactly one commit;
    /// every object is whole.
    #[track_caller]
    pub fn assert_never_forced(&self) {
        self.assert_fast_forwards(true);
    }

    /// The same, of several commits at once where that may be.
    #[track_caller]
    pub fn assert_fast_forwards(&self, by_one: bool) {
        self.server.git(&["fsck", "--strict", "--no-dangling"]);
        let references = self.server.git(&["for-each-ref", "--format=%(refname)"]);
        for reference in references.lines() {
            let format = "--format=%H %P";
            let log = self
                .server
                .git(&["log", "--walk-reflogs", format, reference]);
            let updates: Vec<(&str, &str)> = log
                .lines()
                .map(|line| line.split_once(' ').unwrap_or((line, "")))
                .collect();
            assert!(!updates.is_empty(), "{reference} has no log");
            for pair in updates.windows(2) {
                let [(after, parent), (before, _)] = pair else {
                    continue;
                };
                if by_one {
                    assert_eq!(parent, before, "{reference} was forced:\n{log}");
                } else {
                    self.server
                        .git(&["merge-base", "--is-ancestor", before, after]);
                }
            }
        }
    }
}

/// Runs a command to its end.
pub fn run(mut command: Command) -> Ended {
    let output = command.output().unwrap();
    Ended {
        code: output.status.code().unwrap_or(-1),
        said: format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        ),
    }
}

/// Runs commands at the same time, and returns how they ended in their order.
pub fn run_all(commands: Vec<Command>) -> Vec<Ended> {
    thread::scope(|scope| {
        let threads: Vec<_> = commands
            .into_iter()
            .map(|command| scope.spawn(|| run(command)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    })
}

/// Answers `/service` with the version that runs of it; returns the address.
fn listen(runs: Arc<Mutex<BTreeMap<String, String>>>) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let runs = Arc::clone(&runs);
            // Whoever asked may be gone before the answer.
            thread::spawn(move || answer(&stream, &runs));
        }
    });
    address
}

fn answer(mut stream: &TcpStream, runs: &Mutex<BTreeMap<String, String>>) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    while lines
        .next()
        .transpose()?
        .is_some_and(|line| !line.is_empty())
    {}
    let service = first.split(['/', ' ']).nth(2).unwrap_or_default();
    let version = runs.lock().unwrap().get(service).cloned();
    let body = format!("{{\"version\": \"{}\"}}", version.unwrap_or_default());
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n";
    let length = body.len();
    stream.write_all(format!("{head}Content-Length: {length}\r\n\r\n{body}").as_bytes())
}
