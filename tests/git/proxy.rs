//! Through a proxy that the environment names: with TLS as a tunnel, without it by whole addresses.

use std::{
    io::{BufRead, BufReader, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use shipgate::git::{ConnectionOptions, GitError, PushOutcome, Repository};

use super::{
    TOKEN, edit, options,
    support::{git_server::GitServer, identity::NAME},
};

/// A proxy on loopback that leads every address to one server, and keeps what it was asked.
struct Proxy {
    port: u16,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// Starts one in front of `server`, which is let through with these credentials only.
    fn start(server: &GitServer, credentials: Option<&str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let target = server.origin();
        let target = target.rsplit('/').next().unwrap().to_owned();
        let wanted = credentials.map(|pair| format!("Basic {}", BASE64_STANDARD.encode(pair)));
        let kept = Arc::clone(&heads);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (kept, target, wanted) = (Arc::clone(&kept), target.clone(), wanted.clone());
                thread::spawn(move || {
                    // A client that goes away is none of our business.
                    let _ = serve(stream.unwrap(), &target, wanted.as_deref(), &kept);
                });
            }
        });
        Self { port, heads }
    }

    /// First lines of the requests, without what differs from run to run.
    fn asked(&self) -> Vec<String> {
        let heads = self.heads.lock().unwrap();
        heads
            .iter()
            .map(|head| head.lines().next().unwrap().to_owned())
            .collect()
    }
}

fn serve(
    client: TcpStream,
    target: &str,
    wanted: Option<&str>,
    heads: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(client);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head)? > 0 {}
    heads.lock().unwrap().push(head.clone());
    let client = reader.get_mut();
    if wanted.is_some_and(|wanted| !head.contains(wanted)) {
        client.write_all(
            b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
        )?;
        return client.shutdown(Shutdown::Both);
    }
    let mut server = TcpStream::connect(target)?;
    if head.starts_with("CONNECT ") {
        client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
    } else {
        // `GET http://host/path HTTP/1.1` becomes `GET /path HTTP/1.1`.
        let (method, rest) = head.split_once(" http://").unwrap();
        let path = &rest[rest.find('/').unwrap()..];
        server.write_all(format!("{method} {path}").as_bytes())?;
    }
    let (mut from_server, mut to_client) = (server.try_clone()?, client.try_clone()?);
    let back = thread::spawn(move || {
        let _ = std::io::copy(&mut from_server, &mut to_client);
        let _ = to_client.shutdown(Shutdown::Both);
    });
    // What the reader has read ahead goes first.
    let _ = std::io::copy(&mut reader, &mut server);
    let _ = server.shutdown(Shutdown::Write);
    let _ = back.join();
    Ok(())
}

fn through(proxy: &Proxy, variable: &str, credentials: &str) -> ConnectionOptions {
    let address = format!("http://{credentials}127.0.0.1:{}", proxy.port);
    ConnectionOptions {
        environment: [(variable.to_owned(), address)].into(),
        allow_plain_http: true,
        ..ConnectionOptions::default()
    }
}

async fn deploys(server: &GitServer, repository: &Repository) {
    let base = repository.fetch("main").await.unwrap();
    let ours = edit(repository, &base, "ours\n").await;
    let outcome = repository.push("main", &base, &ours).await.unwrap();
    assert_eq!(outcome, PushOutcome::Pushed);
    assert_eq!(server.tip("main"), ours.as_str());
}

#[tokio::test]
async fn tls_goes_through_a_tunnel_that_sees_no_token() {
    let server = GitServer::start_with_tls(TOKEN);
    let proxy = Proxy::start(&server, Some("me:pr0xy"));
    let mut options = options(format!("https://{NAME}/shop.git"));
    options.ca_file = Some(server.certificate.clone());
    let connection = through(&proxy, "HTTPS_PROXY", "me:pr0xy@");
    let repository = Repository::open_with(options.clone(), connection).unwrap();
    deploys(&server, &repository).await;
    let token = BASE64_STANDARD.encode(format!("x-access-token:{TOKEN}"));
    for head in proxy.heads.lock().unwrap().iter() {
        assert!(head.starts_with(&format!("CONNECT {NAME}:443 ")), "{head}");
        assert!(!head.contains(TOKEN) && !head.contains(&token), "{head}");
    }

    let before = server.log().len();
    let connection = through(&proxy, "HTTPS_PROXY", "me:wr0ng@");
    let repository = Repository::open_with(options, connection).unwrap();
    let error = repository.fetch("main").await.unwrap_err();
    let text = format!("{error:?}").replace(&proxy.port.to_string(), "PORT");
    assert!(!text.contains("wr0ng") && !text.contains(TOKEN), "{text}");
    insta::assert_snapshot!(text, @r#"Unavailable { message: "git server https://git.shop.test through the proxy http://127.0.0.1:PORT: tunnel error: proxy authorization required", hint: "check the address, the network and the proxy settings, then run the same command again" }"#);
    assert!(matches!(error, GitError::Unavailable { .. }));
    assert_eq!(server.log().len(), before);
}

#[tokio::test]
async fn a_plain_address_is_asked_whole_and_this_machine_never() {
    let server = GitServer::start(TOKEN);
    let proxy = Proxy::start(&server, None);
    let options_of = |url: String| options(url);
    let connection = through(&proxy, "http_proxy", "");
    let url = format!("http://{NAME}/shop.git");
    let repository = Repository::open_with(options_of(url), connection.clone()).unwrap();
    deploys(&server, &repository).await;
    let asked = proxy.asked();
    let expected = format!("GET http://{NAME}/shop.git/info/refs?service=git-upload-pack HTTP/1.1");
    assert_eq!(asked[0], expected);

    let repository = Repository::open_with(options_of(server.url()), connection).unwrap();
    repository.fetch("main").await.unwrap();
    assert_eq!(proxy.asked().len(), asked.len());
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_named() {
    let server = GitServer::start(TOKEN);
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let proxy = Proxy {
        port,
        heads: Arc::default(),
    };
    let connection = through(&proxy, "ALL_PROXY", "me:pr0xy@");
    let url = format!("http://{NAME}/shop.git");
    let repository = Repository::open_with(options(url), connection).unwrap();
    let error = repository.fetch("main").await.unwrap_err();
    let text = error.to_string().replace(&port.to_string(), "PORT");
    insta::assert_snapshot!(text, @"git server http://git.shop.test through the proxy http://127.0.0.1:PORT: Connection refused (os error 111)");
    assert_eq!(server.log(), []);
}
