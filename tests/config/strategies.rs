//! What a canary's `traffic` and steps may say, and the examples of docs/strategies.md.

use std::{fs, path::Path, time::Duration};

use assert_cmd::Command;
use shipgate::{
    config::{Canary, CanaryStep, Config, Strategy, Traffic},
    units::Weight,
};

const HEAD: &str = r#"version: 1
environments:
  production: {branch: main, root: clusters/prod}
providers:
  prometheus: {url: "https://prometheus.example"}
services:
  shop:
    manifests: ["{root}/shop*.yaml"]
    image: registry.example/shop
    workloads: {stable: Deployment/shop, canary: Deployment/shop-canary}
    traffic: TRAFFIC
    live:
      stable: {http: "https://shop.example/version", pointer: /version}
      canary: {http: "https://canary.example/version", pointer: /version}
    verification:
      interval: 30s
      metrics:
        - {name: errors, provider: prometheus, bad: 'errors{arm="{{arm}}"}', total: 'requests{arm="{{arm}}"}'}
    strategy:
      canary: STEPS
"#;
const USUAL: &str = "{steps: [{set_weight: 10}, {pause: {duration: 10m}}]}";

fn config(traffic: &str, steps: &str) -> String {
    HEAD.replace("TRAFFIC", traffic).replace("STEPS", steps)
}

fn canary(text: &str) -> Result<Canary, String> {
    let config = Config::parse(text).map_err(|findings| {
        let told: Vec<String> = findings.iter().map(|it| format!("  {it}")).collect();
        told.join("\n")
    })?;
    match &config.services["shop"].strategy {
        Strategy::Canary(canary) => Ok((**canary).clone()),
        other => Err(format!("it is {}", other.name())),
    }
}

#[test]
fn every_object_that_splits_traffic_has_its_key() {
    let rows = [
        (
            "{ingress_nginx: Ingress/shop-canary}",
            "Ingress/shop-canary",
            None,
        ),
        ("{http_route: HTTPRoute/shop}", "HTTPRoute/shop", None),
        (
            "{grpc_route: GRPCRoute/shop, canary: shop-v2}",
            "GRPCRoute/shop",
            Some("shop-v2"),
        ),
        (
            "{virtual_service: VirtualService/shop, canary: shop/next}",
            "VirtualService/shop",
            Some("shop/next"),
        ),
        (
            "{traefik_service: TraefikService/shop}",
            "TraefikService/shop",
            None,
        ),
    ];
    for (traffic, object, name) in rows {
        let found = canary(&config(traffic, USUAL)).unwrap().traffic;
        let expected = Traffic::Object {
            object: object.parse().unwrap(),
            canary: name.map(str::to_owned),
        };
        assert_eq!(found, expected, "{traffic}");
    }
    let pods = canary(&config("{replicas: {}}", USUAL)).unwrap();
    assert_eq!(pods.traffic, Traffic::Replicas);
    assert_eq!(pods.traffic.edit(Weight::ZERO), None);
}

#[test]
fn steps_are_generated_up_to_the_last_weight() {
    let rows = [
        (
            "{step_weight: 10, max_weight: 50, interval: 5m}",
            vec![10, 20, 30, 40, 50],
        ),
        (
            "{step_weight: 15, max_weight: 50, interval: 5m}",
            vec![15, 30, 45, 50],
        ),
        ("{step_weight: 50, max_weight: 50, interval: 5m}", vec![50]),
        (
            "{step_weight: 60, max_weight: 100, interval: 5m}",
            vec![60, 100],
        ),
    ];
    for (steps, weights) in rows {
        let found = canary(&config("{http_route: HTTPRoute/shop}", steps)).unwrap();
        assert!(found.is_generated);
        let expected: Vec<CanaryStep> = weights
            .into_iter()
            .flat_map(|weight| {
                let pause = CanaryStep::Pause {
                    duration: Duration::from_secs(300),
                    promote_early: false,
                };
                [CanaryStep::SetWeight(Weight::new(weight).unwrap()), pause]
            })
            .collect();
        assert_eq!(found.steps, expected, "{steps}");
    }
    let early = "{step_weight: 50, max_weight: 50, interval: 5m, promote_early: true}";
    let early = canary(&config("{http_route: HTTPRoute/shop}", early)).unwrap();
    assert!(matches!(
        early.steps[1],
        CanaryStep::Pause {
            promote_early: true,
            ..
        }
    ));
}

#[test]
fn what_does_not_go_together_is_told_with_its_place() {
    let route = "{http_route: HTTPRoute/shop}";
    let pods = "{replicas: {}}";
    let rows = [
        ("{}", USUAL),
        ("{canary: shop-canary}", USUAL),
        ("{http_route: HTTPRoute/shop, replicas: {}}", USUAL),
        (
            "{http_route: HTTPRoute/shop, ingress_nginx: Ingress/shop}",
            USUAL,
        ),
        ("{http_route: Ingress/shop-canary}", USUAL),
        ("{ingress_nginx: TCPRoute/shop}", USUAL),
        ("{tcp_route: TCPRoute/shop}", USUAL),
        ("{replicas: {}, canary: shop-canary}", USUAL),
        ("{replicas: {count: 3}}", USUAL),
        (pods, "{steps: [{set_weight: 60}, {pause: {duration: 1m}}]}"),
        (
            pods,
            "{steps: [{pause: {duration: 1m}}, {set_weight: 10}, {pause: {duration: 1m}}]}",
        ),
        (
            pods,
            "{canary_replicas: 2, steps: [{set_weight: 10}, {pause: {duration: 1m}}]}",
        ),
        (pods, "{step_weight: 20, max_weight: 100, interval: 1m}"),
        (route, "{}"),
        (route, "{step_weight: 10}"),
        (route, "{step_weight: 10, max_weight: 50, interval: 0s}"),
        (route, "{step_weight: 60, max_weight: 50, interval: 5m}"),
        (
            route,
            "{step_weight: 10, max_weight: 50, interval: 5m, steps: [{set_weight: 10}, {pause: {duration: 1m}}]}",
        ),
        (
            route,
            "{interval: 5m, promote_early: true, steps: [{set_weight: 10}, {pause: {duration: 1m}}]}",
        ),
        (route, "{step_weight: 10, max_weight: 50, interval: soon}"),
    ];
    let told: Vec<String> = rows
        .into_iter()
        .map(|(traffic, steps)| {
            let told = canary(&config(traffic, steps)).unwrap_err();
            format!("{traffic} {steps}\n{told}")
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    {} {steps: [{set_weight: 10}, {pause: {duration: 10m}}]}
      11:14: nothing says what splits the traffic, expected one of `ingress_nginx`, `http_route`, `grpc_route`, `virtual_service`, `traefik_service` and `replicas`
    {canary: shop-canary} {steps: [{set_weight: 10}, {pause: {duration: 10m}}]}
      11:14: nothing says what splits the traffic, expected one of `ingress_nginx`, `http_route`, `grpc_route`, `virtual_service`, `traefik_service` and `replicas`
    {http_route: HTTPRoute/shop, replicas: {}} {steps: [{set_weight: 10}, {pause: {duration: 10m}}]}
      11:14: found `http_route` and `replicas`, expected one of `ingress_nginx`, `http_route`, `grpc_route`, `virtual_service`, `traefik_service` and `replicas`
    {http_route: HTTPRoute/shop, ingress_nginx: Ingress/shop} {steps: [{set_weight: 10}, {pause: {duration: 10m}}]}
      11:14: found `ingress_nginx` and `http_route`, expected one of `ingress_nginx`, `http_route`, `grpc_route`, `virtual_service`, `traefik_service` and `replicas`
    {http_route: Ingress/shop-canary} {steps: [{set_weight: 10}, {pause: {duration: 10m}}]}
      11:27: found Ingress/shop-canary, expected the kind HTTPRoute for `http_route`; write `ingress_nginx: Ingress/shop-canary`
    {ingress_nginx: TCPRoute/shop} {steps: [{set_weight: 10}, {pause: {duration: 10m}}]}
      11:30: found TCPRoute/shop, expected the kind Ingress for `ingress_nginx`
    {tcp_route: TCPRoute/shop} {steps: [{set_weight: 10}, {pause: {duration: 10m}}]}
      11:15: unknown key `tcp_route`; did you mean `http_route`?
    {replicas: {}, canary: shop-canary} {steps: [{set_weight: 10}, {pause: {duration: 10m}}]}
      11:37: `replicas` splits by the numbers of pods, so there is no backend to name; remove this
    {replicas: {count: 3}} {steps: [{set_weight: 10}, {pause: {duration: 10m}}]}
      11:25: `services.shop.traffic.replicas`: False schema does not allow 3
    {replicas: {}} {steps: [{set_weight: 60}, {pause: {duration: 1m}}]}
      20:24: 60% by numbers of pods takes more pods than stable has, which stay all the while; end with at most 50%, after which stable gets the version, or split by an object such as `http_route`
    {replicas: {}} {steps: [{pause: {duration: 1m}}, {set_weight: 10}, {pause: {duration: 1m}}]}
      20:24: by numbers of pods there is no canary before the first `set_weight`, so nothing to pause for; begin with `set_weight`
    {replicas: {}} {canary_replicas: 2, steps: [{set_weight: 10}, {pause: {duration: 1m}}]}
      20:33: `traffic: {replicas: {}}` makes as many pods as the weights say; remove this
    {replicas: {}} {step_weight: 20, max_weight: 100, interval: 1m}
      20:45: 100% by numbers of pods takes more pods than stable has, which stay all the while; end with at most 50%, after which stable gets the version, or split by an object such as `http_route`
    {http_route: HTTPRoute/shop} {}
      20:15: there are no steps; expected `steps: […]`, or `step_weight: 10` with `max_weight` and `interval`
    {http_route: HTTPRoute/shop} {step_weight: 10}
      20:29: `step_weight` needs `max_weight: 50` and `interval: 5m` beside it
    {http_route: HTTPRoute/shop} {step_weight: 10, max_weight: 50, interval: 0s}
      20:59: an `interval` of 0s watches nothing, so the canary would never be judged
    {http_route: HTTPRoute/shop} {step_weight: 60, max_weight: 50, interval: 5m}
      20:29: the first step of 60% is above `max_weight`, which is 50%
    {http_route: HTTPRoute/shop} {step_weight: 10, max_weight: 50, interval: 5m, steps: [{set_weight: 10}, {pause: {duration: 1m}}]}
      20:29: found both `steps` and `step_weight`, expected one of them
    {http_route: HTTPRoute/shop} {interval: 5m, promote_early: true, steps: [{set_weight: 10}, {pause: {duration: 1m}}]}
      20:26: `interval` is for `step_weight`, which is not there; a pause in `steps` has its own
      20:45: `promote_early` is for `step_weight`, which is not there; a pause in `steps` has its own
    {http_route: HTTPRoute/shop} {step_weight: 10, max_weight: 50, interval: soon}
      20:59: found "soon", expected a duration with a unit, such as 30s, 10m or 1h30m
    "#);
}

#[test]
fn keys_of_a_chart_fit_the_strategy() {
    let route = config("{http_route: HTTPRoute/shop}", USUAL);
    let image = "    image: registry.example/shop\n";
    let with = |text: &str, helm: &str| {
        let changed = text.replacen(image, &format!("{image}    helm: {helm}\n"), 1);
        assert_ne!(changed, text);
        changed
    };
    let canary_keys = "canary: {image_tag: canary.image.tag, replicas: canary.replicas}";
    let file = "file: \"{root}/values.yaml\", image_tag: image.tag";
    let good = with(&route, &format!("{{{file}, {canary_keys}}}"));
    canary(&good).unwrap();
    let two = "  production: {branch: main, root: clusters/prod}\n  staging: {branch: main, root: clusters/staging}\n";
    let one = "  production: {branch: main, root: clusters/prod}\n";
    let shared = good.replace("{root}/values.yaml", "values.yaml");
    let rows = [
        with(&route, &format!("{{{file}}}")),
        good.replace("image_tag: image.tag", "image_tag: canary.image.tag"),
        good.replace("image_tag: image.tag", "image_tag: image..tag"),
        good.replace("{root}/values.yaml", "../values.yaml"),
        good.replace("{root}/values.yaml", "{root}/*.yaml"),
        good.replace(
            image,
            &format!("{image}    version_in: [{{env: VERSION}}]\n"),
        ),
        with(
            &config("{replicas: {}}", USUAL),
            &format!("{{{file}, {canary_keys}}}"),
        ),
        shared.replace(one, two),
        good.replace("file: ", "object: HelmRelease/shop, file: "),
        good.replace("file: \"{root}/values.yaml\", ", ""),
        good.replace("file: \"{root}/values.yaml\"", "object: Deployment/shop"),
        good.replace("file: \"{root}/values.yaml\"", "object: shop"),
    ];
    let told: Vec<String> = rows.iter().map(|text| canary(text).unwrap_err()).collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    10:11: the strategy `canary` needs `helm.canary`, such as `{image_tag: canary.image.tag, replicas: canary.replicas}`
    10:11: found the key `canary.image.tag` twice, expected a key of its own for each value
    10:51: found ".tag", expected a path such as spec.template.spec.containers[name=app].image
    10:18: found `../values.yaml`, expected the path of one file inside the repository
    10:18: found `{root}/*.yaml`, expected the path of one file inside the repository
    10:17: names values of a workload, which a chart writes here; name the keys of the values file as `helm.version_keys`
    10:11: numbers of pods are not counted in a chart's values; split the traffic by an object such as `http_route`
    11:18: `values.yaml` is the values file of production and of staging, so what is deployed to one is deployed to both; expected a file of each, such as `{root}/values.yaml`, or `shared: true` where that is wanted
    10:11: found both, expected `file` or `object`: where the chart's values are
    10:11: found neither, expected `file` or `object`: where the chart's values are
    10:20: found Deployment/shop, expected one of Application, ApplicationSet, HelmRelease
    10:20: found "shop", expected Kind/name, such as Deployment/advertisements
    "#);
    // It may be wanted.
    let leave = format!("{image}    shared: true\n");
    canary(&shared.replace(one, two).replace(image, &leave)).unwrap();
    // An object that holds the values is one of the manifests, and those are looked at as ever.
    canary(&good.replace("file: \"{root}/values.yaml\"", "object: HelmRelease/shop")).unwrap();
    // Two branches have a file each.
    let two = two.replace("staging: {branch: main", "staging: {branch: staging");
    canary(&shared.replace(one, &two)).unwrap();
}

#[test]
fn what_kubernetes_forbids_is_told_with_the_right_way() {
    let good = config("{http_route: HTTPRoute/shop}", USUAL);
    let version_in = |path: &str| {
        format!("    image: registry.example/shop\n    version_in: [{{path: {path}}}]\n")
    };
    let image = "    image: registry.example/shop\n";
    let rows = [
        (
            "canary: Deployment/shop-canary",
            "canary: Deployment/shop".to_owned(),
        ),
        (image, version_in("spec.selector.matchLabels.version")),
        (image, version_in("spec.template.metadata.labels.release")),
        (image, version_in("metadata.name")),
    ];
    let mut told = Vec::new();
    for (old, new) in &rows {
        let text = good.replacen(old, new, 1);
        assert_ne!(text, good, "{old}");
        told.push(canary(&text).unwrap_err());
    }
    insta::assert_snapshot!(told.join("\n"), @r"
    10:50: Deployment/shop is the stable workload too; name another one, or write `strategy: {rolling: …}`
    10:25: `spec.selector` is the selector of a workload, which Kubernetes lets nobody change; put the version into an annotation or a variable
    10:25: `spec.template.metadata.labels` is a label of pods, which selectors find them by; the version labels are found by themselves, others belong into an annotation
    10:25: `metadata.name` says which object it is, and another name is another object; put the version into an annotation or a variable
    ");
}

#[test]
fn proposed_weights_are_printed_as_steps_that_can_be_pasted() {
    let arguments =
        "plan --traffic-plan --total-time 30m --requests-per-second 100 --baseline 0.01";
    let ran = Command::cargo_bin("shipgate")
        .unwrap()
        .args(arguments.split(' '))
        .env_clear()
        .output()
        .unwrap();
    let text = String::from_utf8(ran.stdout).unwrap();
    let is_step = |line: &&str| line.starts_with("        ") && !line.trim().is_empty();
    let steps = text.lines().skip_while(|line| *line != "        steps:");
    let steps: Vec<&str> = steps.take_while(is_step).collect();
    insta::assert_snapshot!(steps.join("\n"), @r"
    steps:
      - set_weight: 1
      - pause: {duration: 3m}
      - set_weight: 2
      - pause: {duration: 3m}
      - set_weight: 5
      - pause: {duration: 3m}
      - set_weight: 10
      - pause: {duration: 3m}
      - set_weight: 25
      - pause: {duration: 3m}
      - set_weight: 50
      - pause: {duration: 15m}
    ");
    let pasted = format!("\n{}", steps.join("\n"));
    let found = canary(&config("{http_route: HTTPRoute/shop}", &pasted)).unwrap();
    let shortest: Duration = found
        .steps
        .iter()
        .filter_map(|step| match step {
            CanaryStep::Pause { duration, .. } => Some(*duration),
            _ => None,
        })
        .sum();
    assert!(shortest >= Duration::from_secs(1800), "{shortest:?}");
}

#[test]
fn the_examples_of_the_page_are_configurations() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/strategies.md");
    let page = fs::read_to_string(path).unwrap();
    let mut seen = Vec::new();
    for block in page.split("```yaml\n").skip(1) {
        let block = block.split("```").next().unwrap();
        if !block.starts_with("# shipgate.yaml") {
            continue;
        }
        // What an example leaves out is the same for all.
        let text = if block.contains("version: 1") {
            block.to_owned()
        } else {
            let good = config("{http_route: HTTPRoute/shop}", USUAL);
            let (head, rest) = good.split_once("    workloads:").unwrap();
            let (_, verification) = rest.split_once("    verification:").unwrap();
            let (verification, _) = verification.split_once("    strategy:").unwrap();
            let lines: String = block
                .lines()
                .skip(1)
                .map(|line| format!("    {line}\n"))
                .collect();
            format!("{head}{lines}    verification:{verification}")
        };
        let config = Config::parse(&text).map_err(|findings| format!("{text}\n{findings:#?}"));
        let strategy = config.unwrap().services["shop"].strategy.clone();
        seen.push(match strategy.canary() {
            Some(canary) => match canary.traffic.object() {
                Some(object) => object.kind.clone(),
                None => "replicas".to_owned(),
            },
            None => strategy.name().to_owned(),
        });
    }
    seen.sort();
    seen.dedup();
    for needed in [
        "GRPCRoute",
        "HTTPRoute",
        "Ingress",
        "TraefikService",
        "VirtualService",
        "replicas",
        "rolling",
    ] {
        assert!(
            seen.iter().any(|it| it == needed),
            "{needed} has no example: {seen:?}"
        );
    }
}
