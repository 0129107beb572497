//! Which credentials go where, and that nothing planted decides.

use std::{fs, path::Path};

use base64::{Engine, prelude::BASE64_STANDARD};
use shipgate::{
    git::{ConnectionOptions, Repository},
    secret::Secret,
};

use super::{
    TOKEN, edit, options,
    support::git_server::{GitServer, git},
};

fn users(server: &GitServer) -> Vec<Option<String>> {
    let mut users: Vec<_> = server.log().into_iter().map(|line| line.user).collect();
    users.dedup();
    users
}

/// Lays out a work tree the way actions/checkout does: the header in a file that `includeIf` adds.
fn checkout(folder: &Path, scope: &str, token: &str) -> std::path::PathBuf {
    let work = folder.join("work");
    fs::create_dir(&work).unwrap();
    git(&work, &["init", "--quiet", "."]);
    let header = BASE64_STANDARD.encode(format!("x-access-token:{token}"));
    let file = folder.join("git-credentials.config");
    fs::write(
        &file,
        format!("[http \"{scope}\"]\n\textraheader = AUTHORIZATION: basic {header}\n"),
    )
    .unwrap();
    let key = format!(
        "includeIf.gitdir:{}/.git.path",
        work.canonicalize().unwrap().display()
    );
    git(&work, &["config", &key, file.to_str().unwrap()]);
    work
}

#[tokio::test]
async fn the_header_of_a_checkout_serves_its_own_server() {
    let server = GitServer::start(TOKEN);
    let folder = tempfile::tempdir().unwrap();
    let mut options = options(server.url());
    options.token = None;
    options.checkout = Some(checkout(
        folder.path(),
        &format!("{}/", server.origin()),
        TOKEN,
    ));
    let repository = Repository::open(options.clone()).unwrap();
    let base = repository.fetch("main").await.unwrap();
    let ours = edit(&repository, &base, "ours\n").await;
    repository.push("main", &base, &ours).await.unwrap();
    assert_eq!(users(&server), [Some("x-access-token".to_owned())]);
    assert_eq!(server.tip("main"), ours.as_str());

    // A folder inside the work tree finds it too.
    let inside = options.checkout.unwrap().join("inside");
    fs::create_dir(&inside).unwrap();
    options.checkout = Some(inside);
    Repository::open(options)
        .unwrap()
        .fetch("main")
        .await
        .unwrap();
}

#[tokio::test]
async fn the_header_of_a_checkout_goes_nowhere_else() {
    let server = GitServer::start(TOKEN);
    for scope in [
        "http://127.0.0.1:1/",
        "https://127.0.0.1/",
        "http://localhost/",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut options = options(server.url());
        options.token = None;
        options.checkout = Some(checkout(folder.path(), scope, TOKEN));
        let repository = Repository::open(options).unwrap();
        let error = repository.fetch("main").await.unwrap_err();
        assert!(error.message().contains("there are none"), "{error}");
    }
    assert_eq!(users(&server), [None]);
}

#[tokio::test]
async fn a_header_without_a_server_counts_only_for_where_the_checkout_is_from() {
    let server = GitServer::start(TOKEN);
    let folder = tempfile::tempdir().unwrap();
    git(folder.path(), &["init", "--quiet", "."]);
    let header = BASE64_STANDARD.encode(format!("ci:{TOKEN}"));
    git(
        folder.path(),
        &[
            "config",
            "http.extraheader",
            &format!("Authorization: Basic {header}"),
        ],
    );
    let mut options = options(server.url());
    options.token = None;
    options.checkout = Some(folder.path().to_owned());
    let repository = Repository::open(options.clone()).unwrap();
    assert!(repository.fetch("main").await.is_err());
    git(
        folder.path(),
        &[
            "remote",
            "add",
            "origin",
            &format!("{}/app.git", server.origin()),
        ],
    );
    let repository = Repository::open(options).unwrap();
    repository.fetch("main").await.unwrap();
    assert_eq!(users(&server), [None, Some("ci".to_owned())]);
}

#[tokio::test]
async fn the_token_given_comes_before_all_and_goes_alone() {
    let server = GitServer::start(TOKEN);
    let folder = tempfile::tempdir().unwrap();
    let mut options = options(server.url().replace("http://", "http://ci:wrong@"));
    options.token_user = Some("oauth2".to_owned());
    options.checkout = Some(checkout(folder.path(), &server.origin(), "wrong"));
    let repository = Repository::open(options).unwrap();
    repository.fetch("main").await.unwrap();
    assert_eq!(users(&server), [Some("oauth2".to_owned())]);
}

#[tokio::test]
async fn credentials_in_the_address_are_used_and_never_shown() {
    let server = GitServer::start(TOKEN);
    let mut options = options(
        server
            .url()
            .replace("http://", &format!("http://ci:{TOKEN}@")),
    );
    options.token = None;
    let repository = Repository::open(options.clone()).unwrap();
    repository.fetch("main").await.unwrap();
    assert_eq!(users(&server), [Some("ci".to_owned())]);
    assert_eq!(repository.display(), server.url());
    options.url = options.url.replace("shop.git", "none.git");
    let repository = Repository::open(options).unwrap();
    let error = repository.fetch("main").await.unwrap_err();
    assert!(!format!("{error:?} {error}").contains(TOKEN));
}

#[tokio::test]
async fn a_planted_rewrite_sends_nothing_elsewhere() {
    let server = GitServer::start(TOKEN);
    let thief = GitServer::start(TOKEN);
    let folder = tempfile::tempdir().unwrap();
    let work = checkout(folder.path(), &server.origin(), TOKEN);
    for key in ["insteadOf", "pushInsteadOf"] {
        let key = format!("url.{}/.{key}", thief.origin());
        git(
            &work,
            &["config", "--add", &key, &format!("{}/", server.origin())],
        );
    }
    git(&work, &["config", "http.proxy", &thief.origin()]);
    git(
        &work,
        &[
            "config",
            "credential.helper",
            &format!("!touch {}/started", work.display()),
        ],
    );
    let mut options = options(server.url());
    options.token = None;
    options.checkout = Some(work.clone());
    let repository = Repository::open(options).unwrap();
    let base = repository.fetch("main").await.unwrap();
    let ours = edit(&repository, &base, "ours\n").await;
    repository.push("main", &base, &ours).await.unwrap();
    assert_eq!(server.tip("main"), ours.as_str());
    assert_eq!(thief.log(), []);
    assert!(!work.join("started").exists());
}

/// The user's own configuration is found through the environment of the process; so this test
/// starts itself again with another home.
#[test]
fn a_planted_rewrite_in_the_home_folder_is_not_obeyed() {
    let server = GitServer::start(TOKEN);
    let thief = GitServer::start(TOKEN);
    let home = tempfile::tempdir().unwrap();
    let rewrite = format!(
        "[url \"{0}/\"]\n\tinsteadOf = {1}/\n\tpushInsteadOf = {1}/\n\tinsteadOf = file://\n[core]\n\thooksPath = {2}\n",
        thief.origin(),
        server.origin(),
        home.path().display()
    );
    fs::write(home.path().join(".gitconfig"), rewrite).unwrap();
    fs::create_dir_all(home.path().join("git")).unwrap();
    fs::copy(
        home.path().join(".gitconfig"),
        home.path().join("git/config"),
    )
    .unwrap();
    let run = std::process::Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "credentials::pushes_where_it_is_told",
            "--nocapture",
        ])
        .env("HOME", home.path())
        .env("XDG_CONFIG_HOME", home.path())
        .env("GIT_CONFIG_GLOBAL", home.path().join(".gitconfig"))
        .env(
            "SHIPGATE_TEST_URLS",
            format!("{} {}", server.url(), server.repository.display()),
        )
        .output()
        .unwrap();
    assert!(
        run.status.success(),
        "{}",
        String::from_utf8_lossy(&run.stdout)
    );
    assert!(String::from_utf8_lossy(&run.stdout).contains("1 passed"));
    assert_eq!(thief.log(), []);
    assert_eq!(server.git(&["rev-list", "--count", "main"]), "3");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "told by the test that starts it")]
fn pushes_where_it_is_told() {
    // The test above starts this one again, with another home and something to do.
    let Ok(urls) = std::env::var("SHIPGATE_TEST_URLS") else {
        return;
    };
    let connection = ConnectionOptions {
        environment: std::env::vars().collect(),
        ..ConnectionOptions::default()
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        for url in urls.split(' ') {
            let repository = Repository::open_with(options(url), connection.clone()).unwrap();
            let base = repository.fetch("main").await.unwrap();
            let ours = edit(&repository, &base, &format!("{url}\n")).await;
            repository.push("main", &base, &ours).await.unwrap();
        }
    });
}

#[tokio::test]
async fn no_error_holds_the_token() {
    let server = GitServer::start("another");
    let encoded = BASE64_STANDARD.encode(format!("x-access-token:{TOKEN}"));
    let mut options = options(server.url());
    options.token = Some(Secret::new(TOKEN));
    let repository = Repository::open(options).unwrap();
    let leak = format!("you sent {TOKEN} as Basic {encoded}");
    for status in [
        "400 Bad Request",
        "401 Unauthorized",
        "403 Forbidden",
        "404 Not Found",
        "500 Error",
    ] {
        server.fault(
            "info/refs",
            super::support::git_server::Fault::Answer(
                status.to_owned(),
                vec!["Content-Type: text/plain".to_owned()],
                leak.clone(),
            ),
        );
        let error = repository.fetch("main").await.unwrap_err();
        let text = format!("{error:?} {error} {}", error.hint());
        assert!(text.contains("***"), "{text}");
        assert!(!text.contains(TOKEN) && !text.contains(&encoded), "{text}");
    }
}
