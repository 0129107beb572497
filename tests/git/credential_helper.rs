//! The person's own git is asked for credentials where that is allowed, and nobody else's.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use shipgate::git::{ConnectionOptions, Repository};

use super::{
    TOKEN, edit, options, shown,
    support::git_server::{GitServer, git},
};

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
