//! A real Prometheus of its own on loopback, and a service whose counters it scrapes.

#![allow(dead_code, reason = "each test program uses another part of it")]

use std::{
    collections::BTreeMap,
    env, fs,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// How to sign in to the server under test.
pub struct SignIn {
    /// User name.
    pub username: &'static str,
    /// Hash as `web.config.file` wants it.
    pub bcrypt: &'static str,
}

/// A running Prometheus. Dropping it ends the process and removes its data.
pub struct Prometheus {
    /// Base address: `http://127.0.0.1:PORT`.
    pub url: String,
    process: Child,
    folder: TempDir,
}

impl Prometheus {
    /// Starts one that scrapes these `host:port` targets every second. Returns nothing where the
    /// program is not installed, after saying so; in a pipeline that is a failure.
    pub fn start(targets: &[String]) -> Option<Self> {
        Self::start_with(targets, None)
    }

    /// As [`Prometheus::start`], with a user name and a password where they are given.
    pub fn start_with(targets: &[String], sign_in: Option<SignIn>) -> Option<Self> {
        Self::begin(targets, sign_in, None, &[])
    }

    /// As [`Prometheus::start`], with native histograms.
    pub fn start_native(targets: &[String]) -> Option<Self> {
        Self::begin(targets, None, None, &["--enable-feature=native-histograms"])
    }

    /// Starts one that scrapes nothing and knows a past: samples in the OpenMetrics text format, each
    /// with its time in seconds, without the line that ends it.
    pub fn with_history(samples: &str) -> Option<Self> {
        Self::begin(&[], None, Some(samples), &[])
    }

    fn begin(
        targets: &[String],
        sign_in: Option<SignIn>,
        history: Option<&str>,
        more: &[&str],
    ) -> Option<Self> {
        let Some(program) = find("prometheus") else {
            assert!(
                env_variable("CI").is_none(),
                "`prometheus` is not installed: apt-get install -y --no-install-recommends prometheus"
            );
            report("skipped: `prometheus` is not installed");
            return None;
        };
        // Another process may take the port between the choice and the start: choose again.
        for _ in 0..5 {
            let folder = tempfile::tempdir().unwrap();
            let port = free_port();
            if let Some(samples) = history {
                write_history(&folder, samples);
            }
            let mut command = Command::new(&program);
            command
                // Samples of fixed dates are old ones.
                .arg("--storage.tsdb.retention.time=100y")
                .arg(format!("--config.file={}", write_config(&folder, targets)))
                .arg(format!(
                    "--storage.tsdb.path={}",
                    folder.path().join("data").display()
                ))
                .arg(format!("--web.listen-address=127.0.0.1:{port}"))
                .arg("--log.level=warn")
                .args(more)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(fs::File::create(folder.path().join("log")).unwrap());
            if let Some(sign_in) = &sign_in {
                let path = folder.path().join("web.yml");
                let SignIn { username, bcrypt } = sign_in;
                fs::write(
                    &path,
                    format!("basic_auth_users: {{{username}: '{bcrypt}'}}\n"),
                )
                .unwrap();
                command.arg(format!("--web.config.file={}", path.display()));
            }
            let process = command.spawn().unwrap();
            let mut started = Self {
                url: format!("http://127.0.0.1:{port}"),
                process,
                folder,
            };
            if started.is_ready(port) {
                return Some(started);
            }
        }
        panic!("no port was free for five attempts");
    }

    /// Asks for `path` and returns head and body of the answer; none where there is none.
    pub fn get(&self, path: &str) -> Option<String> {
        let address = self.url.strip_prefix("http://")?.parse().ok()?;
        get(address, path)
    }

    /// Waits until it answers; false when the process has ended.
    fn is_ready(&mut self, port: u16) -> bool {
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let ready = until(Duration::from_secs(30), || {
            if self.process.try_wait().unwrap().is_some() {
                return Some(false);
            }
            let answer = get(address, "/-/ready")?;
            (answer.contains(" 200 ") || answer.contains(" 401 ")).then_some(true)
        });
        ready.unwrap_or_else(|| {
            let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            panic!("prometheus was not ready within 30 s:\n{log}")
        })
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing left to end.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Requests in each second of one version, and how many of each hundred fail.
#[derive(Debug, Clone, Copy)]
pub struct Traffic {
    /// Requests in each second.
    pub rate: u32,
    /// Failures in each hundred requests.
    pub percent_failing: u32,
}

/// A service that counts invented requests: `http_requests_total{version,status}`, every version
/// with its statuses 200 and 500 from the start.
pub struct Exporter {
    /// `127.0.0.1:PORT`.
    pub target: String,
    address: SocketAddr,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Exporter {
    /// Starts with the traffic of each version.
    pub fn start(traffic: &[(&str, Traffic)]) -> Self {
        let traffic: BTreeMap<String, Traffic> = traffic
            .iter()
            .map(|(version, traffic)| ((*version).to_owned(), *traffic))
            .collect();
        Self::serving("text/plain; version=0.0.4", move |elapsed| {
            metrics(&traffic, elapsed).into_bytes()
        })
    }

    /// Starts with a body of this type, made for the time since the start.
    pub fn serving(
        content_type: &'static str,
        body: impl Fn(Duration) -> Vec<u8> + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let over = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&over);
        let started = start_of_time();
        let thread = thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if ended.load(Ordering::SeqCst) {
                    return;
                }
                serve(stream, content_type, &body(started.elapsed()));
            }
        });
        Self {
            target: address.to_string(),
            address,
            over,
            thread: Some(thread),
        }
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        // Wakes the accepting thread.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

fn metrics(traffic: &BTreeMap<String, Traffic>, elapsed: Duration) -> String {
    let mut text = "# TYPE http_requests_total counter\n".to_owned();
    for (version, traffic) in traffic {
        let all = elapsed.as_secs_f64() * f64::from(traffic.rate);
        let failing = all * f64::from(traffic.percent_failing) / 100.0;
        for (status, number) in [("200", all - failing), ("500", failing)] {
            text.push_str(&format!(
                "http_requests_total{{version=\"{version}\",status=\"{status}\"}} {number}\n"
            ));
        }
    }
    text
}

fn serve(mut stream: TcpStream, content_type: &str, body: &[u8]) {
    let mut buffer = [0; 4096];
    let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
    let _ = stream.read(&mut buffer);
    let length = body.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
    );
    let _ = stream.write_all(&[head.as_bytes(), body].concat());
}

/// A native histogram in the protobuf format, which is the only one that Prometheus scrapes them in
/// (prometheus/client_model, io/prometheus/client/metrics.proto).
pub mod native_histogram {
    /// The type of the body.
    pub const CONTENT_TYPE: &str = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";
    /// Eight buckets for each doubling.
    const SCHEMA: i64 = 3;

    /// Writes one histogram of requests of about 0.1 s and of about 1 s.
    pub fn family(name: &str, fast: u32, slow: u32) -> Vec<u8> {
        // Bucket i ends at 2 to the power of i eighths: 0.1051 at -26, 1.0 at 0.
        let mut histogram = Vec::new();
        number(1, u64::from(fast) + u64::from(slow), &mut histogram);
        double(2, f64::from(fast) / 10.0 + f64::from(slow), &mut histogram);
        number(5, zigzag(SCHEMA), &mut histogram);
        double(6, 1e-128, &mut histogram);
        number(7, 0, &mut histogram);
        for (offset, length) in [(-26, 1), (25, 1)] {
            let mut span = Vec::new();
            number(1, zigzag(offset), &mut span);
            number(2, length, &mut span);
            bytes(12, &span, &mut histogram);
        }
        let (fast, slow) = (i64::from(fast), i64::from(slow));
        let mut deltas = Vec::new();
        for delta in [fast, slow - fast] {
            varint(zigzag(delta), &mut deltas);
        }
        bytes(13, &deltas, &mut histogram);
        let mut metric = Vec::new();
        bytes(7, &histogram, &mut metric);
        let mut family = Vec::new();
        bytes(1, name.as_bytes(), &mut family);
        // HISTOGRAM.
        number(3, 4, &mut family);
        bytes(4, &metric, &mut family);
        let mut delimited = Vec::new();
        varint(u64::try_from(family.len()).unwrap(), &mut delimited);
        delimited.extend(family);
        delimited
    }

    fn zigzag(number: i64) -> u64 {
        ((number << 1) ^ (number >> 63)).cast_unsigned()
    }

    fn varint(mut number: u64, into: &mut Vec<u8>) {
        while number >= 0x80 {
            into.push(u8::try_from(number & 0x7f).unwrap() | 0x80);
            number >>= 7;
        }
        into.push(u8::try_from(number).unwrap());
    }

    fn number(field: u64, value: u64, into: &mut Vec<u8>) {
        varint(field << 3, into);
        varint(value, into);
    }

    fn double(field: u64, value: f64, into: &mut Vec<u8>) {
        varint(field << 3 | 1, into);
        into.extend(value.to_le_bytes());
    }

    fn bytes(field: u64, value: &[u8], into: &mut Vec<u8>) {
        varint(field << 3 | 2, into);
        varint(u64::try_from(value.len()).unwrap(), into);
        into.extend(value);
    }
}

/// Asks again and again until there is an answer or the time is up.
pub fn until<T>(at_most: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let started = start_of_time();
    let (_keep, never) = mpsc::channel::<()>();
    while started.elapsed() < at_most {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        let _ = never.recv_timeout(Duration::from_millis(50));
    }
    None
}

fn get(address: SocketAddr, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    Some(String::from_utf8_lossy(&answer).into_owned())
}

fn write_config(folder: &TempDir, targets: &[String]) -> String {
    let path = folder.path().join("prometheus.yml");
    let targets = targets
        .iter()
        .map(|target| format!("{target:?}"))
        .collect::<Vec<_>>()
        .join(", ");
    let config = format!(
        "global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
  - job_name: app
    static_configs: [{{targets: [{targets}]}}]
"
    );
    fs::write(&path, config).unwrap();
    path.display().to_string()
}

fn write_history(folder: &TempDir, samples: &str) {
    let path = folder.path().join("history");
    fs::write(&path, format!("{samples}# EOF\n")).unwrap();
    let program = find("promtool").expect("promtool comes with prometheus");
    let output = Command::new(program)
        .args(["tsdb", "create-blocks-from", "openmetrics"])
        .args([&path, &folder.path().join("data")])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

fn find(program: &str) -> Option<PathBuf> {
    env::split_paths(&env_variable("PATH")?)
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test asks its own environment what is installed"
)]
fn env_variable(name: &str) -> Option<std::ffi::OsString> {
    env::var_os(name)
}

#[expect(
    clippy::disallowed_methods,
    reason = "measures how long a real process takes"
)]
fn start_of_time() -> Instant {
    Instant::now()
}

#[expect(clippy::print_stderr, reason = "says why a test did nothing")]
fn report(line: &str) {
    eprintln!("{line}");
}
