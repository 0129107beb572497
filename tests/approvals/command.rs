//! `shipgate approve`: what it writes, says and refuses.

use crate::bare;
use crate::ssh_keygen;

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write},
    sync::{Arc, Mutex},
};

use chrono::{DateTime, Utc};
use serde_json::Value;
use shipgate::{
    cli::{self, Context},
    clock::ManualClock,
};
use ssh_keygen::{Keys, SshAgent};

/// A configuration that knows the service and the environment.
const CONFIG: &str = r#"version: 1
environments:
  production: {root: clusters/prod}
services:
  shop:
    manifests: ["{root}/shop.yaml"]
    image: registry.example/shop
    workloads: {stable: Deployment/shop}
    live:
      stable: {http: "http://127.0.0.1:9/version"}
    strategy: {rolling: {bake_time: 5m}}
    verification:
      health: [{name: answers, http: "http://127.0.0.1:9/healthz"}]
"#;

#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Buffer {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

struct Ran {
    code: u8,
    stdout: String,
    stderr: String,
}

impl Ran {
    /// Everything that was said, without what differs from run to run.
    fn told(&self, keys: &Keys) -> String {
        let folder = keys.folder.path().display().to_string();
        let text = format!("{}{}", self.stdout, self.stderr);
        let text = text.replace(&folder, "FOLDER");
        let words: Vec<&str> = text.split_whitespace().collect();
        format!("{} {}", self.code, words.join(" "))
    }
}

fn approve(keys: &Keys, environment: &[(&str, &str)], arguments: &[&str]) -> Ran {
    let now: DateTime<Utc> = "2025-11-07T10:00:00.7Z".parse().unwrap();
    let (stdout, stderr) = (Buffer::default(), Buffer::default());
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let context = Context {
        environment: environment.iter().map(owned).collect::<BTreeMap<_, _>>(),
        clock: Arc::new(ManualClock::at(now)),
        stdout: Box::new(stdout.clone()),
        stderr: Box::new(stderr.clone()),
        stdout_is_terminal: false,
        stderr_is_terminal: false,
        listens_to_signals: false,
        folder: keys.folder.path().to_owned(),
    };
    let what = [
        "shipgate",
        "approve",
        "--service",
        "shop",
        "--environment",
        "production",
        "--version",
        "1.1",
    ];
    let code = cli::run(what.iter().chain(arguments).map(Into::into), context);
    Ran {
        code,
        stdout: stdout.text(),
        stderr: stderr.text(),
    }
}

/// Where this machine has its programs.
#[expect(
    clippy::disallowed_methods,
    reason = "a bare repository needs the git program"
)]
fn programs() -> String {
    std::env::var("PATH").unwrap()
}

/// Does stock OpenSSH take the two halves of a signed text?
fn verifies(keys: &Keys, text: &str, key: &str) -> bool {
    let at = text.find("-----BEGIN").unwrap();
    let (statement, signature) = text.split_at(at);
    let signers = format!("alice@example.com {}\n", keys.public(key));
    keys.verifies(
        &signers,
        "alice@example.com",
        statement,
        signature,
        "20251107100000Z",
    )
}

#[test]
fn what_is_signed_is_good_for_ssh_keygen() {
    let Some(keys) = Keys::new() else { return };
    keys.key("id");
    keys.make("locked", &["ecdsa", "-b", "256"], "open sesame");
    keys.make("rsa", &["rsa", "-b", "2048"], "");

    let plain = approve(&keys, &[], &["--key", "id"]);
    assert!(verifies(&keys, &plain.stdout, "id"));
    let statement = plain.stdout.lines().next().unwrap();
    insta::assert_snapshot!(statement, @r#"{"shipgate":1,"kind":"approval","service":"shop","environment":"production","version":"1.1","not_before":"2025-11-07T10:00:00Z","expires":"2025-11-07T12:00:00Z"}"#);
    insta::assert_snapshot!(plain.stderr.replace(['\n'], " | "), @"signed an approval of shop 1.1 in production until 2025-11-07T12:00:00Z | save it in a file for `--approval FILE`, or put it into SHIPGATE_APPROVAL, where the deployment runs |");

    let passphrase = ("SHIPGATE_KEY_PASSPHRASE", "open sesame");
    let file = approve(
        &keys,
        &[passphrase],
        &["--key", "locked", "--out", "a.json", "--expires", "30m"],
    );
    insta::assert_snapshot!(file.told(&keys), @"0 OK signed an approval of shop 1.1 in production until 2025-11-07T10:30:00Z; written to a.json next: hand the file to whoever deploys: `shipgate deploy … --approval a.json`");
    let text = fs::read_to_string(keys.path("a.json")).unwrap();
    assert!(verifies(&keys, &text, "locked"));
    let again = approve(&keys, &[], &["--key", "id", "--out", "a.json"]);
    insta::assert_snapshot!(again.told(&keys), @"2 ERROR --out a.json: is there already; nothing is ever overwritten exit code 2 usage next: read the message; `shipgate COMMAND --help` lists the flags");
    assert_eq!(fs::read_to_string(keys.path("a.json")).unwrap(), text);

    let agent = SshAgent::start(keys.folder.path());
    agent.add(&["-q", keys.path("rsa").to_str().unwrap()]);
    let socket = ("SSH_AUTH_SOCK", agent.socket.to_str().unwrap());
    for arguments in [&[][..], &["--key", "rsa.pub"]] {
        let ran = approve(&keys, &[socket], arguments);
        assert!(verifies(&keys, &ran.stdout, "rsa"), "{}", ran.stderr);
    }
}

#[test]
fn what_cannot_be_signed_is_said_with_the_next_step() {
    let Some(keys) = Keys::new() else { return };
    keys.key("id");
    keys.make("locked", &["ed25519"], "open sesame");
    keys.make("rsa", &["rsa", "-b", "2048"], "");
    let full: &[&str] = &[
        "--key",
        "id",
        "--override",
        "--ticket",
        "INC-42",
        "--reason",
        "down",
        "--rules",
    ];
    let with = |more: &[&str]| approve(&keys, &[], &[full, more].concat()).told(&keys);
    let wrong = [("SHIPGATE_KEY_PASSPHRASE", "open barley")];
    let rows = [
        approve(&keys, &[], &[]).told(&keys),
        approve(&keys, &[], &["--key", "nothing"]).told(&keys),
        approve(&keys, &[], &["--key", "id.pub"]).told(&keys),
        approve(&keys, &[], &["--key", "rsa"]).told(&keys),
        approve(&keys, &[], &["--key", "locked"]).told(&keys),
        approve(&keys, &wrong, &["--key", "locked"]).told(&keys),
        approve(&keys, &[("SSH_AUTH_SOCK", "/nowhere")], &[]).told(&keys),
        approve(&keys, &[], &["--key", "id", "--expires", "0"]).told(&keys),
        approve(&keys, &[], &["--key", "id", "--reason", "two\nlines"]).told(&keys),
        approve(&keys, &[], &["--key", "id", "--push"]).told(&keys),
        with(&["blocked-dates"]),
        with(&["blocked-date,blocked-window", "--dry-run"]),
    ];
    insta::assert_snapshot!(rows.join("\n"), @r#"
    2 ERROR there is no SSH agent to sign with (SSH_AUTH_SOCK) exit code 2 usage next: give a private key file with --key FILE, or start an agent and `ssh-add` the key
    2 ERROR --key nothing: cannot be read: No such file or directory (os error 2) exit code 2 usage next: read the message; `shipgate COMMAND --help` lists the flags
    2 ERROR there is no SSH agent to sign with (SSH_AUTH_SOCK) exit code 2 usage next: give a private key file with --key FILE, or start an agent and `ssh-add` the key
    2 ERROR keys of the kind ssh-rsa sign through the SSH agent only: `ssh-add` it and give its public half exit code 2 usage next: read the message; `shipgate COMMAND --help` lists the flags
    2 ERROR --key locked: needs a passphrase exit code 2 usage next: set SHIPGATE_KEY_PASSPHRASE, or `ssh-add` the key and give its public half with --key
    2 ERROR --key locked: the passphrase does not fit the key exit code 2 usage next: read the message; `shipgate COMMAND --help` lists the flags
    2 ERROR the SSH agent at SSH_AUTH_SOCK does not answer: No such file or directory (os error 2) exit code 2 usage next: read the message; `shipgate COMMAND --help` lists the flags
    2 ERROR --expires: expected at least one second, such as 2h exit code 2 usage next: read the message; `shipgate COMMAND --help` lists the flags
    2 ERROR `reason` of the statement has control characters exit code 2 usage next: read the message; `shipgate COMMAND --help` lists the flags
    2 ERROR no GitOps repository is named exit code 2 usage next: give --repository URL or set SHIPGATE_REPOSITORY
    2 ERROR --rules: unknown reason code `blocked-dates`; did you mean `blocked-date`? exit code 2 usage next: read the message; `shipgate COMMAND --help` lists the flags
    0 OK would sign an override of shop 1.1 in production until 2025-11-07T12:00:00Z, which lifts blocked-date, blocked-window next: the statement is {"shipgate":1,"kind":"override","service":"shop","environment":"production","version":"1.1","not_before":"2025-11-07T10:00:00Z","expires":"2025-11-07T12:00:00Z","rules":["blocked-date","blocked-window"],"ticket":"INC-42","reason":"down"}
    "#);
    for arguments in [
        &["--override"][..],
        &["--ticket", "INC-42"],
        &["--push", "--out", "x"],
    ] {
        let ran = approve(&keys, &[], arguments);
        assert_eq!(ran.code, 2, "{}", ran.stderr);
    }
    let left: Vec<_> = fs::read_dir(keys.folder.path()).unwrap().collect();
    assert_eq!(left.len(), 6, "{left:?}");
}

#[test]
fn a_push_adds_one_ref_and_a_dry_run_none() {
    let Some(keys) = Keys::new() else { return };
    keys.key("id");
    let bare = keys.path("bare.git");
    bare::seed(&bare);
    let refs = || {
        bare::git(
            &bare,
            &["for-each-ref", "--format=%(refname)", "refs/shipgate"],
        )
    };
    let url = bare.to_str().unwrap();
    bare::others_commit(&bare, "main", "shipgate.yaml", CONFIG);
    let push = [
        "--key",
        "id",
        "--push",
        "--repository",
        url,
        "--output",
        "json",
    ];
    let programs = programs();
    let path = ("PATH", programs.as_str());
    let dry = approve(&keys, &[path], &[&push[..], &["--dry-run"]].concat());
    assert_eq!((dry.code, refs().as_str()), (0, ""), "{}", dry.stdout);
    let report: Value = serde_json::from_str(&dry.stdout).unwrap();
    assert_eq!(report["approval"]["text"], Value::Null);
    // Under a name that nobody deploys nobody would ever find it.
    let slip = approve(
        &keys,
        &[path],
        &[&push[..], &["--config", "other.yaml"]].concat(),
    );
    let report: Value = serde_json::from_str(&slip.stdout).unwrap();
    assert_eq!((slip.code, refs().as_str()), (3, ""), "{report}");
    for _ in 0..2 {
        let ran = approve(&keys, &[path], &push);
        assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
        let report: Value = serde_json::from_str(&ran.stdout).unwrap();
        let approval = &report["approval"];
        assert_eq!(refs(), approval["reference"].as_str().unwrap());
        let statement = approval["statement"].as_str().unwrap();
        assert_eq!(
            shipgate::sign::id(&format!("{statement}\n")),
            approval["id"].as_str().unwrap()
        );
        let kept = bare::git(&bare, &["log", "-1", "--format=%B", &refs()]);
        assert_eq!(kept.trim(), approval["text"].as_str().unwrap().trim());
        assert!(verifies(&keys, approval["text"].as_str().unwrap(), "id"));
    }
}
