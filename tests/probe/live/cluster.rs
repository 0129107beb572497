//! Workloads and objects of Flux, in a cluster.

use std::time::Duration;

use serde_json::{Value, json};
use shipgate::{
    clock::ManualClock,
    probe::live::{
        Trouble,
        cluster::{Cluster, Name},
        flux,
        kubeconfig::{Surroundings, find},
        workload,
    },
};

use super::{changed, file, standing, trouble};
use crate::{
    faults::{SECOND, TOKEN, client, faults, now, patience},
    server::{Server, answer, nobody},
};

const IMAGE: &str = "registry.example/shop/web";
const NAME: Name<'_> = Name {
    namespace: "shop",
    name: "web",
};
const COMMIT: &str = "11111111aaaaaaaabbbbbbbbccccccccdddddddd";

fn cluster(url: &str) -> Cluster {
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: prod\ncontexts: [{{name: prod, context: {{cluster: c, user: u}}}}]\nclusters: [{{name: c, cluster: {{server: '{url}'}}}}]\nusers: [{{name: u, user: {{token: {TOKEN}}}}}]\n"
    );
    let (_folder, path) = file("config", &text);
    let surroundings = Surroundings {
        kubeconfig: Some(path.display().to_string()),
        ..Surroundings::default()
    };
    find(&surroundings, None, &client()).unwrap()
}

/// Asks for a workload and prints it.
async fn workload(kind: &str, url: &str, limit: Duration) -> Result<String, Trouble> {
    let clock = ManualClock::at(now());
    let seen = workload::look(&cluster(url), &clock, kind, NAME, IMAGE, limit).await?;
    Ok(format!(
        "{:?} {}/{} {}",
        seen.versions,
        seen.pods,
        seen.wanted,
        standing(&seen.standing)
    ))
}

async fn lines(kind: &str, good: &Value, rows: Vec<(&str, Vec<(&str, Value)>)>) -> String {
    let mut lines = Vec::new();
    for (name, changes) in rows {
        let server = Server::always(answer(200, "", changed(good, &changes).to_string()));
        let line = match workload(kind, &server.url, SECOND * 30).await {
            Ok(line) => line,
            Err(found) => trouble(&found, &server.url),
        };
        lines.push(format!("{name}: {line}"));
    }
    lines.join("\n")
}

fn template(image: &str) -> Value {
    json!({
        "metadata": {"labels": {"app": "web", "app.kubernetes.io/version": "from-the-label"}},
        "spec": {"containers": [{"name": "proxy", "image": "registry.example/proxy:9"}, {"name": "web", "image": image}]}
    })
}

fn deployment() -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop", "generation": 7},
        "spec": {"replicas": 3, "template": template("registry.example/shop/web:1.1")},
        "status": {
            "observedGeneration": 7, "replicas": 3, "updatedReplicas": 3, "readyReplicas": 3, "availableReplicas": 3,
            "conditions": [
                {"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable"},
                {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"}
            ]
        }
    })
}

#[tokio::test]
async fn a_deployment_is_settled_when_kubectl_says_so() {
    let container = "/spec/template/spec/containers/1/image";
    let rows = vec![
        ("good", vec![]),
        (
            "a stale status",
            vec![("/status/observedGeneration", json!(6))],
        ),
        ("no status yet", vec![("/status", json!({}))]),
        ("no generation", vec![("/metadata/generation", Value::Null)]),
        ("half updated", vec![("/status/updatedReplicas", json!(1))]),
        (
            "nothing updated",
            vec![("/status/updatedReplicas", Value::Null)],
        ),
        ("old pods left", vec![("/status/replicas", json!(4))]),
        (
            "not available",
            vec![("/status/availableReplicas", json!(2))],
        ),
        (
            "none available",
            vec![("/status/availableReplicas", Value::Null)],
        ),
        ("scaling down", vec![("/spec/replicas", json!(1))]),
        (
            "scaled to 0",
            vec![
                ("/spec/replicas", json!(0)),
                ("/status", json!({"observedGeneration": 7})),
            ],
        ),
        ("paused", vec![("/spec/paused", json!(true))]),
        (
            "too slow",
            vec![(
                "/status/conditions/1",
                json!({"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "ReplicaSet \"web-5d\" has timed out progressing.\n::error::x"}),
            )],
        ),
        (
            "too slow, of another generation",
            vec![
                ("/metadata/generation", json!(8)),
                (
                    "/status/conditions/1",
                    json!({"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}),
                ),
            ],
        ),
        (
            "no quota",
            vec![(
                "/status/conditions/0",
                json!({"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "exceeded quota"}),
            )],
        ),
        (
            "being deleted",
            vec![("/metadata/deletionTimestamp", json!("2026-01-05T11:59:00Z"))],
        ),
        (
            "by tag and digest",
            vec![(container, json!("registry.example/shop/web:1.1@sha256:00"))],
        ),
        (
            "by digest",
            vec![(container, json!("registry.example/shop/web@sha256:00"))],
        ),
        (
            "two versions",
            vec![(
                "/spec/template/spec/containers/0/image",
                json!("registry.example/shop/web:1.0"),
            )],
        ),
        (
            "another image",
            vec![
                (container, json!("registry.example/shop/other:1.1")),
                ("/spec/template/metadata/labels", Value::Null),
            ],
        ),
        ("another object", vec![("/metadata/name", json!("web-2"))]),
        ("another kind", vec![("/kind", json!("StatefulSet"))]),
        (
            "texts for numbers",
            vec![("/status/availableReplicas", json!("3"))],
        ),
        (
            "a fraction of a pod",
            vec![("/status/availableReplicas", json!(3.5))],
        ),
        (
            "conditions of another kind",
            vec![("/status/conditions", json!({"Available": true}))],
        ),
    ];
    insta::assert_snapshot!(lines("Deployment", &deployment(), rows).await, @r#"
    good: ["1.1"] 3/3 settled
    a stale status: ["1.1"] 3/3 moving: its controller has seen generation 6, not 7
    no status yet: ["1.1"] 0/3 moving: its controller has not seen generation 7 yet
    no generation: unanswered: the answer about Deployment shop/web cannot be used: /metadata/generation is not what the API says
    half updated: ["1.1"] 3/3 moving: 1 of 3 pods are updated
    nothing updated: ["1.1"] 3/3 moving: 0 of 3 pods are updated
    old pods left: ["1.1"] 4/3 moving: 1 old pods are not gone yet
    not available: ["1.1"] 3/3 moving: 2 of 3 pods are available
    none available: ["1.1"] 3/3 moving: 0 of 3 pods are available
    scaling down: ["1.1"] 3/1 moving: 2 pods are not gone yet
    scaled to 0: ["1.1"] 0/0 settled
    paused: ["1.1"] 3/3 moving: it is paused
    too slow: ["1.1"] 3/3 failing: ProgressDeadlineExceeded: ReplicaSet "web-5d" has timed out progressing. ::error::x
    too slow, of another generation: ["1.1"] 3/3 moving: its controller has seen generation 7, not 8
    no quota: ["1.1"] 3/3 failing: FailedCreate: exceeded quota
    being deleted: ["1.1"] 3/3 moving: it is being deleted
    by tag and digest: ["1.1"] 3/3 settled
    by digest: ["from-the-label"] 3/3 settled
    two versions: ["1.0", "1.1"] 3/3 settled
    another image: [] 3/3 settled
    another object: unanswered: the answer about Deployment shop/web cannot be used: kind, namespace or name is not what the API says
    another kind: unanswered: the answer about Deployment shop/web cannot be used: kind, namespace or name is not what the API says
    texts for numbers: unanswered: the answer about Deployment shop/web cannot be used: /status/availableReplicas is not what the API says
    a fraction of a pod: unanswered: the answer about Deployment shop/web cannot be used: /status/availableReplicas is not what the API says
    conditions of another kind: unanswered: the answer about Deployment shop/web cannot be used: /status/conditions is not what the API says
    "#);
}

#[tokio::test]
async fn other_workloads_have_rules_of_their_own() {
    let stateful_set = json!({
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "web", "namespace": "shop", "generation": 7},
        "spec": {"replicas": 3, "template": template("registry.example/shop/web:1.1"), "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}},
        "status": {
            "observedGeneration": 7, "replicas": 3, "updatedReplicas": 3, "readyReplicas": 3, "availableReplicas": 3,
            "currentReplicas": 3, "currentRevision": "web-2", "updateRevision": "web-2"
        }
    });
    let rows = vec![
        ("good", vec![]),
        (
            "under way",
            vec![
                ("/status/currentRevision", json!("web-1")),
                ("/status/updatedReplicas", json!(1)),
            ],
        ),
        (
            "not closed",
            vec![("/status/currentRevision", json!("web-1"))],
        ),
        (
            "not available",
            vec![("/status/availableReplicas", json!(2))],
        ),
        (
            "a partition",
            vec![("/spec/updateStrategy/rollingUpdate/partition", json!(2))],
        ),
        (
            "on delete",
            vec![("/spec/updateStrategy/type", json!("OnDelete"))],
        ),
        ("stale", vec![("/status/observedGeneration", json!(6))]),
    ];
    let mut all = vec![lines("StatefulSet", &stateful_set, rows).await];
    let daemon_set = json!({
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": "web", "namespace": "shop", "generation": 7},
        "spec": {"template": template("registry.example/shop/web:1.1"), "updateStrategy": {"type": "RollingUpdate"}},
        "status": {
            "observedGeneration": 7, "currentNumberScheduled": 5, "desiredNumberScheduled": 5, "numberMisscheduled": 0,
            "numberReady": 5, "updatedNumberScheduled": 5, "numberAvailable": 5
        }
    });
    let rows = vec![
        ("good", vec![]),
        (
            "under way",
            vec![("/status/updatedNumberScheduled", json!(2))],
        ),
        ("not available", vec![("/status/numberAvailable", json!(4))]),
        ("misplaced", vec![("/status/numberMisscheduled", json!(1))]),
        (
            "on delete",
            vec![("/spec/updateStrategy/type", json!("OnDelete"))],
        ),
        ("stale", vec![("/status/observedGeneration", json!(6))]),
    ];
    all.push(lines("DaemonSet", &daemon_set, rows).await);
    let rollout = json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "metadata": {"name": "web", "namespace": "shop", "generation": 7},
        "spec": {"replicas": 3, "template": template("registry.example/shop/web:1.1"), "strategy": {"canary": {}}},
        "status": {
            "observedGeneration": "7", "phase": "Healthy", "replicas": 3, "updatedReplicas": 3, "readyReplicas": 3,
            "availableReplicas": 3, "currentPodHash": "5d4f", "stableRS": "5d4f"
        }
    });
    let rows = vec![
        ("good", vec![]),
        ("stale", vec![("/status/observedGeneration", json!("6"))]),
        (
            "an old status",
            vec![("/status/observedGeneration", json!("5bd7d54f9c"))],
        ),
        (
            "at a pause",
            vec![
                ("/status/phase", json!("Paused")),
                ("/status/message", json!("CanaryPauseStep")),
            ],
        ),
        (
            "under way",
            vec![
                ("/status/phase", json!("Progressing")),
                ("/status/message", json!("more replicas need to be updated")),
            ],
        ),
        (
            "aborted",
            vec![
                ("/status/phase", json!("Degraded")),
                (
                    "/status/message",
                    json!("RolloutAborted: Rollout aborted update to revision 2"),
                ),
            ],
        ),
        ("healthy and aborted", vec![("/status/abort", json!(true))]),
        ("not promoted", vec![("/status/stableRS", json!("77aa"))]),
        ("no phase", vec![("/status/phase", Value::Null)]),
        ("template elsewhere", vec![("/spec/template", Value::Null)]),
    ];
    all.push(lines("Rollout", &rollout, rows).await);
    insta::assert_snapshot!(all.join("\n\n"), @r#"
    good: ["1.1"] 3/3 settled
    under way: ["1.1"] 3/3 moving: 1 of 3 pods are updated
    not closed: ["1.1"] 3/3 moving: its update is not closed yet
    not available: ["1.1"] 3/3 moving: 2 of 3 pods are available
    a partition: ["1.1"] 3/3 moving: its partition 2 keeps pods at the old version
    on delete: ["1.1"] 3/3 moving: its pods get the new version only once somebody deletes them (`OnDelete`)
    stale: ["1.1"] 3/3 moving: its controller has seen generation 6, not 7

    good: ["1.1"] 5/5 settled
    under way: ["1.1"] 5/5 moving: 2 of 5 pods are updated
    not available: ["1.1"] 5/5 moving: 4 of 5 pods are available
    misplaced: ["1.1"] 5/5 moving: 1 pods run where they should not
    on delete: ["1.1"] 5/5 moving: its pods get the new version only once somebody deletes them (`OnDelete`)
    stale: ["1.1"] 5/5 moving: its controller has seen generation 6, not 7

    good: ["1.1"] 3/3 settled
    stale: ["1.1"] 3/3 moving: its controller has seen generation 6, not 7
    an old status: ["1.1"] 3/3 moving: its controller has not seen generation 7 yet
    at a pause: ["1.1"] 3/3 moving: Paused: CanaryPauseStep
    under way: ["1.1"] 3/3 moving: Progressing: more replicas need to be updated
    aborted: ["1.1"] 3/3 failing: Degraded: RolloutAborted: Rollout aborted update to revision 2
    healthy and aborted: ["1.1"] 3/3 moving: it was aborted
    not promoted: ["1.1"] 3/3 moving: it is not promoted yet
    no phase: ["1.1"] 3/3 moving: it has no status yet
    template elsewhere: [] 3/3 settled
    "#);
}

fn kustomization() -> Value {
    json!({
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
        "kind": "Kustomization",
        "metadata": {"name": "web", "namespace": "shop", "generation": 3},
        "spec": {"interval": "10m", "path": "./clusters/prod", "prune": true, "wait": true, "sourceRef": {"kind": "GitRepository", "name": "gitops"}},
        "status": {
            "observedGeneration": 3,
            "lastAppliedRevision": format!("main@sha1:{COMMIT}"),
            "lastAttemptedRevision": format!("main@sha1:{COMMIT}"),
            "conditions": [
                {"type": "Ready", "status": "True", "reason": "ReconciliationSucceeded", "message": "Applied revision"},
                {"type": "Healthy", "status": "True", "reason": "ReconciliationSucceeded"}
            ]
        }
    })
}

#[tokio::test]
async fn what_flux_follows_is_what_counts_first() {
    let rows = [
        (json!({"branch": "main"}), "main"),
        (json!({"branch": "main", "tag": "v1"}), "v1"),
        (
            json!({"branch": "main", "name": "refs/heads/next"}),
            "refs/heads/next",
        ),
        (json!({"branch": "main", "commit": COMMIT}), COMMIT),
        (Value::Null, "master"),
    ];
    let clock = ManualClock::at(now());
    for (reference, follows) in rows {
        let body = json!({
            "kind": "GitRepository",
            "metadata": {"name": "web", "namespace": "shop", "generation": 1},
            "spec": {"url": "ssh://git@git.example/gitops", "ref": reference}
        });
        let server = Server::always(answer(200, "", body.to_string()));
        let seen = flux::git_repository(&cluster(&server.url), &clock, NAME, SECOND * 30).await;
        let seen = seen.unwrap();
        assert_eq!(seen.follows.as_deref(), Some(follows));
        assert_eq!(
            seen.repository.as_deref(),
            Some("ssh://git@git.example/gitops")
        );
    }
}

#[tokio::test]
async fn objects_of_flux_are_settled_when_they_are_ready_now() {
    let ready = "/status/conditions/0";
    let rows: Vec<(&str, Vec<(&str, Value)>)> = vec![
        ("good", vec![]),
        ("stale", vec![("/status/observedGeneration", json!(2))]),
        (
            "under way",
            vec![
                (
                    ready,
                    json!({"type": "Ready", "status": "Unknown", "reason": "Progressing", "message": "Reconciliation in progress"}),
                ),
                (
                    "/status/conditions/1",
                    json!({"type": "Reconciling", "status": "True", "reason": "Progressing", "message": "Running health checks"}),
                ),
            ],
        ),
        (
            "ready and under way",
            vec![(
                "/status/conditions/1",
                json!({"type": "Reconciling", "status": "True", "reason": "ProgressingWithRetry"}),
            )],
        ),
        (
            "unhealthy",
            vec![(
                ready,
                json!({"type": "Ready", "status": "False", "reason": "HealthCheckFailed", "message": "timeout waiting for: [Deployment/shop/web status: 'InProgress']"}),
            )],
        ),
        (
            "waits for another",
            vec![(
                ready,
                json!({"type": "Ready", "status": "False", "reason": "DependencyNotReady"}),
            )],
        ),
        (
            "stalled",
            vec![(
                "/status/conditions/1",
                json!({"type": "Stalled", "status": "True", "reason": "RetriesExceeded", "message": "gave up"}),
            )],
        ),
        ("suspended", vec![("/spec/suspend", json!(true))]),
        ("no conditions", vec![("/status/conditions", Value::Null)]),
        ("does not wait", vec![("/spec/wait", Value::Null)]),
        (
            "checks one object",
            vec![
                ("/spec/wait", Value::Null),
                (
                    "/spec/healthChecks",
                    json!([{"kind": "Deployment", "name": "web", "namespace": "shop"}]),
                ),
            ],
        ),
        (
            "an older form",
            vec![(
                "/status/lastAppliedRevision",
                json!(format!("main/{COMMIT}")),
            )],
        ),
        (
            "nothing applied",
            vec![("/status/lastAppliedRevision", Value::Null)],
        ),
        ("another object", vec![("/kind", json!("HelmRelease"))]),
        (
            "another namespace",
            vec![("/metadata/namespace", json!("staging"))],
        ),
        (
            "from a registry",
            vec![("/spec/sourceRef/kind", json!("OCIRepository"))],
        ),
    ];
    let clock = ManualClock::at(now());
    let mut lines = Vec::new();
    for (name, changes) in rows {
        let body = changed(&kustomization(), &changes).to_string();
        let server = Server::always(answer(200, "", body));
        let limit = SECOND * 30;
        let seen = flux::kustomization(&cluster(&server.url), &clock, NAME, limit).await;
        let line = match seen {
            Ok(seen) => {
                let short = |text: Option<String>| {
                    text.map_or_else(|| "-".to_owned(), |text| text.chars().take(8).collect())
                };
                let (applied, attempted) = (short(seen.source.revision), short(seen.attempted));
                let waits = if seen.waits { "waits" } else { "does not wait" };
                format!(
                    "{applied} {attempted} {waits}, {}",
                    standing(&seen.standing)
                )
            }
            Err(found) => trouble(&found, &server.url),
        };
        lines.push(format!("{name}: {line}"));
    }
    let release = |conditions: Value| {
        json!({
            "apiVersion": "helm.toolkit.fluxcd.io/v2",
            "kind": "HelmRelease",
            "metadata": {"name": "web", "namespace": "shop", "generation": 4},
            "spec": {"interval": "10m", "chart": {"spec": {"chart": "web", "version": "2.x"}}},
            "status": {"observedGeneration": 4, "lastAttemptedRevision": "2.0.1", "conditions": conditions}
        })
    };
    let rows = [
        (
            "released",
            json!([{"type": "Ready", "status": "True", "reason": "UpgradeSucceeded"}, {"type": "Released", "status": "True", "reason": "UpgradeSucceeded"}]),
        ),
        (
            "failed",
            json!([{"type": "Ready", "status": "False", "reason": "UpgradeFailed", "message": "context deadline exceeded"}]),
        ),
        (
            "taken back by Flux",
            json!([{"type": "Ready", "status": "True", "reason": "RollbackSucceeded"}, {"type": "Remediated", "status": "True", "reason": "RollbackSucceeded"}]),
        ),
        (
            "gave up",
            json!([{"type": "Ready", "status": "False", "reason": "RetriesExceeded"}, {"type": "Stalled", "status": "True", "reason": "RetriesExceeded"}]),
        ),
    ];
    for (name, conditions) in rows {
        let server = Server::always(answer(200, "", release(conditions).to_string()));
        let limit = SECOND * 30;
        let seen = flux::helm_release(&cluster(&server.url), &clock, NAME, limit).await;
        lines.push(format!("{name}: {}", standing(&seen.unwrap())));
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    good: 11111111 11111111 waits, settled
    stale: 11111111 11111111 waits, moving: its controller has seen generation 2, not 3
    under way: 11111111 11111111 waits, moving: reconciling: Progressing: Running health checks
    ready and under way: 11111111 11111111 waits, moving: reconciling: ProgressingWithRetry
    unhealthy: 11111111 11111111 waits, failing: not ready: HealthCheckFailed: timeout waiting for: [Deployment/shop/web status: 'InProgress']
    waits for another: 11111111 11111111 waits, moving: not ready: DependencyNotReady
    stalled: 11111111 11111111 waits, failing: stalled: RetriesExceeded: gave up
    suspended: 11111111 11111111 waits, moving: it is suspended
    no conditions: 11111111 11111111 waits, moving: it does not say yet whether it is ready
    does not wait: 11111111 11111111 does not wait, settled
    checks one object: 11111111 11111111 waits, settled
    an older form: 11111111 11111111 waits, settled
    nothing applied: - 11111111 waits, settled
    another object: unanswered: the answer about Kustomization shop/web cannot be used: kind, namespace or name is not what the API says
    another namespace: unanswered: the answer about Kustomization shop/web cannot be used: kind, namespace or name is not what the API says
    from a registry: unanswered: Kustomization shop/web applies what it takes from a OCIRepository, which names no commit; use `live: {kubernetes: …}`
    released: settled
    failed: failing: not ready: UpgradeFailed: context deadline exceeded
    taken back by Flux: failing: Flux took the release back by itself: RollbackSucceeded
    gave up: failing: stalled: RetriesExceeded
    ");
}

#[tokio::test]
async fn a_broken_cluster_says_nothing() {
    let good = deployment().to_string();
    for (name, behaviour) in faults(&good) {
        let limit = patience(&behaviour);
        let server = Server::always(behaviour);
        let found = workload("Deployment", &server.url, limit)
            .await
            .expect_err(name);
        let found = trouble(&found, &server.url);
        assert!(found.starts_with("unanswered: "), "{name}: {found}");
    }
    let url = nobody();
    assert!(workload("Deployment", &url, SECOND).await.is_err());
    let good = kustomization().to_string();
    let clock = ManualClock::at(now());
    for (name, behaviour) in faults(&good) {
        let limit = patience(&behaviour);
        let server = Server::always(behaviour);
        let found = flux::kustomization(&cluster(&server.url), &clock, NAME, limit).await;
        trouble(&found.expect_err(name), &server.url);
    }
}

#[tokio::test]
async fn only_the_cluster_itself_can_say_that_an_object_is_missing() {
    let status = |name: &str| {
        json!({
            "kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404,
            "message": format!("deployments.apps \"{name}\" not found"),
            "details": {"name": name, "group": "apps", "kind": "deployments"}
        })
        .to_string()
    };
    let forbidden = json!({"kind": "Status", "status": "Failure", "reason": "Forbidden", "code": 403, "message": "deployments.apps \"web\" is forbidden: User \"x\" cannot get"});
    let mut lines = Vec::new();
    for (code, body) in [
        (404, status("web")),
        (404, status("other")),
        (404, "404 page not found".to_owned()),
        (
            404,
            json!({"kind": "Status", "reason": "NotFound", "details": {}}).to_string(),
        ),
        (403, forbidden.to_string()),
        (401, "Unauthorized".to_owned()),
    ] {
        let server = Server::always(answer(code, "", body));
        let found = workload("Deployment", &server.url, SECOND * 30).await;
        lines.push(trouble(&found.unwrap_err(), &server.url));
        let request = server.requests().concat();
        let line = "GET /apis/apps/v1/namespaces/shop/deployments/web HTTP/1.1";
        assert!(request.starts_with(line), "{request}");
        assert!(
            request.contains(&format!("authorization: Bearer {TOKEN}")),
            "{request}"
        );
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    missing: URL has no Deployment shop/web
    unanswered: URL answered with status 404: there is no Deployment shop/web, or nothing of its kind
    unanswered: URL answered with status 404: there is no Deployment shop/web, or nothing of its kind
    unanswered: URL answered with status 404: there is no Deployment shop/web, or nothing of its kind
    unanswered: URL answered with status 403: the account has no right to get Deployment shop/web
    unanswered: URL answered with status 401: is the token right?
    ");
}

/// A Rollout at the second of its steps.
fn rollout() -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "metadata": {"name": "web", "namespace": "shop", "generation": 7},
        "spec": {
            "replicas": 3,
            "template": template("registry.example/shop/web:1.1"),
            "strategy": {"canary": {"steps": [
                {"setWeight": 20}, {"pause": {"duration": "10m"}}, {"setWeight": 60}, {"pause": {}}, {"setWeight": 80}
            ]}}
        },
        "status": {
            "observedGeneration": "7", "phase": "Paused", "message": "CanaryPauseStep", "replicas": 4, "updatedReplicas": 1,
            "readyReplicas": 4, "availableReplicas": 4, "currentPodHash": "5d4f", "stableRS": "77aa",
            "currentStepIndex": 1, "currentStepHash": "6b9", "controllerPause": true,
            "pauseConditions": [{"reason": "CanaryPauseStep", "startTime": "2026-03-10T10:00:00Z"}],
            "canary": {"weights": {
                "canary": {"podTemplateHash": "5d4f", "serviceName": "web-canary", "weight": 20},
                "stable": {"podTemplateHash": "77aa", "serviceName": "web-stable", "weight": 80}
            }}
        }
    })
}

#[tokio::test]
async fn a_rollout_says_where_it_is_and_whether_it_waits_for_a_person() {
    let reason = "/status/pauseConditions/0/reason";
    let rows: Vec<(&str, Vec<(&str, Value)>)> = vec![
        ("a pause that ends by itself", vec![]),
        (
            "in seconds",
            vec![("/spec/strategy/canary/steps/1/pause/duration", json!(600))],
        ),
        (
            "a pause without an end",
            vec![("/status/currentStepIndex", json!(3))],
        ),
        (
            "a length of 0",
            vec![("/spec/strategy/canary/steps/1/pause/duration", json!(0))],
        ),
        (
            "a step that is not there",
            vec![("/status/currentStepIndex", json!(9))],
        ),
        (
            "an analysis",
            vec![(reason, json!("InconclusiveAnalysisRun"))],
        ),
        (
            "an unknown pause",
            vec![(reason, json!("Whatever\n::error::x"))],
        ),
        (
            "a preview",
            vec![
                (reason, json!("BlueGreenPause")),
                ("/spec/strategy", json!({"blueGreen": {}})),
            ],
        ),
        (
            "a preview with a time",
            vec![
                (reason, json!("BlueGreenPause")),
                (
                    "/spec/strategy",
                    json!({"blueGreen": {"autoPromotionSeconds": 60}}),
                ),
            ],
        ),
        (
            "by hand",
            vec![
                ("/spec/paused", json!(true)),
                ("/status/pauseConditions", Value::Null),
                ("/status/message", json!("manually paused")),
            ],
        ),
        (
            "aborted",
            vec![
                ("/status/abort", json!(true)),
                ("/status/phase", json!("Degraded")),
                (
                    "/status/message",
                    json!("RolloutAborted: Rollout aborted update to revision 2"),
                ),
            ],
        ),
        (
            "aborted, says an old status",
            vec![
                ("/status/abort", json!(true)),
                ("/metadata/generation", json!(8)),
            ],
        ),
        ("no weights", vec![("/status/canary", json!({}))]),
        (
            "no steps",
            vec![
                ("/spec/strategy", json!({"canary": {}})),
                ("/status/pauseConditions", Value::Null),
            ],
        ),
        ("nonsense", vec![("/status/currentStepIndex", json!("two"))]),
    ];
    let mut all = Vec::new();
    for (name, changes) in rows {
        let server = Server::always(answer(200, "", changed(&rollout(), &changes).to_string()));
        let clock = ManualClock::at(now());
        let seen = workload::look(
            &cluster(&server.url),
            &clock,
            "Rollout",
            NAME,
            IMAGE,
            SECOND * 30,
        )
        .await;
        all.push(match seen {
            Err(found) => format!("{name}: {}", trouble(&found, &server.url)),
            Ok(seen) => {
                let progress = seen.progress.unwrap();
                let flags = format!(
                    "taken up: {}, person: {:?}, aborted: {:?}",
                    progress.is_taken_up, progress.waits_for_person, progress.aborted
                );
                format!("{name}: {}\n  {flags}", standing(&seen.standing))
            }
        });
    }
    insta::assert_snapshot!(all.join("\n"), @r#"
    a pause that ends by itself: moving: step 2 of 5, weight 20%; Paused: CanaryPauseStep
      taken up: true, person: None, aborted: None
    in seconds: moving: step 2 of 5, weight 20%; Paused: CanaryPauseStep
      taken up: true, person: None, aborted: None
    a pause without an end: moving: step 4 of 5, weight 20%; it waits for a person (CanaryPauseStep): `kubectl argo rollouts promote web -n shop` lets it go on
      taken up: true, person: Some("CanaryPauseStep"), aborted: None
    a length of 0: moving: step 2 of 5, weight 20%; it waits for a person (CanaryPauseStep): `kubectl argo rollouts promote web -n shop` lets it go on
      taken up: true, person: Some("CanaryPauseStep"), aborted: None
    a step that is not there: moving: all 5 steps done, weight 20%; it waits for a person (CanaryPauseStep): `kubectl argo rollouts promote web -n shop` lets it go on
      taken up: true, person: Some("CanaryPauseStep"), aborted: None
    an analysis: moving: step 2 of 5, weight 20%; it waits for a person (InconclusiveAnalysisRun): `kubectl argo rollouts promote web -n shop` lets it go on
      taken up: true, person: Some("InconclusiveAnalysisRun"), aborted: None
    an unknown pause: moving: step 2 of 5, weight 20%; it waits for a person (Whatever ::error::x): `kubectl argo rollouts promote web -n shop` lets it go on
      taken up: true, person: Some("Whatever ::error::x"), aborted: None
    a preview: moving: weight 20%; it waits for a person (BlueGreenPause): `kubectl argo rollouts promote web -n shop` lets it go on
      taken up: true, person: Some("BlueGreenPause"), aborted: None
    a preview with a time: moving: weight 20%; Paused: CanaryPauseStep
      taken up: true, person: None, aborted: None
    by hand: moving: step 2 of 5, weight 20%; it waits for a person (it is paused by `spec.paused`): `kubectl argo rollouts promote web -n shop` lets it go on
      taken up: true, person: Some("it is paused by `spec.paused`"), aborted: None
    aborted: failing: Degraded: RolloutAborted: Rollout aborted update to revision 2
      taken up: true, person: None, aborted: Some("RolloutAborted: Rollout aborted update to revision 2")
    aborted, says an old status: moving: its controller has seen generation 7, not 8
      taken up: false, person: None, aborted: None
    no weights: moving: step 2 of 5; Paused: CanaryPauseStep
      taken up: true, person: None, aborted: None
    no steps: moving: weight 20%; Paused: CanaryPauseStep
      taken up: true, person: None, aborted: None
    nonsense: unanswered: the answer about Rollout shop/web cannot be used: /status/currentStepIndex is not what the API says
    "#);
}

#[tokio::test]
async fn a_rollout_may_take_its_pods_from_a_deployment() {
    let referring = |observed: Value| {
        changed(
            &rollout(),
            &[
                ("/spec/template", Value::Null),
                (
                    "/spec/workloadRef",
                    json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "web-pods"}),
                ),
                ("/status/workloadObservedGeneration", observed),
            ],
        )
    };
    let named = |changes: &[(&str, Value)]| {
        let mut pods = changed(&deployment(), changes);
        pods["metadata"]["name"] = json!("web-pods");
        pods
    };
    let rows = [
        ("good", referring(json!("7")), (200, named(&[]))),
        ("not seen yet", referring(json!("6")), (200, named(&[]))),
        (
            "never seen",
            changed(
                &referring(json!("7")),
                &[("/status/workloadObservedGeneration", Value::Null)],
            ),
            (200, named(&[])),
        ),
        (
            "another version",
            referring(json!("7")),
            (
                200,
                named(&[("/spec/template", template("registry.example/shop/web:1.0"))]),
            ),
        ),
        (
            "no such Deployment",
            referring(json!("7")),
            (
                404,
                json!({"kind": "Status", "reason": "NotFound", "details": {"name": "web-pods"}}),
            ),
        ),
        (
            "a ReplicaSet",
            changed(
                &referring(json!("7")),
                &[("/spec/workloadRef/kind", json!("ReplicaSet"))],
            ),
            (200, named(&[])),
        ),
    ];
    let mut all = Vec::new();
    for (name, rollout, (status, pods)) in rows {
        let server = Server::with(move |_, request| {
            if request.contains("/rollouts/web") {
                answer(200, "", rollout.to_string())
            } else {
                assert!(request.contains("/deployments/web-pods"), "{request}");
                answer(status, "", pods.to_string())
            }
        });
        let line = match workload("Rollout", &server.url, SECOND * 30).await {
            Ok(line) => line,
            Err(found) => trouble(&found, &server.url),
        };
        all.push(format!("{name}: {line}"));
    }
    insta::assert_snapshot!(all.join("\n"), @r#"
    good: ["1.1"] 4/3 moving: step 2 of 5, weight 20%; Paused: CanaryPauseStep
    not seen yet: ["1.1"] 4/3 moving: its controller has not seen the present pods of Deployment shop/web-pods yet
    never seen: ["1.1"] 4/3 moving: its controller has not seen the present pods of Deployment shop/web-pods yet
    another version: ["1.0"] 4/3 moving: step 2 of 5, weight 20%; Paused: CanaryPauseStep
    no such Deployment: unanswered: URL has no Deployment shop/web-pods
    a ReplicaSet: unanswered: the Rollout takes its pods from a ReplicaSet, of which only a Deployment is known
    "#);
}
