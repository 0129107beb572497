//! A world: one repository, its services, and what the server does with every request.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};
use shipgate::sim::{Faults, Origin};
use tempfile::TempDir;

use crate::{
    cluster::{Cluster, Live},
    git_server::GitServer,
    landed::Landed,
    planted::Bug,
    real,
    schedule::Time,
    script::{Death, Script},
    server::{Answer, Question, Server},
    shop::{self, BRANCH, Service, Wanted},
};

/// Only whoever has it may read and write.
pub const TOKEN: &str = "simulated";
/// Path of the repository on the server.
pub const GIT: &str = "/git/gitops.git";

/// What is known of a run while it is under way.
#[derive(Default)]
pub struct RunState {
    /// How often it has pushed.
    pub pushes: u64,
    /// How often it has read.
    pub reads: u64,
    /// The push at which it is just dying.
    pub dying: Option<Death>,
    /// Is it dead? Nothing of it is heard any more.
    pub is_dead: bool,
    /// What the server comes to later.
    pub late: Option<Question>,
    /// How many of its commits the branch took.
    pub commits: usize,
    /// How many of its records the journals took.
    pub records: usize,
    /// How long its pushes were held up in all.
    pub held: TimeDelta,
    /// The references as it was shown them before a push whose answer was lost.
    pub stale: Option<Answer>,
}

/// Everything that changes.
pub struct State {
    /// One for each service.
    pub clusters: Vec<Cluster>,
    /// What happened, line by line.
    pub trail: Vec<String>,
    /// What is not as promised.
    pub broken: Vec<String>,
    /// The runs by their numbers.
    pub runs: BTreeMap<usize, RunState>,
    /// The journals and what was promised with them.
    pub landed: Landed,
    /// Texts of others that must be there in the end.
    pub marks: Vec<(String, String)>,
    /// Commits by which others changed a managed value.
    pub others: BTreeSet<String>,
    /// When somebody else last changed a managed value of a service.
    pub touched: BTreeMap<usize, DateTime<Utc>>,
    /// Since when each version that is bad has been so with users, for each service.
    pub sick: BTreeMap<(usize, String), DateTime<Utc>>,
}

/// The world.
pub struct World {
    /// What it is about.
    pub script: Script,
    /// What is broken on purpose; none = nothing.
    pub bug: Option<Bug>,
    /// Its time.
    pub time: Arc<Time>,
    /// When it began.
    pub begun: DateTime<Utc>,
    /// Where everything answers.
    pub url: String,
    /// The repository's server.
    pub origin: Origin,
    /// Git's own server, in the worlds that have it.
    pub real: Option<GitServer>,
    /// One change of references at a time, and the repository as its disk shows it.
    pub disk: Mutex<git2::Repository>,
    state: Mutex<State>,
    /// Those of the commits that were looked at.
    files: Mutex<BTreeMap<git2::Oid, Arc<BTreeMap<String, String>>>>,
    // Kept for its end: dropping it removes the repository.
    _folder: TempDir,
}

impl World {
    /// Begins a world, and the server in front of it.
    pub fn start(script: Script, bug: Option<Bug>, over_git: bool) -> (Arc<Self>, Server) {
        let begun: DateTime<Utc> = "2026-03-10T10:00:00Z".parse().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let (listener, address) = Server::listen();
        let url = format!("http://{address}");
        let files = shop::files(&script.services, &url);
        let origin = Origin::create(folder.path(), TOKEN, BRANCH, &files, begun).unwrap();
        origin.set_faults(Faults {
            refuse_journal: script.on_branch,
            ..Faults::default()
        });
        let files: BTreeMap<String, String> = files.into_iter().collect();
        let clusters = script.services.iter().zip(&script.sync).enumerate();
        let clusters = clusters.map(|(index, (service, sync))| {
            let mut cluster = Cluster::new(begun, shop::wanted(service, &files));
            cluster.sync = sync.map(TimeDelta::seconds);
            cluster.start = TimeDelta::seconds(script.start);
            let asleep = script.asleep.filter(|(who, ..)| *who == index);
            cluster.asleep = asleep.map(|(_, from, length)| {
                let from = begun + TimeDelta::seconds(from);
                (from, from + TimeDelta::seconds(length))
            });
            cluster
        });
        let state = State {
            clusters: clusters.collect(),
            trail: Vec::new(),
            broken: Vec::new(),
            runs: BTreeMap::new(),
            landed: Landed::default(),
            marks: Vec::new(),
            others: BTreeSet::new(),
            touched: BTreeMap::new(),
            sick: BTreeMap::new(),
        };
        let path = folder.path().join("gitops.git");
        let disk = git2::Repository::open_bare(&path).unwrap();
        if !over_git {
            // Small packs and files are worth less here than the time that making them small takes.
            let mut config = disk.config().unwrap();
            config.set_i64("core.bigFileThreshold", 1).unwrap();
            config.set_i32("core.looseCompression", 0).unwrap();
        }
        let real = over_git.then(|| real::serve(&path));
        let world = Arc::new(Self {
            time: Arc::new(Time::at(begun)),
            disk: Mutex::new(disk),
            state: Mutex::new(state),
            files: Mutex::default(),
            script,
            bug,
            begun,
            url,
            origin,
            real,
            _folder: folder,
        });
        let answering = Arc::clone(&world);
        let server = Server::start(listener, address, move |question| {
            answering.answer(&question)
        });
        (world, server)
    }

    /// Returns the repository's address.
    pub fn git_url(&self) -> String {
        format!("{}{GIT}", self.url)
    }

    /// Returns everything that changes.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a line of the trail.
    pub fn tell(&self, line: &str) {
        let since = (self.time.now() - self.begun).as_seconds_f64();
        self.state().trail.push(format!("{since:>8.1} {line}"));
    }

    /// Says that something is not as promised.
    pub fn broken(&self, line: String) {
        self.tell(&format!("BROKEN {line}"));
        self.state().broken.push(line);
    }

    /// Returns the files of a commit.
    pub fn files(&self, commit: git2::Oid) -> Arc<BTreeMap<String, String>> {
        let mut known = self.files.lock().unwrap();
        let found = known
            .entry(commit)
            .or_insert_with(|| Arc::new(real::files(&self.disk.lock().unwrap(), commit)));
        Arc::clone(found)
    }

    /// Returns the tip of the branch.
    pub fn tip(&self) -> git2::Oid {
        self.origin.tip().unwrap().parse().unwrap()
    }

    /// Returns what the branch wants of a service.
    pub fn wanted(&self, service: &Service) -> Wanted {
        shop::wanted(service, &self.files(self.tip()))
    }

    /// Returns what runs.
    pub fn live(&self, service: usize) -> Live {
        let now = self.time.now();
        self.state().clusters[service].live(now)
    }

    /// Returns after how many seconds with users a version is bad; none = never.
    pub fn onset(&self, service: usize, version: &str) -> Option<i64> {
        let mut bad = self.script.bad.iter();
        let found = bad.find(|(of, bad, _)| *of == service && bad == version);
        found.map(|(_, _, onset)| *onset)
    }

    /// Is a version bad that has users?
    pub fn look_at(&self, service: usize) -> bool {
        let (now, live) = (self.time.now(), self.live(service));
        let canary = live.canary.filter(|_| live.weight > 0);
        let versions: Vec<String> = std::iter::once(live.stable).chain(canary).collect();
        let mut state = self.state();
        state
            .sick
            .retain(|(of, version), _| *of != service || versions.contains(version));
        let mut is_sick = false;
        for version in versions {
            if let Some(onset) = self.onset(service, &version) {
                let key = (service, version);
                let since = *state
                    .sick
                    .entry(key)
                    .or_insert(now + TimeDelta::seconds(onset));
                is_sick |= now >= since;
            }
        }
        is_sick
    }

    /// Is this within a time of the script?
    pub fn within(&self, span: Option<(i64, i64)>) -> bool {
        let since = (self.time.now() - self.begun).num_seconds();
        span.is_some_and(|(from, length)| since >= from && since < from + length)
    }

    fn answer(&self, question: &Question) -> Answer {
        match question.path.strip_prefix(GIT) {
            Some(_) => self.git(question),
            None => self.probe(question),
        }
    }

    /// Lets the controllers hear of what the branch wants now.
    pub fn turned(&self) {
        let (now, files) = (self.time.now(), self.files(self.tip()));
        let mut state = self.state();
        for (service, cluster) in self.script.services.iter().zip(&mut state.clusters) {
            cluster.want(now, shop::wanted(service, &files));
        }
    }
}
