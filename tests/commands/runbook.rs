//! `shipgate runbook`: the way back on paper, with the names that the configuration has.

use std::fs;

use assert_cmd::Command;

const CONFIG: &str = r#"version: 1
environments:
  production: {root: prod}
  staging: {branch: next, root: staging}
providers:
  prometheus: {url: "https://prometheus.example"}
  argocd: {url: "https://argocd.example"}
services:
  cart:
    manifests: ["{root}/cart/**"]
    image: registry.example/cart
    workloads: {blue: Deployment/cart-blue, green: Deployment/cart-green}
    live:
      blue: {kubernetes: {namespace: "shop-{{environment}}"}}
      green: {kubernetes: {namespace: "shop-{{environment}}"}}
    traffic: {service: Service/cart}
    strategy: {blue_green: {}}
    verification: {health: [{http: "https://cart.example/health"}]}
  web:
    manifests: ["{root}/web's/*.yaml"]
    image: registry.example/web
    workloads: {stable: Deployment/web, canary: Deployment/web-canary}
    traffic: {replicas: {}}
    live:
      stable: {metric: {query: 'up{arm="{{arm}}",a="`b|c`"}', label: version}}
      canary: {metric: {query: 'up{arm="{{arm}}"}', label: version}}
    strategy: {canary: {steps: [{set_weight: 20}, {pause: {duration: 10m}}]}}
    verification: {health: [{http: "https://web.example/health"}]}
  worker:
    manifests: ["{root}/worker.yaml"]
    image: registry.example/worker
    workloads: {stable: Rollout/worker}
    live: {stable: {argocd: {application: worker}}}
    strategy: {argo_rollouts: {}}
    verification: {health: [{http: "https://worker.example/health"}]}
"#;

struct Ran {
    code: i32,
    stdout: String,
}

fn runbook(folder: &tempfile::TempDir, arguments: &[&str]) -> Ran {
    runbook_of(CONFIG, folder, arguments)
}

fn runbook_of(config: &str, folder: &tempfile::TempDir, arguments: &[&str]) -> Ran {
    fs::write(folder.path().join("shipgate.yaml"), config).unwrap();
    let ran = Command::cargo_bin("shipgate")
        .unwrap()
        .current_dir(folder)
        .env_clear()
        .arg("runbook")
        .args(arguments)
        .output()
        .unwrap();
    Ran {
        code: ran.status.code().unwrap(),
        stdout: String::from_utf8(ran.stdout).unwrap(),
    }
}

/// The part of a runbook from one text to the next.
fn part<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    let start = text.find(from).unwrap_or_else(|| panic!("{from}\n{text}"));
    let rest = &text[start..];
    &rest[..rest.find(to).unwrap_or(rest.len())]
}

#[test]
fn every_strategy_has_its_own_way_back_by_hand() {
    let folder = tempfile::tempdir().unwrap();
    let all = runbook(&folder, &["--environment", "production"]);
    assert_eq!(all.code, 0, "{}", all.stdout);
    let hands = all.stdout.split("**By hand**").skip(1);
    let hands: Vec<&str> = hands.map(|text| part(text, "1. ", "\nWhat the")).collect();
    insta::assert_snapshot!(hands.join("\n---\n"), @r"
    1. Has the old colour of `Deployment/cart-blue` and `Deployment/cart-green` pods that run? If not, give it replicas, push, and wait until they run.
    2. Put the old colour back into the selector of `Service/cart`, and push.
    3. Once shipgate can be run again: `recover` as above ends what is still open.

    ---
    1. Has `Deployment/web` the old version still? Set the replicas of `Deployment/web-canary` to 0, and push that first.
    2. Has `Deployment/web` the bad version already? Put the old one back there first, push, wait until it runs, and only then set the replicas of `Deployment/web-canary` to 0: before that, everyone would get the bad one.
    3. Put the old version and replicas back into `Deployment/web-canary`.
    4. Once shipgate can be run again: `recover` as above ends what is still open.

    ---
    1. Abort what is under way: `kubectl argo rollouts abort worker`.
    2. Put the old version back into `Rollout/worker`, and push.
    3. Once shipgate can be run again: `recover` as above ends what is still open.
    ");
}

#[test]
fn a_whole_chapter_is_what_somebody_needs_at_night() {
    let folder = tempfile::tempdir().unwrap();
    let flags = [
        "--service",
        "web",
        "--environment",
        "staging",
        "--repository",
        "https://git.example/a b.git",
    ];
    let one = runbook(&folder, &flags);
    assert_eq!(one.code, 0, "{}", one.stdout);
    insta::assert_snapshot!(part(&one.stdout, "## `web`", "\u{0}"), @r#"
    ## `web` in `staging`

    | | |
    |---|---|
    | Image | `registry.example/web` |
    | Manifests | `staging/web's/*.yaml` |
    | Branch | `next` |
    | Strategy | `canary` |
    | Workload | `Deployment/web` |
    | Canary | `Deployment/web-canary` |

    **By shipgate.** Finish or take back what an interrupted run left; see what ran; go back:

    ```sh
    shipgate recover --repository 'https://git.example/a b.git' --service web --environment staging
    shipgate history --repository 'https://git.example/a b.git' --service web --environment staging
    shipgate rollback --repository 'https://git.example/a b.git' --service web --environment staging
    shipgate rollback --repository 'https://git.example/a b.git' --service web --environment staging --progressive
    shipgate rollback --repository 'https://git.example/a b.git' --service web --environment staging --to VERSION
    ```

    **By hand**, in a clone of the repository, each step in a commit of its own:

    1. Has `Deployment/web` the old version still? Set the replicas of `Deployment/web-canary` to 0, and push that first.
    2. Has `Deployment/web` the bad version already? Put the old one back there first, push, wait until it runs, and only then set the replicas of `Deployment/web-canary` to 0: before that, everyone would get the bad one.
    3. Put the old version and replicas back into `Deployment/web-canary`.
    4. Once shipgate can be run again: `recover` as above ends what is still open.

    What the last deployments changed, newest first, with the values that were there before:

    ```sh
    git log -p --grep='^Shipgate-Service: web$' -- ':(glob)staging/web'\''s/*.yaml'
    ```

    **It is over when** the old version is live and well:

    - stable runs it: the label `version` of `` up{arm="{{arm}}",a="`b|c`"} ``
    - `health` is well: `https://web.example/health`
    "#);
}

#[test]
fn the_namespace_is_the_environments_where_live_has_none() {
    let folder = tempfile::tempdir().unwrap();
    let config = CONFIG
        .replace("root: staging}", "root: staging, namespace: shop-next}")
        .replace("argocd: {application: worker}", "kubernetes: {}");
    let all = runbook_of(&config, &folder, &["--service", "worker"]);
    let lines = all.stdout.lines().filter(|line| line.contains("kubectl"));
    let lines: Vec<&str> = lines.collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    1. Abort what is under way: `kubectl argo rollouts abort worker`.
    - stable runs it: `kubectl rollout status rollout/worker`
    1. Abort what is under way: `kubectl --namespace shop-next argo rollouts abort worker`.
    - stable runs it: `kubectl --namespace shop-next rollout status rollout/worker`
    ");
}

#[test]
fn it_goes_to_a_file_and_names_what_is_unknown() {
    let folder = tempfile::tempdir().unwrap();
    let everything = runbook(&folder, &[]).stdout;
    assert_eq!(everything.matches("\n## ").count(), 6);
    let written = runbook(&folder, &["--out", "ROLLBACK.md"]);
    assert_eq!(written.code, 0, "{}", written.stdout);
    let file = fs::read_to_string(folder.path().join("ROLLBACK.md")).unwrap();
    assert_eq!(file, everything);
    let rows = [
        (
            &["--service", "wbe"][..],
            3,
            "unknown service `wbe`; known: cart, web, worker",
        ),
        (
            &["--environment", "prod"][..],
            3,
            "unknown environment `prod`",
        ),
        (&["--config", "none.yaml"][..], 3, "none.yaml"),
        (&["--out", "."][..], 2, "cannot be written"),
    ];
    for (arguments, code, told) in rows {
        let ran = runbook(&folder, arguments);
        assert_eq!(ran.code, code, "{}", ran.stdout);
        assert!(ran.stdout.contains(told), "{}", ran.stdout);
    }
}
