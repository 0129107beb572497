//! A cluster in one process: follows the branch, runs what the manifests say, serves and counts.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use serde::Deserialize;
use serde_json::Value;

use crate::shapes::ROUTE_FILE;

/// How often the branch is looked at.
const SYNC_INTERVAL: Duration = Duration::from_millis(100);
/// The Ingress that splits the traffic.
const INGRESS_FILE: &str = "clusters/prod/advertisements-ingress.yaml";
const WEIGHT: &str = "/metadata/annotations/nginx.ingress.kubernetes.io~1canary-weight";

/// Deployment, its service, its word in the metrics, its file.
const DEPLOYMENTS: &[(&str, &str, &str, &str)] = &[
    (
        "advertisements",
        "advertisements",
        "stable",
        "clusters/prod/advertisements.yaml",
    ),
    (
        "advertisements-canary",
        "advertisements",
        "canary",
        "clusters/prod/advertisements-canary.yaml",
    ),
    (
        "storefront",
        "storefront",
        "stable",
        "clusters/prod/storefront.yaml",
    ),
    (
        "discounts",
        "discounts",
        "stable",
        "clusters/prod/discounts/deployment.yaml",
    ),
    (
        "checkout-blue",
        "checkout",
        "blue",
        "clusters/prod/checkout/blue.yaml",
    ),
    (
        "checkout-green",
        "checkout",
        "green",
        "clusters/prod/checkout/green.yaml",
    ),
];

/// The Services of a blue/green pair: what everyone uses, and what testers use.
const COLOURS_FILE: &str = "clusters/prod/checkout/service.yaml";
const COLOURS: [&str; 2] = ["checkout", "checkout-preview"];

/// Numbers that look random and are the same for the same seed (SplitMix64).
#[derive(Debug, Clone)]
pub struct Random(pub u64);

impl Random {
    /// Returns the next number.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number from 0 on, below `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

/// What the versions do and how much is asked of them.
#[derive(Debug, Clone)]
pub struct Behaviour {
    /// Seed of everything that is left to chance.
    pub seed: u64,
    /// Versions of which 5 of 100 requests fail and 30 are slow; of the others at most 5 of 10,000 fail
    /// and 10 are slow.
    pub failing: BTreeSet<String>,
}

struct Pods {
    replicas: u64,
    wanted: Option<String>,
    running: Option<String>,
    ready_at: Instant,
}

struct State {
    random: Random,
    behaviour: Behaviour,
    tip: String,
    pods: BTreeMap<&'static str, Pods>,
    /// Percent of the requests that go to the canary.
    weight: u64,
    /// The Deployment that each Service of a blue/green pair leads to.
    colours: BTreeMap<&'static str, String>,
    /// Requests that found no pod of the colour that they were sent to.
    lost: u64,
    /// Requests in each second.
    rate: u64,
    /// Failing requests in each 10,000 of a good version.
    base_failures: u64,
    start_delay: Duration,
    counted_at: Instant,
    /// By service, arm, version and status.
    counters: BTreeMap<(String, String, String, u16), u64>,
    /// Quick and all requests, by service, arm and version.
    durations: BTreeMap<(String, String, String), [u64; 2]>,
}

struct Shared {
    over: AtomicBool,
    state: Mutex<State>,
    is_silent: AtomicBool,
    held: Mutex<Vec<TcpStream>>,
}

/// A running cluster. Dropping it ends its threads.
pub struct Cluster {
    /// `127.0.0.1:PORT`, where `/DEPLOYMENT/version`, `/DEPLOYMENT/health` and `/metrics` are.
    pub target: String,
    address: SocketAddr,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl Cluster {
    /// Starts one that follows `main` of a bare repository.
    pub fn start(repository: &Path, behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mut random = Random(behaviour.seed);
        let now = Instant::now();
        let state = State {
            rate: 3_000 + random.below(3_000),
            // So few that hardly any look at a few requests finds one.
            base_failures: 1 + random.below(5),
            start_delay: Duration::from_millis(random.below(300)),
            random,
            behaviour,
            tip: String::new(),
            pods: BTreeMap::new(),
            weight: 0,
            colours: BTreeMap::new(),
            lost: 0,
            counted_at: now,
            counters: BTreeMap::new(),
            durations: BTreeMap::new(),
        };
        let shared = Arc::new(Shared {
            over: AtomicBool::new(false),
            state: Mutex::new(state),
            is_silent: AtomicBool::new(false),
            held: Mutex::default(),
        });
        let mut reader = Reader::open(repository);
        let following = Arc::clone(&shared);
        let follower = thread::spawn(move || {
            let (_keep, never) = mpsc::channel::<()>();
            while !following.over.load(Ordering::SeqCst) {
                following.state.lock().unwrap().follow(&mut reader);
                let _ = never.recv_timeout(SYNC_INTERVAL);
            }
        });
        let serving = Arc::clone(&shared);
        let server = thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if serving.over.load(Ordering::SeqCst) {
                    return;
                }
                let shared = Arc::clone(&serving);
                thread::spawn(move || serve(stream, &shared));
            }
        });
        Self {
            target: address.to_string(),
            address,
            shared,
            threads: vec![follower, server],
        }
    }

    /// From now on no health check is answered.
    pub fn silence(&self) {
        self.shared.is_silent.store(true, Ordering::SeqCst);
    }

    /// Answers again; what was held is cut.
    pub fn speak(&self) {
        self.shared.is_silent.store(false, Ordering::SeqCst);
        self.shared.held.lock().unwrap().clear();
    }

    /// How many health checks wait for an answer that does not come.
    pub fn held(&self) -> usize {
        self.shared.held.lock().unwrap().len()
    }

    /// How many requests found no pod of the colour that they were sent to.
    pub fn lost(&self) -> u64 {
        self.shared.state.lock().unwrap().lost
    }

    /// The Deployment that a Service of a blue/green pair leads to.
    pub fn leads_to(&self, service: &str) -> Option<String> {
        let state = self.shared.state.lock().unwrap();
        state.colours.get(service).cloned()
    }

    /// Which version a deployment runs; none = no pods.
    pub fn runs(&self, deployment: &str) -> Option<String> {
        let state = self.shared.state.lock().unwrap();
        state.pods.get(deployment)?.running.clone()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        // Wakes the accepting thread.
        let _ = TcpStream::connect(self.address);
        for thread in self.threads.drain(..) {
            thread.join().unwrap();
        }
    }
}

impl State {
    fn follow(&mut self, reader: &mut Reader) {
        let now = Instant::now();
        self.count(now);
        if let Some(tip) = reader.tip()
            && tip != self.tip
        {
            self.apply(reader, &tip, now);
            self.tip = tip;
        }
        for pods in self.pods.values_mut() {
            if pods.ready_at <= now {
                pods.running.clone_from(&pods.wanted);
            }
        }
    }

    fn apply(&mut self, reader: &mut Reader, tip: &str, now: Instant) {
        for (name, service, _, path) in DEPLOYMENTS {
            let Some(object) = reader.object(tip, path, "Deployment", name) else {
                continue;
            };
            let replicas = object.pointer("/spec/replicas").and_then(Value::as_u64);
            let replicas = replicas.unwrap_or(1);
            let wanted = image_tag(&object, service).filter(|_| replicas != 0);
            let pods = self.pods.entry(*name).or_insert(Pods {
                replicas,
                wanted: None,
                running: None,
                ready_at: now,
            });
            pods.replicas = replicas;
            if pods.wanted != wanted {
                pods.wanted = wanted;
                pods.ready_at = now + self.start_delay;
            }
        }
        for name in COLOURS {
            if let Some(object) = reader.object(tip, COLOURS_FILE, "Service", name) {
                let colour = object["spec"]["selector"]["colour"].as_str().unwrap();
                self.colours.insert(name, format!("checkout-{colour}"));
            }
        }
        if let Some(ingress) = reader.object(tip, INGRESS_FILE, "Ingress", "advertisements-canary")
        {
            let weight = ingress.pointer(WEIGHT).and_then(Value::as_str).unwrap();
            self.weight = weight.parse().unwrap();
        } else if let Some(route) = reader.object(tip, ROUTE_FILE, "HTTPRoute", "advertisements") {
            let weight = route.pointer("/spec/rules/0/backendRefs/1/weight");
            self.weight = weight.and_then(Value::as_u64).unwrap();
        } else {
            // A Service sends each pod as many requests as any other.
            let pods = |name| self.pods.get(name).map_or(0, |pods| pods.replicas);
            let (stable, canary) = (pods("advertisements"), pods("advertisements-canary"));
            self.weight = (canary * 100).checked_div(stable + canary).unwrap_or(0);
        }
    }

    /// Counts the requests since the last time.
    fn count(&mut self, now: Instant) {
        let seconds = now.duration_since(self.counted_at).as_secs_f64();
        self.counted_at = now;
        let requests = (self.rate as f64 * seconds).round() as u64;
        let canary_runs = self
            .pods
            .get("advertisements-canary")
            .is_some_and(|pods| pods.running.is_some());
        let to_canary = if canary_runs {
            requests * self.weight / 100
        } else {
            0
        };
        if let Some(serving) = self.colours.get("checkout")
            && self
                .pods
                .get(serving.as_str())
                .is_none_or(|pods| pods.running.is_none())
        {
            self.lost += requests;
        }
        for (name, service, arm, _) in DEPLOYMENTS {
            let Some(version) = self.pods.get(name).and_then(|pods| pods.running.clone()) else {
                continue;
            };
            let requests = match *name {
                "advertisements-canary" => to_canary,
                "advertisements" => requests - to_canary,
                "checkout-blue" | "checkout-green" => {
                    let serves = self.colours.get("checkout").is_some_and(|it| it == name);
                    if serves { requests } else { 0 }
                }
                _ => requests / 10,
            };
            let (odds, slow_of_100) = if self.behaviour.failing.contains(&version) {
                (500, 30)
            } else {
                (self.base_failures, 1)
            };
            let slow = requests * slow_of_100 / 100;
            let key = ((*service).to_owned(), (*arm).to_owned(), version.clone());
            let [quick, all] = self.durations.entry(key).or_default();
            *quick += requests - slow;
            *all += requests;
            let failed = (0..requests)
                .filter(|_| self.random.below(10_000) < odds)
                .count() as u64;
            for (status, number) in [(200, requests - failed), (500, failed)] {
                let key = (
                    (*service).to_owned(),
                    (*arm).to_owned(),
                    version.clone(),
                    status,
                );
                *self.counters.entry(key).or_default() += number;
            }
        }
    }

    fn metrics(&self) -> String {
        let mut text = "# TYPE http_requests_total counter\n".to_owned();
        for ((service, arm, version, status), number) in &self.counters {
            text.push_str(&format!(
                "http_requests_total{{service=\"{service}\",arm=\"{arm}\",version=\"{version}\",status=\"{status}\"}} {number}\n"
            ));
        }
        text.push_str("# TYPE http_request_duration_seconds histogram\n");
        for ((service, arm, version), [quick, all]) in &self.durations {
            let labels = format!("service=\"{service}\",arm=\"{arm}\",version=\"{version}\"");
            for (boundary, number) in [("0.1", quick), ("0.5", quick), ("+Inf", all)] {
                text.push_str(&format!(
                    "http_request_duration_seconds_bucket{{{labels},le=\"{boundary}\"}} {number}\n"
                ));
            }
            text.push_str(&format!(
                "http_request_duration_seconds_count{{{labels}}} {all}\n"
            ));
            text.push_str(&format!(
                "http_request_duration_seconds_sum{{{labels}}} {all}\n"
            ));
        }
        text
    }
}

fn image_tag(deployment: &Value, service: &str) -> Option<String> {
    let prefix = format!("registry.example/shop/{service}:");
    let containers = deployment
        .pointer("/spec/template/spec/containers")?
        .as_array()?;
    containers
        .iter()
        .filter_map(|container| container["image"].as_str())
        .find_map(|image| image.strip_prefix(&prefix))
        .map(str::to_owned)
}

fn serve(mut stream: TcpStream, shared: &Shared) {
    let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
    let mut line = String::new();
    let mut reader = BufReader::new(&stream);
    if reader.read_line(&mut line).is_err() {
        return;
    }
    let mut header = String::new();
    while reader.read_line(&mut header).is_ok_and(|length| length > 2) {
        header.clear();
    }
    let path = line.split(' ').nth(1).unwrap_or_default();
    if path.ends_with("/health") && shared.is_silent.load(Ordering::SeqCst) {
        shared.held.lock().unwrap().push(stream);
        return;
    }
    let (status, body) = answer(path, &mut shared.state.lock().unwrap());
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/plain; version=0.0.4\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
    );
    let _ = stream.write_all(format!("{head}{body}").as_bytes());
}

fn answer(path: &str, state: &mut State) -> (&'static str, String) {
    if path == "/metrics" {
        state.count(Instant::now());
        return ("200 OK", state.metrics());
    }
    let mut parts = path.trim_start_matches('/').split('/');
    let (name, page) = (parts.next().unwrap_or_default(), parts.next());
    let name = state.colours.get(name).map_or(name, String::as_str);
    let running = state.pods.get(name).and_then(|pods| pods.running.as_ref());
    match (page, running) {
        (Some("health"), Some(version)) if version.ends_with("-broken") => {
            ("500 Internal Server Error", "broken\n".to_owned())
        }
        (Some("version"), Some(version)) => ("200 OK", format!("{{\"version\": \"{version}\"}}\n")),
        (Some("health"), Some(_)) => ("200 OK", "ok\n".to_owned()),
        (Some("version" | "health"), None) => ("503 Service Unavailable", "no pods\n".to_owned()),
        _ => ("404 Not Found", "no such page\n".to_owned()),
    }
}

/// Reads a repository through one `git cat-file` that stays.
struct Reader {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Reader {
    fn open(repository: &Path) -> Self {
        let mut child = Command::new("git")
            .args(["cat-file", "--batch"])
            .current_dir(repository)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            input: child.stdin.take().unwrap(),
            output: BufReader::new(child.stdout.take().unwrap()),
            child,
        }
    }

    /// Returns the id and the bytes of an object; none = there is no such object.
    fn read(&mut self, name: &str) -> Option<(String, Vec<u8>)> {
        writeln!(self.input, "{name}").unwrap();
        let mut header = String::new();
        self.output.read_line(&mut header).unwrap();
        let words: Vec<&str> = header.split_whitespace().collect();
        let [id, _, length] = words[..] else {
            return None;
        };
        // A line break follows the bytes.
        let mut bytes = vec![0; length.parse::<usize>().unwrap() + 1];
        self.output.read_exact(&mut bytes).unwrap();
        bytes.pop();
        Some((id.to_owned(), bytes))
    }

    fn tip(&mut self) -> Option<String> {
        self.read("refs/heads/main").map(|(id, _)| id)
    }

    fn object(&mut self, tip: &str, path: &str, kind: &str, name: &str) -> Option<Value> {
        let (_, bytes) = self.read(&format!("{tip}:{path}"))?;
        let text = String::from_utf8(bytes).unwrap();
        serde_yaml::Deserializer::from_str(&text)
            .map(|document| Value::deserialize(document).unwrap())
            .find(|object| object["kind"] == kind && object["metadata"]["name"] == name)
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
