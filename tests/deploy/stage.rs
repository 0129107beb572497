//! A world, runs on it, and what is promised of every end.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    sync::Arc,
    time::Duration,
};

use chrono::{DateTime, Utc};
use shipgate::{
    clock::{Clock, ManualClock},
    event::Event,
    probe,
    sim::{Arm, Scenario, Shape, World, WorldOptions},
};
use tempfile::TempDir;

use crate::{trail::End, wire::Wire};

/// The files that a deployment may change.
pub const STABLE: &str = "clusters/prod/advertisements.yaml";
/// The other one.
pub const CANARY: &str = "clusters/prod/advertisements-canary.yaml";
/// The files that a blue/green deployment may change.
pub const BLUE: &str = "clusters/prod/advertisements-blue.yaml";
/// The other colour.
pub const GREEN: &str = "clusters/prod/advertisements-green.yaml";
/// Its Services.
pub const SERVICE: &str = "clusters/prod/advertisements-service.yaml";
/// The files that a deployment of a chart may change.
pub const VALUES: &str = "clusters/prod/values.yaml";
pub const RELEASE: &str = "clusters/prod/release.yaml";
/// The other one.
pub const TRAFFIC: &str = "clusters/prod/traffic.yaml";
/// The configuration.
pub const CONFIG: &str = "shipgate.yaml";

/// How many steps the world's own plan has.
pub const STEPS: usize = 11;
/// Those of them that push.
pub const WRITES: [usize; 6] = [1, 3, 5, 7, 10, 11];

/// A world on a clock that stands still until somebody sleeps on it.
pub struct Stage {
    /// Its time.
    pub clock: Arc<ManualClock>,
    /// The same as the runs see it.
    pub time: Arc<dyn Clock>,
    /// The world.
    pub world: Arc<World>,
    /// What every run talks to git through.
    pub wire: Wire,
    /// The files of the first commit.
    pub first: BTreeMap<&'static str, String>,
    /// Where the remote is, as `gitops.git`.
    pub folder: TempDir,
    /// Commits that were there before anything happened.
    begun: usize,
    /// Asks the world over HTTP.
    pub client: probe::Client,
    /// How long the git server may take for one answer, in the machine's time.
    pub git_timeout: Duration,
}

impl Stage {
    /// The usual world.
    pub fn new(scenario: Scenario) -> Self {
        Self::edited(scenario, |text| text)
    }

    /// The usual world, measured less often: for tests that need many.
    pub fn brief(scenario: Scenario) -> Self {
        Self::edited(scenario, |text| {
            text.replace("      interval: 15s", "      interval: 1m")
        })
    }

    /// A world in which nothing is compared: several runs share its one clock, so how many polls one
    /// of them gets is chance.
    pub fn crowded(scenario: Scenario) -> Self {
        Self::edited(scenario, |text| {
            let (head, rest) = text.split_once("        # Raw counters").unwrap();
            let (_, tail) = rest.split_once("nobody minds\n").unwrap();
            format!("{head}{tail}").replace("      interval: 15s", "      interval: 1m")
        })
    }

    /// A world with other steps than usual: what stands below `steps:` is replaced.
    pub fn with_steps(scenario: Scenario, steps: &str) -> Self {
        Self::edited(scenario, |text| {
            let (head, rest) = text.split_once("        steps:\n").unwrap();
            let (_, tail) = rest.split_once("        bake_time:").unwrap();
            let steps: String = steps
                .lines()
                .map(|step| format!("          - {step}\n"))
                .collect();
            format!("{head}        steps:\n{steps}        bake_time:{tail}")
        })
    }

    /// A world whose configuration was edited before anything else happened.
    pub fn edited(scenario: Scenario, configure: impl FnOnce(String) -> String) -> Self {
        Self::built(scenario, |_| {}, configure)
    }

    /// A world whose traffic is split in another way than usual.
    pub fn shaped(
        shape: Shape,
        scenario: Scenario,
        configure: impl FnOnce(String) -> String,
    ) -> Self {
        Self::built(scenario, |options| options.shape = shape, configure)
    }

    /// A world of its own make, whose configuration was edited before anything else happened.
    pub fn built(
        scenario: Scenario,
        make: impl FnOnce(&mut WorldOptions),
        configure: impl FnOnce(String) -> String,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(instant("2026-03-10T10:00:00Z")));
        let time: Arc<dyn Clock> = clock.clone();
        let mut options = WorldOptions::new(scenario, time, folder.path().to_owned());
        make(&mut options);
        let shape = options.shape;
        let world = World::start(options).unwrap();
        let text = |path: &str| String::from_utf8(world.read(path).unwrap().unwrap()).unwrap();
        let config = text(CONFIG);
        let configured = configure(config.clone());
        if configured != config {
            world
                .write(CONFIG, configured.as_bytes(), "config: for this test")
                .unwrap();
        }
        let paths: &[&'static str] = match shape {
            Shape::BlueGreen => &[BLUE, GREEN, SERVICE],
            Shape::Chart => &[VALUES, TRAFFIC],
            Shape::HelmRelease | Shape::Application => &[RELEASE, TRAFFIC],
            _ => &[STABLE, CANARY],
        };
        let first = paths.iter().map(|path| (*path, text(path))).collect();
        Self {
            begun: world.log().unwrap().len(),
            client: probe::Client::new(probe::ClientOptions {
                user_agent: "shipgate/test".to_owned(),
                ..probe::ClientOptions::default()
            }),
            git_timeout: Duration::from_secs(20),
            wire: Wire::before(&world.git_url()),
            world: Arc::new(world),
            time: clock.clone(),
            clock,
            first,
            folder,
        }
    }

    /// Lets everything but git be asked over a wire as well.
    pub fn with_probes_on_a_wire(&self) -> Wire {
        let wire = Wire::before(&format!("{}/", self.world.base_url()));
        let through = wire.url().trim_end_matches('/');
        self.edit(CONFIG, self.world.base_url(), through);
        wire
    }

    /// Returns the world's time.
    pub fn clock_now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Returns a file of the branch.
    pub fn text(&self, path: &str) -> String {
        String::from_utf8(self.world.read(path).unwrap().unwrap()).unwrap()
    }

    /// Commits a change of one text in a file, as somebody else would.
    pub fn edit(&self, path: &str, old: &str, new: &str) {
        edit(&self.world, path, old, new);
    }

    /// Commits a policy that lets a version through that failed before.
    pub fn warn_of_known_bad(&self) {
        let path = "policies/production.yaml";
        let policy = self.text(path) + "versions: {known_bad: warn}\n";
        self.world.write(path, policy.as_bytes(), "warn").unwrap();
    }

    /// Makes another file of one of the first commit's, before anything else happens.
    pub fn begin_with(&mut self, path: &'static str, change: impl FnOnce(&str) -> String) {
        let text = change(&self.first[path]);
        self.world
            .write(path, text.as_bytes(), "shop: for this test")
            .unwrap();
        self.first.insert(path, text);
        self.begun = self.world.log().unwrap().len();
    }

    /// Returns the subjects of the branch, newest first, without what was there at first.
    pub fn log(&self) -> Vec<String> {
        let log = self.world.log().unwrap();
        let own = log.len() - self.begun;
        log.into_iter().take(own).map(|line| line.subject).collect()
    }

    /// Returns the remote itself.
    pub fn remote(&self) -> git2::Repository {
        git2::Repository::open_bare(self.folder.path().join("gitops.git")).unwrap()
    }

    /// Returns the states that the journal went through, oldest first; it is on the branch where the
    /// server refuses references.
    pub fn journal(&self) -> Vec<String> {
        let remote = self.remote();
        let mut walk = remote.revwalk().unwrap();
        walk.push_ref("refs/shipgate/production/advertisements")
            .or_else(|_| walk.push_ref("refs/heads/main"))
            .unwrap();
        let mut states = Vec::new();
        for id in walk {
            let record = remote.find_commit(id.unwrap()).unwrap();
            let lines: Vec<&str> = record.message().unwrap().lines().collect();
            let value = |key: &str| lines.iter().find_map(|line| line.strip_prefix(key));
            if value("Shipgate-Writer: ").is_some() {
                states.push(value("Shipgate-State: ").unwrap().to_owned());
            }
        }
        states.reverse();
        states
    }

    /// Returns how the manifests differ from the first commit's: `as at first`, or line by line.
    pub fn tree(&self) -> String {
        let mut lines = Vec::new();
        for (path, old) in &self.first {
            let new = self.text(path);
            let name = path.rsplit('/').next().unwrap();
            let is_by_line = old != &new && old.lines().eq(new.lines());
            if is_by_line || old.lines().count() != new.lines().count() {
                lines.push(format!("{name}: other lines"));
                continue;
            }
            for (old, new) in old.lines().zip(new.lines()).filter(|(old, new)| old != new) {
                lines.push(format!("{name}: {} -> {}", old.trim(), new.trim()));
            }
        }
        if lines.is_empty() {
            "as at first".to_owned()
        } else {
            lines.join("\n")
        }
    }

    /// As [`Stage::tree`], with one line for all the places of a file at which the version was changed.
    pub fn changes(&self) -> String {
        let mut told: Vec<(String, usize)> = Vec::new();
        for line in self.tree().lines() {
            let (text, count) = match versions(line) {
                Some(text) => (text, 1),
                None => (line.to_owned(), 0),
            };
            match told.iter_mut().find(|(known, _)| *known == text) {
                Some((_, known)) if count > 0 => *known += count,
                _ => told.push((text, count)),
            }
        }
        let lines = told.into_iter().map(|(text, count)| match count {
            0 => text,
            1 => format!("{text} in 1 place"),
            _ => format!("{text} in {count} places"),
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Returns what runs, in one line.
    pub fn live(&self) -> String {
        let live = self.world.live();
        let version = |arm| {
            let workload = live.workload(arm);
            workload
                .version
                .clone()
                .unwrap_or_else(|| "nothing".to_owned())
        };
        let [first, second] = self.world.words();
        format!(
            "{first} {}, {second} {} with {}",
            version(Arm::Stable),
            version(Arm::Canary),
            live.weight
        )
    }

    /// Returns everything about an end in a form for snapshots.
    pub fn story(&self, end: &End) -> String {
        format!(
            "{end}\nlog: {}\njournal: {}\ntree: {}\nlive: {}",
            self.log().join(" | "),
            self.journal().join(" "),
            self.changes(),
            self.live()
        )
    }

    /// Asserts that 1.1 runs everywhere and that nothing of the canary is left in git.
    #[track_caller]
    pub fn assert_deployed(&self, what: &str) {
        self.clock.advance(Duration::from_secs(60));
        let expected = [STABLE, CANARY].map(|path| {
            let text = self.first[path].clone();
            let tag = text.replace("advertisements:1.0", "advertisements:1.1");
            let label = tag.replace("/version: \"1.0\"", "/version: \"1.1\"");
            let plain = label.replace("value: \"1.0\"", "value: \"1.1\"");
            (path, plain.replace("value: '1.0'", "value: '1.1'"))
        });
        for (path, text) in expected {
            assert_eq!(self.text(path), text, "{what}");
        }
        assert_eq!(self.live(), "stable 1.1, canary nothing with 0%", "{what}");
    }

    /// Returns the ids of the runs that have a commit on the branch.
    pub fn run_ids(&self) -> BTreeSet<String> {
        let log = self.world.log().unwrap();
        log.iter()
            .flat_map(|line| line.body.lines())
            .filter_map(|line| line.strip_prefix("Shipgate-Run: "))
            .map(str::to_owned)
            .collect()
    }

    /// Returns how many commits of shipgate are on the branch, without journal records.
    pub fn commits(&self) -> usize {
        let log = self.world.log().unwrap();
        log.iter()
            .filter(|line| line.author.starts_with("shipgate"))
            .filter(|line| !line.body.contains("Shipgate-Writer: "))
            .count()
    }

    /// Returns every reference with its commit.
    pub fn references(&self) -> Vec<(String, String)> {
        self.world.references().unwrap()
    }

    /// Asserts that nothing is left of a deployment, on the branch and in the cluster.
    #[track_caller]
    pub fn assert_restored(&self, what: &str) {
        assert_eq!(self.tree(), "as at first", "{what}");
        assert_eq!(self.live(), "stable 1.0, canary nothing with 0%", "{what}");
    }
}

/// Commits a change of one text in a file, as somebody else would.
pub fn edit(world: &World, path: &str, old: &str, new: &str) {
    let text = String::from_utf8(world.read(path).unwrap().unwrap()).unwrap();
    assert!(text.contains(old), "{old:?} is not in {text}");
    let text = text.replace(old, new);
    world
        .write(path, text.as_bytes(), "robin: something else")
        .unwrap();
}

/// Returns a line of [`Stage::tree`] in short where one version is another one now, and nothing else
/// differs.
fn versions(line: &str) -> Option<String> {
    let (name, rest) = line.split_once(": ")?;
    let (old, new) = rest.split_once(" -> ")?;
    let is_version = |text: &&str| {
        let mut parts = text.split('.');
        text.contains('.')
            && parts.all(|part| !part.is_empty() && part.bytes().all(|it| it.is_ascii_digit()))
    };
    let in_it = |text: &str| -> Vec<String> {
        text.split(|it: char| !it.is_ascii_digit() && it != '.')
            .filter(is_version)
            .map(str::to_owned)
            .collect()
    };
    let (before, after) = (in_it(old), in_it(new));
    let ([before], [after]) = (&before[..], &after[..]) else {
        return None;
    };
    (old.replace(before.as_str(), after) == new).then(|| format!("{name}: {before} -> {after}"))
}

/// Waits for many things at once.
pub async fn all<T>(work: impl IntoIterator<Item = impl Future<Output = T>>) -> Vec<T> {
    futures_util::future::join_all(work).await
}

/// Is it the beginning of a step of the way forward? From 1.
pub fn starts(event: &Event, step: usize) -> bool {
    matches!(event, Event::StepStarted { index, total: STEPS, .. } if *index == step)
}

/// Reads RFC 3339.
pub fn instant(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}
