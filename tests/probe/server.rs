//! A small HTTP server on loopback whose answers are bytes, so that it can misbehave in any way.

use std::{
    io::{ErrorKind, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

/// What the server does with a request.
#[derive(Debug, Clone)]
pub enum Behaviour {
    /// Sends these bytes and closes.
    Bytes(Vec<u8>),
    /// Sends these bytes, then the second ones again and again until the other side has gone.
    Endless(Vec<u8>, Vec<u8>),
    /// Sends these bytes one by one, with a pause after each.
    Drip(Vec<u8>),
    /// Closes without a byte.
    Close,
    /// Says nothing and keeps the connection.
    Hang,
}

/// A running server. Dropping it ends its connections.
pub struct Server {
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    shared: Arc<Shared>,
    address: SocketAddr,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    requests: Mutex<Vec<String>>,
    over: AtomicBool,
    ending: (Mutex<bool>, Condvar),
}

impl Server {
    /// Starts a server that does the same with each request.
    pub fn always(behaviour: Behaviour) -> Self {
        Self::with(move |_, _| behaviour.clone())
    }

    /// Starts a server that decides by the request's number, counted from 0, and its text.
    pub fn with(decide: impl Fn(usize, &str) -> Behaviour + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            requests: Mutex::new(Vec::new()),
            over: AtomicBool::new(false),
            ending: (Mutex::new(false), Condvar::new()),
        });
        let decide = Arc::new(decide);
        let inner = Arc::clone(&shared);
        let thread = thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if inner.over.load(Ordering::SeqCst) {
                    return;
                }
                let (shared, decide) = (Arc::clone(&inner), Arc::clone(&decide));
                thread::spawn(move || serve(stream, &shared, decide.as_ref()));
            }
        });
        Self {
            url: format!("http://{address}"),
            shared,
            address,
            thread: Some(thread),
        }
    }

    /// Returns the requests so far, whole: request line, headers and body.
    pub fn requests(&self) -> Vec<String> {
        self.shared.requests.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        let (over, wake) = &self.shared.ending;
        *over.lock().unwrap() = true;
        wake.notify_all();
        // Wakes the accepting thread.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

impl Shared {
    /// Waits until the server is dropped, or for this long.
    fn wait(&self, at_most: Duration) -> bool {
        let (over, wake) = &self.ending;
        let guard = over.lock().unwrap();
        *wake
            .wait_timeout_while(guard, at_most, |over| !*over)
            .unwrap()
            .0
    }
}

/// Returns an answer with these headers, each ended by `\r\n`, and the body's length.
pub fn answer(status: u16, headers: &str, body: impl AsRef<[u8]>) -> Behaviour {
    let body = body.as_ref();
    let mut bytes = format!(
        "HTTP/1.1 {status} Status\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    )
    .into_bytes();
    bytes.extend_from_slice(body);
    Behaviour::Bytes(bytes)
}

/// Returns the address of a port where nobody listens.
pub fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

fn serve(mut stream: TcpStream, shared: &Shared, decide: &dyn Fn(usize, &str) -> Behaviour) {
    let Some(request) = read_request(&mut stream) else {
        return;
    };
    let number = {
        let mut requests = shared.requests.lock().unwrap();
        requests.push(request.clone());
        requests.len() - 1
    };
    // The other side may leave at any time, which is what some tests are about.
    let _ = match decide(number, &request) {
        Behaviour::Bytes(bytes) => stream.write_all(&bytes),
        Behaviour::Endless(first, again) => endless(&mut stream, shared, &first, &again),
        Behaviour::Drip(bytes) => drip(&mut stream, shared, &bytes),
        Behaviour::Close => Ok(()),
        Behaviour::Hang => {
            shared.wait(Duration::from_secs(60));
            Ok(())
        }
    };
    let _ = stream.shutdown(Shutdown::Both);
}

fn endless(
    stream: &mut TcpStream,
    shared: &Shared,
    first: &[u8],
    again: &[u8],
) -> std::io::Result<()> {
    stream.write_all(first)?;
    while !shared.over.load(Ordering::SeqCst) {
        stream.write_all(again)?;
    }
    Ok(())
}

fn drip(stream: &mut TcpStream, shared: &Shared, bytes: &[u8]) -> std::io::Result<()> {
    for byte in bytes {
        stream.write_all(&[*byte])?;
        if shared.wait(Duration::from_millis(20)) {
            break;
        }
    }
    Ok(())
}

fn read_request(stream: &mut TcpStream) -> Option<String> {
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        if let Some(head) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let length: usize = text
                .to_ascii_lowercase()
                .lines()
                .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok())
                .unwrap_or(0);
            if bytes.len() >= head + 4 + length {
                return Some(text);
            }
        }
        match stream.read(&mut buffer) {
            Ok(0) => return None,
            Ok(read) => bytes.extend_from_slice(&buffer[..read]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
    }
}
