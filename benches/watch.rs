//! What watching costs: `cargo bench --bench watch`. First a poll of many questions at once against the
//! slowest single one; then a watch of six hours, whose clock does not wait, in time and memory of this
//! process. The server is a process of its own.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a stopwatch with a table on the terminal; a surprise ends it"
)]

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use reqwest::Url;
use shipgate::{
    clock::{Clock, ManualClock},
    config::{query::Variables, verification::RawVerification},
    event::{Event, Outcome, Reporter},
    ops::watch::{Endpoints, Extent, Reference, Subject, Watcher},
    probe::{Client, ClientOptions, prometheus::Endpoint},
    yaml::{Limits, read},
};

const QUESTIONS: usize = 200;
/// The slowest question takes twice this, the quickest this.
const SLOWNESS: Duration = Duration::from_millis(100);
const HOURS: u64 = 6;
const METRICS: usize = 20;
const INTERVAL: Duration = Duration::from_secs(30);

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == "--serve") {
        serve(Duration::from_millis(arguments[at + 1].parse().unwrap()));
        return;
    }
    // `cargo bench` says so; anything else only looks whether it runs.
    let measured = arguments.iter().any(|argument| argument == "--bench");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(side_by_side(if measured { 9 } else { 1 }));
    runtime.block_on(long_watch(if measured { HOURS } else { 1 }));
}

/// Asks many questions in one poll.
async fn side_by_side(runs: usize) {
    let server = Server::start(SLOWNESS);
    let text = metrics(QUESTIONS, 0);
    let slowest = slowness(SLOWNESS, QUESTIONS - 1);
    let mut polls = Vec::new();
    for _ in 0..runs {
        // Connections are made anew each time, as for the first poll of a watch.
        let clock = Arc::new(ManualClock::at(start()));
        let mut watcher = watcher(&text, &server.url, clock, Extent::Polls(1));
        let began = Instant::now();
        let standing = watcher.poll(&mut Silent).await;
        polls.push(began.elapsed());
        assert_eq!(standing.verdict.word(), "pass", "{}", standing.detail);
    }
    polls.sort_unstable();
    let poll = polls[polls.len() / 2];
    let allowed = slowest.mul_f64(1.5) + Duration::from_millis(50);
    println!(
        "{:>10.1} ms  {QUESTIONS} questions in one poll, the slowest of which takes {:.1} ms   target: at most {:.1} ms",
        milliseconds(poll),
        milliseconds(slowest),
        milliseconds(allowed)
    );
}

/// Watches numbers and comparisons for hours.
async fn long_watch(hours: u64) {
    let server = Server::start(Duration::ZERO);
    let length = Duration::from_secs(3600 * hours);
    let clock = Arc::new(ManualClock::at(start()));
    let text = metrics(METRICS / 2, METRICS / 2);
    let mut watcher = watcher(&text, &server.url, clock.clone(), Extent::For(length));
    let end = start() + length;
    let processor = processor_time();
    let (mut polls, mut next_hour) = (0_u32, start());
    while clock.now() < end {
        clock.sleep(watcher.due(clock.now())).await;
        watcher.poll(&mut Silent).await;
        polls += 1;
        if clock.now() >= next_hour {
            let hour = (next_hour - start()).num_hours();
            println!("{:>10.1} MB  in memory after hour {hour}", resident());
            next_hour += chrono::TimeDelta::hours(1);
        }
    }
    let spent = processor_time() - processor;
    println!(
        "{:>10.1} MB  at most, in a watch of {hours} hours with {METRICS} metrics and {polls} polls   target: under 40 MB",
        peak()
    );
    println!(
        "{:>10.3} %   of a core in real time ({:.2} s of the processor)   target: under 1 %",
        100.0 * spent.as_secs_f64() / length.as_secs_f64(),
        spent.as_secs_f64()
    );
}

/// Writes a `verification` section of so many numbers and comparisons.
fn metrics(numbers: usize, comparisons: usize) -> String {
    let mut text = format!("interval: {}s\nmetrics:\n", INTERVAL.as_secs());
    for number in 0..numbers {
        text += &format!(
            "  - {{name: number-{number}, provider: prometheus, query: 'number_{number}', threshold_range: {{max: 1000}}}}\n"
        );
    }
    for number in 0..comparisons {
        text += &format!(
            "  - {{name: compared-{number}, provider: prometheus, bad: 'bad_{number}{{arm=\"{{{{arm}}}}\"}}', total: 'total_{number}{{arm=\"{{{{arm}}}}\"}}'}}\n"
        );
    }
    text
}

fn watcher(text: &str, url: &str, clock: Arc<ManualClock>, extent: Extent) -> Watcher {
    let (raw, _) = read::<RawVerification>(text, &Limits::SETTINGS).unwrap();
    let endpoints = Endpoints {
        prometheus: Some(Endpoint {
            // The server knows nothing of this clock.
            max_age: Duration::from_secs(u64::from(u32::MAX)),
            ..Endpoint::open(Url::parse(url).unwrap())
        }),
        ..Endpoints::default()
    };
    let arm = |arm: &str| Variables {
        arm: Some(arm.to_owned()),
        ..Variables::default()
    };
    let subject = Subject {
        judged: arm("canary"),
        reference: Reference::Beside(arm("stable")),
        extent,
        began: None,
        weight: None,
    };
    let client = Client::new(ClientOptions::default());
    Watcher::new(
        &raw.validate().unwrap(),
        &endpoints,
        &subject,
        client,
        clock,
    )
    .unwrap()
}

struct Silent;

impl Reporter for Silent {
    fn event(&mut self, _: &Event) {}
    fn finish(&mut self, _: &Outcome) {}
}

fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_225_600, 0).unwrap()
}

fn milliseconds(duration: Duration) -> f64 {
    1_000.0 * duration.as_secs_f64()
}

/// Returns one of the figures of `/proc/self/status`, in MB.
fn status(key: &str) -> f64 {
    let text = fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find(|line| line.starts_with(key)).unwrap();
    let kib: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib * 1024.0 / 1e6
}

fn resident() -> f64 {
    status("VmRSS:")
}

fn peak() -> f64 {
    status("VmHWM:")
}

/// Returns what this process has used of the processor, its own and the kernel's share.
fn processor_time() -> Duration {
    let text = fs::read_to_string("/proc/self/stat").unwrap();
    let after_name = text.rsplit(") ").next().unwrap();
    let fields: Vec<&str> = after_name.split(' ').collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    // A tick is a hundredth of a second on Linux.
    Duration::from_millis(10 * ticks)
}

/// A stand-in of Prometheus in a process of its own.
struct Server {
    process: Child,
    url: String,
}

impl Server {
    fn start(slowness: Duration) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--serve", &slowness.as_millis().to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut url = String::new();
        BufReader::new(process.stdout.take().unwrap())
            .read_line(&mut url)
            .unwrap();
        Self {
            process,
            url: url.trim().to_owned(),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// How long a question takes: the later ones up to twice as long as the first.
fn slowness(least: Duration, number: usize) -> Duration {
    least.mul_f64(1.0 + number as f64 / (QUESTIONS - 1) as f64)
}

fn serve(least: Duration) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    println!("http://{}", listener.local_addr().unwrap());
    for stream in listener.incoming() {
        thread::spawn(move || answer_all(stream.unwrap(), least));
    }
}

/// Answers the questions of one connection until the other side closes it.
fn answer_all(stream: TcpStream, least: Duration) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut writer = stream;
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if !matches!(reader.read_line(&mut line), Ok(1..)) {
                return;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if line.trim().is_empty() {
                break;
            }
        }
        let mut form = vec![0; length];
        reader.read_exact(&mut form).unwrap();
        let field = |wanted: &str| {
            url::form_urlencoded::parse(&form)
                .find(|(key, _)| key == wanted)
                .map(|(_, value)| value.into_owned())
        };
        let query = field("query").unwrap();
        let at = field("time").map_or_else(start, |time| time.parse().unwrap());
        let name = query.split('{').next().unwrap();
        let number: usize = name.rsplit('_').next().unwrap().parse().unwrap();
        thread::sleep(if least.is_zero() {
            least
        } else {
            slowness(least, number)
        });
        let elapsed = (at - start()).num_seconds() + 3_600;
        let value = match name.split('_').next().unwrap() {
            "total" => 40 * elapsed,
            "bad" => elapsed / 5,
            _ => 7,
        };
        let body = format!(
            r#"{{"status":"success","data":{{"resultType":"vector","result":[{{"metric":{{"pod":"one"}},"value":[{},"{value}"]}}]}}}}"#,
            at.timestamp()
        );
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        if writer.write_all((head + &body).as_bytes()).is_err() {
            return;
        }
    }
}
