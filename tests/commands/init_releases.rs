//! `shipgate init` on charts that a Flux HelmRelease or an Argo CD Application installs.

use std::{fs, path::Path};

use crate::{
    init::{bare, run},
    init_repositories::{notes, write},
};

#[test]
fn releases_with_their_values_inside_are_services() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    for (environment, version) in [("prod", "1.0"), ("staging", "1.1")] {
        let release = format!(
            "apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {{name: shop, namespace: shop-{environment}}}
spec:
  chart: {{spec: {{chart: web, version: 4.x, sourceRef: {{kind: HelmRepository, name: charts}}}}}}
  values:
    image: {{repository: registry.example/shop, tag: \"{version}\"}}
"
        );
        write(at, &format!("clusters/{environment}/shop.yaml"), &release);
    }
    write(
        at,
        "clusters/prod/cart.yaml",
        "apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: cart, namespace: argocd}
spec:
  destination: {namespace: carts}
  source:
    chart: web
    helm:
      releaseName: basket
      valuesObject:
        image: {repository: registry.example/cart, tag: \"2.0\"}
",
    );
    write(
        at,
        "clusters/prod/blog.yaml",
        "apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: blog}
spec: {values: {image: {tag: \"3\"}}}
",
    );
    insta::assert_snapshot!(notes(at), @r"
    found the environment production in clusters/prod
    found the environment staging in clusters/staging
    found cart: Application/cart in clusters/prod/cart.yaml installs a chart, with its values inside, so rolling
    found shop: HelmRelease/shop in clusters/prod/shop.yaml installs a chart, with its values inside, so rolling
    clusters/prod/blog.yaml:1: HelmRelease/blog is left out: no `image.repository` in its values says what it runs; write it there, as the chart has it, and run this again
    cart is not in staging
    guessed the hours in policies/production.yaml, on the clock of UTC
    guessed the hours in policies/staging.yaml, on the clock of UTC
    guessed that your kubeconfig leads to the cluster, and 5 lines of shipgate.yaml that say `guess`
    ");
    let config = fs::read_to_string(at.join("shipgate.yaml")).unwrap();
    let helm = config.lines().filter(|line| {
        ["helm:", "workloads:", "kubernetes:"]
            .iter()
            .any(|key| line.contains(key))
    });
    insta::assert_snapshot!(helm.collect::<Vec<_>>().join("\n"), @r"
    helm: {object: Application/cart, image_tag: image.tag}
    workloads: {stable: Deployment/basket}   # guess: the name of the release
      stable: {kubernetes: {namespace: carts}}
    helm: {object: HelmRelease/shop, image_tag: image.tag}
    workloads: {stable: Deployment/shop}   # guess: the name of the release
      stable: {kubernetes: {namespace: shop-prod}}   # guess: staging has another
    ");
    let (code, out, _) = run(at, &["validate"]);
    assert_eq!(code, 0, "{out}");
    let repository = bare(at);
    let of_plan = ["plan", "--offline", "--repository", &repository];
    let shop = [
        "--environment",
        "staging",
        "--service",
        "shop",
        "--version",
        "1.2",
    ];
    let (code, out, told) = run(at, &[&of_plan[..], &shop].concat());
    assert_eq!(code, 0, "{out}{told}");
    assert!(out.contains("tag: \"1.2\""), "{out}");
}

#[test]
fn an_application_may_have_the_version_as_a_parameter_or_in_a_text() {
    let rows = [
        "parameters: [{name: image.repository, value: registry.example/shop}, {name: image.tag, value: \"1.0\"}]",
        "values: |\n        image: {repository: registry.example/shop, tag: \"1.0\"}",
        "valuesObject: {image: {repository: registry.example/shop}}\n      parameters: [{name: image.tag, value: \"1.0\"}]",
        "parameters: [{name: image.tag, value: \"1.0\"}]",
    ];
    let mut told = String::new();
    for helm in rows {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        let application = format!(
            "apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {{name: shop, namespace: argocd}}
spec:
  destination: {{namespace: shops}}
  source:
    repoURL: https://charts.example
    chart: web
    helm:
      {helm}
"
        );
        write(at, "apps/shop.yaml", application);
        let (code, out, said) = run(at, &["init"]);
        told.push_str(&format!("== {helm}\n"));
        if code != 0 {
            let hints = out.split_once("next: ").map_or("", |(_, hints)| hints);
            told.push_str(&format!("{code} {hints}"));
            continue;
        }
        told.push_str(said.lines().nth(1).unwrap_or_default().trim());
        let repository = bare(at);
        let arguments = [
            "plan",
            "--offline",
            "--version",
            "1.1",
            "--repository",
            &repository,
        ];
        let (code, out, _) = run(at, &arguments);
        let line = out.lines().find(|line| line.contains(" -> "));
        told.push_str(&format!("\n{code} {}\n", line.unwrap_or(&out).trim()));
    }
    insta::assert_snapshot!(told, @r#"
    == parameters: [{name: image.repository, value: registry.example/shop}, {name: image.tag, value: "1.0"}]
    note     found shop: Application/shop in apps/shop.yaml installs a chart, with its values inside, so rolling
    0 10:101  spec.source.helm.parameters[name=image.tag].value  1.0 -> 1.1
    == values: |
            image: {repository: registry.example/shop, tag: "1.0"}
    note     found shop: Application/shop in apps/shop.yaml installs a chart, with its values inside, so rolling
    0 11:57   spec.source.helm.values | image.tag  1.0 -> 1.1
    == valuesObject: {image: {repository: registry.example/shop}}
          parameters: [{name: image.tag, value: "1.0"}]
    note     found shop: Application/shop in apps/shop.yaml installs a chart, with its values inside, so rolling
    0 11:45   spec.source.helm.parameters[name=image.tag].value  1.0 -> 1.1
    == parameters: [{name: image.tag, value: "1.0"}]
    30 apps/shop.yaml:1: Application/shop is left out: no `image.repository` in its values says what
          it runs; write it there, as the chart has it, and run this again
    next: run it in the folder of your GitOps repository; it looks for Deployments, StatefulSets,
          DaemonSets, Rollouts and Helm charts
    "#);
}

/// A HelmRelease that two overlays build from one base; in each of them `patch` is written into a file.
fn overlays(at: &Path, patch: &str) {
    let release = |values: &str| {
        format!(
            "apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {{name: shop, namespace: shop}}
spec:
  values:
    {values}
"
        )
    };
    let base = release("image: {repository: registry.example/shop, tag: \"1.0\"}");
    write(at, "apps/base/release.yaml", base);
    write(
        at,
        "apps/base/kustomization.yaml",
        "resources: [release.yaml]\n",
    );
    for environment in ["production", "staging"] {
        let kustomization = "resources: [../base]\npatches: [{path: values.yaml}]\n";
        write(
            at,
            &format!("apps/{environment}/kustomization.yaml"),
            kustomization,
        );
        write(
            at,
            &format!("apps/{environment}/values.yaml"),
            release(patch),
        );
    }
}

#[test]
fn a_release_of_a_base_has_its_version_in_the_patch_of_each_overlay() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    overlays(at, "replicas: 2");
    let (code, out, _) = run(at, &["init"]);
    assert_eq!(code, 30, "{out}");
    let (_, advice) = out.split_once("next: ").unwrap();
    insta::assert_snapshot!(advice, @r"
    shop is left out: apps/base/release.yaml:6 would bring its version to every environment at
          once; give each kustomization a patch with `spec.values.image.tag`, in a file of its own that
          is called the same everywhere, and run this again
    next: run it in the folder of your GitOps repository; it looks for Deployments, StatefulSets,
          DaemonSets, Rollouts and Helm charts
    ");
    // Who does what it says is done.
    overlays(at, "image: {tag: \"1.0\"}");
    insta::assert_snapshot!(notes(at), @r"
    found the environment production in apps/production
    found the environment staging in apps/staging
    found shop: HelmRelease/shop in apps/base/release.yaml installs a chart, and apps/production/values.yaml has its values, so rolling
    guessed the hours in policies/production.yaml, on the clock of UTC
    guessed the hours in policies/staging.yaml, on the clock of UTC
    guessed that your kubeconfig leads to the cluster, and 2 lines of shipgate.yaml that say `guess`
    ");
    let config = fs::read_to_string(at.join("shipgate.yaml")).unwrap();
    let helm = config.lines().find(|line| line.contains("helm:")).unwrap();
    insta::assert_snapshot!(helm.trim(), @r#"helm: {file: "{root}/values.yaml", image_tag: spec.values.image.tag}"#);
    let repository = bare(at);
    for environment in ["production", "staging"] {
        let of_plan = ["plan", "--offline", "--version", "1.1"];
        let to = ["--environment", environment, "--repository", &repository];
        let (code, out, told) = run(at, &[&of_plan[..], &to].concat());
        assert_eq!(code, 0, "{out}{told}");
        assert!(
            out.contains(&format!("apps/{environment}/values.yaml:6")),
            "{out}"
        );
    }
}

#[test]
fn what_makes_applications_for_many_is_named_with_its_line() {
    let rows = ["'{{.tag}}'", "\"1.0\""];
    let mut told = String::new();
    for tag in rows {
        let folder = tempfile::tempdir().unwrap();
        let set = format!(
            "# Shops everywhere.
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {{name: shop, namespace: argocd}}
spec:
  generators: [{{list: {{elements: [{{env: prod, tag: \"1.0\"}}]}}}}]
  template:
    metadata: {{name: 'shop-{{{{.env}}}}'}}
    spec:
      source: {{chart: web, helm: {{valuesObject: {{image: {{repository: registry.example/shop, tag: {tag}}}}}}}}}
"
        );
        write(folder.path(), "apps/set.yaml", set);
        let (code, out, _) = run(folder.path(), &["init"]);
        assert_eq!(code, 30, "{out}");
        let (_, advice) = out.split_once("next: ").unwrap();
        told.push_str(&format!("== {tag}\n{advice}"));
    }
    insta::assert_snapshot!(told, @r#"
    == '{{.tag}}'
    apps/set.yaml:2: ApplicationSet/shop is left out: its generators fill in `image.tag` (found
          `{{.tag}}`), and what they list is not written; let `valueFiles` name a file of each
          environment, or write an Application for each, and run this again
    next: run it in the folder of your GitOps repository; it looks for Deployments, StatefulSets,
          DaemonSets, Rollouts and Helm charts
    == "1.0"
    apps/set.yaml:2: ApplicationSet/shop is left out: all that it makes has one `image.tag`; where
          that is meant, name it as `helm: {object: …, image_tag: image.tag}` (docs/strategies.md)
    next: run it in the folder of your GitOps repository; it looks for Deployments, StatefulSets,
          DaemonSets, Rollouts and Helm charts
    "#);
}
