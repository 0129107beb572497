//! The examples do what they say: what an Argo Rollouts analysis starts ends as the plain step does.

use crate::server;

use std::{fs, path::Path, process::Command};

use serde_json::Value;
use server::{Server, answer};
use shipgate::clock::{Clock, SystemClock};

const CONFIG: &str = r#"version: 1
environments:
  production: {root: clusters/prod}
providers:
  prometheus: {url: "URL"}
services:
  shop:
    manifests: ["{root}/shop.yaml"]
    image: registry.example/shop
    workloads: {stable: Deployment/shop}
    live: {stable: {http: "https://shop.example/version"}}
    strategy: {rolling: {}}
    verification:
      interval: 1s
      count: 1
      metrics:
        - {name: errors, provider: prometheus, query: 'errors{version="{{version}}"}', threshold_range: {max: 0.02}, inconclusive_limit: 0}
"#;

/// Returns the arguments of the one container of the analysis, with Argo's arguments filled in.
fn arguments_of_the_job(repository: &str) -> Vec<String> {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/argo-rollouts/analysis-template.yaml");
    let template: Value = serde_yaml::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let metric = &template["spec"]["metrics"][0];
    assert_eq!(
        (&metric["count"], &metric["failureLimit"]),
        (&1.into(), &0.into())
    );
    let job = &metric["provider"]["job"]["spec"];
    assert_eq!(job["backoffLimit"], 0);
    let container = &job["template"]["spec"]["containers"][0];
    let declared = template["spec"]["args"].as_array().unwrap();
    let values = [
        ("service", "shop"),
        ("environment", "production"),
        ("version", "1.1"),
        ("stable-version", "1.0"),
    ];
    assert_eq!(declared.len(), values.len());
    let filled = |text: &Value| {
        let mut text = text.as_str().unwrap().to_owned();
        for (name, value) in values {
            assert!(declared.iter().any(|one| one["name"] == name), "{name}");
            text = text.replace(&format!("{{{{args.{name}}}}}"), value);
        }
        assert!(!text.contains("{{"), "{text}");
        text.replace("https://git.example/gitops.git", repository)
    };
    container["args"]
        .as_array()
        .unwrap()
        .iter()
        .map(filled)
        .collect()
}

/// Runs shipgate as a container would, in a folder that is no clone.
fn run(arguments: &[String]) -> (i32, Value) {
    let folder = tempfile::tempdir().unwrap();
    let output = assert_cmd::Command::cargo_bin("shipgate")
        .unwrap()
        .current_dir(folder.path())
        .env_clear()
        .args(arguments)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    let report = serde_json::from_slice(&output.stdout);
    (
        output.status.code().unwrap(),
        report.unwrap_or_else(|_| panic!("{told}")),
    )
}

fn git(folder: &Path, arguments: &[&str]) {
    let done = Command::new("git")
        .current_dir(folder)
        .args(["-c", "user.name=a", "-c", "user.email=a@example.com"])
        .args(arguments)
        .output()
        .unwrap();
    assert!(done.status.success(), "{done:?}");
}

/// Makes a GitOps repository whose service asks this Prometheus.
fn repository(url: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = &folder.path().join("work");
    fs::create_dir(at).unwrap();
    fs::write(at.join("shipgate.yaml"), CONFIG.replace("URL", url)).unwrap();
    git(at, &["init", "--quiet", "--initial-branch=main", "."]);
    git(at, &["add", "."]);
    git(at, &["commit", "--quiet", "-m", "first"]);
    git(at, &["clone", "--quiet", "--bare", ".", "../bare"]);
    folder
}

#[test]
fn an_analysis_ends_as_the_plain_step_does() {
    for (value, code) in [("0.001", 0), ("0.3", 22), ("NaN", 21)] {
        let server = Server::with(move |_, _| {
            let at = SystemClock.now().timestamp();
            let vector = format!(r#"[{{"metric":{{}},"value":[{at},"{value}"]}}]"#);
            let data = format!(r#"{{"resultType":"vector","result":{vector}}}"#);
            answer(200, "", format!(r#"{{"status":"success","data":{data}}}"#))
        });
        let folder = repository(&server.url);
        let at = folder.path().join("bare");
        let at = at.to_str().unwrap();
        let plain = [
            "verify",
            "--repository",
            at,
            "--service",
            "shop",
            "--environment",
            "production",
            "--version",
            "1.1",
            "--stable-version",
            "1.0",
            "--output",
            "json",
        ];
        let plain = run(&plain.map(str::to_owned));
        let job = run(&arguments_of_the_job(at));
        assert_eq!((plain.0, job.0), (code, code), "{value}: {}", plain.1);
        for key in ["exit_code", "result", "reason", "metrics"] {
            assert_eq!(plain.1.get(key), job.1.get(key), "{value}: {key}");
        }
        let asked = server.requests();
        assert!(
            asked
                .iter()
                .all(|request| request.contains("version%3D%221.1%22")),
            "{asked:?}"
        );
    }
}
