//! The one server of a world: each request is heard, held up, lost, or answered in vain, as the seed says.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Sender},
    },
};

use base64::{Engine, prelude::BASE64_STANDARD};

/// One request.
#[derive(Debug, Clone)]
pub struct Question {
    /// POST, else GET.
    pub is_post: bool,
    /// Path.
    pub path: String,
    /// What follows the question mark.
    pub query: String,
    /// The header of that name.
    pub authorization: Option<String>,
    /// The body.
    pub body: Vec<u8>,
    /// The lines of the head, for whoever passes it on.
    pub headers: String,
}

impl Question {
    /// Returns the number of the run that asks, which is its user's name.
    pub fn run(&self) -> Option<usize> {
        let (_, pair) = self.authorization.as_ref()?.split_once(' ')?;
        let pair = String::from_utf8(BASE64_STANDARD.decode(pair).ok()?).ok()?;
        pair.split_once(':')?.0.strip_prefix("run-")?.parse().ok()
    }

    /// Returns the references that a push names, and where it expects them: old, new, name.
    pub fn commands(&self) -> Vec<(String, String, String)> {
        let mut commands = Vec::new();
        if !self.is_post || !self.path.ends_with("/git-receive-pack") {
            return commands;
        }
        let mut rest = &self.body[..];
        while let Some((length, _)) = rest.split_at_checked(4) {
            let length = std::str::from_utf8(length).ok();
            let length = length.and_then(|text| usize::from_str_radix(text, 16).ok());
            let Some(length) = length.filter(|length| *length > 4) else {
                break;
            };
            let line = String::from_utf8_lossy(&rest[4..length]).into_owned();
            let line = line.split('\0').next().unwrap().trim_end().to_owned();
            let mut words = line.splitn(3, ' ').map(str::to_owned);
            if let (Some(old), Some(new), Some(name)) = (words.next(), words.next(), words.next()) {
                commands.push((old, new, name));
            }
            rest = &rest[length..];
        }
        commands
    }
}

/// A whole answer as it goes over the wire; none = the connection breaks.
pub type Answer = Option<Vec<u8>>;

/// The header of an answer after which the connection goes on: to open one for each request costs as much as
/// what it asks. Git's own server says itself how its answers end.
const KEPT: &str = "Connection: keep-alive\r\n";

/// Makes an answer.
pub fn answer(status: u16, content_type: &str, body: &[u8]) -> Answer {
    let mut bytes = format!(
        "HTTP/1.1 {status} it\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\nCache-Control: no-cache\r\n{KEPT}{}\r\n",
        body.len(),
        if status == 401 { "WWW-Authenticate: Basic realm=\"git\"\r\n" } else { "" },
    )
    .into_bytes();
    bytes.extend_from_slice(body);
    Some(bytes)
}

/// What a server does with a request.
type Decide = dyn Fn(Question) -> Answer + Send + Sync;

/// A connection, and what is done with its request.
type Visit = (TcpStream, Arc<Decide>);

/// The threads of all servers that wait for a connection: to start one for each of a world's hundreds
/// costs as much as what it does. Any of them may be held up for long.
static IDLE: Mutex<Vec<Sender<Visit>>> = Mutex::new(Vec::new());

/// Has a connection answered by a thread that waits, else by a new one.
fn answer_beside(visit: Visit) {
    let waiting = IDLE.lock().unwrap().pop();
    match waiting {
        Some(hand) => hand.send(visit).unwrap(),
        None => drop(std::thread::spawn(move || answer_all(visit))),
    }
}

/// Answers one connection, and then those that it is given.
fn answer_all(mut visit: Visit) {
    let (hand, given) = mpsc::channel();
    loop {
        let (stream, decide) = visit;
        // A connection that breaks is what this is about.
        let _ = serve(&stream, &*decide);
        let _ = stream.shutdown(Shutdown::Both);
        drop((stream, decide));
        IDLE.lock().unwrap().push(hand.clone());
        visit = match given.recv() {
            Ok(next) => next,
            Err(_) => return,
        };
    }
}

/// A server that runs until it is dropped; each connection has a thread.
pub struct Server {
    address: String,
    over: Arc<AtomicBool>,
}

impl Server {
    /// Listens; what answers is said later, because it knows the address.
    pub fn listen() -> (TcpListener, String) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        (listener, address)
    }

    /// Answers.
    pub fn start(
        listener: TcpListener,
        address: String,
        decide: impl Fn(Question) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&over);
        let decide: Arc<Decide> = Arc::new(decide);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if ended.load(Ordering::SeqCst) {
                    return;
                }
                answer_beside((stream, Arc::clone(&decide)));
            }
        });
        Self { address, over }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        // Wakes the thread that listens, so that it sees the end.
        let _ = TcpStream::connect(&self.address);
    }
}

fn serve(mut stream: &TcpStream, decide: &Decide) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    while let Some(question) = read(&mut reader)? {
        let Some(answer) = decide(question) else {
            return Ok(());
        };
        stream.write_all(&answer)?;
        let head = answer.windows(4).position(|end| end == b"\r\n\r\n");
        let head = String::from_utf8_lossy(&answer[..head.unwrap_or_default()]);
        if !head.contains(KEPT.trim_end()) {
            return Ok(());
        }
    }
    Ok(())
}

/// Reads a request; none where there is none to come.
fn read(reader: &mut BufReader<&TcpStream>) -> io::Result<Option<Question>> {
    let mut first = String::new();
    if reader.read_line(&mut first)? == 0 {
        return Ok(None);
    }
    let (mut headers, mut length, mut authorization) = (String::new(), 0, None);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line == "\r\n" {
            break;
        }
        let (name, value) = line.split_once(':').unwrap_or((&line, ""));
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().unwrap_or(0),
            "authorization" => authorization = Some(value.trim().to_owned()),
            "connection" | "host" => continue,
            _ => {}
        }
        headers.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let mut words = first.split(' ');
    let is_post = words.next() == Some("POST");
    let target = words.next().unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    Ok(Some(Question {
        is_post,
        path: path.to_owned(),
        query: query.to_owned(),
        authorization,
        body,
        headers,
    }))
}
