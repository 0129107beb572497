//! A real `sshd` on loopback. Where none is installed the tests end early, but never in CI.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use shipgate::git::{ConnectionOptions, GitError, PushOutcome, Repository};
use tempfile::TempDir;

use super::{
    edit, options,
    support::git_server::{git, install_hook, others_commit, seed},
};

struct Sshd {
    child: Child,
    port: u16,
    folder: TempDir,
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[expect(clippy::disallowed_methods, reason = "a pipeline must run these tests")]
fn program() -> Option<PathBuf> {
    let places = ["/usr/sbin/sshd", "/usr/bin/sshd", "/usr/local/sbin/sshd"];
    let found = places.iter().map(PathBuf::from).find(|path| path.exists());
    let must = std::env::var("CI").is_ok_and(|value| !value.is_empty() && value != "false");
    assert!(
        found.is_some() || !must,
        "CI needs sshd: apt-get install openssh-server"
    );
    found
}

fn whoami(flag: &str) -> String {
    let said = Command::new("id").arg(flag).output().unwrap().stdout;
    String::from_utf8(said).unwrap().trim().to_owned()
}

fn key(path: &Path) {
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(path)
        .status()
        .unwrap();
    assert!(made.success());
}

impl Sshd {
    fn start() -> Option<Self> {
        let program = program()?;
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().canonicalize().unwrap();
        seed(&at.join("shop.git"));
        for name in ["host", "id", "stranger"] {
            key(&at.join(name));
        }
        fs::copy(at.join("id.pub"), at.join("authorized_keys")).unwrap();
        if whoami("-u") == "0" {
            // Where sshd, started as root, locks itself in.
            fs::create_dir_all("/run/sshd").unwrap();
        }
        // The port is free when it is asked for, and sshd ends at once when it no longer is.
        loop {
            let free = TcpListener::bind("127.0.0.1:0").unwrap();
            let port = free.local_addr().unwrap().port();
            drop(free);
            let show = at.display();
            let config = format!(
                "Port {port}\nListenAddress 127.0.0.1\nHostKey {show}/host\nPidFile none\n\
                 AuthorizedKeysFile {show}/authorized_keys\nPasswordAuthentication no\n\
                 KbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\nUsePAM no\n\
                 StrictModes no\nMaxStartups 100:30:200\n"
            );
            fs::write(at.join("sshd_config"), config).unwrap();
            let host = fs::read_to_string(at.join("host.pub")).unwrap();
            fs::write(at.join("known_hosts"), format!("[127.0.0.1]:{port} {host}")).unwrap();
            let mut child = Command::new(&program)
                .args(["-D", "-e", "-f"])
                .arg(at.join("sshd_config"))
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(fs::File::create(at.join("log")).unwrap())
                .spawn()
                .unwrap();
            while child.try_wait().unwrap().is_none() {
                if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                    return Some(Self {
                        child,
                        port,
                        folder,
                    });
                }
                std::thread::yield_now();
            }
            let log = fs::read_to_string(at.join("log")).unwrap();
            assert!(log.contains("in use"), "{log}");
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join("shop.git")
    }

    fn url(&self) -> String {
        let name = whoami("-un");
        format!(
            "ssh://{name}@127.0.0.1:{}{}",
            self.port,
            self.path().display()
        )
    }

    fn open(&self, url: &str, identity: &str, known_hosts: &str) -> Repository {
        let connection = ConnectionOptions {
            ssh_identity_file: Some(self.folder.path().join(identity)),
            ssh_known_hosts: Some(self.folder.path().join(known_hosts)),
            ..ConnectionOptions::default()
        };
        Repository::open_with(options(url), connection).unwrap()
    }
}

#[tokio::test]
async fn ssh_serves_like_http() {
    let Some(server) = Sshd::start() else { return };
    let path = server.path();
    others_commit(&path, "main", "a", "a");
    let repository = server.open(&server.url(), "id", "known_hosts");
    let base = repository.fetch("main").await.unwrap();
    assert_eq!(repository.log(&base, 9).await.unwrap().len(), 1);
    assert_eq!(repository.default_branch().await.unwrap(), "main");
    assert_eq!(repository.can_push("main").await, Ok(()));
    let ours = edit(&repository, &base, "ours\n").await;
    let outcome = repository.push("main", &base, &ours).await.unwrap();
    assert_eq!(outcome, PushOutcome::Pushed);
    assert_eq!(git(&path, &["rev-parse", "main"]), ours.as_str());

    let late = edit(&repository, &base, "late\n").await;
    let outcome = repository.push("main", &base, &late).await.unwrap();
    assert_eq!(outcome, PushOutcome::Lost { tip: ours.clone() });

    install_hook(&path, "pre-receive", "echo 'protected' >&2\nexit 1");
    let next = edit(&repository, &ours, "next\n").await;
    let outcome = repository.push("main", &ours, &next).await.unwrap();
    insta::assert_snapshot!(format!("{outcome:?}"), @r#"Denied { reason: "protected | pre-receive hook declined" }"#);
}

#[tokio::test]
async fn ssh_refusals_are_told_apart() {
    let Some(server) = Sshd::start() else { return };
    let stranger = server.open(&server.url(), "stranger", "known_hosts");
    let error = stranger.fetch("main").await.unwrap_err();
    assert!(matches!(error, GitError::Denied { .. }), "{error:?}");

    fs::write(server.folder.path().join("nobody"), "").unwrap();
    let unknown_host = server.open(&server.url(), "id", "nobody");
    let error = unknown_host.can_push("main").await.unwrap_err();
    assert!(matches!(error, GitError::Denied { .. }), "{error:?}");
    assert!(error.hint().contains("host key"), "{error:?}");

    let nowhere = server.open(
        &server.url().replace("shop.git", "none.git"),
        "id",
        "known_hosts",
    );
    let error = nowhere.fetch("main").await.unwrap_err();
    assert!(matches!(error, GitError::NotFound { .. }), "{error:?}");

    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let closed = server
        .url()
        .replace(&format!(":{}", server.port), &format!(":{free}"));
    let closed = server.open(&closed, "id", "known_hosts");
    let error = closed.fetch("main").await.unwrap_err();
    assert!(matches!(error, GitError::Unavailable { .. }), "{error:?}");
}
