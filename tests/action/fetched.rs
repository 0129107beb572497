//! The released binary is fetched, and only bytes with the digest that the action holds are started.

use std::{collections::BTreeMap, fs};

use crate::{
    runner::{Runner, node, pairs},
    server::{Server, answer},
};

/// The digest that `binaries.json` holds.
fn sha256(bytes: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    let hexadecimal = digest.as_ref().iter().map(|byte| format!("{byte:02x}"));
    hexadecimal.collect()
}

/// A runner that gets version 9.9.9 of the binary from a mirror.
fn fetching(released: &str, served: Option<String>) -> (Runner, Server) {
    let server = Server::with(move |_, request| {
        assert!(
            request.starts_with("GET /mirror/v9.9.9/shipgate-release "),
            "{request}"
        );
        match &served {
            Some(text) => answer(200, "", text.clone()),
            None => answer(404, "", "there is nothing"),
        }
    });
    let mut runner = Runner::new("exit 1");
    runner.input("binary", "");
    runner.set(
        "RUNNER_TOOL_CACHE",
        &runner.path("cache").display().to_string(),
    );
    runner.set("SHIPGATE_DOWNLOAD_URL", &format!("{}/mirror/", server.url));
    let copy = runner.path("action");
    fs::create_dir(&copy).unwrap();
    let own = std::mem::replace(&mut runner.action, copy);
    for file in ["main.js", "post.js", "run.js", "fetch.js"] {
        fs::copy(own.join(file), runner.action.join(file)).unwrap();
    }
    let entry =
        serde_json::json!({"file": "shipgate-release", "sha256": sha256(released.as_bytes())});
    let places = [
        "linux-x64",
        "linux-arm64",
        "darwin-arm64",
        "darwin-x64",
        "win32-x64",
    ];
    let binaries: BTreeMap<_, _> = places.map(|place| (place, entry.clone())).into();
    let table = serde_json::json!({"version": "9.9.9", "binaries": binaries});
    fs::write(runner.action.join("binaries.json"), table.to_string()).unwrap();
    (runner, server)
}

const RELEASED: &str = "#!/bin/sh\necho fetched > $FOLDER/ran; exit 14\n";

#[test]
fn the_released_binary_is_fetched_once_and_looked_at_each_time() {
    if !node() {
        return;
    }
    let (runner, server) = fetching(RELEASED, Some(RELEASED.to_owned()));
    for requests in [1, 1] {
        let (status, stderr) = runner.run("main.js");
        assert_eq!(status.code(), Some(14), "{stderr}");
        assert_eq!(runner.read("ran").trim(), "fetched");
        assert_eq!(server.requests().len(), requests);
    }
    // Somebody else who may write to the cache puts another one there.
    let cached = fs::read_dir(runner.path("cache/shipgate/9.9.9"))
        .unwrap()
        .next();
    let cached = cached.unwrap().unwrap().path().join("shipgate-release");
    fs::write(&cached, "#!/bin/sh\ntouch $FOLDER/evil\n").unwrap();
    let (status, stderr) = runner.run("main.js");
    assert_eq!(status.code(), Some(14), "{stderr}");
    assert_eq!(server.requests().len(), 2);
    assert!(!runner.path("evil").exists());
    assert_eq!(fs::read_to_string(&cached).unwrap(), RELEASED);
}

#[test]
fn a_binary_with_one_other_byte_is_never_started() {
    if !node() {
        return;
    }
    for at in (0..RELEASED.len()).step_by(9) {
        let mut bytes = RELEASED.as_bytes().to_vec();
        bytes[at] ^= 1;
        let tampered = String::from_utf8(bytes).unwrap();
        let (runner, _server) = fetching(RELEASED, Some(tampered));
        let (status, stderr) = runner.run("main.js");
        assert_eq!(status.code(), Some(2), "{stderr}");
        assert!(
            stderr.contains("shipgate-release: expected SHA-256 "),
            "{stderr}"
        );
        assert!(!runner.path("ran").exists() && !runner.path("cache").exists());
        let outputs = pairs(&runner.read("GITHUB_OUTPUT"));
        assert_eq!(outputs["result"], "error");
    }
}

#[test]
fn a_release_that_is_not_there_is_an_error_after_three_tries() {
    if !node() {
        return;
    }
    let (runner, server) = fetching(RELEASED, None);
    let (status, stderr) = runner.run("main.js");
    assert_eq!(status.code(), Some(2), "{stderr}");
    assert!(
        stderr.contains("/mirror/v9.9.9/shipgate-release: status 404"),
        "{stderr}"
    );
    assert_eq!(server.requests().len(), 3);
}
