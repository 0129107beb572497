//! What `shipgate.yaml` may say, and how every mistake in it is told.

use std::time::Duration;

use shipgate::{
    config::{CanaryStep, Config, Strategy},
    manifest::Edit,
    rollout::{self, Action, Facts, Plan},
    units::Weight,
};

const GOOD: &str = r#"version: 1
environments:
  production: {branch: main, root: clusters/prod}
providers:
  prometheus: {url: "https://prometheus.example", token_env: PROMETHEUS_TOKEN}
services:
  advertisements:
    manifests: ["{root}/advertisements*.yaml"]
    image: registry.example:5000/shop/advertisements
    workloads: {stable: Deployment/advertisements, canary: Deployment/advertisements-canary}
    traffic: {ingress_nginx: Ingress/advertisements-canary}
    live:
      stable: {http: "https://ads.example/version", pointer: /version}
      canary: {http: "https://ads-canary.example/version", pointer: /version}
    strategy:
      canary:
        steps:
          - set_weight: 10
          - pause: {duration: 10m}
          - set_weight: 50
          - pause: {}
    verification:
      interval: 30s
      health: [{http: "https://ads.example/health"}]
      metrics:
        - {name: errors, provider: prometheus, query: 'errors{arm="{{arm}}"}', threshold_range: {max: 0.02}}
    version_in: [{env: APP_VERSION}, {path: 'metadata.annotations["example.com/version"]'}]
"#;

#[test]
fn a_good_configuration_is_read() {
    let config = Config::parse(GOOD).unwrap();
    let service = &config.services["advertisements"];
    let environment = &config.environments["production"];
    assert_eq!(
        service.globs(environment),
        ["clusters/prod/advertisements*.yaml"]
    );
    assert_eq!(environment.policy, "policies/production.yaml");
    let Strategy::Canary(canary) = &service.strategy else {
        unreachable!("the strategy is a canary");
    };
    assert_eq!(canary.replicas, 1);
    assert_eq!(canary.steps[1], CanaryStep::Pause(Duration::from_secs(600)));
    assert_eq!(canary.steps[3], CanaryStep::PauseForApproval);
}

#[test]
fn what_carries_the_version_is_in_every_step_that_brings_it() {
    let config = Config::parse(GOOD).unwrap();
    let service = &config.services["advertisements"];
    let version = "1.1".parse().unwrap();
    let facts = Facts {
        canary_replicas: Some(0),
        canary_weight: Some(Weight::ZERO),
    };
    let brings = |plan: &Plan| -> Vec<String> {
        let edits = plan.steps.iter().flat_map(|step| match &step.action {
            Action::Write { edits, .. } => edits.clone(),
            _ => Vec::new(),
        });
        let named = edits.filter_map(|edit| match edit {
            Edit::Env {
                workload,
                name,
                value,
                ..
            } => Some(format!("{}: {name}={value}", workload.unwrap())),
            Edit::Path {
                object,
                path,
                value,
                ..
            } => {
                assert_eq!(path.last(), Some(&"example.com/version".into()));
                Some(format!("{}: {value}", object.unwrap()))
            }
            _ => None,
        });
        named.collect()
    };
    let canary = [
        "Deployment/advertisements-canary: APP_VERSION=1.1",
        "Deployment/advertisements-canary: 1.1",
    ];
    let stable = [
        "Deployment/advertisements: APP_VERSION=1.1",
        "Deployment/advertisements: 1.1",
    ];
    let plan = rollout::plan(service, &version, facts);
    assert_eq!(brings(&plan), [canary, stable].concat());
    assert_eq!(brings(&rollout::direct(service, &version, facts)), stable);
}

#[test]
fn every_mistake_is_told_with_its_place() {
    let rows: &[(&str, &str, &[&str])] = &[
        (
            "version: 1",
            "version: 2",
            &["1:10: `version`: 2 is greater than the maximum of 1"],
        ),
        (
            "    image:",
            "    imgae:",
            &[
                "8:5: the key `image` is missing in `services.advertisements`",
                "9:5: unknown key `imgae`; did you mean `image`?",
            ],
        ),
        (
            "root: clusters/prod",
            "root: ../prod",
            &["3:36: found `../prod`, expected a path inside the repository"],
        ),
        (
            "  production:",
            "  Production:",
            &[
                "3:15: `Production` cannot be the name of an environment: expected at most 63 of a-z 0-9 -, such as `shop-web`",
            ],
        ),
        (
            "shop/advertisements\n",
            "shop/advertisements:1.0\n",
            &[
                "9:12: found `registry.example:5000/shop/advertisements:1.0`, expected the image repository without tag or digest",
            ],
        ),
        (
            "stable: Deployment/advertisements,",
            "stable: advertisements,",
            &[
                "10:25: found \"advertisements\", expected Kind/name, such as Deployment/advertisements",
            ],
        ),
        (
            "    traffic: {ingress_nginx: Ingress/advertisements-canary}\n",
            "",
            &[
                "8:5: the strategy `canary` needs `traffic.ingress_nginx`, such as `Ingress/shop-canary`",
            ],
        ),
        (
            "set_weight: 50",
            "set_weight: 5",
            &["20:13: the weight 5% does not grow; the step before has 10%"],
        ),
        (
            "set_weight: 50",
            "set_weight: 500",
            &[
                "20:25: `services.advertisements.strategy.canary.steps.2.set_weight`: 500 is greater than the maximum of 100",
            ],
        ),
        (
            "{duration: 10m}",
            "{duration: 10x}",
            &["19:31: found \"10x\", expected a duration with a unit, such as 30s, 10m or 1h30m"],
        ),
        (
            "\"https://ads.example/version\"",
            "\"ads.example\"",
            &[
                "13:22: relative URL without a base; expected an http or https address, such as https://host.example/path",
            ],
        ),
        (
            "      canary:\n        steps",
            "      canry:\n        steps",
            &["16:7: unknown key `canry`; did you mean `canary`?"],
        ),
        (
            "threshold_range: {max: 0.02}",
            "threshold_range: {}",
            &["26:97: neither `min` nor `max` is given, expected at least one of them"],
        ),
        (
            "providers:\n  prometheus: {url: \"https://prometheus.example\", token_env: PROMETHEUS_TOKEN}\n",
            "",
            &["24:9: a metric asks `prometheus`, but `providers.prometheus` has no address"],
        ),
        (
            "{{arm}}",
            "{{amr}}",
            &["26:55: unknown variable `amr`; known: service, environment, version, arm, weight"],
        ),
        (
            "interval: 30s",
            "intervall: 30s",
            &["23:7: unknown key `intervall`; did you mean `interval`?"],
        ),
        (
            "manifests: [\"{root}/advertisements*.yaml\"]",
            "manifests: []",
            &["8:16: `services.advertisements.manifests`: [] has less than 1 item"],
        ),
        (
            "{env: APP_VERSION}",
            "{env: APP_VERSION, path: spec.version}",
            &["27:18: expected one of `env: APP_VERSION` and `path: …`"],
        ),
        (
            "{env: APP_VERSION}",
            "{path: spec.}",
            &[
                "27:25: found \"spec.\", expected a path such as spec.template.spec.containers[name=app].image",
            ],
        ),
        (
            "{env: APP_VERSION}",
            "{label: version}",
            &["27:19: unknown key `label`; known: env, path"],
        ),
    ];
    let mut wrong = Vec::new();
    for (old, new, expected) in rows {
        let text = GOOD.replacen(old, new, 1);
        assert_ne!(text, GOOD, "{old:?} is not in the example");
        let found: Vec<String> = match Config::parse(&text) {
            Ok(_) => Vec::new(),
            Err(findings) => findings.iter().map(ToString::to_string).collect(),
        };
        if found != *expected {
            wrong.push(format!(
                "{old:?} -> {new:?}\n  found    {found:#?}\n  expected {expected:#?}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
