//! Applications of Argo CD.

use std::time::Duration;

use serde_json::{Value, json};
use shipgate::{
    clock::ManualClock,
    probe::live::{
        Trouble,
        argocd::{self, Application, Endpoint, Name},
        source::Source,
    },
    secret::Secret,
};

use super::{changed, standing, trouble};
use crate::{
    faults::{SECOND, TOKEN, client, faults, now, patience},
    server::{Server, answer, nobody},
};

/// As the API answers, shortened.
fn document() -> Value {
    json!({
        "metadata": {"name": "shop", "namespace": "argocd", "generation": 812},
        "spec": {
            "project": "web",
            "source": {"repoURL": "https://git.example/gitops.git", "path": "clusters/prod", "targetRevision": "main"},
            "destination": {"server": "https://kubernetes.default.svc", "namespace": "shop"}
        },
        "status": {
            "sync": {"status": "Synced", "revision": "11111111aaaaaaaabbbbbbbbccccccccdddddddd"},
            "health": {"status": "Healthy"},
            "reconciledAt": "2026-01-05T11:58:00Z",
            "operationState": {
                "phase": "Succeeded",
                "message": "successfully synced (all tasks run)",
                "startedAt": "2026-01-05T11:57:00Z",
                "finishedAt": "2026-01-05T11:57:30Z",
                "syncResult": {"revision": "11111111aaaaaaaabbbbbbbbccccccccdddddddd"}
            },
            "conditions": []
        }
    })
}

/// A chart with value files of a repository, as Argo CD's documentation has it.
fn sources() -> Value {
    json!([
        {"repoURL": "https://charts.example", "chart": "web", "targetRevision": "1.2.3", "helm": {"valueFiles": ["$values/clusters/prod/values.yaml"]}},
        {"repoURL": "https://git.example/gitops.git", "targetRevision": "main", "ref": "values"}
    ])
}

/// Prints a source: its first letters, what it follows and where.
fn source(source: &Source) -> String {
    let revision = source.revision.as_deref().unwrap_or("-");
    let revision: String = revision.chars().take(4).collect();
    let follows = source.follows.as_deref().unwrap_or("-");
    let chart = if source.is_chart { "chart " } else { "" };
    format!("{chart}{revision} {follows} {}", source.paths.join(","))
}

async fn ask(url: &str, project: Option<&str>, limit: Duration) -> Result<Application, Trouble> {
    let endpoint = Endpoint {
        url: url.parse().unwrap(),
        token: Some(Secret::new(TOKEN)),
    };
    let name = Name {
        application: "shop".to_owned(),
        project: project.map(str::to_owned),
        namespace: None,
    };
    let clock = ManualClock::at(now());
    argocd::application(&client(), &clock, &endpoint, &name, limit).await
}

#[tokio::test]
async fn it_is_live_only_where_the_sync_is_over_seen_and_healthy() {
    let other = json!("22222222aaaaaaaabbbbbbbbccccccccdddddddd");
    let rows: Vec<(&str, Vec<(&str, Value)>)> = vec![
        ("good", vec![]),
        ("another project", vec![("/spec/project", json!("ops"))]),
        (
            "never synced by an operation",
            vec![("/status/operationState", Value::Null)],
        ),
        (
            "a pending operation",
            vec![("/operation", json!({"sync": {"revision": "main"}}))],
        ),
        (
            "a running operation",
            vec![
                ("/status/operationState/phase", json!("Running")),
                ("/status/operationState/finishedAt", Value::Null),
            ],
        ),
        (
            "an operation without an end",
            vec![("/status/operationState/finishedAt", Value::Null)],
        ),
        (
            "an operation being stopped",
            vec![("/status/operationState/phase", json!("Terminating"))],
        ),
        (
            "an unknown phase",
            vec![("/status/operationState/phase", json!("Fine"))],
        ),
        (
            "not looked at since",
            vec![("/status/reconciledAt", json!("2026-01-05T11:57:29Z"))],
        ),
        (
            "never looked at",
            vec![("/status/reconciledAt", Value::Null)],
        ),
        (
            "an odd instant",
            vec![("/status/reconciledAt", json!("yesterday"))],
        ),
        (
            "out of sync",
            vec![("/status/sync/status", json!("OutOfSync"))],
        ),
        (
            "out of sync, with an error",
            vec![
                ("/status/sync/status", json!("Unknown")),
                (
                    "/status/conditions",
                    json!([{"type": "ComparisonError", "message": "rpc error:\u{1b}[31m no such path"}]),
                ),
            ],
        ),
        ("no sync status", vec![("/status/sync/status", Value::Null)]),
        (
            "progressing",
            vec![("/status/health/status", json!("Progressing"))],
        ),
        (
            "suspended",
            vec![(
                "/status/health",
                json!({"status": "Suspended", "message": "CanaryPauseStep"}),
            )],
        ),
        ("missing", vec![("/status/health/status", json!("Missing"))]),
        ("no health", vec![("/status/health", Value::Null)]),
        (
            "an unknown health",
            vec![("/status/health/status", json!("healthy"))],
        ),
        (
            "degraded",
            vec![(
                "/status/health",
                json!({"status": "Degraded", "message": "Deployment \"web\" exceeded its progress deadline"}),
            )],
        ),
        (
            "failed at this revision",
            vec![
                ("/status/operationState/phase", json!("Failed")),
                (
                    "/status/operationState/message",
                    json!("one or more objects failed to apply"),
                ),
            ],
        ),
        (
            "failed at another revision",
            vec![
                ("/status/operationState/phase", json!("Failed")),
                ("/status/operationState/syncResult/revision", other),
            ],
        ),
        (
            "failed at an unknown revision",
            vec![
                ("/status/operationState/phase", json!("Error")),
                ("/status/operationState/syncResult", Value::Null),
            ],
        ),
        (
            "several sources",
            vec![
                ("/spec/sources", sources()),
                (
                    "/status/sync",
                    json!({"status": "Synced", "revisions": ["1.2.3", "33333333aaaaaaaabbbbbbbbccccccccdddddddd"]}),
                ),
            ],
        ),
        (
            "several sources, not all of them compared",
            vec![("/spec/sources", sources())],
        ),
        ("no source", vec![("/spec/source", Value::Null)]),
        (
            "hydrated",
            vec![("/spec/sourceHydrator", json!({"drySource": {}}))],
        ),
        (
            "compared with another path",
            vec![(
                "/status/sync/comparedTo",
                json!({"source": {"repoURL": "https://git.example/gitops.git", "path": "clusters/staging", "targetRevision": "main"}}),
            )],
        ),
        (
            "healthy, with an error",
            vec![(
                "/status/conditions",
                json!([{"type": "SharedResourceWarning", "message": "a"}, {"type": "SyncError", "message": "Failed sync attempt"}]),
            )],
        ),
        (
            "healthy, with a warning",
            vec![(
                "/status/conditions",
                json!([{"type": "OrphanedResourceWarning", "message": "a"}]),
            )],
        ),
        ("no revision", vec![("/status/sync/revision", Value::Null)]),
        (
            "being deleted",
            vec![("/metadata/deletionTimestamp", json!("2026-01-05T11:59:00Z"))],
        ),
        (
            "another application",
            vec![("/metadata/name", json!("shop-2"))],
        ),
        ("a list", vec![("/kind", json!("ApplicationList"))]),
        (
            "numbers for texts",
            vec![("/status/health/status", json!(1))],
        ),
    ];
    let mut lines = Vec::new();
    for (name, changes) in rows {
        let body = changed(&document(), &changes).to_string();
        let server = Server::always(answer(200, "", body));
        let project = (name == "another project").then_some("web");
        let line = match ask(&server.url, project, SECOND * 30).await {
            Ok(seen) => {
                let sources: Vec<String> = seen.sources.iter().map(source).collect();
                format!("[{}] {}", sources.join(" | "), standing(&seen.standing))
            }
            Err(found) => trouble(&found, &server.url),
        };
        lines.push(format!("{name}: {line}"));
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    good: [1111 main clusters/prod] settled
    another project: unanswered: Application shop is not of the project web
    never synced by an operation: [1111 main clusters/prod] settled
    a pending operation: [1111 main clusters/prod] moving: a sync is asked for
    a running operation: [1111 main clusters/prod] moving: its sync is under way: successfully synced (all tasks run)
    an operation without an end: [1111 main clusters/prod] moving: its sync is under way: successfully synced (all tasks run)
    an operation being stopped: [1111 main clusters/prod] moving: its sync is under way: successfully synced (all tasks run)
    an unknown phase: [1111 main clusters/prod] moving: its sync is under way: successfully synced (all tasks run)
    not looked at since: [1111 main clusters/prod] moving: it was not looked at since its last sync
    never looked at: [1111 main clusters/prod] moving: it was not looked at since its last sync
    an odd instant: [1111 main clusters/prod] moving: it was not looked at since its last sync
    out of sync: [1111 main clusters/prod] moving: it is OutOfSync
    out of sync, with an error: [1111 main clusters/prod] moving: it is Unknown: ComparisonError: rpc error: [31m no such path
    no sync status: [1111 main clusters/prod] moving: it is Unknown
    progressing: [1111 main clusters/prod] moving: it is Progressing
    suspended: [1111 main clusters/prod] moving: it is Suspended: CanaryPauseStep
    missing: [1111 main clusters/prod] moving: it is Missing
    no health: [1111 main clusters/prod] moving: it is Unknown
    an unknown health: [1111 main clusters/prod] moving: it is healthy
    degraded: [1111 main clusters/prod] failing: it is Degraded: Deployment "web" exceeded its progress deadline
    failed at this revision: [1111 main clusters/prod] failing: its sync failed: one or more objects failed to apply
    failed at another revision: [1111 main clusters/prod] settled
    failed at an unknown revision: [1111 main clusters/prod] failing: its sync failed: successfully synced (all tasks run)
    several sources: [chart 1.2. 1.2.3  | 3333 main /clusters/prod/values.yaml] settled
    several sources, not all of them compared: [chart - 1.2.3  | - main /clusters/prod/values.yaml] settled
    no source: unanswered: Application shop names no source
    hydrated: unanswered: Application shop is hydrated into another branch, whose commits are not those that are deployed; use `live: {kubernetes: …}`
    compared with another path: [1111 main clusters/prod] moving: it was not compared since its source was changed
    healthy, with an error: [1111 main clusters/prod] moving: it is Synced with an error: SyncError: Failed sync attempt
    healthy, with a warning: [1111 main clusters/prod] settled
    no revision: [- main clusters/prod] settled
    being deleted: [1111 main clusters/prod] moving: it is being deleted
    another application: unanswered: the answer about Application shop cannot be used: kind, namespace or name is not what the API says
    a list: unanswered: the answer about Application shop cannot be used: kind, namespace or name is not what the API says
    numbers for texts: unanswered: the answer about Application shop cannot be used: /status/health/status is not what the API says
    "#);
}

#[tokio::test]
async fn a_broken_argo_cd_says_nothing() {
    let good = document().to_string();
    for (name, behaviour) in faults(&good) {
        let limit = patience(&behaviour);
        let server = Server::always(behaviour);
        let found = ask(&server.url, None, limit).await;
        let found = trouble(&found.expect_err(name), &server.url);
        assert!(
            found.starts_with(if name == "404" {
                "unanswered"
            } else {
                "unanswered: URL"
            }),
            "{name}: {found}"
        );
    }
    let url = nobody();
    assert!(ask(&url, None, SECOND).await.is_err());
}

#[tokio::test]
async fn a_missing_application_and_a_missing_right_are_told() {
    let denied = r#"{"error":"permission denied","code":7,"message":"permission denied"}"#;
    let missing = r#"{"error":"applications.argoproj.io \"shop\" not found","code":5}"#;
    let mut lines = Vec::new();
    for (status, body, project) in [
        (403, denied, None),
        (403, denied, Some("web")),
        (404, missing, Some("web")),
        (401, denied, None),
    ] {
        let server = Server::always(answer(status, "", body));
        let found = ask(&server.url, project, SECOND * 30).await.unwrap_err();
        lines.push(trouble(&found, &server.url));
        let request = server.requests().concat();
        assert!(request.contains(&format!("authorization: Bearer {TOKEN}")));
        let parameters = if project.is_some() {
            "?project=web"
        } else {
            ""
        };
        assert!(
            request.starts_with(&format!(
                "GET /api/v1/applications/shop{parameters} HTTP/1.1"
            )),
            "{request}"
        );
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    unanswered: URL answered with status 403: Application shop is missing, or the token may not get it; Argo CD tells the two apart only where `project` is given
    unanswered: URL answered with status 403: the token may not get Application shop of the project web
    missing: URL has no Application shop
    unanswered: URL answered with status 401: is the token right?
    ");
}
