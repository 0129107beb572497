//! Approvals that GitHub's API tells of: only what the documentation calls one counts, and no other
//! answer ever does.

use crate::fault_clock;
use crate::faults;
use crate::server;

use fault_clock::clock_for;
use faults::{TOKEN, client, faults, now};
use serde_json::{Value, json};
use server::{Behaviour, Server, answer, nobody};
use shipgate::{
    clock::{Clock, ManualClock},
    probe::github::Repository,
    secret::Secret,
};

const COMMIT: &str = "6dcb09b5b57875f334f61aebed695e2e4193db5e";
const HEAD: &str = "ecdd80bb57125d7ba9641ffaa4d7d2c19d3f3091";

fn repository(url: &str) -> Repository {
    Repository::new(url, "octocat/Hello-World", Some(Secret::new(TOKEN))).unwrap()
}

fn shown(text: String, url: &str) -> String {
    assert!(!text.contains(TOKEN), "{text}");
    assert!(!text.contains(char::is_control), "{text:?}");
    text.replace(url, "URL")
}

/// A user as the documentation shows one.
fn user(login: &str, kind: &str) -> Value {
    json!({
        "login": login,
        "id": 1,
        "node_id": "MDQ6VXNlcjE=",
        "avatar_url": "https://github.com/images/error/octocat_happy.gif",
        "gravatar_id": "",
        "url": format!("https://api.github.com/users/{login}"),
        "html_url": format!("https://github.com/{login}"),
        "type": kind,
        "site_admin": false
    })
}

/// An entry of the review history of a run, as the documentation shows one.
fn approval(state: &str, login: &str, environment: &str) -> Value {
    json!({
        "state": state,
        "comment": "Ship it!",
        "environments": [{
            "id": 161_088_068,
            "node_id": "MDExOkVudmlyb25tZW50MTYxMDg4MDY4",
            "name": environment,
            "url": "https://api.github.com/repos/github/hello-world/environments/staging",
            "html_url": "https://github.com/github/hello-world/deployments/activity_log?environments_filter=staging",
            "created_at": "2020-11-23T22:00:40Z",
            "updated_at": "2020-11-23T22:00:40Z"
        }],
        "user": user(login, "User")
    })
}

/// A pull request of a commit, with the keys of the documentation that matter and some others.
fn pull(number: u64) -> Value {
    json!({
        "url": format!("https://api.github.com/repos/octocat/Hello-World/pulls/{number}"),
        "id": 1,
        "number": number,
        "state": "closed",
        "locked": true,
        "title": "Amazing new feature",
        "user": user("author", "User"),
        "body": "Please pull these awesome changes in!",
        "created_at": "2011-01-26T19:01:12Z",
        "merged_at": "2011-01-26T19:01:12Z",
        "merge_commit_sha": COMMIT,
        "head": {"label": "octocat:new-topic", "ref": "new-topic", "sha": HEAD},
        "base": {"label": "octocat:main", "ref": "main", "sha": COMMIT},
        "draft": false
    })
}

/// A review of a pull request, as the documentation shows one.
fn review(id: u64, login: &str, state: &str) -> Value {
    json!({
        "id": id,
        "node_id": "MDE3OlB1bGxSZXF1ZXN0UmV2aWV3ODA=",
        "user": user(login, "User"),
        "body": "Here is the body for the review.",
        "state": state,
        "html_url": "https://github.com/octocat/Hello-World/pull/12#pullrequestreview-80",
        "pull_request_url": "https://api.github.com/repos/octocat/Hello-World/pulls/12",
        "submitted_at": "2019-11-17T17:43:43Z",
        "commit_id": HEAD,
        "author_association": "COLLABORATOR"
    })
}

/// Changes a value at a JSON pointer; null takes the key away.
fn with(mut value: Value, pointer: &str, new: Value) -> Value {
    let (place, key) = pointer.rsplit_once('/').unwrap();
    let object = value.pointer_mut(place).unwrap().as_object_mut().unwrap();
    if new.is_null() {
        object.shift_remove(key);
    } else {
        object.insert(key.to_owned(), new);
    }
    value
}

async fn run_approvals(behaviour: Behaviour) -> String {
    let clock = clock_for(&behaviour);
    let server = Server::always(behaviour);
    let found = repository(&server.url)
        .run_approvals(&client(), &*clock, 42, "production")
        .await;
    let text = match found {
        Ok(approvals) if approvals.is_empty() => "nobody".to_owned(),
        Ok(approvals) => {
            let logins: Vec<String> = approvals.into_iter().map(|it| it.login).collect();
            format!("approved by {}", logins.join(", "))
        }
        Err(reason) => format!("not known: {reason}"),
    };
    shown(text, &server.url)
}

#[tokio::test]
async fn whoever_let_the_run_into_the_environment_has_approved() {
    let alice = || approval("approved", "alice", "production");
    let rows = [
        ("one", json!([alice()])),
        (
            "no case in names of environments",
            json!([approval("approved", "alice", "Production")]),
        ),
        ("twice the same", json!([alice(), alice()])),
        (
            "two",
            json!([alice(), approval("approved", "carol", "production")]),
        ),
        ("nobody yet", json!([])),
        (
            "another environment",
            json!([approval("approved", "alice", "staging")]),
        ),
        (
            "only a comment",
            json!([approval("pending", "alice", "production")]),
        ),
        (
            "refused",
            json!([approval("rejected", "alice", "production")]),
        ),
        (
            "refused and approved",
            json!([alice(), approval("rejected", "carol", "production")]),
        ),
        (
            "refused elsewhere",
            json!([alice(), approval("rejected", "carol", "staging")]),
        ),
        (
            "a machine",
            json!([with(alice(), "/user/type", json!("Bot"))]),
        ),
        (
            "nobody's account",
            json!([with(alice(), "/user", Value::Null)]),
        ),
        (
            "a hostile login",
            json!([with(alice(), "/user/login", json!("a\n::error::x"))]),
        ),
        ("no login", json!([with(alice(), "/user/login", json!(""))])),
        (
            "a number as login",
            json!([with(alice(), "/user/login", json!(7))]),
        ),
        (
            "an unknown state",
            json!([with(alice(), "/state", json!("APPROVED"))]),
        ),
        ("no state", json!([with(alice(), "/state", Value::Null)])),
        (
            "no environments",
            json!([with(alice(), "/environments", Value::Null)]),
        ),
        ("not a list", json!({"approvals": [alice()]})),
        ("a list of lists", json!([[alice()]])),
        ("null in the list", json!([alice(), null])),
        (
            "an error as GitHub writes it",
            json!({"message": "Not Found", "status": "404"}),
        ),
    ];
    let mut lines = Vec::new();
    for (name, body) in rows {
        let text = run_approvals(answer(200, "", body.to_string())).await;
        lines.push(format!("{name}: {text}"));
    }
    let next = "link: <https://api.github.example/2>; rel=\"next\"\r\n";
    let text = run_approvals(answer(200, next, json!([alice()]).to_string())).await;
    lines.push(format!("a list with a next page: {text}"));
    insta::assert_snapshot!(lines.join("\n"), @r"
    one: approved by alice
    no case in names of environments: approved by alice
    twice the same: approved by alice
    two: approved by alice, carol
    nobody yet: nobody
    another environment: nobody
    only a comment: nobody
    refused: nobody
    refused and approved: nobody
    refused elsewhere: approved by alice
    a machine: nobody
    nobody's account: nobody
    a hostile login: not known: URL answered with a login that is none
    no login: not known: URL answered with a login that is none
    a number as login: not known: URL answered with something that GitHub's API does not document
    an unknown state: not known: URL answered with something that GitHub's API does not document
    no state: not known: URL answered with something that GitHub's API does not document
    no environments: not known: URL answered with something that GitHub's API does not document
    not a list: not known: URL answered with something that GitHub's API does not document
    a list of lists: not known: URL answered with something that GitHub's API does not document
    null in the list: not known: URL answered with something that GitHub's API does not document
    an error as GitHub writes it: not known: URL answered with something that GitHub's API does not document
    a list with a next page: not known: URL answered with a part of a list
    ");
}

#[tokio::test]
async fn no_broken_answer_is_an_approval() {
    let good = json!([approval("approved", "alice", "production")]).to_string();
    let mut lines = Vec::new();
    for (name, behaviour) in faults(&good) {
        let text = run_approvals(behaviour).await;
        assert!(!text.starts_with("approved"), "{name}");
        lines.push(format!("{name}: {text}"));
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    closed: not known: URL did not answer: connection closed before message completed
    hanging: not known: URL did not answer within 10s
    dripping: not known: URL did not answer within 10s
    endless: not known: URL answered with more than 8 MiB
    endless headers: not known: URL did not answer: message head is too large
    cut off: not known: URL did not answer: the answer broke off: end of file before message length reached
    broken chunks: not known: URL did not answer: the answer broke off: Invalid chunk size line: missing size digit
    not HTTP: not known: URL did not answer: invalid HTTP version parsed
    301: not known: URL answered with status 301: redirects are not followed, so the address must be the final one
    302: not known: URL answered with status 302: redirects are not followed, so the address must be the final one
    307: not known: URL answered with status 307: redirects are not followed, so the address must be the final one
    401: not known: URL answered with status 401: is the token right?
    403: not known: URL answered with status 403: may the token read actions and pull requests, or is its limit used up?
    404: not known: URL answered with status 404: is it there, and may the token see it?
    429: not known: URL answered with status 429: may the token read actions and pull requests, or is its limit used up?
    500: not known: URL answered with status 500
    502: not known: URL answered with status 502
    503: not known: URL answered with status 503
    504: not known: URL answered with status 504
    204: not known: URL answered with status 204
    206: not known: URL answered with status 206
    empty: not known: URL answered with something that GitHub's API does not document
    null: not known: URL answered with something that GitHub's API does not document
    a list: nobody
    a text: not known: URL answered with something that GitHub's API does not document
    HTML: not known: URL answered with something that GitHub's API does not document
    half of a JSON text: not known: URL answered with something that GitHub's API does not document
    two JSON texts: not known: URL answered with something that GitHub's API does not document
    deep: not known: URL answered with something that GitHub's API does not document
    large: not known: URL answered with more than 8 MiB
    a bomb: not known: URL answered with more than 8 MiB
    no gzip: not known: URL did not answer: the answer broke off: Invalid gzip header
    not UTF-8: not known: URL answered with something that GitHub's API does not document
    ");
}

#[tokio::test]
async fn the_question_is_the_documented_one() {
    let server = Server::always(answer(200, "", "[]"));
    let repository = Repository::new(
        &format!("{}/api/v3/", server.url),
        "octocat/Hello-World",
        Some(Secret::new(TOKEN)),
    )
    .unwrap();
    repository
        .run_approvals(&client(), &ManualClock::at(now()), 42, "production")
        .await
        .unwrap();
    let request = server.requests()[0].to_lowercase();
    let line = request.lines().next().unwrap();
    assert_eq!(
        line,
        "get /api/v3/repos/octocat/hello-world/actions/runs/42/approvals http/1.1"
    );
    for header in [
        "accept: application/vnd.github+json",
        "x-github-api-version: 2022-11-28",
        "authorization: bearer hunter2-token",
        "user-agent: shipgate/test",
    ] {
        assert!(request.lines().any(|line| line == header), "{request}");
    }
}

#[test]
fn addresses_and_names_that_are_none_are_refused() {
    let rows = [
        ("https://api.github.com", "octocat/Hello-World"),
        ("https://github.example/api/v3", "octocat/Hello-World"),
        ("http://127.0.0.1:8080", "octocat/Hello-World"),
        ("http://api.github.com", "octocat/Hello-World"),
        ("ftp://127.0.0.1", "octocat/Hello-World"),
        ("api.github.com", "octocat/Hello-World"),
        ("https://user@api.github.com", "octocat/Hello-World"),
        ("https://api.github.com/?x=1", "octocat/Hello-World"),
        ("https://api.github.com", "octocat"),
        ("https://api.github.com", "octocat/"),
        ("https://api.github.com", "octocat/.."),
        ("https://api.github.com", "octocat/a/b"),
        ("https://api.github.com", "octocat/a?b"),
        ("https://api.github.com", "octocat/a%2fb"),
    ];
    let lines: Vec<String> = rows
        .iter()
        .map(|(api, name)| match Repository::new(api, name, None) {
            Ok(_) => format!("{api} {name}: taken"),
            Err(nonsense) => format!("{api} {name}: {nonsense}"),
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    https://api.github.com octocat/Hello-World: taken
    https://github.example/api/v3 octocat/Hello-World: taken
    http://127.0.0.1:8080 octocat/Hello-World: taken
    http://api.github.com octocat/Hello-World: found "http://api.github.com", expected the base address of GitHub's API without credentials or query, such as https://api.github.com
    ftp://127.0.0.1 octocat/Hello-World: found "ftp://127.0.0.1", expected the base address of GitHub's API without credentials or query, such as https://api.github.com
    api.github.com octocat/Hello-World: found "api.github.com", expected the base address of GitHub's API without credentials or query, such as https://api.github.com
    https://user@api.github.com octocat/Hello-World: found "https://api.github.com", expected the base address of GitHub's API without credentials or query, such as https://api.github.com
    https://api.github.com/?x=1 octocat/Hello-World: found "https://api.github.com", expected the base address of GitHub's API without credentials or query, such as https://api.github.com
    https://api.github.com octocat: found "octocat", expected a repository such as octocat/hello-world
    https://api.github.com octocat/: found "octocat/", expected a repository such as octocat/hello-world
    https://api.github.com octocat/..: found "octocat/..", expected a repository such as octocat/hello-world
    https://api.github.com octocat/a/b: found "octocat/a/b", expected a repository such as octocat/hello-world
    https://api.github.com octocat/a?b: found "octocat/a?b", expected a repository such as octocat/hello-world
    https://api.github.com octocat/a%2fb: found "octocat/a%2fb", expected a repository such as octocat/hello-world
    "#);
}

/// A GitHub that knows the pull requests of [`COMMIT`] and the pages of their reviews.
fn github(pulls: Value, pages: Vec<Behaviour>) -> Server {
    Server::with(move |_, request| {
        let path = request.split(' ').nth(1).unwrap();
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        if path.ends_with("/pulls") {
            return answer(200, "", pulls.to_string());
        }
        let page: usize = query
            .split('&')
            .find_map(|pair| pair.strip_prefix("page=")?.parse().ok())
            .unwrap();
        pages[(page - 1).min(pages.len() - 1)].clone()
    })
}

async fn reviews(server: &Server, clock: &dyn Clock) -> String {
    let found = repository(&server.url)
        .reviews(&client(), clock, COMMIT)
        .await;
    let text = match found {
        Ok(reviews) if reviews.is_empty() => "nobody".to_owned(),
        Ok(reviews) => reviews
            .iter()
            .map(|it| format!("{} (#{}, review {})", it.login, it.pull_request, it.id))
            .collect::<Vec<_>>()
            .join(", "),
        Err(reason) => format!("not known: {reason}"),
    };
    shown(text, &server.url)
}

#[tokio::test]
async fn the_latest_word_of_each_reviewer_counts() {
    let alice = || review(80, "alice", "APPROVED");
    let rows = [
        ("one", json!([alice()])),
        ("none", json!([])),
        (
            "a comment after it",
            json!([alice(), review(81, "alice", "COMMENTED")]),
        ),
        (
            "changes requested after it",
            json!([alice(), review(81, "alice", "CHANGES_REQUESTED")]),
        ),
        (
            "approved after changes",
            json!([review(79, "alice", "CHANGES_REQUESTED"), alice()]),
        ),
        ("dismissed", json!([review(80, "alice", "DISMISSED")])),
        (
            "dismissed after it",
            json!([alice(), review(81, "ALICE", "DISMISSED")]),
        ),
        ("not yet submitted", json!([review(80, "alice", "PENDING")])),
        (
            "someone else's comment",
            json!([alice(), review(81, "bob", "COMMENTED")]),
        ),
        ("two", json!([alice(), review(81, "bob", "APPROVED")])),
        (
            "the author's own",
            json!([review(80, "Author", "APPROVED")]),
        ),
        (
            "an earlier head",
            json!([with(alice(), "/commit_id", json!(COMMIT))]),
        ),
        ("no head", json!([with(alice(), "/commit_id", Value::Null)])),
        (
            "a machine's",
            json!([with(alice(), "/user/type", json!("Bot"))]),
        ),
        ("nobody's", json!([with(alice(), "/user", Value::Null)])),
        (
            "an unknown state",
            json!([with(alice(), "/state", json!("approved"))]),
        ),
        ("no id", json!([with(alice(), "/id", Value::Null)])),
        ("not a list", json!({"message": "rate limited"})),
    ];
    let mut lines = Vec::new();
    for (name, body) in rows {
        let server = github(json!([pull(12)]), vec![answer(200, "", body.to_string())]);
        let text = reviews(&server, &ManualClock::at(now())).await;
        lines.push(format!("{name}: {text}"));
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    one: alice (#12, review 80)
    none: nobody
    a comment after it: alice (#12, review 80)
    changes requested after it: nobody
    approved after changes: alice (#12, review 80)
    dismissed: nobody
    dismissed after it: nobody
    not yet submitted: nobody
    someone else's comment: alice (#12, review 80)
    two: alice (#12, review 80), bob (#12, review 81)
    the author's own: nobody
    an earlier head: nobody
    no head: nobody
    a machine's: nobody
    nobody's: nobody
    an unknown state: not known: URL answered with something that GitHub's API does not document
    no id: not known: URL answered with something that GitHub's API does not document
    not a list: not known: URL answered with something that GitHub's API does not document
    ");
}

#[tokio::test]
async fn only_the_pull_request_that_brought_the_commit_counts() {
    let other = "f".repeat(40);
    let rows = [
        ("merged", json!([pull(12)])),
        (
            "merged by fast-forward",
            json!([with(
                with(pull(12), "/merge_commit_sha", json!(other)),
                "/head/sha",
                json!(COMMIT)
            )]),
        ),
        ("none", json!([])),
        ("open", json!([with(pull(12), "/merged_at", Value::Null)])),
        (
            "another merge",
            json!([with(pull(12), "/merge_commit_sha", json!(other))]),
        ),
        (
            "an author who is gone",
            json!([with(pull(12), "/user", Value::Null)]),
        ),
        ("no head", json!([with(pull(12), "/head", Value::Null)])),
        (
            "a number that is none",
            json!([with(pull(12), "/number", json!("../../1"))]),
        ),
        ("two", json!([pull(12), pull(13)])),
        ("a text", json!("nothing")),
    ];
    let mut lines = Vec::new();
    for (name, pulls) in rows {
        let fast = name.contains("fast-forward");
        let mut approved = review(80, "alice", "APPROVED");
        if fast {
            approved = with(approved, "/commit_id", json!(COMMIT));
        }
        let server = github(pulls, vec![answer(200, "", json!([approved]).to_string())]);
        let text = reviews(&server, &ManualClock::at(now())).await;
        lines.push(format!("{name}: {text}"));
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    merged: alice (#12, review 80)
    merged by fast-forward: alice (#12, review 80)
    none: nobody
    open: nobody
    another merge: nobody
    an author who is gone: nobody
    no head: not known: URL answered with something that GitHub's API does not document
    a number that is none: not known: URL answered with something that GitHub's API does not document
    two: alice (#12, review 80), alice (#13, review 80)
    a text: not known: URL answered with something that GitHub's API does not document
    ");
}

#[tokio::test]
async fn long_lists_are_read_to_their_end_and_no_further() {
    let next = |page: u32| {
        format!(
            "link: <https://evil.example/steal?page={page}>; rel=\"next\", <x>; rel=\"last\"\r\n"
        )
    };
    let first = json!([review(80, "alice", "APPROVED")]).to_string();
    let second = json!([
        review(81, "alice", "CHANGES_REQUESTED"),
        review(82, "bob", "APPROVED")
    ]);
    let clock = ManualClock::at(now());
    let last = "link: <https://evil.example/1>; rel=\"prev\", <x>; rel=\"first\"\r\n";
    let server = github(
        json!([pull(12)]),
        vec![
            answer(200, &next(2), &first),
            answer(200, last, second.to_string()),
        ],
    );
    assert_eq!(reviews(&server, &clock).await, "bob (#12, review 82)");
    assert_eq!(server.requests().len(), 3);
    let broken = github(
        json!([pull(12)]),
        vec![answer(200, &next(2), &first), answer(500, "", "")],
    );
    let endless = github(json!([pull(12)]), vec![answer(200, &next(2), &first)]);
    let text = [
        reviews(&broken, &clock).await,
        reviews(&endless, &clock).await,
    ];
    insta::assert_snapshot!(text.join("\n"), @r"
    not known: URL answered with status 500
    not known: URL answered with more than 1000 entries
    ");
    assert_eq!(endless.requests().len(), 11);
}

#[tokio::test]
async fn no_broken_list_of_reviews_is_an_approval() {
    let good = json!([review(80, "alice", "APPROVED")]).to_string();
    for (name, behaviour) in faults(&good) {
        let clock = clock_for(&behaviour);
        let server = github(json!([pull(12)]), vec![behaviour]);
        let text = reviews(&server, &*clock).await;
        assert!(!text.contains("alice"), "{name}: {text}");
    }
    let url = nobody();
    let refused = repository(&url)
        .reviews(&client(), &ManualClock::at(now()), COMMIT)
        .await;
    assert!(refused.is_err());
    let odd = repository(&url)
        .reviews(&client(), &ManualClock::at(now()), "main")
        .await;
    assert_eq!(odd.unwrap_err(), "`main` is no commit id");
}
