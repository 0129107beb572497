//! Approvals that GitHub knows of, in a pipeline of GitHub Actions.

use serde_json::{Value, json};
use shipgate::sim::Scenario;

use crate::{
    server::{Server, answer},
    shop::{Ran, Shop},
};

const APPROVALS: &str = "\
version: 1
timezone: UTC
environments: [production]
allowed_windows:
  - {days: [tue], hours: '09:00-17:00', approval_required: true}
approvals: {sources: [github_run, github_review]}
";

const COMMIT: &str = "6dcb09b5b57875f334f61aebed695e2e4193db5e";
const HEAD: &str = "ecdd80bb57125d7ba9641ffaa4d7d2c19d3f3091";

/// A GitHub where alice has let run 42 into production, and carol has approved the pull request
/// that the commit came from.
fn github() -> Server {
    let user = |login: &str| json!({"login": login, "id": 1, "type": "User"});
    let approvals = json!([{
        "state": "approved", "comment": "", "user": user("alice"),
        "environments": [{"id": 1, "name": "production"}]
    }]);
    let pulls = json!([{
        "number": 12, "user": user("bob"), "merged_at": "2026-03-09T10:00:00Z",
        "merge_commit_sha": COMMIT, "head": {"sha": HEAD}
    }]);
    let reviews =
        json!([{"id": 80, "user": user("carol"), "state": "APPROVED", "commit_id": HEAD}]);
    Server::with(move |_, request| {
        let path = request.split(' ').nth(1).unwrap();
        let path = path.split('?').next().unwrap();
        let body: &Value = match path {
            "/repos/shop/ads/actions/runs/42/approvals" => &approvals,
            "/repos/shop/ads/pulls/12/reviews" => &reviews,
            _ if path.ends_with(&format!("{COMMIT}/pulls")) => &pulls,
            _ if path.ends_with("/approvals") => &Value::Null,
            _ => return answer(404, "", "{\"message\": \"Not Found\"}"),
        };
        let body = if body.is_null() {
            json!([])
        } else {
            body.clone()
        };
        answer(200, "", body.to_string())
    })
}

/// Runs a command in the pipeline that bob started.
fn in_actions(shop: &Shop, github: &str, arguments: &[&str], more: &[(&str, &str)]) -> Ran {
    let mut variables = vec![
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_ACTOR", "bob"),
        ("GITHUB_API_URL", github),
        ("GITHUB_REPOSITORY", "shop/ads"),
        ("GITHUB_RUN_ID", "42"),
        ("GITHUB_SHA", COMMIT),
        ("GITHUB_TOKEN", "ghs_hunter2"),
    ];
    variables.extend(more);
    let ran = shop.run(arguments, &variables);
    assert!(!ran.stderr.contains("hunter2"), "{}", ran.stderr);
    ran
}

#[test]
fn a_run_that_somebody_let_into_the_environment_deploys() {
    let shop = Shop::new(Scenario::Healthy, APPROVALS);
    let github = github();
    let check = ["check", "--version", "1.1"];
    let deploy = ["deploy", "--version", "1.1"];

    let outside = shop.run(&check, &[("SHIPGATE_ACTOR", "bob")]);
    assert_eq!(outside.code, 11, "{}", outside.line());
    let checked = in_actions(&shop, &github.url, &check, &[]);
    assert_eq!(checked.code, 0, "{}", checked.line());
    let deployed = in_actions(&shop, &github.url, &deploy, &[]);
    assert_eq!(deployed.code, 0, "{}", deployed.line());
    assert_eq!(shop.trailers("Approval"), ["github-run/shop/ads/42/alice"]);
    let back = in_actions(&shop, &github.url, &["rollback"], &[]);
    assert_eq!(back.code, 0, "{}", back.line());
    let again = in_actions(&shop, &github.url, &deploy, &[]);
    assert_eq!(again.code, 11, "{}", again.line());
    assert!(
        again.line().contains("was used up by run "),
        "{}",
        again.line()
    );
    assert!(
        github
            .requests()
            .iter()
            .all(|request| request.starts_with("GET "))
    );
}

#[test]
fn whoever_does_not_count_is_named() {
    let shop = Shop::new(Scenario::Healthy, APPROVALS);
    let github = github();
    let before = shop.references();
    let deploy = ["deploy", "--version", "1.1"];
    let rows: &[(&str, &[(&str, &str)])] = &[
        ("whoever approved started it", &[("GITHUB_ACTOR", "Alice")]),
        (
            "whoever approved started it again",
            &[("GITHUB_TRIGGERING_ACTOR", "alice")],
        ),
        ("nobody started it", &[("GITHUB_ACTOR", "")]),
        ("another run", &[("GITHUB_RUN_ID", "43")]),
        ("another repository", &[("GITHUB_REPOSITORY", "shop/other")]),
        (
            "GitHub is down",
            &[("GITHUB_API_URL", "http://127.0.0.1:1")],
        ),
    ];
    let mut lines = Vec::new();
    for (name, variables) in rows {
        let ran = in_actions(&shop, &github.url, &deploy, variables);
        assert_eq!(ran.code, 11, "{name}: {}", ran.line());
        let remarks: Vec<&str> = ran
            .stderr
            .lines()
            .filter(|line| line.contains("nobody knows"))
            .collect();
        lines.push(format!("{name}: {}\n{}", ran.line(), remarks.join("\n")));
    }
    let text = lines.join("\n").replace(&github.url, "GITHUB");
    insta::assert_snapshot!(text, @r"
    whoever approved started it: 11 Tuesday 2026-03-10 10:00 UTC needs an approval (Tue 09:00-17:00 UTC); approval github-run/shop/ads/42/alice (github:alice) is from whoever deploys; closes Tue 2026-03-10 17:00 UTC (2026-03-10T17:00:00Z)

    whoever approved started it again: 11 Tuesday 2026-03-10 10:00 UTC needs an approval (Tue 09:00-17:00 UTC); approval github-run/shop/ads/42/alice (github:alice) is from whoever deploys; closes Tue 2026-03-10 17:00 UTC (2026-03-10T17:00:00Z)

    nobody started it: 11 Tuesday 2026-03-10 10:00 UTC needs an approval (Tue 09:00-17:00 UTC); approval github-run/shop/ads/42/alice (github:alice) cannot count: nobody says who deploys, and nobody may approve what they deploy themselves; closes Tue 2026-03-10 17:00 UTC (2026-03-10T17:00:00Z)

    another run: 11 Tuesday 2026-03-10 10:00 UTC needs an approval (Tue 09:00-17:00 UTC); closes Tue 2026-03-10 17:00 UTC (2026-03-10T17:00:00Z)

    another repository: 11 Tuesday 2026-03-10 10:00 UTC needs an approval (Tue 09:00-17:00 UTC); closes Tue 2026-03-10 17:00 UTC (2026-03-10T17:00:00Z)

    GitHub is down: 11 Tuesday 2026-03-10 10:00 UTC needs an approval (Tue 09:00-17:00 UTC); closes Tue 2026-03-10 17:00 UTC (2026-03-10T17:00:00Z)
    [2m10:00:00[0m[33m  warning[0m  nobody knows who approved run 42: http://127.0.0.1:1 did not answer: tcp connect error: Connection refused
    ::warning title=shipgate::nobody knows who approved run 42: http://127.0.0.1:1 did not answer: tcp connect error: Connection refused
    ");
    assert_eq!(shop.references(), before);
}

#[test]
fn a_review_counts_for_the_version_that_is_made_of_its_commit() {
    let shop = Shop::new(Scenario::Healthy, APPROVALS);
    let github = github();
    let other_run = ("GITHUB_RUN_ID", "43");
    let check = |version: &str, more: &[(&str, &str)]| {
        let variables = [&[other_run], more].concat();
        in_actions(
            &shop,
            &github.url,
            &["check", "--version", version],
            &variables,
        )
    };
    let tag = [("GITHUB_REF_TYPE", "tag"), ("GITHUB_REF_NAME", "v1.1")];
    assert_eq!(check("1.1", &[]).code, 11);
    assert_eq!(check("1.1", &tag).code, 0);
    assert_eq!(check("1.1-6dcb09b", &[]).code, 0);
    assert_eq!(check("1.2", &tag).code, 11);
    let carol = [tag.as_slice(), &[("GITHUB_TRIGGERING_ACTOR", "carol")]].concat();
    assert_eq!(check("1.1", &carol).code, 11);
}

#[test]
fn github_is_asked_only_where_the_verdict_hangs_on_an_approval() {
    let github = github();
    let open = Shop::new(
        Scenario::Healthy,
        "version: 1\ntimezone: UTC\nblocked_dates: [2020-01-01]\n",
    );
    let checked = in_actions(&open, &github.url, &["check"], &[]);
    assert_eq!(checked.code, 0, "{}", checked.line());
    let signatures = APPROVALS.replace("github_run, github_review", "signature");
    let signed = Shop::new(Scenario::Healthy, &signatures);
    let checked = in_actions(&signed, &github.url, &["check", "--version", "1.1"], &[]);
    assert_eq!(checked.code, 11, "{}", checked.line());
    let shop = Shop::new(Scenario::Healthy, APPROVALS);
    let later = ["check", "--version", "1.1", "--at", "2026-03-17T10:00:00Z"];
    assert_eq!(in_actions(&shop, &github.url, &later, &[]).code, 11);
    assert_eq!(github.requests(), Vec::<String>::new());
}
