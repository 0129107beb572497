//! The wire between a run and the world's git server: it can watch, break and delay what goes over it.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

/// What is being asked of the git server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// Anything of git that only reads.
    Read,
    /// What the metrics are.
    Metrics,
    /// Whether it is healthy.
    Health,
    /// Which version is live.
    Live,
    /// A push to a journal.
    Journal,
    /// A push to the branch.
    Branch,
}

/// When the wire asks what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// The server has not heard of it yet.
    Before,
    /// The server has answered; the client has not heard of that yet.
    After,
}

/// What the wire does with a call.
#[derive(Debug, Clone)]
pub enum Fate {
    /// Nothing.
    Pass,
    /// Nothing, once the gate is open.
    Wait(Gate),
    /// Answer 503 in the server's place.
    Unavailable,
    /// Hang up.
    Drop,
}

/// Holds a call up until somebody opens it.
#[derive(Debug, Clone, Default)]
pub struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    /// Lets everything through.
    pub fn open(&self) {
        let (is_open, opened) = &*self.0;
        *is_open.lock().unwrap() = true;
        opened.notify_all();
    }

    fn wait(&self) {
        let (is_open, opened) = &*self.0;
        let closed = opened.wait_while(is_open.lock().unwrap(), |is_open| !*is_open);
        drop(closed.unwrap());
    }
}

type Rule = Box<dyn FnMut(Call, When) -> Fate + Send>;

/// A proxy in front of one server.
pub struct Wire {
    url: String,
    rule: Arc<Mutex<Rule>>,
    over: Arc<AtomicBool>,
}

impl Wire {
    /// Listens on a port of its own, in front of `http://…/path`.
    pub fn before(url: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let own = listener.local_addr().unwrap();
        let (server, path) = url
            .strip_prefix("http://")
            .and_then(|rest| rest.split_once('/'))
            .unwrap();
        let rule: Arc<Mutex<Rule>> = Arc::new(Mutex::new(Box::new(|_, _| Fate::Pass)));
        let over = Arc::new(AtomicBool::new(false));
        let (asked, ended, server) = (Arc::clone(&rule), Arc::clone(&over), server.to_owned());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if ended.load(Ordering::SeqCst) {
                    return;
                }
                let (asked, server) = (Arc::clone(&asked), server.clone());
                std::thread::spawn(move || {
                    // A connection that breaks is what half of these tests are about.
                    let _ = carry(&stream, &server, &asked);
                    let _ = stream.shutdown(Shutdown::Both);
                });
            }
        });
        Self {
            url: format!("http://{own}/{path}"),
            rule,
            over,
        }
    }

    /// Returns the address that a run is given.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Calls `act` at the `nth` call of a kind (from 1), which then has the fate it returns.
    pub fn at(
        &self,
        call: Call,
        when: When,
        nth: usize,
        mut act: impl FnMut() -> Fate + Send + 'static,
    ) {
        let mut seen = 0;
        self.rule(move |this, now| {
            if (this, now) != (call, when) {
                return Fate::Pass;
            }
            seen += 1;
            if seen == nth { act() } else { Fate::Pass }
        });
    }

    /// Sets what happens to every call from now on.
    pub fn rule(&self, rule: impl FnMut(Call, When) -> Fate + Send + 'static) {
        *self.rule.lock().unwrap() = Box::new(rule);
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        let address = self.url.trim_start_matches("http://");
        // Wakes the thread that listens, so that it sees the end.
        let _ = TcpStream::connect(address.split('/').next().unwrap());
    }
}

/// Carries one request and its answer.
fn carry(client: &TcpStream, server: &str, rule: &Mutex<Rule>) -> io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let mut head = String::new();
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        if line == "\r\n" {
            break;
        }
        let lower = line.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        assert!(!lower.starts_with("transfer-encoding:"), "{line}");
        if !lower.starts_with("connection:") {
            head.push_str(&line);
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let call = kind(&head, &body);
    let decide = |when| (rule.lock().unwrap())(call, when);
    match decide(When::Before) {
        Fate::Pass => {}
        Fate::Wait(gate) => gate.wait(),
        fate => return refuse(client, fate),
    }
    let mut upstream = TcpStream::connect(server)?;
    upstream.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes())?;
    upstream.write_all(&body)?;
    let mut answer = Vec::new();
    upstream.read_to_end(&mut answer)?;
    match decide(When::After) {
        Fate::Pass => (&*client).write_all(&answer),
        Fate::Wait(gate) => {
            gate.wait();
            (&*client).write_all(&answer)
        }
        fate => refuse(client, fate),
    }
}

fn refuse(mut client: &TcpStream, fate: Fate) -> io::Result<()> {
    if matches!(fate, Fate::Unavailable) {
        let head = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n";
        client.write_all(format!("{head}\r\n").as_bytes())?;
    }
    Ok(())
}

/// Tells pushes by the references that they name. The empty push, which only asks for leave, counts
/// as a read.
fn kind(head: &str, body: &[u8]) -> Call {
    let names = |what: &str| {
        body.windows(what.len())
            .take(400)
            .any(|window| window == what.as_bytes())
    };
    let path = head.split(' ').nth(1).unwrap_or_default();
    if path.contains("/api/v1/") {
        Call::Metrics
    } else if path.ends_with("/health") {
        Call::Health
    } else if path.ends_with("/version") {
        Call::Live
    } else if !head.starts_with("POST ") || !head.contains("/git-receive-pack") {
        Call::Read
    } else if names("refs/shipgate/") {
        Call::Journal
    } else if names("refs/heads/") {
        Call::Branch
    } else {
        Call::Read
    }
}
