//! A world: one repository, its services, and what the server does with every request.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};
use shipgate::sim::{Faults, Origin, OriginRequest};
use tempfile::TempDir;

use crate::{
    cluster::{Cluster, Live},
    git_server::GitServer,
    landed::Landed,
    planted::Bug,
    random::Random,
    real,
    schedule::{Time, Verdict},
    script::{Act, Death, Script},
    server::{Answer, Question, Server, answer},
    shop::{self, BRANCH, Service, Wanted},
};

/// Only whoever has it may read and write.
pub const TOKEN: &str = "simulated";
const GIT: &str = "/git/gitops.git";

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
    real: Option<GitServer>,
    /// One change of references at a time, and the repository as its disk shows it.
    pub disk: Mutex<git2::Repository>,
    state: Mutex<State>,
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
        let real = over_git.then(|| real::serve(&path));
        let world = Arc::new(Self {
            time: Arc::new(Time::at(begun)),
            disk: Mutex::new(git2::Repository::open_bare(path).unwrap()),
            state: Mutex::new(state),
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

    /// Returns the files of the branch.
    pub fn files(&self, commit: git2::Oid) -> BTreeMap<String, String> {
        real::files(&self.disk.lock().unwrap(), commit)
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
    fn within(&self, span: Option<(i64, i64)>) -> bool {
        let since = (self.time.now() - self.begun).num_seconds();
        span.is_some_and(|(from, length)| since >= from && since < from + length)
    }

    fn answer(&self, question: &Question) -> Answer {
        match question.path.strip_prefix(GIT) {
            Some(_) => self.git(question),
            None => self.probe(question),
        }
    }

    fn probe(&self, question: &Question) -> Answer {
        let json = |value: serde_json::Value| {
            answer(200, "application/json", value.to_string().as_bytes())
        };
        let services = &self.script.services;
        if question.path.starts_with("/api/") {
            let query = String::from_utf8_lossy(&question.body).into_owned() + &question.query;
            let service = services
                .iter()
                .position(|service| query.contains(service.name));
            let Some(service) = service else {
                return answer(400, "text/plain", b"which service?");
            };
            let is_sick = self.look_at(service) && self.bug != Some(Bug::StaleHealth);
            if self.within(self.script.probes_out) {
                return answer(400, "text/plain", b"out");
            }
            let rate = if is_sick { "0.5" } else { "0.001" };
            let at = self.time.now().timestamp();
            return json(serde_json::json!({"status": "success", "data": {
                "resultType": "vector", "result": [{"metric": {}, "value": [at, rate]}]}}));
        }
        let mut words = question.path.trim_start_matches('/').split('/');
        let name = words.next().unwrap_or_default();
        let Some(service) = services.iter().position(|service| service.name == name) else {
            return answer(404, "text/plain", b"not found");
        };
        let is_sick = self.look_at(service) && self.bug != Some(Bug::StaleHealth);
        let live = match self.bug {
            Some(Bug::LiveFromGit) => {
                let Wanted {
                    stable,
                    canary,
                    weight,
                    ..
                } = self.wanted(&services[service]);
                Live {
                    stable,
                    canary: Some(canary),
                    weight,
                }
            }
            _ => self.live(service),
        };
        match words.next() {
            Some("stable") => json(serde_json::json!({"version": live.stable})),
            Some("canary") => match live.canary {
                Some(version) => json(serde_json::json!({"version": version})),
                None => answer(404, "text/plain", b"no endpoints"),
            },
            _ if self.within(self.script.probes_out) => answer(403, "text/plain", b"out"),
            _ if is_sick => answer(500, "text/plain", b"broken"),
            _ => answer(200, "text/plain", b"ok"),
        }
    }

    fn git(&self, question: &Question) -> Answer {
        let Some(run) = question.run() else {
            return answer(401, "text/plain", b"who?");
        };
        if self.state().runs.entry(run).or_default().is_dead {
            return None;
        }
        if self.within(self.script.git_out) && !self.is_over() {
            return answer(503, "text/plain", b"out");
        }
        if question.commands().is_empty() {
            return self.read(run, question);
        }
        self.push(run, question)
    }

    fn is_over(&self) -> bool {
        self.state()
            .clusters
            .iter()
            .all(|cluster| cluster.healed.is_some())
    }

    fn read(&self, run: usize, question: &Question) -> Answer {
        let (number, stale) = {
            let mut state = self.state();
            let state = state.runs.entry(run).or_default();
            state.reads += 1;
            (state.reads, state.stale.clone())
        };
        let is_list = question.path.ends_with("/info/refs");
        if let (Some(stale), true) = (stale, is_list && question.query.contains("upload-pack")) {
            return stale;
        }
        let mut random = self.random(run, number, 1);
        if !self.is_over() && self.script.broken > 0 && random.below(400) == 0 {
            self.tell(&format!("run {run}: a read breaks"));
            return None;
        }
        self.apply(question, None)
    }

    fn random(&self, run: usize, number: u64, what: u64) -> Random {
        let mixed = (self.script.seed << 20) ^ (run as u64 * 0x9e37) ^ (number << 8) ^ what;
        let mut random = Random::new(mixed.wrapping_mul(0xff51_afd7_ed55_8ccd));
        random.next();
        random
    }

    fn push(&self, run: usize, question: &Question) -> Answer {
        let number = {
            let mut state = self.state();
            let state = state.runs.entry(run).or_default();
            state.pushes += 1;
            state.pushes
        };
        let commands = question.commands();
        let names: Vec<&str> = commands.iter().map(|(_, _, name)| name.as_str()).collect();
        let what = format!("run {run}: push {number} to {}", names.join(", "));
        let now = self.time.now();
        let role = self.script.roles.get(run);
        if let Some((_, death)) = role
            .and_then(|role| role.dies)
            .filter(|(at, _)| *at == number)
        {
            self.tell(&format!("{what}: dies {death:?}"));
            if death == Death::After {
                self.apply(question, Some(run));
            }
            {
                let mut state = self.state();
                let state = state.runs.entry(run).or_default();
                state.dying = Some(death);
                state.late = (death == Death::Late).then(|| question.clone());
            }
            self.time.hold(run, now);
            return None;
        }
        let mut random = self.random(run, number, 2);
        let is_over = role.is_none();
        let is_held = !is_over && random.below(1_000) < self.script.held;
        let is_broken = !is_over && random.below(1_000) < self.script.broken;
        let is_before = random.below(2) == 0;
        let length = match random.below(20) {
            0 => 1_300,
            1 => 200,
            _ => 1 + random.below(30),
        };
        let hold = || {
            self.tell(&format!("{what}: held for {length} s, before: {is_before}"));
            let length = TimeDelta::seconds(i64::try_from(length).unwrap());
            self.state().runs.entry(run).or_default().held += length;
            self.time.hold(run, now + length) == Verdict::Hang
        };
        if is_held && is_before && hold() {
            return None;
        }
        if is_broken && is_before {
            self.tell(&format!("{what}: lost on the way there"));
            return if random.below(2) == 0 {
                None
            } else {
                answer(503, "text/plain", b"busy")
            };
        }
        if self.bug == Some(Bug::StaleReadBack) && is_broken {
            let list = Question {
                is_post: false,
                path: format!("{GIT}/info/refs"),
                query: "service=git-upload-pack".to_owned(),
                body: Vec::new(),
                ..question.clone()
            };
            let stale = self.apply(&list, None);
            self.state().runs.entry(run).or_default().stale = Some(stale);
        }
        let answered = self.apply(question, Some(run));
        if is_held && !is_before && hold() {
            return None;
        }
        if is_broken {
            self.tell(&format!("{what}: its answer is lost"));
            return None;
        }
        answered
    }

    /// Lets the server come to a request.
    pub fn apply(&self, question: &Question, run: Option<usize>) -> Answer {
        let planted = self.bug.and_then(|bug| bug.forge(self, question));
        let question = planted.as_ref().unwrap_or(question);
        let Some(run) = run else {
            return self.pass_on(question);
        };
        // One push at a time: whoever looks around one sees what that one did.
        let before = real::references(&self.disk.lock().unwrap());
        let answered = self.pass_on(question);
        let after = real::references(&self.disk.lock().unwrap());
        for (name, new) in &after {
            let old = before.get(name).copied();
            if old != Some(*new) {
                crate::landed::took(self, run, name, old, *new);
            }
        }
        answered
    }

    fn pass_on(&self, question: &Question) -> Answer {
        let path = question.path.strip_prefix(GIT).unwrap_or_default();
        if let Some(server) = &self.real {
            return real::pass_on(server, path, question);
        }
        let request = OriginRequest {
            is_post: question.is_post,
            path,
            query: &question.query,
            authorization: question.authorization.as_deref(),
            body: &question.body,
        };
        let answered = self.origin.answer(self.time.now(), &request)?;
        answer(answered.status, answered.content_type, &answered.body)
    }

    /// Lets the controllers hear of what the branch wants now.
    pub fn turned(&self) {
        let (now, files) = (self.time.now(), self.files(self.tip()));
        let mut state = self.state();
        for (service, cluster) in self.script.services.iter().zip(&mut state.clusters) {
            cluster.want(now, shop::wanted(service, &files));
        }
    }

    /// Lets somebody else commit.
    pub fn rival(&self, number: usize) {
        let act = self.script.rivals[number].1.clone();
        self.tell(&format!("somebody else: {act:?}"));
        let now = self.time.now();
        let read =
            |path: &str| String::from_utf8(self.origin.read(path).unwrap().unwrap()).unwrap();
        let mark = format!("# robin {number}");
        let (path, text, touched) = match act {
            Act::Notes => (format!("notes-{number}.txt"), format!("{mark}\n"), None),
            Act::Line(service) => {
                let path = self.script.services[service].stable();
                let text = format!("{mark}\n{}", read(&path));
                (path, text, None)
            }
            Act::Third(service) => self.touch(service, &format!("9.{number}")),
            Act::Same(service, version) => self.touch(service, &version),
        };
        if touched.is_none() {
            self.state().marks.push((path.clone(), mark));
        }
        let id = self
            .origin
            .write(&path, text.as_bytes(), "robin: something else", now)
            .unwrap();
        if let Some(service) = touched {
            let mut state = self.state();
            state.others.insert(id);
            state.touched.insert(service, now);
        }
        self.turned();
    }

    fn touch(&self, service: usize, version: &str) -> (String, String, Option<usize>) {
        let path = self.script.services[service].stable();
        let text = String::from_utf8(self.origin.read(&path).unwrap().unwrap()).unwrap();
        let lines = text
            .split('\n')
            .map(|line| match line.split_once("image: ") {
                Some((head, value)) => {
                    let name = value.rsplit_once(':').map_or(value, |(name, _)| name);
                    format!("{head}image: {name}:{version}")
                }
                None => line.to_owned(),
            });
        let text = lines.collect::<Vec<_>>().join("\n");
        (path, text, Some(service))
    }
}
