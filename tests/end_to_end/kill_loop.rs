//! SIGKILL at random times over journal, commit and push, many times in the same place: the branch is
//! at the old or at the new commit, every object is whole, and the next run works.
//!
//! Every second place has a server that takes branches alone, and its journal on the branch.
//! `SHIPGATE_PROVE_KILLS` says how many; the program waits for nothing but git and one second of bake
//! time, so that many go into a minute.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    path::Path,
    process::Command,
    sync::mpsc,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;

use crate::{
    LIMIT,
    cluster::Random,
    process::{Ran, Running},
    side_by_side,
    stage::{CONFIG, POLICY, QUIET, TOKEN},
    support::{bare::others_commit_all, git_server::GitServer},
};

/// Kills where nobody says how many.
const FEW: u64 = 10;
/// Kills in one place before there is a fresh one: `git fsck` takes longer with each commit.
const IN_ONE_PLACE: u64 = 40;
/// Finds journal records.
const RECORDS: &str = "--grep=^Shipgate-Writer: ";
/// What some servers let through.
const ONLY_BRANCHES: &str = "case $1 in refs/heads/*) exit 0;; esac; exit 1";
const MANIFEST: &str = "clusters/prod/discounts.yaml";

/// A repository, what answers for the cluster, and the folder that all runs share.
struct Place {
    server: GitServer,
    home: tempfile::TempDir,
    random: Random,
}

/// A run that nobody kills.
#[derive(Debug, Clone, Copy)]
struct Clean {
    micros: u64,
    requests: u64,
}

/// What the kills came upon.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    kills: u64,
    before_the_journal: u64,
    before_the_push: u64,
    after_the_push: u64,
    too_late: u64,
}

impl Place {
    fn new(seed: u64) -> Self {
        let server = GitServer::start(TOKEN);
        let live = answer_for(&server.repository);
        let config = format!(
            "version: 1
environments:
  production: {{branch: main, root: clusters/prod}}
services:
  discounts:
    manifests: [\"{{root}}/discounts.yaml\"]
    image: registry.example/shop/discounts
    workloads: {{stable: Deployment/discounts}}
    live: {{stable: {{http: \"http://{live}/version\", pointer: /version}}}}
    strategy: {{rolling: {{bake_time: 1s}}}}
    verification:
      interval: 1s
      health: [{{name: rules, http: \"http://{live}/health\"}}]
"
        );
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let manifest = root.join("fixtures/shop/clusters/prod/discounts/deployment.yaml");
        let files = [
            (CONFIG.to_owned(), config),
            (POLICY.to_owned(), QUIET.to_owned()),
            (MANIFEST.to_owned(), fs::read_to_string(manifest).unwrap()),
        ];
        others_commit_all(&server.repository, "main", &files);
        if seed % 2 == 1 {
            server.hook("update", ONLY_BRANCHES);
        }
        Self {
            server,
            home: tempfile::tempdir().unwrap(),
            random: Random(seed),
        }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_shipgate"));
        command
            .args(arguments)
            .current_dir(self.home.path())
            .env_clear()
            .env("HOME", self.home.path())
            .env("TMPDIR", self.home.path())
            .env("SHIPGATE_REPOSITORY", self.server.url())
            .env("SHIPGATE_TOKEN", TOKEN);
        command
    }

    fn deploy(&self, version: &str) -> Command {
        self.command(&["deploy", "--version", version])
    }

    fn run(&self, command: Command, told: &str) -> Ran {
        let ran = Running::start(command).wait();
        assert_eq!(ran.code, 0, "{told}: {}\n{}", ran.stdout, ran.stderr);
        ran
    }

    /// What is on the branch, and the newest state in the journal.
    fn look(&self) -> (String, String, String) {
        let reference = "refs/shipgate/production/discounts";
        let has_reference = !self.server.git(&["for-each-ref", reference]).is_empty();
        let place = if has_reference { reference } else { "main" };
        let format = "--format=%(trailers:key=Shipgate-State,valueonly,separator=)";
        let state = self.server.git(&["log", "-1", format, RECORDS, place]);
        let manifest = self.server.git(&["show", &format!("main:{MANIFEST}")]);
        (self.server.tip("main"), manifest, state)
    }

    /// How much was asked of the git server so far.
    fn requests(&self) -> u64 {
        u64::try_from(self.server.log().len()).unwrap()
    }

    /// Kills one deployment; lets the next run put it right.
    fn kill(&mut self, number: u64, clean: Clean, counts: &mut Counts) {
        let (old, manifest, _) = self.look();
        let version = format!("2.{number}");
        // Half of them some time after the start, half of them around a request to the git server.
        let (after, rest) = if self.random.below(2) == 0 {
            (0, self.random.below(clean.micros))
        } else {
            (self.random.below(clean.requests), self.random.below(20_000))
        };
        let rest = Duration::from_micros(rest);
        let told = format!("{version} killed {rest:?} after request {after}");
        let seen = self.requests();
        let mut run = Running::start(self.deploy(&version));
        soon(LIMIT, || self.requests() >= seen + after || run.has_ended());
        soon(rest, || run.has_ended());
        run.signal(Signal::SIGKILL);
        let ran = run.wait();
        assert!(matches!(ran.code, -9 | 0), "{told}: {ran:?}");
        self.rest();
        let (tip, now, state) = self.look();
        let range = format!("{old}..{tip}");
        let count = ["rev-list", "--count", "--invert-grep", RECORDS, &range];
        let commits = self.server.git(&count);
        let changed = if commits == "0" {
            String::new()
        } else {
            self.server.git(&["diff", "--name-only", &old, &tip])
        };
        match (commits.as_str(), changed.as_str()) {
            ("0", "") => assert_eq!(now, manifest, "{told}"),
            ("1", MANIFEST) => assert_eq!(now, with_version(&manifest, &version), "{told}"),
            other => panic!("{told}: {other:?}"),
        }
        assert_eq!(
            self.server.git(&["fsck", "--strict", "--no-dangling"]),
            "",
            "{told}"
        );
        counts.kills += 1;
        *match (ran.code, commits.as_str(), state.as_str()) {
            (0, _, _) => &mut counts.too_late,
            (_, "1", _) => &mut counts.after_the_push,
            (_, _, "started") => &mut counts.before_the_push,
            _ => &mut counts.before_the_journal,
        } += 1;
        self.next_run(&version, &manifest, &told);
    }

    /// Waits until the server has done what it had in hand when its client went away.
    fn rest(&self) {
        let (mut seen, mut since) = (0, Instant::now());
        soon(LIMIT, || {
            let asked = self.server.log().len();
            if asked != seen || !self.server.is_idle() {
                (seen, since) = (asked, Instant::now());
            }
            since.elapsed() > Duration::from_millis(15)
        });
    }

    /// The next run in the same place: the same deployment, another one, or a recovery.
    fn next_run(&mut self, version: &str, before: &str, told: &str) {
        let deployed = match self.random.below(8) {
            0 => {
                self.run(self.deploy(version), told);
                version.to_owned()
            }
            1 => {
                self.run(self.command(&["recover"]), told);
                let next = format!("{version}.1");
                self.run(self.deploy(&next), told);
                next
            }
            _ => {
                self.run(self.command(&["recover"]), told);
                let (_, manifest, state) = self.look();
                let is_new = manifest == with_version(before, version);
                assert!(is_new || manifest == before, "{told}");
                let is_over =
                    ["", "verified", "rolled-back", "withdrawn"].contains(&state.as_str());
                assert!(is_over, "{told}: {state}");
                return;
            }
        };
        let (_, manifest, state) = self.look();
        assert_eq!(manifest, with_version(before, &deployed), "{told}");
        assert_eq!(state, "verified", "{told}");
    }
}

#[test]
fn whenever_it_is_killed_the_next_run_works() {
    let kills = std::env::var("SHIPGATE_PROVE_KILLS").ok();
    let kills: u64 = kills.map_or(FEW, |text| text.parse().unwrap());
    let places = kills.div_ceil(IN_ONE_PLACE).max(2);
    let each = |place: u64| kills / places + u64::from(place < kills % places);
    let jobs: Vec<(u64, u64)> = (0..places).map(|place| (place, each(place))).collect();
    let counts = side_by_side(jobs, |(seed, kills)| {
        let mut place = Place::new(seed);
        let started = Instant::now();
        place.run(place.deploy("2.0"), "the first");
        let clean = Clean {
            micros: u64::try_from(started.elapsed().as_micros()).unwrap(),
            requests: place.requests(),
        };
        let mut counts = Counts::default();
        for number in 1..=kills {
            place.kill(number, clean, &mut counts);
        }
        counts
    });
    report(&counts);
}

/// The manifest with another version everywhere but in the text that only looks like one.
fn with_version(manifest: &str, version: &str) -> String {
    let (rest, text) = manifest.split_once("        - name: RULES").unwrap();
    let old = rest
        .split("discounts:")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let rest = rest.replace(
        &format!("ersion: \"{old}\""),
        &format!("ersion: \"{version}\""),
    );
    let rest = rest.replace(&format!("discounts:{old}"), &format!("discounts:{version}"));
    format!("{rest}        - name: RULES{text}")
}

/// Answers at once as a cluster would that runs what is on the branch.
fn answer_for(repository: &Path) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let repository = repository.to_owned();
    std::thread::spawn(move || {
        let version = || {
            let store = git2::Repository::open_bare(&repository).unwrap();
            let manifest = store
                .revparse_single(&format!("refs/heads/main:{MANIFEST}"))
                .unwrap();
            let text = String::from_utf8(manifest.peel_to_blob().unwrap().content().to_vec());
            let text = text.unwrap();
            let tag = text.split("shop/discounts:").nth(1).unwrap();
            tag.split('"').next().unwrap().to_owned()
        };
        for mut stream in listener.incoming().flatten() {
            let mut lines = BufReader::new(&stream).lines();
            // A client that was killed has nothing to say any more.
            while lines
                .next()
                .is_some_and(|line| line.is_ok_and(|line| !line.is_empty()))
            {}
            drop(lines);
            let body = format!("{{\"version\":\"{}\"}}", version());
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            let _ = stream.write_all(format!("{head}{body}").as_bytes());
        }
    });
    address
}

/// Asks every half millisecond until it is so or the time is up.
fn soon(at_most: Duration, mut is_so: impl FnMut() -> bool) {
    let (_keep, never) = mpsc::channel::<()>();
    let started = Instant::now();
    while !is_so() {
        let left = at_most.saturating_sub(started.elapsed());
        if left.is_zero() {
            return;
        }
        let _ = never.recv_timeout(left.min(Duration::from_micros(500)));
    }
}

#[expect(clippy::print_stderr, reason = "the figures are for people")]
fn report(counts: &[Counts]) {
    let sum = |of: fn(&Counts) -> u64| counts.iter().map(of).sum::<u64>();
    eprintln!(
        "{} kills in {} places: {} before the journal, {} before the push, {} after it, {} after the end",
        sum(|one| one.kills),
        counts.len(),
        sum(|one| one.before_the_journal),
        sum(|one| one.before_the_push),
        sum(|one| one.after_the_push),
        sum(|one| one.too_late)
    );
}
