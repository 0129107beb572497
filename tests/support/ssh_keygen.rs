//! OpenSSH's own programs: keys, signatures and what they say about ours.

#![allow(dead_code, reason = "each test program uses another part of it")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use shipgate::sign::PrivateKey;
use tempfile::TempDir;

/// A folder with keys, if `ssh-keygen` is there. In CI it has to be.
pub struct Keys {
    pub folder: TempDir,
}

impl Keys {
    #[expect(clippy::disallowed_methods, reason = "a pipeline must run these tests")]
    #[expect(clippy::print_stderr, reason = "says why a test did nothing")]
    pub fn new() -> Option<Self> {
        let found = Command::new("ssh-keygen").arg("-?").output().is_ok();
        let must = std::env::var("CI").is_ok_and(|value| !value.is_empty() && value != "false");
        assert!(
            found || !must,
            "CI needs ssh-keygen: apt-get install openssh-client"
        );
        if !found {
            eprintln!("skipped: `ssh-keygen` is not installed");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        Some(Self { folder })
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Makes a key and returns its public half: kind and key.
    ///
    /// The library that reads private keys refuses one of 256 of the kind ECDSA: then another is made.
    pub fn make(&self, name: &str, kind: &[&str], passphrase: &str) -> String {
        for _ in 0..4 {
            let public = self.make_one(name, kind, passphrase);
            let text = fs::read_to_string(self.path(name)).unwrap();
            if kind[0] != "ecdsa" || kind.contains(&"521") || PrivateKey::parse(&text).is_ok() {
                return public;
            }
            fs::remove_file(self.path(name)).unwrap();
        }
        panic!("none of four keys of the kind {kind:?} could be read");
    }

    fn make_one(&self, name: &str, kind: &[&str], passphrase: &str) -> String {
        run(Command::new("ssh-keygen")
            .args(["-q", "-N", passphrase, "-C", name, "-t"])
            .args(kind)
            .arg("-f")
            .arg(self.path(name)));
        self.public(name)
    }

    /// An ed25519 key without a passphrase.
    pub fn key(&self, name: &str) -> String {
        self.make(name, &["ed25519"], "")
    }

    pub fn public(&self, name: &str) -> String {
        let text = fs::read_to_string(self.path(&format!("{name}.pub"))).unwrap();
        let words: Vec<&str> = text.split(' ').take(2).collect();
        words.join(" ")
    }

    /// Signs as a person does with stock OpenSSH; returns the armour.
    pub fn sign(&self, key: &str, namespace: &str, message: &str, options: &[&str]) -> String {
        let file = self.path("message");
        let signature = self.path("message.sig");
        fs::write(&file, message).unwrap();
        let _ = fs::remove_file(&signature);
        run(Command::new("ssh-keygen")
            .args(["-Y", "sign", "-q", "-n", namespace])
            .args(options)
            .arg("-f")
            .arg(self.path(key))
            .arg(&file));
        fs::read_to_string(signature).unwrap()
    }

    /// Does stock OpenSSH take it for a signature of this principal at this time?
    pub fn verifies(
        &self,
        signers: &str,
        principal: &str,
        message: &str,
        signature: &str,
        time: &str,
    ) -> bool {
        let list = self.path("allowed_signers");
        let file = self.path("checked.sig");
        let message_file = self.path("checked");
        fs::write(&list, signers).unwrap();
        fs::write(&file, signature).unwrap();
        fs::write(&message_file, message).unwrap();
        Command::new("ssh-keygen")
            .args(["-Y", "verify", "-n", "shipgate", "-I", principal])
            .arg(format!("-Overify-time={time}"))
            .arg("-f")
            .arg(&list)
            .arg("-s")
            .arg(&file)
            .stdin(fs::File::open(&message_file).unwrap())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .env("TZ", "UTC")
            .status()
            .unwrap()
            .success()
    }
}

/// A running `ssh-agent`. Dropping it ends the process.
pub struct SshAgent {
    child: Child,
    pub socket: PathBuf,
}

impl SshAgent {
    pub fn start(folder: &Path) -> Self {
        let socket = folder.join("agent.socket");
        let child = Command::new("ssh-agent")
            .arg("-D")
            .arg("-a")
            .arg(&socket)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let agent = Self { child, socket };
        // `ssh-add -l` says 2 until somebody listens.
        while agent.add(&["-l"]) == Some(2) {
            std::thread::yield_now();
        }
        agent
    }

    pub fn add(&self, arguments: &[&str]) -> Option<i32> {
        Command::new("ssh-add")
            .args(arguments)
            .env("SSH_AUTH_SOCK", &self.socket)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap()
            .code()
    }
}

impl Drop for SshAgent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
}
