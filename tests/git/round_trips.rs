//! What a deployment asks of the git server, request by request.

use super::{
    TOKEN, edit,
    estate::{Estate, run},
    noon, open,
    support::git_server::{Fault, GitServer, git},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use shipgate::git::{JournalOutcome, Proof, Repository};

/// Says which requests came since `seen`, in the order of their coming.
fn requests(estate: &Estate, seen: usize) -> String {
    let log = estate.server.log();
    let lines: Vec<String> = log[seen..]
        .iter()
        .map(|line| {
            let target = line.target.trim_start_matches("/shop.git/");
            format!("{} {target}", line.method)
        })
        .collect();
    lines.join("\n")
}

#[test]
fn a_rolling_deployment_asks_no_more_than_it_needs() {
    let estate = Estate::of(1);
    run(estate.deploy("service-0", "1.1")).expect(0);
    let first = requests(&estate, 0);
    insta::assert_snapshot!(first, @r"
    GET info/refs?service=git-upload-pack
    POST git-upload-pack
    POST git-upload-pack
    POST git-upload-pack
    GET info/refs?service=git-receive-pack
    POST git-receive-pack
    POST git-receive-pack
    GET info/refs?service=git-receive-pack
    POST git-receive-pack
    GET info/refs?service=git-receive-pack
    ");
    let seen = estate.server.log().len();
    run(estate.deploy("service-0", "1.2")).expect(0);
    insta::assert_snapshot!(requests(&estate, seen), @r"
    GET info/refs?service=git-upload-pack
    POST git-upload-pack
    GET info/refs?service=git-receive-pack
    POST git-receive-pack
    POST git-receive-pack
    GET info/refs?service=git-receive-pack
    POST git-receive-pack
    GET info/refs?service=git-receive-pack
    ");
    let seen = estate.server.log().len();
    run(estate.deploy("service-0", "1.2")).expect(0);
    insta::assert_snapshot!(requests(&estate, seen), @r"
    GET info/refs?service=git-upload-pack
    POST git-upload-pack
    ");
}

#[test]
fn a_lost_race_is_five_requests() {
    let estate = Estate::of(1);
    run(estate.deploy("service-0", "1.1")).expect(0);
    let base = estate.server.tip("main");
    let theirs = estate.server.others_commit("theirs.yaml", "theirs\n");
    estate.server.git(&["update-ref", "refs/heads/main", &base]);
    estate.server.hook(
        "pre-receive",
        &format!(
            "grep -q refs/heads/main || exit 0\nunset GIT_QUARANTINE_PATH\ngit update-ref refs/heads/main {theirs} {base}\nrm hooks/pre-receive"
        ),
    );
    let seen = estate.server.log().len();
    run(estate.deploy("service-0", "1.2")).expect(0);
    // From the fourth to the eighth: it sees that it lost, reads, and says and does it again.
    insta::assert_snapshot!(requests(&estate, seen), @r"
    GET info/refs?service=git-upload-pack
    POST git-upload-pack
    GET info/refs?service=git-receive-pack
    POST git-receive-pack
    POST git-receive-pack
    GET info/refs?service=git-receive-pack
    GET info/refs?service=git-upload-pack
    POST git-upload-pack
    POST git-receive-pack
    POST git-receive-pack
    GET info/refs?service=git-receive-pack
    POST git-receive-pack
    GET info/refs?service=git-receive-pack
    ");
}

#[test]
fn a_deployment_asks_three_times_more_than_git_for_a_fetch_and_a_push() {
    let estate = Estate::of(1);
    run(estate.deploy("service-0", "1.1")).expect(0);
    let seen = estate.server.log().len();
    run(estate.deploy("service-0", "1.2")).expect(0);
    let ours = estate.server.log().len() - seen;
    let seen = estate.server.log().len();
    let folder = tempfile::tempdir().unwrap();
    let pair = BASE64_STANDARD.encode(format!("ci:{TOKEN}"));
    let header = format!("http.extraHeader=Authorization: Basic {pair}");
    let git = |arguments: &[&str]| {
        let options = ["-c", &header, "-c", "user.name=x", "-c", "user.email=x@x"];
        git(folder.path(), &[&options, arguments].concat())
    };
    git(&["clone", "--quiet", "--depth=1", &estate.server.url(), "."]);
    git(&["commit", "--quiet", "--allow-empty", "--message=x"]);
    git(&["push", "--quiet", "origin", "HEAD:main"]);
    let theirs = estate.server.log().len() - seen;
    assert_eq!(ours, theirs + 3, "{}", requests(&estate, seen));
}

async fn record(repository: &Repository, service: &str, count: usize) {
    let mut tip = None;
    for number in 0..count {
        let message = format!(
            "{number}\n\nShipgate-Run: r\nShipgate-Service: {service}\nShipgate-Environment: production\n"
        );
        let outcome = repository
            .append_journal(
                "production",
                service,
                tip.as_ref(),
                &message,
                noon(),
                Proof::ByTheNext,
            )
            .await
            .unwrap();
        let JournalOutcome::Appended(id) = outcome else {
            panic!("{outcome:?}");
        };
        tip = Some(id);
    }
}

#[tokio::test]
async fn the_journal_comes_with_the_branch_and_nothing_from_behind_it() {
    let server = GitServer::start(TOKEN);
    let one = open(server.url());
    let base = one.fetch("main").await.unwrap();
    let commit = edit(&one, &base, "image: shop:1.1\n").await;
    one.push("main", &base, &commit).await.unwrap();
    record(&one, "shop", 60).await;
    record(&one, "other", 1).await;

    let rows = [
        (Some("production"), Some("shop"), 0),
        (None, Some("shop"), 0),
        (Some("production"), None, 0),
        (Some("staging"), Some("shop"), 1),
    ];
    for (environment, service, more) in rows {
        let two = open(server.url());
        two.journals_wanted(environment, service).await.unwrap();
        let seen = server.log().len();
        let tip = two.fetch("main").await.unwrap();
        assert_eq!(tip, commit);
        assert_eq!(server.log().len() - seen, 2, "{environment:?} {service:?}");
        let journal = two.journal_as_listed("production", "shop").await.unwrap();
        assert_eq!(journal.records.len(), 60);
        let asked = server.log().len() - seen;
        assert_eq!(asked, 2 + more, "{environment:?} {service:?}");
        // The history of the branch stays where it is.
        let log = two.log(&tip, usize::MAX).await.unwrap();
        assert_eq!(log.len(), 1);
        assert_eq!(two.contains(&tip, &base).await, Ok(true));
        let log = two.log(&tip, usize::MAX).await.unwrap();
        assert_eq!(log.last().unwrap().parents, []);
        assert!(log.len() > 1);
    }
}

#[tokio::test]
async fn a_server_that_does_not_understand_is_asked_in_the_usual_way() {
    let server = GitServer::start(TOKEN);
    let says = vec!["Content-Type: application/x-git-upload-pack-result".to_owned()];
    let error = "0016ERR no such thing\n".to_owned();
    let fault = Fault::Answer("200 OK".to_owned(), says, error);
    server.fault("/git-upload-pack", fault);
    let repository = open(server.url());
    let tip = repository.fetch("main").await.unwrap();
    assert_eq!(tip.as_str(), server.tip("main"));
    assert_eq!(server.log().len(), 4, "{:?}", server.log());
    let log = repository.log(&tip, usize::MAX).await.unwrap();
    assert_eq!(log.len(), 1);
    server.others_commit("clusters/prod/other.yaml", "a: 1\n");
    let tip = repository.fetch("main").await.unwrap();
    assert_eq!(tip.as_str(), server.tip("main"));
}
