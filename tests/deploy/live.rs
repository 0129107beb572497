//! Deployments that wait until a controller or a cluster says that the version runs.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use shipgate::event::Event;

use crate::{
    endings::rolling_text,
    stage::STEPS,
    stand_in::{Facts, StandIn},
    support::git_server::GitServer,
    trail::End,
};

/// Puts other `live`s and providers into the world's configuration.
pub fn with_live(text: &str, stable: &str, canary: &str, providers: &str) -> String {
    let lines = text.lines().map(|line| {
        if line.starts_with("      stable: {http:") {
            format!("      stable: {stable}\n")
        } else if line.starts_with("      canary: {http:") {
            format!("      canary: {canary}\n")
        } else if line.starts_with("    on_unavailable_after:") {
            format!("{line}\n    progress_deadline: 2m\n")
        } else if line == "providers:" {
            format!("{line}\n{providers}")
        } else {
            format!("{line}\n")
        }
    });
    lines.collect()
}

const IN_CLUSTER: &str = "{kubernetes: {namespace: shop}}";
const BY_FLUX: &str = "{flux: {kustomization: flux-system/apps}}";
const BY_METRIC: &str = "{metric: {query: 'build_info{arm=\"{{arm}}\"}'}}";
const BY_ARGO: &str = "{argocd: {application: 'shop-{{environment}}'}}";

fn argo(url: &str) -> String {
    format!("  argocd: {{url: '{url}', token_env: ARGOCD_TOKEN}}\n")
}

/// A world with one workload.
fn one(
    live: &'static str,
    change: impl Fn(&Facts, &mut Value) -> u16 + Send + Sync + 'static,
) -> StandIn {
    let configure = |text: String, url: &str| with_live(&rolling_text(text), live, "", &argo(url));
    StandIn::new(configure, change)
}

fn good(_: &Facts, _: &mut Value) -> u16 {
    200
}

async fn deploy(stand_in: &StandIn) -> End {
    Box::pin(stand_in.stage.deploy_with("1.1", stand_in.start())).await
}

/// The lines about the wait, and the end.
fn told(end: &End) -> String {
    let lines = end.trail.iter().filter(|line| {
        line.contains("wait until") || line.starts_with("warning") || line.starts_with("way back")
    });
    let lines: Vec<&str> = lines.map(String::as_str).collect();
    format!("{}\n{}", lines.join("\n"), end.end())
}

#[tokio::test]
async fn a_canary_goes_all_the_way_by_each_kind() {
    for (name, stable, canary) in [
        ("kubernetes", IN_CLUSTER, IN_CLUSTER),
        ("argocd", BY_ARGO, BY_ARGO),
        ("flux", BY_FLUX, BY_FLUX),
        ("both", BY_FLUX, IN_CLUSTER),
        ("metric", BY_METRIC, BY_METRIC),
    ] {
        let configure = |text: String, url: &str| with_live(&text, stable, canary, &argo(url));
        let stand_in = StandIn::new(configure, good);
        let end = deploy(&stand_in).await;
        end.assert(0, name);
        assert_eq!(
            stand_in.stage.live(),
            "stable 1.1, canary nothing with 0%",
            "{name}"
        );
        let pushes = 6;
        let told = if name == "argocd" { pushes } else { 0 };
        assert_eq!(stand_in.asked("refresh=normal"), told, "{name}");
        assert_eq!(end.outcome.deployment.unwrap().steps.len(), STEPS, "{name}");
    }
}

#[tokio::test]
async fn overrides_that_leave_the_version_alone_are_no_reason() {
    let rows: Vec<(&str, StandIn)> = vec![
        (
            "argocd",
            one(BY_ARGO, |facts, body| {
                let tag = &facts.wanted;
                body["spec"]["source"]["kustomize"] = json!({
                    "images": [
                        format!("registry.example/shop/advertisements={}:{tag}", "mirror.example/ads"),
                        "registry.example/proxy:3"
                    ],
                    "patches": [{
                        "target": {"kind": "Deployment", "name": "proxy"},
                        "patch": "spec: {template: {spec: {containers: [{name: app, image: 'proxy:3'}]}}}"
                    }]
                });
                200
            }),
        ),
        (
            "flux",
            one(BY_FLUX, |_, body| {
                if body["kind"] == "Kustomization" {
                    body["spec"]["images"] = json!([
                        {"name": "registry.example/shop/advertisements", "newName": "mirror.example/ads"},
                        {"name": "registry.example/proxy", "newTag": "3"}
                    ]);
                    body["spec"]["patches"] = json!([{
                        "target": {"kind": "Deployment"},
                        "patch": "- op: add\n  path: /spec/replicas\n  value: 3"
                    }]);
                }
                200
            }),
        ),
    ];
    for (name, stand_in) in rows {
        let end = deploy(&stand_in).await;
        end.assert(0, name);
    }
}

#[tokio::test]
async fn a_metric_that_tells_no_version_is_found_before_anything_is_changed() {
    let rows = [
        "{metric: {query: 'build_info{arm=\"{{arm}}\"}', label: pod}}",
        "{metric: {query: 'build_info{arm=\"{{arm}}\",version=\"none\"}'}}",
        "{metric: {query: 'sum(build_info'}}",
    ];
    let mut lines = Vec::new();
    for live in rows {
        let stand_in = one(live, good);
        let end = deploy(&stand_in).await;
        lines.push(end.end());
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    20 unavailable: before anything was changed: what stable runs is not known: `query` found a series without the label `pod`
      hint: nothing was pushed; run the same command again when what is asked there answers
    20 unavailable: before anything was changed: what stable runs is not known: `build_info{arm="{{arm}}",version="none"}` has no series above 0, so it does not tell what stable runs
      hint: nothing was pushed; run the same command again when what is asked there answers
    20 unavailable: before anything was changed: what stable runs is not known: WORLD refused the query: bad_data: invalid parameter "query": 1:4: parse error: expected the end (only a selector is known here)
      hint: nothing was pushed; another try would be answered the same: mend shipgate.yaml:14:15, or the address and the credentials of what is asked there
    "#);
}

#[tokio::test]
async fn what_is_not_ours_or_not_done_is_never_live() {
    let stale = |_: &Facts, body: &mut Value| {
        body["metadata"]["generation"] = json!(2);
        200
    };
    let rows: Vec<(&str, StandIn)> = vec![
        (
            "a revision that does not descend",
            one(BY_ARGO, |facts, body| {
                if facts.wanted == "1.1" {
                    body["status"]["sync"]["revision"] = json!("1".repeat(40));
                }
                200
            }),
        ),
        (
            "a pending operation",
            one(BY_ARGO, |facts, body| {
                if facts.wanted == "1.1" {
                    body["operation"] = json!({"sync": {}});
                }
                200
            }),
        ),
        (
            "a stale status",
            one(IN_CLUSTER, move |facts, body| {
                if facts.wanted == "1.1" {
                    stale(facts, body)
                } else {
                    200
                }
            }),
        ),
        (
            "another version",
            one(IN_CLUSTER, |facts, body| {
                if facts.wanted == "1.1" {
                    body["spec"]["template"]["spec"]["containers"][0]["image"] =
                        json!("registry.example/shop/advertisements:1.0");
                }
                200
            }),
        ),
        (
            "no right any more",
            one(
                BY_ARGO,
                |facts, _| if facts.wanted == "1.1" { 403 } else { 200 },
            ),
        ),
        (
            "an error beside Synced and Healthy",
            one(BY_ARGO, |facts, body| {
                if facts.wanted == "1.1" {
                    body["status"]["conditions"] =
                        json!([{"type": "ComparisonError", "message": "no such path"}]);
                }
                200
            }),
        ),
        (
            "a path that was changed meanwhile",
            one(BY_ARGO, |facts, body| {
                if facts.wanted == "1.1" {
                    body["spec"]["source"]["path"] = json!("clusters/staging");
                }
                200
            }),
        ),
        (
            "a source that overrides the image",
            one(BY_ARGO, |_, body| {
                body["status"]["summary"]["images"] = json!([
                    "registry.example/shop/advertisements:1.0",
                    "registry.example/proxy:3"
                ]);
                200
            }),
        ),
        (
            "a source that overrides the image and tells of no image",
            one(BY_ARGO, |_, body| {
                body["spec"]["source"]["kustomize"] =
                    json!({"images": ["registry.example/shop/advertisements:1.0"]});
                body["status"]["summary"] = json!({});
                200
            }),
        ),
        (
            "a patch of the image in the application",
            one(BY_ARGO, |_, body| {
                body["spec"]["source"]["kustomize"] = json!({"patches": [{
                    "target": {"kind": "Deployment"},
                    "patch": "- op: replace\n  path: /spec/template/spec/containers/0/image\n  value: mirror.example/ads:1.0"
                }]});
                200
            }),
        ),
        (
            "flux overrides the image",
            one(BY_FLUX, |_, body| {
                if body["kind"] == "Kustomization" {
                    body["spec"]["images"] = json!([
                        {"name": "registry.example/proxy", "newTag": "3"},
                        {"name": "registry.example/shop/advertisements", "newTag": "1.0"}
                    ]);
                }
                200
            }),
        ),
        (
            "flux patches the image",
            one(BY_FLUX, |_, body| {
                if body["kind"] == "Kustomization" {
                    body["spec"]["patches"] = json!([{
                        "target": {"kind": "Deployment", "name": "advertisements"},
                        "patch": "spec: {template: {spec: {containers: [{name: app, image: 'mirror.example/ads:1.10'}]}}}"
                    }]);
                }
                200
            }),
        ),
        (
            "flux takes from another branch by now",
            one(BY_FLUX, |facts, body| {
                if facts.wanted == "1.1" && body["kind"] == "GitRepository" {
                    body["spec"]["ref"] = json!({"branch": "staging"});
                }
                200
            }),
        ),
        (
            "ready of an older generation",
            one(BY_FLUX, |facts, body| {
                if facts.wanted == "1.1" && body["kind"] == "Kustomization" {
                    body["metadata"]["generation"] = json!(3);
                    body["status"]["observedGeneration"] = json!(3);
                    body["status"]["conditions"] = json!([
                        {"type": "Ready", "status": "True", "reason": "Done", "observedGeneration": 2}
                    ]);
                }
                200
            }),
        ),
        (
            "an error page",
            one(BY_FLUX, |facts, body| {
                if facts.wanted == "1.1" {
                    *body = json!("<html>");
                }
                200
            }),
        ),
        (
            "flux at another commit",
            one(BY_FLUX, |facts, body| {
                if facts.wanted == "1.1" {
                    body["status"]["lastAppliedRevision"] =
                        json!(format!("main@sha1:{}", "2".repeat(40)));
                }
                200
            }),
        ),
    ];
    let mut all = Vec::new();
    for (name, stand_in) in rows {
        let end = deploy(&stand_in).await;
        assert_eq!(stand_in.stage.tree(), "as at first", "{name}");
        let text = told(&end).replace(&stand_in.server.url, "URL");
        all.push(format!("== {name}\n{text}"));
    }
    insta::assert_snapshot!(all.join("\n"), @r"
    == a revision that does not descend
    2/3 wait until stable runs 1.1: failed (stable does not run 1.1 after 2m (Application shop-production: it is at ID, which does not hold commit ID))
    way back: stable does not run 1.1 after 2m (Application shop-production: it is at ID, which does not hold commit ID)
    2/3 back: wait until stable runs the previous version: passed
    3/3 back: wait until the previous version is healthy: passed
    40 rolled-back: advertisements 1.1 in production was taken back, 1.0 is live again: stable does not run 1.1 after 2m (Application shop-production: it is at ID, which does not hold commit ID)
    == a pending operation
    2/3 wait until stable runs 1.1: failed (stable does not run 1.1 after 2m (Application shop-production: a sync is asked for))
    way back: stable does not run 1.1 after 2m (Application shop-production: a sync is asked for)
    2/3 back: wait until stable runs the previous version: passed
    3/3 back: wait until the previous version is healthy: passed
    40 rolled-back: advertisements 1.1 in production was taken back, 1.0 is live again: stable does not run 1.1 after 2m (Application shop-production: a sync is asked for)
    == a stale status
    2/3 wait until stable runs 1.1: failed (stable does not run 1.1 after 2m (its controller has seen generation 1, not 2))
    way back: stable does not run 1.1 after 2m (its controller has seen generation 1, not 2)
    2/3 back: wait until stable runs the previous version: passed
    3/3 back: wait until the previous version is healthy: passed
    40 rolled-back: advertisements 1.1 in production was taken back, 1.0 is live again: stable does not run 1.1 after 2m (its controller has seen generation 1, not 2)
    == another version
    2/3 wait until stable runs 1.1: failed (stable does not run 1.1 after 2m (is told to run 1.0))
    way back: stable does not run 1.1 after 2m (is told to run 1.0)
    2/3 back: wait until stable runs the previous version: passed
    3/3 back: wait until the previous version is healthy: passed
    40 rolled-back: advertisements 1.1 in production was taken back, 1.0 is live again: stable does not run 1.1 after 2m (is told to run 1.0)
    == no right any more
    2/3 wait until stable runs 1.1: failed (stable does not run 1.1 after 2m (URL answered with status 403: Application shop-production is missing, or the token may not get it; Argo CD tells the two apart only where `project` is given))
    way back: stable does not run 1.1 after 2m (URL answered with status 403: Application shop-production is missing, or the token may not get it; Argo CD tells the two apart only where `project` is given)
    warning: Argo CD was not told of the push and finds it by itself: URL answered with status 403: Application shop-production is missing, or the token may not get it; Argo CD tells the two apart only where `project` is given
    2/3 back: wait until stable runs the previous version: passed
    3/3 back: wait until the previous version is healthy: passed
    40 rolled-back: advertisements 1.1 in production was taken back, 1.0 is live again: stable does not run 1.1 after 2m (URL answered with status 403: Application shop-production is missing, or the token may not get it; Argo CD tells the two apart only where `project` is given)
    == an error beside Synced and Healthy
    2/3 wait until stable runs 1.1: failed (stable does not run 1.1 after 2m (Application shop-production: it is Synced with an error: ComparisonError: no such path))
    way back: stable does not run 1.1 after 2m (Application shop-production: it is Synced with an error: ComparisonError: no such path)
    2/3 back: wait until stable runs the previous version: passed
    3/3 back: wait until the previous version is healthy: passed
    40 rolled-back: advertisements 1.1 in production was taken back, 1.0 is live again: stable does not run 1.1 after 2m (Application shop-production: it is Synced with an error: ComparisonError: no such path)
    == a path that was changed meanwhile
    2/3 wait until stable runs 1.1: failed (whether stable runs 1.1 cannot be asked: Application shop-production applies `clusters/staging`, not `clusters/prod`, the folder of production (name the one whose path is the environment's `root`, or mend `root`))
    way back: whether stable runs 1.1 cannot be asked: Application shop-production applies `clusters/staging`, not `clusters/prod`, the folder of production (name the one whose path is the environment's `root`, or mend `root`)
    2/3 back: wait until stable runs the previous version: failed (whether stable runs 1.0 cannot be asked: Application shop-production applies `clusters/staging`, not `clusters/prod`, the folder of production (name the one whose path is the environment's `root`, or mend `root`))
    41 rollback-failed: advertisements 1.1 in production could not go on (whether stable runs 1.1 cannot be asked: Application shop-production applies `clusters/staging`, not `clusters/prod`, the folder of production (name the one whose path is the environment's `root`, or mend `root`)) and not be taken back: whether stable runs 1.0 cannot be asked: Application shop-production applies `clusters/staging`, not `clusters/prod`, the folder of production (name the one whose path is the environment's `root`, or mend `root`); every value is back on the branch, 1.0 was not seen live and well yet
      hint: page someone now; `shipgate recover --service advertisements --environment production` tries the way back again
    == a source that overrides the image
    2/3 wait until stable runs 1.1: failed (stable does not run 1.1 after 2m (Application shop-production: it is synced to our commit, and yet its image has the tag 1.0; do `kustomize.images` or Helm parameters of the Application override it?))
    way back: stable does not run 1.1 after 2m (Application shop-production: it is synced to our commit, and yet its image has the tag 1.0; do `kustomize.images` or Helm parameters of the Application override it?)
    2/3 back: wait until stable runs the previous version: passed
    3/3 back: wait until the previous version is healthy: passed
    40 rolled-back: advertisements 1.1 in production was taken back, 1.0 is live again: stable does not run 1.1 after 2m (Application shop-production: it is synced to our commit, and yet its image has the tag 1.0; do `kustomize.images` or Helm parameters of the Application override it?)
    == a source that overrides the image and tells of no image
    2/3 wait until stable runs 1.1: failed (stable does not run 1.1 after 2m (Application shop-production: its own `images` give registry.example/shop/advertisements the tag or digest 1.0, whatever git says; take the entry out of it))
    way back: stable does not run 1.1 after 2m (Application shop-production: its own `images` give registry.example/shop/advertisements the tag or digest 1.0, whatever git says; take the entry out of it)
    2/3 back: wait until stable runs the previous version: passed
    3/3 back: wait until the previous version is healthy: passed
    40 rolled-back: advertisements 1.1 in production was taken back, 1.0 is live again: stable does not run 1.1 after 2m (Application shop-production: its own `images` give registry.example/shop/advertisements the tag or digest 1.0, whatever git says; take the entry out of it)
    == a patch of the image in the application
    2/3 wait until stable runs 1.1: failed (stable does not run 1.1 after 2m (Application shop-production: one of its own patches sets an image, whatever git says; take the patch out of it, or use `live: {kubernetes: …}`, which looks at the workload itself))
    way back: stable does not run 1.1 after 2m (Application shop-production: one of its own patches sets an image, whatever git says; take the patch out of it, or use `live: {kubernetes: …}`, which looks at the workload itself)
    2/3 back: wait until stable runs the previous version: passed
    3/3 back: wait until the previous version is healthy: passed
    40 rolled-back: advertisements 1.1 in production was taken back, 1.0 is live again: stable does not run 1.1 after 2m (Application shop-production: one of its own patches sets an image, whatever git says; take the patch out of it, or use `live: {kubernetes: …}`, which looks at the workload itself)
    == flux overrides the image
    2/3 wait until stable runs 1.1: failed (stable does not run 1.1 after 2m (Kustomization flux-system/apps: its own `images` give registry.example/shop/advertisements the tag or digest 1.0, whatever git says; take the entry out of it))
    way back: stable does not run 1.1 after 2m (Kustomization flux-system/apps: its own `images` give registry.example/shop/advertisements the tag or digest 1.0, whatever git says; take the entry out of it)
    2/3 back: wait until stable runs the previous version: passed
    3/3 back: wait until the previous version is healthy: passed
    40 rolled-back: advertisements 1.1 in production was taken back, 1.0 is live again: stable does not run 1.1 after 2m (Kustomization flux-system/apps: its own `images` give registry.example/shop/advertisements the tag or digest 1.0, whatever git says; take the entry out of it)
    == flux patches the image
    2/3 wait until stable runs 1.1: failed (stable does not run 1.1 after 2m (Kustomization flux-system/apps: one of its own patches sets an image, whatever git says; take the patch out of it, or use `live: {kubernetes: …}`, which looks at the workload itself))
    way back: stable does not run 1.1 after 2m (Kustomization flux-system/apps: one of its own patches sets an image, whatever git says; take the patch out of it, or use `live: {kubernetes: …}`, which looks at the workload itself)
    2/3 back: wait until stable runs the previous version: failed (stable does not run 1.0 after 2m (Kustomization flux-system/apps: one of its own patches sets an image, whatever git says; take the patch out of it, or use `live: {kubernetes: …}`, which looks at the workload itself))
    41 rollback-failed: advertisements 1.1 in production could not go on (stable does not run 1.1 after 2m (Kustomization flux-system/apps: one of its own patches sets an image, whatever git says; take the patch out of it, or use `live: {kubernetes: …}`, which looks at the workload itself)) and not be taken back: stable does not run 1.0 after 2m (Kustomization flux-system/apps: one of its own patches sets an image, whatever git says; take the patch out of it, or use `live: {kubernetes: …}`, which looks at the workload itself); every value is back on the branch, 1.0 was not seen live and well yet
      hint: page someone now; `shipgate recover --service advertisements --environment production` tries the way back again
    == flux takes from another branch by now
    2/3 wait until stable runs 1.1: failed (whether stable runs 1.1 cannot be asked: Kustomization flux-system/apps follows `staging`, not the branch `main`, which is deployed to (name the one that follows the branch, or mend `branch` of the environment))
    way back: whether stable runs 1.1 cannot be asked: Kustomization flux-system/apps follows `staging`, not the branch `main`, which is deployed to (name the one that follows the branch, or mend `branch` of the environment)
    2/3 back: wait until stable runs the previous version: failed (whether stable runs 1.0 cannot be asked: Kustomization flux-system/apps follows `staging`, not the branch `main`, which is deployed to (name the one that follows the branch, or mend `branch` of the environment))
    41 rollback-failed: advertisements 1.1 in production could not go on (whether stable runs 1.1 cannot be asked: Kustomization flux-system/apps follows `staging`, not the branch `main`, which is deployed to (name the one that follows the branch, or mend `branch` of the environment)) and not be taken back: whether stable runs 1.0 cannot be asked: Kustomization flux-system/apps follows `staging`, not the branch `main`, which is deployed to (name the one that follows the branch, or mend `branch` of the environment); every value is back on the branch, 1.0 was not seen live and well yet
      hint: page someone now; `shipgate recover --service advertisements --environment production` tries the way back again
    == ready of an older generation
    2/3 wait until stable runs 1.1: failed (stable does not run 1.1 after 2m (Kustomization flux-system/apps: it says of an older generation whether it is ready))
    way back: stable does not run 1.1 after 2m (Kustomization flux-system/apps: it says of an older generation whether it is ready)
    2/3 back: wait until stable runs the previous version: passed
    3/3 back: wait until the previous version is healthy: passed
    40 rolled-back: advertisements 1.1 in production was taken back, 1.0 is live again: stable does not run 1.1 after 2m (Kustomization flux-system/apps: it says of an older generation whether it is ready)
    == an error page
    2/3 wait until stable runs 1.1: failed (stable does not run 1.1 after 2m (URL answered with something that is no Kustomization flux-system/apps))
    way back: stable does not run 1.1 after 2m (URL answered with something that is no Kustomization flux-system/apps)
    2/3 back: wait until stable runs the previous version: passed
    3/3 back: wait until the previous version is healthy: passed
    40 rolled-back: advertisements 1.1 in production was taken back, 1.0 is live again: stable does not run 1.1 after 2m (URL answered with something that is no Kustomization flux-system/apps)
    == flux at another commit
    2/3 wait until stable runs 1.1: failed (stable does not run 1.1 after 2m (Kustomization flux-system/apps: it is at ID, which does not hold commit ID))
    way back: stable does not run 1.1 after 2m (Kustomization flux-system/apps: it is at ID, which does not hold commit ID)
    2/3 back: wait until stable runs the previous version: passed
    3/3 back: wait until the previous version is healthy: passed
    40 rolled-back: advertisements 1.1 in production was taken back, 1.0 is live again: stable does not run 1.1 after 2m (Kustomization flux-system/apps: it is at ID, which does not hold commit ID)
    ");
}

#[tokio::test]
async fn what_fails_for_good_is_taken_back_at_once_and_what_flaps_is_not() {
    let health = |status: &str| json!({"status": status, "message": "pods crash"});
    let began = Arc::new(Mutex::new(None));
    let flaps = one(BY_ARGO, move |facts, body| {
        if facts.wanted == "1.1" {
            let since = *began.lock().unwrap().get_or_insert(facts.now);
            let seconds = (facts.now - since).num_seconds();
            if seconds < 20 || (22..40).contains(&seconds) {
                body["status"]["health"] = health("Degraded");
            }
        }
        200
    });
    let end = deploy(&flaps).await;
    end.assert(0, "flaps");
    let rows: Vec<(&str, StandIn)> = vec![
        (
            "degraded",
            one(BY_ARGO, move |facts, body| {
                if facts.wanted == "1.1" {
                    body["status"]["health"] = health("Degraded");
                }
                200
            }),
        ),
        (
            "too slow",
            one(IN_CLUSTER, |facts, body| {
                if facts.wanted == "1.1" {
                    body["status"]["conditions"][0] = json!({"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "timed out"});
                }
                200
            }),
        ),
        (
            "stalled",
            one(BY_FLUX, |facts, body| {
                if facts.wanted == "1.1" {
                    body["status"]["lastAppliedRevision"] = Value::Null;
                    body["status"]["conditions"] = json!([{"type": "Stalled", "status": "True", "reason": "HealthCheckFailed"}]);
                }
                200
            }),
        ),
    ];
    let mut all = Vec::new();
    for (name, stand_in) in rows {
        let before = stand_in.stage.clock_now();
        let end = deploy(&stand_in).await;
        let took = stand_in.stage.clock_now() - before;
        assert!(took < TimeDelta::minutes(4), "{name}: {took}");
        stand_in.stage.assert_restored(name);
        all.push(format!("== {name}\n{}", told(&end)));
    }
    insta::assert_snapshot!(all.join("\n"), @r"
    == degraded
    2/3 wait until stable runs 1.1: failed (stable fails to run 1.1, and has for 30s (Application shop-production: it is Degraded: pods crash))
    way back: stable fails to run 1.1, and has for 30s (Application shop-production: it is Degraded: pods crash)
    2/3 back: wait until stable runs the previous version: passed
    3/3 back: wait until the previous version is healthy: passed
    40 rolled-back: advertisements 1.1 in production was taken back, 1.0 is live again: stable fails to run 1.1, and has for 30s (Application shop-production: it is Degraded: pods crash)
    == too slow
    2/3 wait until stable runs 1.1: failed (stable fails to run 1.1, and has for 30s (ProgressDeadlineExceeded: timed out))
    way back: stable fails to run 1.1, and has for 30s (ProgressDeadlineExceeded: timed out)
    2/3 back: wait until stable runs the previous version: passed
    3/3 back: wait until the previous version is healthy: passed
    40 rolled-back: advertisements 1.1 in production was taken back, 1.0 is live again: stable fails to run 1.1, and has for 30s (ProgressDeadlineExceeded: timed out)
    == stalled
    2/3 wait until stable runs 1.1: failed (stable fails to run 1.1, and has for 30s (Kustomization flux-system/apps: stalled: HealthCheckFailed))
    way back: stable fails to run 1.1, and has for 30s (Kustomization flux-system/apps: stalled: HealthCheckFailed)
    2/3 back: wait until stable runs the previous version: passed
    3/3 back: wait until the previous version is healthy: passed
    40 rolled-back: advertisements 1.1 in production was taken back, 1.0 is live again: stable fails to run 1.1, and has for 30s (Kustomization flux-system/apps: stalled: HealthCheckFailed)
    ");
}

/// A world with one workload whose address is answered by `version`, asked for the number of the answer,
/// counted from 0, and the time.
fn behind_a_balancer(
    version: impl Fn(usize, DateTime<Utc>) -> Option<&'static str> + Send + Sync + 'static,
) -> StandIn {
    let asked = AtomicUsize::new(0);
    let configure = |text: String, url: &str| {
        let live = format!("{{http: '{url}/version', pointer: /version}}");
        with_live(&rolling_text(text), &live, "", "")
    };
    StandIn::new(configure, move |facts, body| {
        let found = version(asked.fetch_add(1, Ordering::SeqCst), facts.now);
        *body = json!({"version": found});
        if found.is_some() { 200 } else { 503 }
    })
}

#[tokio::test]
async fn one_new_pod_among_old_ones_is_not_live() {
    let rows: [(&str, &[&str], usize); 3] = [
        ("all at once", &["1.0", "1.1", "1.1", "1.1"], 4),
        (
            "an old one in between",
            &["1.1", "1.0", "1.1", "1.1", "1.0", "1.1", "1.1", "1.1"],
            8,
        ),
        (
            "nobody answers in between",
            &["1.1", "1.1", "", "1.1", "1.1", "1.1"],
            6,
        ),
    ];
    for (name, answers, count) in rows {
        let stand_in = behind_a_balancer(move |index, _| match answers.get(index) {
            None => Some("1.1"),
            Some(version) => Some(*version).filter(|version| !version.is_empty()),
        });
        let seen = Arc::new(Mutex::new(None));
        let (found, server) = (Arc::clone(&seen), Arc::clone(&stand_in.server));
        let start = stand_in.start().hook(move |event| {
            if matches!(event, Event::StepFinished { index: 2, .. }) {
                *found.lock().unwrap() = Some(server.requests().len());
            }
        });
        let end = Box::pin(stand_in.stage.deploy_with("1.1", start)).await;
        end.assert(0, name);
        assert_eq!(*seen.lock().unwrap(), Some(count), "{name}");
        // Once more when the watch is over.
        assert_eq!(stand_in.server.requests().len(), count + 3, "{name}");
    }
}

#[tokio::test]
async fn what_answers_when_the_last_watch_is_over_decides() {
    let late = DateTime::parse_from_rfc3339("2026-03-10T10:02:00Z").unwrap();
    let mut all = Vec::new();
    for (name, later) in [("an old pod", Some("1.0")), ("nobody", None)] {
        let old = AtomicUsize::new(0);
        // On the way back everyone answers with the old version.
        let stand_in = behind_a_balancer(move |_, now| match now < late {
            true => Some("1.1"),
            false if later.is_none() => None,
            false if old.fetch_add(1, Ordering::SeqCst) == 0 => Some("1.1"),
            false => later,
        });
        let end = deploy(&stand_in).await;
        let watched = end
            .trail
            .iter()
            .filter(|line| line.contains("watch stable"));
        let watched: Vec<String> = watched
            .map(|line| line.replace(&stand_in.server.url, "URL"))
            .collect();
        let told = end.end().replace(&stand_in.server.url, "URL");
        all.push(format!("== {name}\n{}\n{told}", watched.join("\n")));
    }
    insta::assert_snapshot!(all.join("\n"), @r"
    == an old pod
    3/3 watch stable for 3m: failed (stable was to run 1.1 and answered with 1.0 at the end of the watch)
    40 rolled-back: advertisements 1.1 in production was taken back, 1.0 is live again: stable was to run 1.1 and answered with 1.0 at the end of the watch
    == nobody
    3/3 watch stable for 3m: held (whether stable still runs 1.1 is not known after 2m (URL answered with status 503))
    42 held: advertisements 1.1 in production is held: whether stable still runs 1.1 is not known after 2m (URL answered with status 503)
      hint: to go on: run the same deploy again
      hint: to take it back: shipgate rollback --service advertisements --environment production
    ");
}

#[tokio::test]
async fn a_later_commit_that_holds_ours_counts() {
    let stand_in = one(BY_ARGO, good);
    let world = Arc::clone(&stand_in.stage.world);
    let mut start = stand_in.start();
    start.hook = Some(Box::new(move |event| {
        if matches!(event, Event::StepStarted { index: 2, .. }) {
            world.write("docs/a.md", b"a", "robin: later").unwrap();
            world
                .write("docs/b.md", b"b", "robin: later still")
                .unwrap();
        }
    }));
    let end = Box::pin(stand_in.stage.deploy_with("1.1", start)).await;
    end.assert(0, "a later commit");
    assert_eq!(stand_in.stage.log().first().unwrap(), "robin: later still");
}

#[tokio::test]
async fn what_cannot_be_asked_is_found_before_anything_is_changed() {
    let server = GitServer::start_with_tls("x");
    let mut all = Vec::new();
    let rows: Vec<(&str, StandIn)> = vec![
        ("a missing application", one(BY_ARGO, |_, _| 403)),
        ("no cluster", one(IN_CLUSTER, |_, _| 500)),
        ("no namespace", one("{kubernetes: {}}", good)),
        (
            "no such context",
            one(
                "{kubernetes: {namespace: shop, context: '{{environment}}'}}",
                good,
            ),
        ),
        (
            "flux does not wait",
            one(BY_FLUX, |_, body| {
                body["spec"]["wait"] = json!(false);
                200
            }),
        ),
        (
            "a chart",
            one(BY_ARGO, |_, body| {
                body["status"]["sync"]["revision"] = json!("1.2.3");
                body["spec"]["source"]["chart"] = json!("shop");
                200
            }),
        ),
        (
            "another repository",
            one(BY_ARGO, |_, body| {
                body["spec"]["source"]["repoURL"] = json!("git@git.example:shop/old.git");
                200
            }),
        ),
        (
            "another branch",
            one(BY_ARGO, |_, body| {
                body["spec"]["source"]["targetRevision"] = json!("release");
                200
            }),
        ),
        (
            "another environment",
            one(BY_ARGO, |_, body| {
                body["spec"]["source"]["path"] = json!("clusters/staging");
                200
            }),
        ),
        (
            "another repository of Flux",
            one(BY_FLUX, |_, body| {
                if body["kind"] == "GitRepository" {
                    body["spec"]["url"] = json!("https://git.example/shop/old");
                }
                200
            }),
        ),
        (
            "a tag of Flux",
            one(BY_FLUX, |_, body| {
                if body["kind"] == "GitRepository" {
                    body["spec"]["ref"]["tag"] = json!("v1");
                }
                200
            }),
        ),
        (
            "another environment of Flux",
            one(BY_FLUX, |_, body| {
                if body["kind"] == "Kustomization" {
                    body["spec"]["path"] = json!("./clusters/staging");
                }
                200
            }),
        ),
        (
            "no version",
            one(IN_CLUSTER, |_, body| {
                body["spec"]["template"]["spec"]["containers"] = json!([]);
                200
            }),
        ),
    ];
    for (name, stand_in) in &rows {
        let end = deploy(stand_in).await;
        assert_eq!(stand_in.stage.log(), Vec::<String>::new(), "{name}");
        all.push(format!(
            "== {name}\n{}",
            end.end().replace(&stand_in.server.url, "URL")
        ));
    }
    let stand_in = one(BY_ARGO, good);
    let mut start = stand_in.start();
    start.variables.clear();
    let end = Box::pin(stand_in.stage.deploy_with("1.1", start)).await;
    all.push(format!("== no token\n{}", end.end()));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    for (name, authority) in [
        (
            "the cluster's own authority",
            format!("certificate-authority: {}", server.certificate.display()),
        ),
        ("another authority", "extensions: []".to_owned()),
    ] {
        let text = format!(
            "current-context: c\ncontexts: [{{name: c, context: {{cluster: c, user: u}}}}]\nclusters: [{{name: c, cluster: {{server: '{}', {authority}}}}}]\nusers: [{{name: u, user: {{token: a-token}}}}]\n",
            server.origin()
        );
        std::fs::write(&path, text).unwrap();
        let stand_in = one(IN_CLUSTER, good);
        let mut start = stand_in.start();
        start.variables = vec![("KUBECONFIG", path.display().to_string())];
        let end = Box::pin(stand_in.stage.deploy_with("1.1", start)).await;
        all.push(format!(
            "== {name}\n{}",
            end.end().replace(&server.origin(), "URL")
        ));
    }
    let text = all.join("\n");
    let text = rows.iter().fold(text, |text, (_, one)| {
        text.replace(&one.start().variables[0].1, "KUBECONFIG")
    });
    insta::assert_snapshot!(text, @r#"
    == a missing application
    20 unavailable: before anything was changed: what stable runs is not known: URL answered with status 403: Application shop-production is missing, or the token may not get it; Argo CD tells the two apart only where `project` is given
      hint: nothing was pushed; another try would be answered the same: mend shipgate.yaml:14:15, or the address and the credentials of what is asked there
    == no cluster
    20 unavailable: before anything was changed: what stable runs is not known: URL answered with status 500
      hint: nothing was pushed; run the same command again when what is asked there answers
    == no namespace
    2 usage: `live` of stable: `live` has no namespace, and neither has the environment or the kubeconfig
      hint: add `namespace` to the environment, or to `live`
    == no such context
    2 usage: `live` of stable: the kubeconfig has no context called "production"
      hint: the kubeconfig is KUBECONFIG
    == flux does not wait
    2 usage: `live` of stable: Kustomization flux-system/apps says that it is ready before its workloads are
      hint: set `wait: true` in it, name its `helm_release`, or use `live: {kubernetes: …}`
    == a chart
    2 usage: `live` of stable: Application shop-production is at 1.2.3, which is no commit of a git branch
      hint: name one that applies manifests of this repository, or use `live: {kubernetes: …}`
    == another repository
    2 usage: `live` of stable: Application shop-production applies `git@git.example:shop/old.git`, not GIT/git/gitops.git, which is deployed to
      hint: name the one that applies this repository; if it knows it by another address, write that as `repository` beside its name
    == another branch
    2 usage: `live` of stable: Application shop-production follows `release`, not the branch `main`, which is deployed to
      hint: name the one that follows the branch, or mend `branch` of the environment
    == another environment
    2 usage: `live` of stable: Application shop-production applies `clusters/staging`, not `clusters/prod`, the folder of production
      hint: name the one whose path is the environment's `root`, or mend `root`
    == another repository of Flux
    2 usage: `live` of stable: Kustomization flux-system/apps applies `https://git.example/shop/old`, not GIT/git/gitops.git, which is deployed to
      hint: name the one that applies this repository; if it knows it by another address, write that as `repository` beside its name
    == a tag of Flux
    2 usage: `live` of stable: Kustomization flux-system/apps follows `v1`, not the branch `main`, which is deployed to
      hint: name the one that follows the branch, or mend `branch` of the environment
    == another environment of Flux
    2 usage: `live` of stable: Kustomization flux-system/apps applies `./clusters/staging`, not `clusters/prod`, the folder of production
      hint: name the one whose path is the environment's `root`, or mend `root`
    == no version
    20 unavailable: before anything was changed: what stable runs is not known: Deployment/advertisements names no version: none of its containers runs registry.example/shop/advertisements, and no label says it
      hint: nothing was pushed; run the same command again when what is asked there answers
    == no token
    2 usage: `live` of stable: the variable ARGOCD_TOKEN is not set, from which `providers.argocd` takes its credentials
      hint: set ARGOCD_TOKEN in the pipeline, as a secret
    == the cluster's own authority
    20 unavailable: before anything was changed: what stable runs is not known: URL answered with status 401: is the token right?
      hint: nothing was pushed; another try would be answered the same: mend shipgate.yaml:14:15, or the address and the credentials of what is asked there
    == another authority
    20 unavailable: before anything was changed: what stable runs is not known: URL did not answer: invalid peer certificate: UnknownIssuer
      hint: nothing was pushed; run the same command again when what is asked there answers
    "#);
}

#[tokio::test]
async fn the_receiver_is_told_of_every_push_and_decides_nothing() {
    let providers = "  flux: {receiver_env: FLUX_RECEIVER, receiver_token_env: FLUX_KEY}\n";
    let configure = |text: String, _: &str| with_live(&rolling_text(text), BY_FLUX, "", providers);
    let stand_in = StandIn::new(configure, good);
    let end = deploy(&stand_in).await;
    end.assert(0, "told");
    assert_eq!(stand_in.asked("POST /hook/hunter2 "), 1);
    // HMAC-SHA256 of `{}` with the key `key`.
    let signature = "a777724d943eb48dc69bca8a4a6d57a04db3f9ec7e1de4e581e860265bdf3032";
    assert_eq!(
        stand_in.asked(&format!("x-signature: sha256={signature}")),
        1
    );
    let stand_in = StandIn::new(configure, good);
    let mut start = stand_in.start();
    start.variables.retain(|(name, _)| *name != "FLUX_RECEIVER");
    let end = Box::pin(stand_in.stage.deploy_with("1.1", start)).await;
    end.assert(0, "not told");
    insta::assert_snapshot!(told(&end), @r"
    warning: Flux was not told of the push and finds it by itself: the variable FLUX_RECEIVER is not set
    2/3 wait until stable runs 1.1: passed (live after 37s)
    0 ok: advertisements 1.1 in production is live and verified
    ");
}
