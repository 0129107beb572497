//! As whom the command line commits: pipeline, configuration, flags; and keys that cannot sign.

use std::{fs, path::Path, process::Command};

use shipgate::sim::Scenario;

use super::{
    shop::{Ran, Shop},
    ssh_keygen::{Keys, SshAgent},
    support::{bare::alone, git_server::git},
};

const OPEN: &str = "version: 1\ntimezone: UTC\nblocked_dates: [2020-02-29]\n";
const CONFIG: &str = "shipgate.yaml";
const GITHUB: &[(&str, &str)] = &[("GITHUB_ACTOR", "octocat"), ("GITHUB_ACTOR_ID", "583231")];

fn deploy(shop: &Shop, arguments: &[&str], variables: &[(&str, &str)]) -> Ran {
    let arguments = [&["deploy", "--version", "1.1"], arguments].concat();
    shop.run_hurried(&arguments, variables)
}

/// A copy of everything that the remote has.
fn copy(shop: &Shop, folder: &Path) {
    let address = shop.world.git_url();
    let address = address.replace("http://", &format!("http://ci:{}@", shop.world.token()));
    let mut clone = Command::new("git");
    alone(&mut clone);
    let cloned = clone
        .args(["clone", "--quiet", "--mirror", &address])
        .arg(folder);
    assert!(cloned.status().unwrap().success());
}

/// Our commits: those whose messages have trailers.
fn ours(folder: &Path, format: &str) -> Vec<String> {
    let format = format!("--format={format}");
    let said = git(folder, &["log", "--all", "--grep=^Shipgate-", &format]);
    said.lines().map(str::to_owned).collect()
}

#[test]
fn who_started_the_pipeline_commits_and_the_key_signs_everything() {
    let Some(keys) = Keys::new() else { return };
    keys.make("key", &["ed25519"], "correct horse");
    let key = keys.path("key").display().to_string();
    let shop = Shop::new(Scenario::Healthy, OPEN);
    let variables = [
        GITHUB,
        &[
            ("SHIPGATE_SIGNING_KEY", key.as_str()),
            ("SHIPGATE_KEY_PASSPHRASE", "correct horse"),
        ],
    ];
    let ran = deploy(&shop, &[], &variables.concat());
    assert_eq!(ran.code, 0, "{} {}", ran.line(), ran.stderr);
    let folder = tempfile::tempdir().unwrap();
    copy(&shop, folder.path());
    let mut authors = ours(folder.path(), "%an <%ae>, %cn <%ce>");
    let count = authors.len();
    authors.dedup();
    let octocat = "octocat <583231+octocat@users.noreply.github.com>";
    assert_eq!(authors, [format!("{octocat}, {octocat}")]);
    assert!(count > 8, "{count} commits");
    let signers = keys.path("signers");
    fs::write(
        &signers,
        format!("release@example.com {}\n", keys.public("key")),
    )
    .unwrap();
    let list = format!("gpg.ssh.allowedSignersFile={}", signers.display());
    for commit in ours(folder.path(), "%H") {
        // It fails where git does not take the signature.
        git(folder.path(), &["-c", &list, "verify-commit", &commit]);
    }
}

#[test]
fn the_configuration_names_the_author_and_asks_for_signatures() {
    let shop = Shop::new(Scenario::Healthy, OPEN);
    let wish = "git: {author_name: Release Train, author_email: train@example.com";
    let config = shop.text(CONFIG);
    shop.write(CONFIG, &format!("{config}\n{wish}, sign_commits: true}}\n"));
    let before = shop.references();
    let refused = deploy(&shop, &[], GITHUB);
    insta::assert_snapshot!(refused.line(), @"2 commits to this repository must be signed (git.sign_commits), and there is no key");
    assert_eq!(shop.references(), before);

    shop.write(CONFIG, &format!("{config}\n{wish}}}\n"));
    let ran = deploy(&shop, &[], GITHUB);
    assert_eq!(ran.code, 0, "{} {}", ran.line(), ran.stderr);
    let folder = tempfile::tempdir().unwrap();
    copy(&shop, folder.path());
    let mut authors = ours(folder.path(), "%an <%ae>");
    authors.dedup();
    assert_eq!(authors, ["Release Train <train@example.com>"]);
}

#[test]
fn a_key_that_can_not_sign_ends_the_run_before_anything_is_asked() {
    let Some(keys) = Keys::new() else { return };
    keys.make("locked", &["ed25519"], "correct horse");
    keys.make("rsa", &["rsa", "-b", "2048"], "");
    keys.key("absent");
    fs::write(keys.path("text"), "hello\n").unwrap();
    let agent = SshAgent::start(keys.folder.path());
    let socket = agent.socket.to_str().unwrap();
    let text = fs::read_to_string(keys.path("absent")).unwrap();
    let shop = Shop::new(Scenario::Healthy, OPEN);
    let before = shop.references();
    let at = |name: &str| keys.path(name).display().to_string();
    let rows: Vec<(String, Vec<(&str, &str)>)> = vec![
        (at("none"), vec![]),
        (at("text"), vec![]),
        (at("locked"), vec![]),
        (at("locked"), vec![("SHIPGATE_KEY_PASSPHRASE", "wrong")]),
        (at("rsa"), vec![]),
        (at("absent.pub"), vec![]),
        (at("absent.pub"), vec![("SSH_AUTH_SOCK", socket)]),
        (at("absent.pub"), vec![("SSH_AUTH_SOCK", "/nowhere")]),
        (text.clone(), vec![]),
    ];
    let mut told = String::new();
    for (path, variables) in rows {
        let ran = deploy(&shop, &["--signing-key", &path], &variables);
        assert!(!ran.stderr.contains(&text) && !ran.line().contains("b3BlbnNza"));
        let line = ran
            .line()
            .replace(&keys.folder.path().display().to_string(), "KEYS");
        told.push_str(&format!("{line}\n"));
    }
    assert_eq!(shop.references(), before);
    insta::assert_snapshot!(told, @"
    2 --signing-key KEYS/none: cannot be read: No such file or directory (os error 2)
    2 --signing-key KEYS/text: is no private key in OpenSSH's format that can be read here; for a key of another format, one that only the agent has, or one of 256 of the kind ECDSA (its number begins with a zero), give its public half
    2 --signing-key KEYS/locked: needs a passphrase
    2 --signing-key KEYS/locked: the passphrase does not fit the key
    2 --signing-key KEYS/rsa: keys of the kind ssh-rsa sign through the SSH agent only: `ssh-add` it and give its public half
    2 there is no SSH agent to sign with (SSH_AUTH_SOCK)
    2 --signing-key KEYS/absent.pub: the SSH agent does not have this key; `ssh-add` it
    2 --signing-key KEYS/absent.pub: the SSH agent at SSH_AUTH_SOCK does not answer: No such file or directory (os error 2)
    2 --signing-key: found a key itself
    ");
}

#[test]
fn files_for_ssh_that_are_not_there_are_told() {
    let shop = Shop::new(Scenario::Healthy, OPEN);
    let told: Vec<String> = ["--ssh-key", "--known-hosts"]
        .map(|flag| deploy(&shop, &[flag, "/nowhere"], &[]).line())
        .into();
    insta::assert_snapshot!(told.join("\n"), @"
    2 --ssh-key /nowhere: there is no such file
    2 --known-hosts /nowhere: there is no such file
    ");
}
