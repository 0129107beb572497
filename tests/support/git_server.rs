//! A real git server on loopback: `git http-backend` behind a small HTTP server with a token, a
//! log, and faults on request.

#![allow(dead_code, reason = "each test program uses another part of it")]

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    path::PathBuf,
    process::{Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use rustls::{ServerConnection, StreamOwned};
use tempfile::TempDir;

pub use super::bare::{git, install_hook, others_commit, seed};
use super::{bare::alone, identity::Identity};

/// One request as the server saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// `GET` or `POST`.
    pub method: String,
    /// Path with query.
    pub target: String,
    /// User of the `Authorization` header, if the token was right.
    pub user: Option<String>,
    /// Status of the answer; 0 = the connection was cut.
    pub status: u16,
}

/// What goes wrong with the next request that matches.
#[derive(Debug, Clone)]
pub enum Fault {
    /// Cut the connection after so many bytes of the request's body; git never sees the request.
    CutRequest(usize),
    /// Let git do it, then cut the connection after so many bytes of the answer.
    CutAnswer(usize),
    /// Answer this instead: status line, more header lines, body.
    Answer(String, Vec<String>, String),
    /// Never answer.
    Silence,
}

struct State {
    root: PathBuf,
    token: String,
    log: Mutex<Vec<LogLine>>,
    begun: Mutex<Vec<(String, String)>>,
    faults: Mutex<Vec<(String, Fault)>>,
    held: Mutex<Vec<Box<dyn Connection>>>,
    busy: AtomicUsize,
}

/// A connection with or without TLS.
trait Connection: Read + Write + Send {
    fn end(&mut self) -> std::io::Result<()>;
}

impl Connection for TcpStream {
    fn end(&mut self) -> std::io::Result<()> {
        self.shutdown(Shutdown::Both)
    }
}

impl Connection for StreamOwned<ServerConnection, TcpStream> {
    fn end(&mut self) -> std::io::Result<()> {
        self.conn.send_close_notify();
        self.flush()?;
        self.sock.shutdown(Shutdown::Both)
    }
}

/// A git server with one repository, `shop.git`, and a first commit on `main`.
pub struct GitServer {
    state: Arc<State>,
    port: u16,
    scheme: &'static str,
    /// The bare repository on disk.
    pub repository: PathBuf,
    /// The certificate in PEM form, where it speaks TLS.
    pub certificate: PathBuf,
    _folder: TempDir,
}

impl GitServer {
    /// Starts it; only `token` (with any user) may read and write.
    pub fn start(token: &str) -> Self {
        Self::start_with(token, None)
    }

    /// Starts it with TLS and a certificate that nobody knows.
    pub fn start_with_tls(token: &str) -> Self {
        Self::start_with(token, Some(Identity::new()))
    }

    fn start_with(token: &str, identity: Option<Identity>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let repository = folder.path().join("shop.git");
        seed(&repository);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State {
            root: folder.path().to_owned(),
            token: token.to_owned(),
            log: Mutex::default(),
            begun: Mutex::default(),
            faults: Mutex::default(),
            held: Mutex::default(),
            busy: AtomicUsize::new(0),
        });
        let certificate = folder.path().join("certificate.pem");
        let tls = identity.map(|identity| {
            fs::write(&certificate, identity.pem()).unwrap();
            identity.config()
        });
        let scheme = if tls.is_some() { "https" } else { "http" };
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (state, tls) = (Arc::clone(&shared), tls.clone());
                thread::spawn(move || {
                    let stream: Box<dyn Connection> = match (stream, tls) {
                        (Ok(stream), None) => Box::new(stream),
                        (Ok(stream), Some(tls)) => Box::new(StreamOwned::new(
                            ServerConnection::new(tls).unwrap(),
                            stream,
                        )),
                        (Err(_), _) => return,
                    };
                    state.busy.fetch_add(1, Ordering::SeqCst);
                    // A client that goes away in the middle is none of our business.
                    let _ = serve(&state, stream);
                    state.busy.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self {
            state,
            port,
            scheme,
            repository,
            certificate,
            _folder: folder,
        }
    }

    /// Address of `shop.git`, without credentials.
    pub fn url(&self) -> String {
        format!("{}/shop.git", self.origin())
    }

    /// Address of the server.
    pub fn origin(&self) -> String {
        format!("{}://127.0.0.1:{}", self.scheme, self.port)
    }

    /// Everything that was asked so far.
    pub fn log(&self) -> Vec<LogLine> {
        self.state.log.lock().unwrap().clone()
    }

    /// Method and target of every request that has begun so far, answered or not.
    pub fn begun(&self) -> Vec<(String, String)> {
        self.state.begun.lock().unwrap().clone()
    }

    /// Is no request being answered right now?
    pub fn is_idle(&self) -> bool {
        self.state.busy.load(Ordering::SeqCst) == 0
    }

    /// Lets the next request whose target contains `part` go wrong.
    pub fn fault(&self, part: &str, fault: Fault) {
        self.state
            .faults
            .lock()
            .unwrap()
            .push((part.to_owned(), fault));
    }

    /// Forgets faults that did not happen.
    pub fn heal(&self) {
        self.state.faults.lock().unwrap().clear();
    }

    /// Installs a hook (`pre-receive`, `update`) as a shell script.
    pub fn hook(&self, name: &str, script: &str) {
        install_hook(&self.repository, name, script);
    }

    /// Runs git in the bare repository and returns its output.
    pub fn git(&self, arguments: &[&str]) -> String {
        git(&self.repository, arguments)
    }

    /// Where a ref is.
    pub fn tip(&self, reference: &str) -> String {
        self.git(&["rev-parse", reference])
    }

    /// Puts a commit of somebody else on `main` and returns its id.
    pub fn others_commit(&self, path: &str, text: &str) -> String {
        others_commit(&self.repository, "main", path, text)
    }
}

struct Request {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
}

impl Request {
    fn read(reader: &mut impl BufRead) -> std::io::Result<Self> {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let mut words = line.split_whitespace().map(str::to_owned);
        let (method, target) = (
            words.next().unwrap_or_default(),
            words.next().unwrap_or_default(),
        );
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            match line.trim_end().split_once(':') {
                Some((name, value)) => {
                    headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
                }
                None => break,
            }
        }
        Ok(Self {
            method,
            target,
            headers,
        })
    }

    fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(given, _)| given == name);
        found.map_or("", |(_, value)| value)
    }

    fn user(&self, token: &str) -> Option<String> {
        let (_, pair) = self.header("authorization").split_once(' ')?;
        let pair = String::from_utf8(BASE64_STANDARD.decode(pair).ok()?).ok()?;
        let (user, password) = pair.split_once(':')?;
        (password == token).then(|| user.to_owned())
    }
}

fn serve(state: &State, stream: Box<dyn Connection>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let request = Request::read(&mut reader)?;
    let begun = (request.method.clone(), request.target.clone());
    state.begun.lock().unwrap().push(begun);
    let user = request.user(&state.token);
    let note = |status: u16| {
        state.log.lock().unwrap().push(LogLine {
            method: request.method.clone(),
            target: request.target.clone(),
            user: user.clone(),
            status,
        });
    };
    let fault = {
        let mut faults = state.faults.lock().unwrap();
        let position = faults
            .iter()
            .position(|(part, _)| request.target.contains(part.as_str()));
        position.map(|position| faults.remove(position).1)
    };
    match &fault {
        Some(Fault::Silence) => {
            note(0);
            state.held.lock().unwrap().push(reader.into_inner());
            return Ok(());
        }
        Some(Fault::CutRequest(bytes)) => {
            note(0);
            let mut part = vec![0; *bytes];
            reader.read_exact(&mut part)?;
            return reader.get_mut().end();
        }
        _ => {}
    }
    let mut body = Vec::new();
    if request.header("transfer-encoding") == "chunked" {
        read_chunks(&mut reader, &mut body)?;
    } else {
        let length = request.header("content-length").parse().unwrap_or(0);
        reader.by_ref().take(length).read_to_end(&mut body)?;
    }
    let stream = reader.get_mut();
    if let Some(Fault::Answer(status, headers, text)) = &fault {
        note(status.split(' ').next().unwrap().parse().unwrap());
        return answer(stream, status, headers, text.as_bytes(), None);
    }
    if user.is_none() {
        note(401);
        let headers = ["WWW-Authenticate: Basic realm=\"git\"".to_owned()];
        return answer(stream, "401 Unauthorized", &headers, b"", None);
    }
    let (status, headers, body) = run_backend(state, &request, user.as_deref().unwrap(), &body);
    let cut = match fault {
        Some(Fault::CutAnswer(bytes)) => Some(bytes),
        _ => None,
    };
    note(if cut.is_some() {
        0
    } else {
        status.split(' ').next().unwrap().parse().unwrap()
    });
    answer(stream, &status, &headers, &body, cut)
}

fn read_chunks(reader: &mut impl BufRead, body: &mut Vec<u8>) -> std::io::Result<()> {
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let length = u64::from_str_radix(line.trim(), 16).unwrap_or(0);
        reader.by_ref().take(length).read_to_end(body)?;
        reader.read_line(&mut line)?;
        if length == 0 {
            return Ok(());
        }
    }
}

/// Runs `git http-backend` as a CGI program; returns status, headers and body.
fn run_backend(
    state: &State,
    request: &Request,
    user: &str,
    body: &[u8],
) -> (String, Vec<String>, Vec<u8>) {
    let (path, query) = request
        .target
        .split_once('?')
        .unwrap_or((&request.target, ""));
    let mut backend = Command::new("git");
    alone(&mut backend);
    let mut child = backend
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", &state.root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("PATH_INFO", path)
        .env("QUERY_STRING", query)
        .env("REQUEST_METHOD", &request.method)
        .env("CONTENT_TYPE", request.header("content-type"))
        .env("CONTENT_LENGTH", body.len().to_string())
        .env("HTTP_CONTENT_ENCODING", request.header("content-encoding"))
        .env("GIT_PROTOCOL", request.header("git-protocol"))
        .env("REMOTE_USER", user)
        .env("REMOTE_ADDR", "127.0.0.1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = body.to_vec();
    let writer = thread::spawn(move || {
        // The program may end before it has read everything.
        let _ = stdin.write_all(&input);
    });
    let output = child.wait_with_output().unwrap().stdout;
    writer.join().unwrap();
    let end = output.windows(4).position(|window| window == b"\r\n\r\n");
    let end = end.expect("the program answers with headers");
    let head = String::from_utf8_lossy(&output[..end]).into_owned();
    let mut status = "200 OK".to_owned();
    let mut headers = Vec::new();
    for line in head.lines() {
        match line.strip_prefix("Status: ") {
            Some(text) => status = text.to_owned(),
            None => headers.push(line.to_owned()),
        }
    }
    (status, headers, output[end + 4..].to_vec())
}

fn answer(
    stream: &mut Box<dyn Connection>,
    status: &str,
    headers: &[String],
    body: &[u8],
    cut: Option<usize>,
) -> std::io::Result<()> {
    let mut head = format!(
        "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n",
        body.len()
    );
    for header in headers {
        head.push_str(header);
        head.push_str("\r\n");
    }
    head.push_str("\r\n");
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(body);
    bytes.truncate(cut.unwrap_or(usize::MAX));
    stream.write_all(&bytes)?;
    stream.end()
}
