//! A world: its parts put together, and what the demo and the tests may ask of it.

use std::{
    net::{Ipv4Addr, TcpListener},
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, Utc};

use super::{
    Arm, ClusterState, Faults, LogLine, Moment, NEW_VERSION, Scenario, Shape,
    cluster::Cluster,
    form::Form,
    git_server::{GitRequest, GitServer},
    manifests,
    metrics::{self, BadQuery, Measured},
    random::Random,
    remote::Remote,
    rival,
    server::{Answer, Question, Server},
    shop,
    totals::Totals,
    traffic::Traffic,
};
use crate::clock::Clock;

const REPOSITORY: &str = "/git/gitops.git";

/// What a world is made of.
#[derive(Clone)]
pub struct WorldOptions {
    /// Which story it tells.
    pub scenario: Scenario,
    /// What splits the traffic of its shop.
    pub shape: Shape,
    /// Its time.
    pub clock: Arc<dyn Clock>,
    /// Makes its noise differ from another world's.
    pub seed: u64,
    /// A folder that is there; the remote is made in it, as `gitops.git`.
    pub folder: PathBuf,
    /// How often the cluster looks at the branch, in the clock's time; `Duration::MAX` is never.
    pub sync_delay: Duration,
    /// How long a pod takes until it answers, in the clock's time.
    pub start_delay: Duration,
    /// All requests to the service in a second of the clock's time.
    pub requests_per_second: f64,
}

impl WorldOptions {
    /// Returns the usual world: a poll every 15 s, pods that start in 20 s, 200 requests/s.
    pub fn new(scenario: Scenario, clock: Arc<dyn Clock>, folder: PathBuf) -> Self {
        Self {
            scenario,
            shape: scenario.shape(),
            clock,
            seed: 1,
            folder,
            sync_delay: Duration::from_secs(15),
            start_delay: Duration::from_secs(20),
            requests_per_second: 200.0,
        }
    }
}

/// A git remote, a cluster that follows it, traffic and metrics. Ends when it is dropped.
pub struct World {
    inner: Arc<Inner>,
    // Kept for its end: dropping it stops the server.
    _server: Server,
}

impl World {
    /// Starts a world; from then on it answers on a port of its own on 127.0.0.1.
    ///
    /// # Errors
    /// The folder cannot be written or holds a world already, or no port can be had.
    pub fn start(options: WorldOptions) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let base_url = format!("http://{}", listener.local_addr()?);
        let now = options.clock.now();
        let files = shop::files((options.scenario, options.shape), &base_url, now);
        let remote = Remote::create(
            &options.folder.join("gitops.git"),
            shop::BRANCH,
            &files,
            now,
        )?;
        let first = remote.tip()?;
        let desired = manifests::read(&remote.files(first, shop::ROOT)?, options.shape)
            .map_err(anyhow::Error::msg)?;
        let token = Random::of(options.seed, &[u64::from_be_bytes(*b"my token")]).next();
        let inner = Arc::new(Inner {
            scenario: options.scenario,
            shape: options.shape,
            traffic: Traffic {
                seed: options.seed,
                requests_per_second: options.requests_per_second,
                scenario: options.scenario,
            },
            totals: Mutex::new(Totals::default()),
            cluster: Mutex::new(Cluster::new(
                now,
                first,
                desired,
                options.sync_delay,
                options.start_delay,
            )),
            git: GitServer::new(format!("world-{token:016x}")),
            clock: options.clock,
            visits: AtomicU64::new(0),
            controller_is_dead: AtomicBool::new(false),
            metrics_are_out: AtomicBool::new(false),
            rival_wrote: AtomicBool::new(false),
            base_url,
            remote,
        });
        let answering = Arc::clone(&inner);
        let server = Server::start(listener, move |question| answering.answer(&question))?;
        Ok(Self {
            inner,
            _server: server,
        })
    }

    /// Returns where everything but git answers, without a slash at the end.
    pub fn base_url(&self) -> &str {
        &self.inner.base_url
    }

    /// Returns the remote's address.
    pub fn git_url(&self) -> String {
        format!("{}{REPOSITORY}", self.inner.base_url)
    }

    /// Returns the password that git clients need; the user name is free.
    pub fn token(&self) -> &str {
        self.inner.git.token()
    }

    /// Returns the branch that the cluster follows.
    pub fn branch(&self) -> &'static str {
        shop::BRANCH
    }

    /// Returns the full id of the branch's tip.
    ///
    /// # Errors
    /// The branch is gone.
    pub fn tip(&self) -> anyhow::Result<String> {
        Ok(self.inner.remote.tip()?.to_string())
    }

    /// Returns the branch's commits, newest first.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub fn log(&self) -> anyhow::Result<Vec<LogLine>> {
        Ok(self.inner.remote.log()?)
    }

    /// Returns every reference with the full id it stands on, in the order of the names.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub fn references(&self) -> anyhow::Result<Vec<(String, String)>> {
        let references = self.inner.remote.references()?.into_iter();
        Ok(references
            .map(|(name, id)| (name, id.to_string()))
            .collect())
    }

    /// Returns a file's bytes at the branch's tip; none when it is not there.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub fn read(&self, path: &str) -> anyhow::Result<Option<Vec<u8>>> {
        let remote = &self.inner.remote;
        Ok(remote.read(remote.tip()?, path)?)
    }

    /// Commits one file to the branch, as another writer would. Returns the commit's full id.
    ///
    /// # Errors
    /// The repository cannot be written, or the path is not one.
    pub fn write(&self, path: &str, bytes: &[u8], message: &str) -> anyhow::Result<String> {
        let now = self.inner.clock.now();
        let commit = self.inner.remote.write(path, bytes, message, now)?;
        self.inner.look(|_, _| ());
        Ok(commit.to_string())
    }

    /// Returns what its two halves are called.
    pub fn words(&self) -> [&'static str; 2] {
        self.inner.shape.words()
    }

    /// Returns what runs now.
    pub fn live(&self) -> ClusterState {
        self.inner.look(|cluster, _| cluster.state().clone())
    }

    /// Returns everything that has run so far, oldest first.
    pub fn history(&self) -> Vec<Moment> {
        self.inner.look(|cluster, _| cluster.moments().to_vec())
    }

    /// Returns how many requests have gone to a half without endpoints so far.
    pub fn lost_requests(&self) -> u64 {
        let traffic = self.inner.traffic;
        self.inner
            .look(|cluster, now| traffic.lost(cluster.moments(), now))
    }

    /// Lets the controller look at the branch, or not: what runs stays then, whatever is pushed.
    pub fn set_controller_dead(&self, is_dead: bool) {
        self.inner.look(|_, _| ());
        self.inner
            .controller_is_dead
            .store(is_dead, Ordering::Relaxed);
    }

    /// Lets the metrics API answer, or answer 503, whatever the story says.
    pub fn set_metrics_out(&self, are_out: bool) {
        self.inner.metrics_are_out.store(are_out, Ordering::Relaxed);
    }

    /// Sets what the git server does wrong from now on.
    pub fn set_faults(&self, faults: Faults) {
        self.inner.git.set_faults(faults);
    }

    /// Returns what the git server still does wrong.
    pub fn faults(&self) -> Faults {
        self.inner.git.faults()
    }
}

struct Inner {
    scenario: Scenario,
    shape: Shape,
    clock: Arc<dyn Clock>,
    remote: Remote,
    cluster: Mutex<Cluster>,
    traffic: Traffic,
    totals: Mutex<Totals>,
    git: GitServer,
    base_url: String,
    /// How many requests have come to the service's own address: each is sent to one of the halves.
    visits: AtomicU64,
    /// Does the controller look at the branch no more?
    controller_is_dead: AtomicBool,
    /// Does the metrics API answer 503, whatever the story says?
    metrics_are_out: AtomicBool,
    /// Has somebody else written already?
    rival_wrote: AtomicBool,
}

impl Inner {
    /// Works out what has happened until now and shows it.
    fn look<T>(&self, see: impl FnOnce(&Cluster, DateTime<Utc>) -> T) -> T {
        let mut cluster = self.cluster.lock().unwrap_or_else(PoisonError::into_inner);
        // Read under the lock: whoever comes later sees a later time.
        let now = self.clock.now();
        self.rival(cluster.moments(), now);
        if !self.controller_is_dead.load(Ordering::Relaxed)
            && let Ok(tip) = self.remote.tip()
        {
            cluster.observe(now, tip);
        }
        cluster.advance(now, |commit| {
            let files = self
                .remote
                .files(commit, shop::ROOT)
                .map_err(|error| error.message().to_owned())?;
            manifests::read(&files, self.shape)
        });
        see(&cluster, now)
    }

    /// Lets somebody else write, where the story has them.
    fn rival(&self, moments: &[Moment], now: DateTime<Utc>) {
        if self.scenario == Scenario::Superseded
            && rival::is_time(moments, now)
            && !self.rival_wrote.swap(true, Ordering::Relaxed)
        {
            // A world whose repository cannot be written has no story left to tell.
            let _ = rival::write_hotfix(&self.remote, now);
        }
    }

    fn answer(&self, question: &Question) -> Option<Answer> {
        if let Some(path) = question.path.strip_prefix(REPOSITORY) {
            let request = GitRequest {
                is_post: question.is_post,
                path,
                query: &question.query,
                authorization: question.authorization.as_deref(),
                body: &question.body,
            };
            let answer = self.git.answer(&self.remote, self.clock.now(), &request);
            self.look(|_, _| ());
            return answer;
        }
        Some(match question.path.as_str() {
            "/api/v1/query" | "/api/v1/query_range" => self.metrics(question),
            "/health" => self.health(self.visited()),
            "/version" => self.version(self.visited()),
            "/preview/health" => self.health(self.idle()),
            path => match self.half(path) {
                Some((arm, "health")) => self.health(arm),
                Some((arm, "version")) => self.version(arm),
                _ => Answer::text(404, "404 page not found"),
            },
        })
    }

    /// Returns the half that an address such as `/stable/version` is of, and what is asked of it.
    fn half<'p>(&self, path: &'p str) -> Option<(Arm, &'p str)> {
        let (word, page) = path.strip_prefix('/')?.split_once('/')?;
        let words = self.shape.words();
        let (arm, _) = Arm::ALL
            .into_iter()
            .zip(words)
            .find(|(_, it)| *it == word)?;
        Some((arm, page))
    }

    /// Returns the half that customers do not see.
    fn idle(&self) -> Arm {
        let share = self.look(|cluster, _| cluster.state().share(Arm::Canary));
        if share > 0.5 {
            Arm::Stable
        } else {
            Arm::Canary
        }
    }

    /// Returns the half that the ingress sends the next request to.
    fn visited(&self) -> Arm {
        let visit = self.visits.fetch_add(1, Ordering::Relaxed);
        let share = self.look(|cluster, _| cluster.state().share(Arm::Canary));
        if Random::of(self.traffic.seed, &[visit]).unit() < share {
            Arm::Canary
        } else {
            Arm::Stable
        }
    }

    fn running(&self, arm: Arm) -> Option<String> {
        self.look(|cluster, _| cluster.state().workload(arm).version.clone())
    }

    fn health(&self, arm: Arm) -> Answer {
        match self.running(arm) {
            Some(version) if !self.scenario.is_healthy(&version) => Answer::status(500, "broken"),
            Some(_) => Answer::status(200, "ok"),
            None => Answer::status(503, "no endpoints"),
        }
    }

    fn version(&self, arm: Arm) -> Answer {
        match self.running(arm) {
            Some(version) => Answer::json(200, &serde_json::json!({"version": version})),
            None => Answer::status(503, "no endpoints"),
        }
    }

    fn metrics(&self, question: &Question) -> Answer {
        self.look(|cluster, now| {
            let moments = cluster.moments();
            if self.has_outage(moments) {
                return Answer::text(503, "service unavailable");
            }
            let mut totals = self.totals.lock().unwrap_or_else(PoisonError::into_inner);
            let mut measured = Measured {
                moments,
                traffic: &self.traffic,
                totals: &mut totals,
            };
            let form = Form::of(question);
            let text = form.value("query").unwrap_or_default();
            let answer = if question.path.ends_with("_range") {
                form.range(now)
                    .and_then(|range| metrics::query_range(&text, range, &mut measured))
            } else {
                form.instant("time", now)
                    .and_then(|at| metrics::query(&text, at.min(now), &mut measured))
            };
            match answer {
                Ok(value) => Answer::json(200, &value),
                Err(BadQuery(message)) => Answer::json(400, &metrics::bad_data(&message)),
            }
        })
    }

    fn has_outage(&self, moments: &[Moment]) -> bool {
        if self.metrics_are_out.load(Ordering::Relaxed) {
            return true;
        }
        match self.scenario {
            Scenario::OutageBefore => true,
            Scenario::Outage => moments.iter().any(|moment| has_traffic(&moment.state)),
            _ => false,
        }
    }
}

/// Does the new version get requests?
fn has_traffic(state: &ClusterState) -> bool {
    state.weight.percent() > 0 || state.stable.version.as_deref() == Some(NEW_VERSION)
}
