//! Everything a deployment meets, on loopback: remote, cluster, Prometheus, configuration, policy.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use shipgate::sim::Shape;

use crate::{
    cluster::{Behaviour, Cluster},
    process::{Ran, Running},
    prometheus::Prometheus,
    shapes::reshape,
    support::{
        bare::{git, others_commit, others_commit_all, seed},
        git_server::GitServer,
        sshd::Sshd,
    },
    until,
};

/// The token of the git server.
pub const TOKEN: &str = "ghs_endToEnd7Zq93token";
/// The token for Prometheus, which does not ask for it.
pub const PROMETHEUS_TOKEN: &str = "prometheusQ4x81token";
/// Paths of the configuration and of the policy in the repository.
pub const CONFIG: &str = "shipgate.yaml";
pub const POLICY: &str = "policies/production.yaml";

/// Lets everything through while there is not more traffic than anybody has.
const OPEN: &str = "version: 1
environments: [production]
traffic_threshold:
  max_requests_per_second: 100000
  action: block_deployment
  query: sum(rate(http_requests_total[5s]))
  on_unavailable: block
";

/// Lets everything through and asks nobody.
pub const QUIET: &str = "version: 1
timezone: UTC
blocked_dates: [2020-02-29]
";

/// Where the repository is.
pub enum Remote {
    /// Behind smart HTTP.
    Http(GitServer),
    /// Behind SSH.
    Ssh(Sshd),
    /// In a folder.
    Folder(tempfile::TempDir),
}

impl Remote {
    /// Starts a git server with HTTP.
    pub fn http() -> Self {
        Self::Http(GitServer::start(TOKEN))
    }

    /// Makes a bare repository in a folder.
    pub fn folder() -> Self {
        let folder = tempfile::tempdir().unwrap();
        seed(&folder.path().join("shop.git"));
        Self::Folder(folder)
    }

    fn path(&self) -> PathBuf {
        match self {
            Self::Http(server) => server.repository.clone(),
            Self::Ssh(server) => server.path(),
            Self::Folder(folder) => folder.path().join("shop.git"),
        }
    }

    fn url(&self) -> String {
        match self {
            Self::Http(server) => server.url(),
            Self::Ssh(server) => server.url(),
            Self::Folder(_) => self.path().display().to_string(),
        }
    }
}

/// How long the steps take.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Each pause of the canary, in seconds.
    pub pause: u32,
    /// The watch after the promotion, in seconds.
    pub bake: u32,
    /// Are canary and stable compared, as the shop has it? Else one number decides, which takes fewer
    /// polls.
    pub compares: bool,
}

impl Pace {
    /// Long enough to judge well.
    pub const CAREFUL: Self = Self {
        pause: 4,
        bake: 3,
        compares: false,
    };
    /// Long enough to judge at all.
    pub const QUICK: Self = Self {
        pause: 2,
        bake: 2,
        compares: false,
    };
    /// Long enough to compare.
    pub const COMPARED: Self = Self {
        pause: 12,
        bake: 10,
        compares: true,
    };
}

/// A whole stage. Dropping it ends all of it.
pub struct Stage {
    /// The repository's place.
    pub remote: Remote,
    /// What follows the branch.
    pub cluster: Cluster,
    /// What scrapes the cluster.
    pub prometheus: Prometheus,
    /// The branch's commit before anything was deployed.
    pub first: String,
    home: tempfile::TempDir,
}

impl Stage {
    /// Starts one behind smart HTTP. Returns nothing where a program is missing, but never in CI.
    pub fn start(seed: u64, failing: &[&str], pace: Pace) -> Option<Self> {
        Self::start_at(Remote::http(), seed, failing, pace)
    }

    /// Starts one at a given place.
    pub fn start_at(remote: Remote, seed: u64, failing: &[&str], pace: Pace) -> Option<Self> {
        Self::start_shaped(remote, Shape::Ingress, (seed, failing), pace)
    }

    /// Starts one whose traffic is split in another way than usual.
    pub fn start_shaped(
        remote: Remote,
        shape: Shape,
        (seed, failing): (u64, &[&str]),
        pace: Pace,
    ) -> Option<Self> {
        let path = remote.path();
        let behaviour = Behaviour {
            seed,
            failing: failing
                .iter()
                .map(|version| (*version).to_owned())
                .collect(),
        };
        let cluster = Cluster::start(&path, behaviour);
        let prometheus = Prometheus::start(std::slice::from_ref(&cluster.target))?;
        let mut files = shop();
        files.push((
            CONFIG.to_owned(),
            config(&cluster.target, &prometheus.url, pace),
        ));
        files.push((POLICY.to_owned(), OPEN.to_owned()));
        reshape(&mut files, shape);
        let first = others_commit_all(&path, "main", &files);
        let stage = Self {
            remote,
            cluster,
            prometheus,
            first,
            home: tempfile::tempdir().unwrap(),
        };
        until("the first rates", || {
            // Of the answers that went well: a service that hardly fails has no rate of others.
            let query = "/api/v1/query?query=count(rate(http_requests_total%7Bstatus=\"200\"%7D[5s])%3E0)%3E2";
            stage
                .prometheus
                .get(query)?
                .contains("\"value\"")
                .then_some(())
        });
        Some(stage)
    }

    /// The git server behind HTTP.
    pub fn server(&self) -> &GitServer {
        match &self.remote {
            Remote::Http(server) => server,
            Remote::Ssh(_) | Remote::Folder(_) => panic!("this stage has no HTTP server"),
        }
    }

    /// The bare repository on disk.
    pub fn path(&self) -> PathBuf {
        self.remote.path()
    }

    /// Runs git in the bare repository.
    pub fn git(&self, arguments: &[&str]) -> String {
        git(&self.path(), arguments)
    }

    /// The tree of a commit or branch.
    pub fn tree(&self, commit: &str) -> String {
        self.git(&["rev-parse", &format!("{commit}^{{tree}}")])
    }

    /// Is every byte of the branch as it was at first?
    #[track_caller]
    pub fn assert_as_at_first(&self) {
        let difference = self.git(&["diff", &self.first, "main"]);
        assert_eq!(self.tree("main"), self.tree(&self.first), "{difference}");
    }

    /// All refs with their commits.
    pub fn references(&self) -> String {
        self.git(&["for-each-ref", "--format=%(refname) %(objectname)"])
    }

    /// The states in the journal of a service, newest first.
    pub fn journal(&self, service: &str) -> Vec<String> {
        let reference = format!("refs/shipgate/production/{service}");
        let format = "--format=%(trailers:key=Shipgate-State,valueonly,separator=)";
        self.git(&["log", format, &reference])
            .lines()
            .map(str::to_owned)
            .collect()
    }

    /// Commits another text of a file, as another person would, and makes that the first commit.
    pub fn rewrite(&mut self, path: &str, text: &str) {
        self.first = others_commit(&self.path(), "main", path, text);
    }

    /// A file's text on the branch.
    pub fn text(&self, path: &str) -> String {
        // Git's own last line break is cut off with the others.
        self.git(&["show", &format!("main:{path}")]) + "\n"
    }

    /// The program with an environment that holds nothing but what it needs.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_shipgate"));
        command
            .args(arguments)
            .current_dir(self.home.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.home.path())
            .env("TMPDIR", self.home.path())
            .env("SHIPGATE_REPOSITORY", self.remote.url())
            .env("PROMETHEUS_TOKEN", PROMETHEUS_TOKEN);
        match &self.remote {
            Remote::Http(_) => command.env("SHIPGATE_TOKEN", TOKEN),
            Remote::Ssh(server) => command.env("GIT_SSH_COMMAND", server.command()),
            Remote::Folder(_) => &mut command,
        };
        command
    }

    /// `deploy` of a service.
    pub fn deploy(&self, service: &str, version: &str) -> Command {
        self.command(&["deploy", "--service", service, "--version", version])
    }

    /// `recover` of a service.
    pub fn recover(&self, service: &str) -> Command {
        self.command(&["recover", "--service", service])
    }

    /// Runs a command to its end.
    #[track_caller]
    pub fn run(&self, command: Command) -> Ran {
        let ran = Running::start(command).wait();
        self.assert_clean(&ran);
        ran
    }

    /// Nothing secret was printed, and no folder of the run was left behind.
    #[track_caller]
    pub fn assert_clean(&self, ran: &Ran) {
        for text in [&ran.stdout, &ran.stderr] {
            assert!(!text.contains(TOKEN), "{text}");
            assert!(!text.contains(PROMETHEUS_TOKEN), "{text}");
        }
        let left: Vec<_> = fs::read_dir(self.home.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .filter(|name| name.to_string_lossy().starts_with("shipgate-"))
            .collect();
        assert!(left.is_empty() || ran.code < 0, "{left:?}");
    }

    /// Every object that a ref reaches is whole.
    #[track_caller]
    pub fn assert_sound(&self) {
        assert_eq!(self.git(&["fsck", "--strict", "--no-dangling"]), "");
    }

    /// Removes what a killed run could not remove.
    pub fn sweep(&self) {
        for entry in fs::read_dir(self.home.path()).unwrap() {
            let entry = entry.unwrap();
            if entry.file_name().to_string_lossy().starts_with("shipgate-") {
                fs::remove_dir_all(entry.path()).unwrap();
            }
        }
    }

    /// The runs of the program that are under way in this stage, whoever started them.
    pub fn processes(&self) -> Vec<i32> {
        let program = Path::new(env!("CARGO_BIN_EXE_shipgate"));
        let leads_to = |process: i32, link: &str, place: &Path| {
            fs::read_link(format!("/proc/{process}/{link}")).is_ok_and(|found| found == place)
        };
        fs::read_dir("/proc")
            .unwrap()
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .filter(|process| {
                leads_to(*process, "exe", program) && leads_to(*process, "cwd", self.home.path())
            })
            .collect()
    }

    /// The folder in which the program runs.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// What the stage is called in a text, so that texts of two stages are alike.
    pub fn neutral(&self, text: &str) -> String {
        let origin = match &self.remote {
            Remote::Http(server) => server.origin(),
            Remote::Ssh(_) | Remote::Folder(_) => self.remote.url(),
        };
        text.replace(&origin, "SERVER")
            .replace(&self.prometheus.url, "PROMETHEUS")
            .replace(&self.cluster.target, "CLUSTER")
            .replace(&self.home.path().display().to_string(), "HOME")
            .replace(&self.first[..7], "FIRST")
    }
}

fn shop() -> Vec<(String, String)> {
    fn walk(folder: &Path, root: &Path, files: &mut Vec<(String, String)>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, root, files);
            } else {
                let name = path.strip_prefix(root).unwrap();
                files.push((
                    name.to_str().unwrap().to_owned(),
                    fs::read_to_string(&path).unwrap(),
                ));
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/shop");
    let mut files = Vec::new();
    walk(&root, &root, &mut files);
    files.retain(|(name, _)| name != CONFIG);
    files
}

/// Returns the lines of the shop's comparison, and a threshold of the same counters.
fn split_comparison(text: &str) -> (String, String) {
    let is_counter = |line: &&str| {
        let line = line.trim_start();
        line.starts_with("bad: ") || line.starts_with("total: ")
    };
    let counters: Vec<&str> = text.lines().filter(is_counter).collect();
    let [bad, total] = counters[..] else {
        panic!("the shop compares one metric: {counters:?}");
    };
    let rate = |line: &str| {
        let selector = line.split_once(": ").unwrap().1;
        format!("sum(rate({selector}[1m]))")
    };
    let threshold = format!(
        "          query: >-\n            {} / {}\n          threshold_range: {{max: 0.02}}\n          inconclusive_limit: 5\n",
        rate(bad),
        rate(total)
    );
    (format!("{bad}\n{total}\n"), threshold)
}

/// The shop's own configuration with addresses on loopback and pauses of seconds.
fn config(cluster: &str, prometheus: &str, pace: Pace) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/shop/shipgate.yaml");
    let mut text = fs::read_to_string(path).unwrap();
    let at = |deployment: &str| format!("http://{cluster}/{deployment}");
    let replacements = [
        ("https://prometheus.shop.example", prometheus.to_owned()),
        (
            "https://ads-canary.shop.example",
            at("advertisements-canary"),
        ),
        ("https://ads.shop.example", at("advertisements")),
        ("https://www.shop.example", at("storefront")),
        ("https://discounts.shop.example", at("discounts")),
        (
            "pause: {duration: 10m}",
            format!("pause: {{duration: {}s}}", pace.pause),
        ),
        ("bake_time: 5m", format!("bake_time: {}s", pace.bake)),
        (
            "progress_deadline: 15m",
            "progress_deadline: 30s".to_owned(),
        ),
        ("interval: 30s", "interval: 1s".to_owned()),
        ("initial_delay: 1m", "initial_delay: 1s".to_owned()),
        ("[1m]", "[3s]".to_owned()),
    ];
    let (counters, rest) = split_comparison(&text);
    text = if pace.compares {
        text.replace(
            &counters,
            &format!("{counters}          negligible_rate: 0.01\n"),
        )
    } else {
        text.replace(&counters, &rest)
    };
    for (from, to) in replacements {
        assert!(
            text.contains(from),
            "the shop's configuration has no {from}"
        );
        text = text.replace(from, &to);
    }
    text
}
