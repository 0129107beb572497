//! Which credentials go where, and that nothing planted decides.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use shipgate::{
    git::{ConnectionOptions, Repository, ServerToken},
    secret::Secret,
};

use super::{
    TOKEN, edit, options, shown,
    support::git_server::{GitServer, git},
};

fn users(server: &GitServer) -> Vec<Option<String>> {
    let mut users: Vec<_> = server.log().into_iter().map(|line| line.user).collect();
    users.dedup();
    users
}

/// Lays out a work tree as actions/checkout has done since its sixth version: the header in a file
/// of its own, which `includeIf` adds for the work tree, its linked work trees, and both once more
/// as a container sees them (`src/git-auth-helper.ts`).
fn checkout(folder: &Path, scope: &str, token: &str) -> PathBuf {
    let work = folder.join("work");
    fs::create_dir(&work).unwrap();
    git(&work, &["init", "--quiet", "."]);
    let file = folder.join("git-credentials-6f1c0f7a.config");
    fs::write(&file, format!("[http \"{scope}\"]\n\t{}\n", header(token))).unwrap();
    let folder = work.canonicalize().unwrap();
    for (folder, file) in [
        (folder.to_str().unwrap(), file.to_str().unwrap()),
        (
            "/github/workspace",
            "/github/runner_temp/git-credentials-6f1c0f7a.config",
        ),
    ] {
        for below in ["", "/worktrees/*"] {
            git(
                &work,
                &[
                    "config",
                    &format!("includeIf.gitdir:{folder}/.git{below}.path"),
                    file,
                ],
            );
        }
    }
    work
}

/// The line of a configuration that holds a header.
fn header(token: &str) -> String {
    let pair = BASE64_STANDARD.encode(format!("x-access-token:{token}"));
    format!("extraheader = AUTHORIZATION: basic {pair}")
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
async fn every_layout_of_a_checkout_is_read() {
    let server = GitServer::start(TOKEN);
    let folder = tempfile::tempdir().unwrap();
    let scope = format!("{}/", server.origin());
    let work = checkout(folder.path(), &scope, TOKEN);
    git(
        &work,
        &["commit", "--quiet", "--allow-empty", "-m", "first"],
    );
    // A work tree linked to it, and one reached over a link.
    git(&work, &["worktree", "add", "--quiet", "../linked"]);
    std::os::unix::fs::symlink(&work, folder.path().join("alias")).unwrap();
    // Up to the fifth version: the header in the configuration itself, after an empty one that
    // takes back what came before.
    let older = folder.path().join("older");
    git(folder.path(), &["init", "--quiet", "older"]);
    let text = format!(
        "[http \"{scope}\"]\n\t{}\n\textraheader =\n\t{}\n",
        header("wrong"),
        header(TOKEN)
    );
    fs::write(older.join(".git/more"), text).unwrap();
    git(&older, &["config", "include.path", "more"]);
    // The job is over: the file is gone, and so are the credentials.
    let later = tempfile::tempdir().unwrap();
    let over = checkout(later.path(), &scope, TOKEN);
    fs::remove_file(later.path().join("git-credentials-6f1c0f7a.config")).unwrap();
    let rows = [
        (work, true),
        (folder.path().join("linked"), true),
        (folder.path().join("alias"), true),
        (older, true),
        (over, false),
    ];
    for (checkout, expected) in rows {
        let mut options = options(server.url());
        options.token = None;
        options.checkout = Some(checkout.clone());
        let fetched = Repository::open(options).unwrap().fetch("main").await;
        assert_eq!(fetched.is_ok(), expected, "{}", checkout.display());
    }
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

/// A home whose git knows a password for the server, and writes down that it was asked.
fn home(folder: &Path, server: &GitServer, password: &str) -> ConnectionOptions {
    let script = format!(
        "!f() {{ echo $1 >>{}/asked; test $1 = get && echo username=ann && echo password={password}; }}; f",
        folder.display()
    );
    let text = format!(
        "[credential \"{}\"]\n\thelper = \"{script}\"\n",
        server.origin()
    );
    fs::write(folder.join(".gitconfig"), text).unwrap();
    ConnectionOptions {
        environment: environment(folder),
        asks_credential_helpers: true,
        ..ConnectionOptions::default()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "helpers need the git program and a shell"
)]
fn environment(home: &Path) -> BTreeMap<String, String> {
    let path = std::env::var("PATH").unwrap();
    let home = home.display().to_string();
    [("PATH".to_owned(), path), ("HOME".to_owned(), home)].into()
}

#[tokio::test]
async fn the_persons_own_git_is_asked_last_and_once() {
    let server = GitServer::start(TOKEN);
    let folder = tempfile::tempdir().unwrap();
    let asked = || fs::read_to_string(folder.path().join("asked")).unwrap_or_default();
    let connection = home(folder.path(), &server, TOKEN);
    let given = options(server.url());
    let repository = Repository::open_with(given.clone(), connection.clone()).unwrap();
    repository.fetch("main").await.unwrap();
    let mut without = given;
    without.token = None;
    let mut forbidden = connection.clone();
    forbidden.asks_credential_helpers = false;
    let repository = Repository::open_with(without.clone(), forbidden).unwrap();
    assert!(repository.fetch("main").await.is_err());
    assert_eq!(asked(), "", "there was a token, or it was not allowed");

    let before = server.log().len();
    let repository = Repository::open_with(without.clone(), connection).unwrap();
    let base = repository.fetch("main").await.unwrap();
    let ours = edit(&repository, &base, "ours\n").await;
    repository.push("main", &base, &ours).await.unwrap();
    let users: Vec<_> = server.log().split_off(before);
    assert!(
        users.iter().all(|line| line.user.as_deref() == Some("ann")),
        "{users:?}"
    );
    assert_eq!(asked(), "get\n", "neither again nor to store or to erase");

    let wrong = home(folder.path(), &server, "wr0ng");
    let before = server.log().len();
    let repository = Repository::open_with(without, wrong).unwrap();
    let error = repository.fetch("main").await.unwrap_err();
    assert_eq!(server.log().len(), before + 1);
    assert!(!format!("{error:?}").contains("wr0ng"));
    insta::assert_snapshot!(shown(&error, &server.origin()), @"
    Denied: SERVER/shop.git refuses the credentials (HTTP 401)
    hint: check that the token is valid, not expired, and meant for this server; it was tried once (no token was given, the address holds none, `git credential fill` is used)
    ");
}

#[tokio::test]
async fn a_helper_of_a_checkout_is_not_asked() {
    let server = GitServer::start(TOKEN);
    let folder = tempfile::tempdir().unwrap();
    let planted = format!("!touch {}/sprung", folder.path().display());
    git(folder.path(), &["init", "--quiet", "."]);
    git(folder.path(), &["config", "credential.helper", &planted]);
    let mut options = options(server.url());
    options.token = None;
    options.checkout = Some(folder.path().to_owned());
    let mut connection = ConnectionOptions {
        environment: environment(folder.path()),
        asks_credential_helpers: true,
        ..ConnectionOptions::default()
    };
    for (name, value) in [
        ("GIT_DIR", folder.path().join(".git").display().to_string()),
        ("GIT_CONFIG_COUNT", "1".to_owned()),
        ("GIT_CONFIG_KEY_0", "credential.helper".to_owned()),
        ("GIT_CONFIG_VALUE_0", planted.clone()),
        (
            "GIT_ASKPASS",
            format!("{}/.git/hooks/none", folder.path().display()),
        ),
    ] {
        connection.environment.insert(name.to_owned(), value);
    }
    let repository = Repository::open_with(options, connection).unwrap();
    let error = repository.fetch("main").await.unwrap_err();
    assert!(
        error
            .hint()
            .contains("`git credential fill`: it has none for this server"),
        "{error:?}"
    );
    assert!(!folder.path().join("sprung").exists());
}

#[tokio::test]
async fn a_helper_that_does_not_answer_goes_with_the_repository() {
    let server = GitServer::start(TOKEN);
    let folder = tempfile::tempdir().unwrap();
    let started = folder.path().join("started");
    let mut connection = home(folder.path(), &server, TOKEN);
    let text = format!(
        "[credential]\n\thelper = \"!echo $$ >{0}.new; mv {0}.new {0}; sleep 3600; :\"\n",
        started.display()
    );
    fs::write(folder.path().join(".gitconfig"), text).unwrap();
    connection.asks_credential_helpers = true;
    let mut options = options(server.url());
    options.token = None;
    let repository = Repository::open_with(options, connection).unwrap();
    tokio::select! {
        answer = repository.fetch("main") => panic!("{answer:?}"),
        () = there(&started) => {}
    }
    drop(repository);
    let pid = fs::read_to_string(&started).unwrap();
    let process = PathBuf::from(format!("/proc/{}/stat", pid.trim()));
    // A zombie has ended, too.
    while fs::read_to_string(&process).is_ok_and(|stat| !stat.contains(") Z ")) {
        tokio::task::yield_now().await;
    }
    assert_eq!(server.log(), []);
}

async fn there(path: &Path) {
    while !path.exists() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn the_token_of_a_job_goes_to_its_own_server_only() {
    let server = GitServer::start(TOKEN);
    let origin = server.origin();
    let port = origin.rsplit(':').next().unwrap();
    let rows = [
        (origin.clone(), Some("gitlab-ci-token")),
        (format!("https://127.0.0.1:{port}"), None),
        ("http://127.0.0.1:1".to_owned(), None),
        (format!("http://localhost:{port}"), None),
    ];
    for (address, user) in rows {
        let mut options = options(server.url());
        options.token = None;
        let connection = ConnectionOptions {
            job_token: Some(ServerToken {
                server: address.parse().unwrap(),
                token: Secret::new(TOKEN),
            }),
            ..ConnectionOptions::default()
        };
        let repository = Repository::open_with(options, connection).unwrap();
        let fetched = repository.fetch("main").await;
        let last = server.log().pop().unwrap();
        assert_eq!(last.user.as_deref(), user, "{address}");
        assert_eq!(fetched.is_ok(), user.is_some());
        if let Err(error) = fetched {
            let story = format!("CI_JOB_TOKEN is for {} only", address);
            assert!(error.hint().contains(&story), "{error:?}");
        }
    }
}
