//! The repository as its disk shows it, and git's own server in front of it.

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::TcpStream,
    path::Path,
};

use git2::{ObjectType, Oid, Repository, TreeWalkMode, TreeWalkResult};

use crate::{
    git_server::GitServer,
    server::{Answer, Question},
    world::TOKEN,
};

/// Starts git's own server for a repository.
pub fn serve(repository: &Path) -> GitServer {
    let server = GitServer::start(TOKEN);
    let opened = Repository::open_bare(repository).unwrap();
    opened
        .config()
        .unwrap()
        .set_bool("http.receivepack", true)
        .unwrap();
    let link = server.repository.parent().unwrap().join("gitops.git");
    std::os::unix::fs::symlink(repository, link).unwrap();
    server
}

/// Passes a request on to it.
pub fn pass_on(server: &GitServer, path: &str, question: &Question) -> Answer {
    let origin = server.origin();
    let host = origin.trim_start_matches("http://");
    let mut stream = TcpStream::connect(host).unwrap();
    let method = if question.is_post { "POST" } else { "GET" };
    let query = if question.query.is_empty() {
        String::new()
    } else {
        format!("?{}", question.query)
    };
    let mut headers = String::new();
    // A request that somebody made up has another length than its head says.
    for line in question
        .headers
        .lines()
        .filter(|line| !line.to_ascii_lowercase().starts_with("content-length"))
    {
        headers.push_str(&format!("{line}\r\n"));
    }
    let length = question.body.len();
    let head = format!(
        "{method} /gitops.git{path}{query} HTTP/1.1\r\nHost: {host}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(&question.body).ok()?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// Returns where some references stand; none for one that is not there.
pub fn stands(repository: &Repository, names: &[String]) -> Vec<Option<Oid>> {
    let names = names.iter();
    names
        .map(|name| repository.refname_to_id(name).ok())
        .collect()
}

/// Returns the files that a commit has.
pub fn files(repository: &Repository, commit: Oid) -> BTreeMap<String, String> {
    let tree = repository.find_commit(commit).unwrap().tree().unwrap();
    let mut files = BTreeMap::new();
    tree.walk(TreeWalkMode::PreOrder, |folder, entry| {
        if entry.kind() == Some(ObjectType::Blob) {
            let blob = repository.find_blob(entry.id()).unwrap();
            let text = String::from_utf8_lossy(blob.content()).into_owned();
            files.insert(format!("{folder}{}", entry.name().unwrap()), text);
        }
        TreeWalkResult::Ok
    })
    .unwrap();
    files
}
