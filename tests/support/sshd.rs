//! A real `sshd` on loopback, with `shop.git` behind it.

#![allow(dead_code, reason = "each test program uses another part of it")]

use std::{
    fs,
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;

use super::bare::seed;

/// A running `sshd` that lets the key `id` of its folder in. Dropping it ends the process.
pub struct Sshd {
    child: Child,
    /// Where it listens, on 127.0.0.1.
    pub port: u16,
    /// Its keys (`id`, `stranger`), its `known_hosts` and the repository.
    pub folder: TempDir,
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[expect(clippy::disallowed_methods, reason = "a pipeline must run these tests")]
#[expect(clippy::print_stderr, reason = "says why a test did nothing")]
fn program() -> Option<PathBuf> {
    let places = ["/usr/sbin/sshd", "/usr/bin/sshd", "/usr/local/sbin/sshd"];
    let found = places.iter().map(PathBuf::from).find(|path| path.exists());
    let must = std::env::var("CI").is_ok_and(|value| !value.is_empty() && value != "false");
    assert!(
        found.is_some() || !must,
        "CI needs sshd: apt-get install openssh-server"
    );
    if found.is_none() {
        eprintln!("skipped: `sshd` is not installed");
    }
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
    /// Starts it. Returns nothing where the program is not installed; in a pipeline that is a
    /// failure.
    pub fn start() -> Option<Self> {
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

    /// The bare repository on disk.
    pub fn path(&self) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join("shop.git")
    }

    /// Address of the repository.
    pub fn url(&self) -> String {
        let name = whoami("-un");
        format!(
            "ssh://{name}@127.0.0.1:{}{}",
            self.port,
            self.path().display()
        )
    }

    /// The command that `GIT_SSH_COMMAND` holds for the key that is let in.
    pub fn command(&self) -> String {
        let at = self.folder.path().display();
        format!(
            "ssh -o BatchMode=yes -o IdentitiesOnly=yes -i {at}/id -o UserKnownHostsFile={at}/known_hosts -o StrictHostKeyChecking=yes"
        )
    }
}
