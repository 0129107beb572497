//! What a server refuses, and how that is told.

use shipgate::{
    git::{GitError, PushOutcome, Repository},
    secret::Secret,
};

use super::{
    TOKEN, edit, open, options, shown,
    support::git_server::{Fault, GitServer},
};

const PROTECTION: &str = "cat > /dev/null\n\
    echo 'GH006: Protected branch update failed for refs/heads/main.' >&2\n\
    printf '\\033[31m::error::forged\\033[0m\\n' >&2\n\
    exit 1";

#[tokio::test]
async fn branch_protection_is_told_with_the_servers_words() {
    let server = GitServer::start(TOKEN);
    server.hook("pre-receive", PROTECTION);
    let repository = open(server.url());
    let base = repository.fetch("main").await.unwrap();
    let ours = edit(&repository, &base, "ours\n").await;
    assert_eq!(repository.can_push("main").await, Ok(()));
    let PushOutcome::Denied { reason } = repository.push("main", &base, &ours).await.unwrap()
    else {
        panic!("not denied");
    };
    insta::assert_snapshot!(reason, @"GH006: Protected branch update failed for refs/heads/main. | : :error::forged | pre-receive hook declined");
    assert_eq!(server.tip("main"), base.as_str());
}

#[tokio::test]
async fn a_long_refusal_is_cut() {
    let server = GitServer::start(TOKEN);
    server.hook(
        "update",
        "yes 'no, not like this' | head -c 100000 >&2\nexit 1",
    );
    let repository = open(server.url());
    let base = repository.fetch("main").await.unwrap();
    let ours = edit(&repository, &base, "ours\n").await;
    let PushOutcome::Denied { reason } = repository.push("main", &base, &ours).await.unwrap()
    else {
        panic!("not denied");
    };
    assert_eq!(reason.chars().count(), 500);
}

#[tokio::test]
async fn a_pack_that_can_not_be_unpacked_is_a_refusal() {
    let server = GitServer::start(TOKEN);
    server.git(&["config", "receive.maxInputSize", "10"]);
    let repository = open(server.url());
    let base = repository.fetch("main").await.unwrap();
    let ours = edit(&repository, &base, "ours\n").await;
    let outcome = repository.push("main", &base, &ours).await.unwrap();
    assert!(matches!(outcome, PushOutcome::Denied { .. }), "{outcome:?}");
    assert_eq!(server.tip("main"), base.as_str());
}

async fn every_way_in(repository: &Repository) -> Vec<GitError> {
    vec![
        repository.fetch("main").await.unwrap_err(),
        repository.can_push("main").await.unwrap_err(),
        repository.remote_tip("refs/heads/main").await.unwrap_err(),
        repository.journal("production", "shop").await.unwrap_err(),
        repository.default_branch().await.unwrap_err(),
    ]
}

#[tokio::test]
async fn a_wrong_token_is_tried_once() {
    let server = GitServer::start("another");
    let repository = open(server.url());
    for (asked, error) in every_way_in(&repository).await.into_iter().enumerate() {
        assert!(!format!("{error:?}").contains(TOKEN));
        insta::allow_duplicates! {
            insta::assert_snapshot!(shown(&error, &server.origin()), @"
            Denied: SERVER/shop.git refuses the credentials (HTTP 401)
            hint: check that the token is valid, not expired, and meant for this server; it was tried once (the token given is used)
            ");
        }
        assert!(server.log().len() > asked);
    }
    assert_eq!(server.log().len(), 5, "one request for each of five calls");
}

#[tokio::test]
async fn no_token_is_told_with_what_was_tried() {
    let server = GitServer::start(TOKEN);
    let mut options = options(server.url());
    options.token = Some(Secret::new(""));
    options.checkout = Some("/nowhere/at/all".into());
    let repository = Repository::open(options).unwrap();
    let error = repository.fetch("main").await.unwrap_err();
    insta::assert_snapshot!(shown(&error, &server.origin()), @"
    Denied: SERVER/shop.git asks for credentials and there are none
    hint: give a token that may push to the repository in SHIPGATE_TOKEN (no token was given, /nowhere/at/all is in no git checkout, the address holds none, credential helpers are asked at a terminal only)
    ");
    assert_eq!(server.log().len(), 1);
}

#[tokio::test]
async fn a_token_that_may_only_read_is_told_so_before_anything_is_sent() {
    let server = GitServer::start(TOKEN);
    let repository = open(server.url());
    let base = repository.fetch("main").await.unwrap();
    let ours = edit(&repository, &base, "ours\n").await;
    let no = || {
        Fault::Answer(
            "403 Forbidden".to_owned(),
            vec!["Content-Type: text/plain; charset=utf-8".to_owned()],
            format!("remote: Permission to shop denied to bot with {TOKEN}.\n::warning::x"),
        )
    };
    for part in ["service=git-receive-pack", "/git-receive-pack"] {
        server.fault(part, no());
        let error = repository.push("main", &base, &ours).await.unwrap_err();
        insta::allow_duplicates! {
            insta::assert_snapshot!(shown(&error, &server.origin()), @"
            Denied: SERVER/shop.git does not allow a push (HTTP 403: remote: Permission to shop denied to bot with ***. | : :warning::x)
            hint: check the token's rights: GITHUB_TOKEN reaches only its own repository and needs contents: write; a GitLab job token pushes only where the project allows it (the token given is used)
            ");
        }
    }
    server.fault("service=git-receive-pack", no());
    let error = repository.can_push("main").await.unwrap_err();
    assert!(matches!(error, GitError::Denied { .. }), "{error}");
    assert_eq!(server.tip("main"), base.as_str());
}

#[tokio::test]
async fn each_answer_that_is_no_repository_has_its_words() {
    let server = GitServer::start(TOKEN);
    let repository = open(format!("{}/none.git", server.origin()));
    let missing = repository.fetch("main").await.unwrap_err();
    let repository = open(server.url());
    let mut messages = vec![shown(&missing, &server.origin())];
    let page = "Content-Type: text/html".to_owned();
    let answers = [
        ("200 OK", vec![page.clone()], "<html>log in</html>"),
        (
            "500 Internal Server Error",
            vec![page],
            "<html>secret</html>",
        ),
        (
            "503 Service Unavailable",
            vec!["Content-Type: text/plain".to_owned()],
            "maintenance\n",
        ),
        ("429 Too Many Requests", vec![], ""),
        (
            "301 Moved Permanently",
            vec![
                "Location: https://user:pw@elsewhere.example/shop.git/info/refs?service=x&key=s"
                    .to_owned(),
            ],
            "",
        ),
    ];
    for (status, headers, body) in answers {
        let body = body.to_owned();
        server.fault("info/refs", Fault::Answer(status.to_owned(), headers, body));
        let error = repository.fetch("main").await.unwrap_err();
        messages.push(shown(&error, &server.origin()));
    }
    insta::assert_snapshot!(messages.join("\n"), @"
    NotFound: no repository at SERVER/none.git (HTTP 404)
    hint: check the address, and that the token may see the repository (the token given is used)
    NotFound: SERVER/shop.git answers, but not as a git repository
    hint: check the address: it is the one that `git clone` takes
    Unavailable: git server SERVER answers HTTP 500
    hint: run the same command again when the server is well
    Unavailable: git server SERVER answers HTTP 503: maintenance
    hint: run the same command again when the server is well
    Unavailable: git server SERVER answers HTTP 429
    hint: run the same command again when the server is well
    Invalid: SERVER/shop.git sends us to https://elsewhere.example/shop.git
    hint: write that address into the configuration, if it is right; shipgate follows no redirects
    ");
    let seen = server.log().len();
    assert_eq!(seen, 6, "no redirect is followed, nothing is tried twice");
}

#[tokio::test]
async fn no_answer_is_told_apart_from_no() {
    let server = GitServer::start(TOKEN);
    let mut options = options(server.url());
    options.timeout = std::time::Duration::from_millis(300);
    let repository = Repository::open(options.clone()).unwrap();
    server.fault("info/refs", Fault::Silence);
    let silent = repository.fetch("main").await.unwrap_err();
    // A port that was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    options.url = format!("http://{free}/shop.git");
    let repository = Repository::open(options).unwrap();
    let closed = repository.fetch("main").await.unwrap_err();
    let closed = shown(&closed, &format!("http://{free}"));
    insta::assert_snapshot!(format!("{}\n{closed}", shown(&silent, &server.origin())), @"
    Unavailable: git server SERVER: no answer within 0.3 s
    hint: run the same command again when the server answers
    Unavailable: git server SERVER: Connection refused (os error 111)
    hint: check the address, the network and the proxy settings, then run the same command again
    ");
}

#[tokio::test]
async fn a_dropped_repository_stops_waiting_for_the_server() {
    let server = GitServer::start(TOKEN);
    server.fault("info/refs", Fault::Silence);
    let mut options = options(server.url());
    options.timeout = std::time::Duration::from_secs(3600);
    let repository = Repository::open(options).unwrap();
    tokio::select! {
        answer = repository.fetch("main") => panic!("{answer:?}"),
        () = asked(&server) => {}
    }
    // Without an end to the call this would wait for the thread for two seconds, and the thread
    // for an hour.
    drop(repository);
}

async fn asked(server: &GitServer) {
    while server.log().is_empty() {
        tokio::task::yield_now().await;
    }
}
