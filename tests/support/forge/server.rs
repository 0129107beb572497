//! A small HTTP server on loopback that hands whole requests to a function.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use serde_json::Value;

/// A request.
#[derive(Debug, Clone)]
pub struct Request {
    /// `GET`.
    pub method: String,
    /// Path without query, as it was sent.
    pub path: String,
    /// Query, decoded.
    pub query: Vec<(String, String)>,
    /// The body.
    pub body: String,
    headers: Vec<(String, String)>,
}

impl Request {
    /// Returns a header, or nothing.
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(given, _)| given == name);
        found.map_or("", |(_, value)| value)
    }

    /// Returns a parameter of the query.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(given, _)| given == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Status.
    pub status: u16,
    /// Further headers.
    pub headers: Vec<(String, String)>,
    /// The body; none closes the connection without an answer.
    pub body: Option<String>,
}

impl Answer {
    /// An answer in JSON.
    pub fn json(status: u16, body: &Value) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Some(body.to_string()),
        }
    }

    /// No answer.
    pub fn hang_up() -> Self {
        Self {
            status: 0,
            headers: Vec::new(),
            body: None,
        }
    }

    /// With one more header.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// The running server; dropping it ends it.
pub struct Server {
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    over: Arc<AtomicBool>,
}

impl Server {
    /// Starts it.
    pub fn start(answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let over = Arc::new(AtomicBool::new(false));
        let (ended, answer) = (Arc::clone(&over), Arc::new(answer));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if ended.load(Ordering::SeqCst) {
                    return;
                }
                let answer = Arc::clone(&answer);
                thread::spawn(move || {
                    // A client that goes away is none of our business.
                    let _ = serve(&stream, &*answer);
                    let _ = stream.shutdown(Shutdown::Both);
                });
            }
        });
        Self { url, over }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        // Wakes the thread that listens, so that it sees the end.
        let _ = TcpStream::connect(self.url.trim_start_matches("http://"));
    }
}

fn serve(stream: &TcpStream, answer: &dyn Fn(&Request) -> Answer) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let (Some(method), Some(target)) = (words.next(), words.next()) else {
        return Ok(());
    };
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
    let mut request = Request {
        method,
        path: String::new(),
        query: Vec::new(),
        body: String::new(),
        headers,
    };
    let length = request.header("content-length").parse().unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    request.body = String::from_utf8_lossy(&body).into_owned();
    let url = url::Url::parse(&format!("http://stand-in{target}")).unwrap();
    request.path = url.path().to_owned();
    request.query = url.query_pairs().into_owned().collect();
    let Answer {
        status,
        headers,
        body,
    } = answer(&request);
    let Some(body) = body else {
        return Ok(());
    };
    let mut head = format!(
        "HTTP/1.1 {status} Status\r\ncontent-type: application/json; charset=utf-8\r\ncontent-length: {}\r\nconnection: close\r\n",
        body.len()
    );
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    (&*stream).write_all(format!("{head}\r\n{body}").as_bytes())
}
